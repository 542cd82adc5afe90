import json
from datetime import UTC, datetime
from typing import Any

from signal_assets.domain.boards.board import BoardPage
from signal_assets.domain.boards.recruitee import RECRUITEE

OFFER = {
    "id": 7,
    "title": "Crediteurenadministrateur",
    "status": "published",
    "description": "<p>Ons team van 6.</p>",
    "requirements": "<ul><li>Ervaring met SAP</li></ul>",
    "location": "Utrecht, Nederland",
    "published_at": "2026-03-05 10:10:39 UTC",
    "careers_url": "https://jobs.voorbeeld.example/o/crediteuren",
    "careers_apply_url": "https://jobs.voorbeeld.example/o/crediteuren/c/new",
    "company_name": "Voorbeeld B.V.",
    "translations": {"nl": {"title": "Crediteurenadministrateur"}},
}


def read(*offers: Any) -> BoardPage:
    body = json.dumps({"offers": offers})
    return RECRUITEE.parse_page(body, "voorbeeld", RECRUITEE.first_page("voorbeeld"))


def test_the_text_is_description_and_requirements():
    (posting,) = read(OFFER).postings
    assert posting.description == "Ons team van 6.\n\n- Ervaring met SAP"
    assert posting.text_kind == "full"


def test_the_date_with_utc_behind_it_is_read():
    (posting,) = read(OFFER).postings
    assert posting.posted_at == datetime(2026, 3, 5, 10, 10, 39, tzinfo=UTC)
    assert posting.posted_raw == "2026-03-05 10:10:39 UTC"


def test_a_page_on_the_companys_own_domain_is_kept():
    (posting,) = read(OFFER).postings
    assert posting.url == "https://jobs.voorbeeld.example/o/crediteuren"
    assert posting.apply_urls == ("https://jobs.voorbeeld.example/o/crediteuren/c/new",)
    assert (posting.external_id, posting.board) == ("7", "voorbeeld")


def test_a_draft_is_no_vacancy():
    assert read({**OFFER, "status": "draft"}).postings == ()


def test_the_language_is_known_when_there_is_one_translation():
    both: dict[str, Any] = {"nl": {}, "en": {}}
    assert [p.language for p in read(OFFER).postings] == ["nl"]
    assert [p.language for p in read({**OFFER, "translations": both}).postings] == [None]


def test_a_list_without_offers_is_a_live_empty_board():
    assert read().postings == ()
