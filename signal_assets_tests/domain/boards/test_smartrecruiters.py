import json
from typing import Any

import pytest

from signal_assets.domain.boards.board import BoardPage
from signal_assets.domain.boards.smartrecruiters import SMARTRECRUITERS, parse_detail
from signal_assets.domain.wire_fields import UnreadableAnswer

ROW = {
    "id": "743999",
    "name": "Boekhouder",
    "company": {"identifier": "Voorbeeld", "name": "Voorbeeld B.V."},
    "releasedDate": "2026-06-08T02:11:28.000Z",
    "location": {"city": "Utrecht", "country": "nl"},
    "function": {"label": "Finance"},
    "language": {"code": "nl"},
}
DETAIL = {
    "jobAd": {
        "sections": {
            "jobDescription": {"title": "Functie", "text": "<p>U werkt met SAP.</p>"},
            "qualifications": {"title": "Eisen", "text": "<p>Mbo 4</p>"},
        }
    }
}


def read(rows: list[Any], total: int, offset: int = 0) -> BoardPage:
    asked = SMARTRECRUITERS.first_page("Voorbeeld")
    if offset:
        params = (("limit", "100"), ("offset", str(offset)))
        asked = asked.model_copy(update={"params": params})
    body = json.dumps({"offset": offset, "limit": 100, "totalFound": total, "content": rows})
    return SMARTRECRUITERS.parse_page(body, "Voorbeeld", asked)


def test_pages_go_on_until_the_total():
    first, last = read([ROW] * 100, 150), read([ROW] * 50, 150, offset=100)
    assert first.next_page is not None
    assert dict(first.next_page.params)["offset"] == "100"
    assert last.next_page is None


def test_a_page_without_the_rest_that_was_promised_is_cut():
    assert read([], 150, offset=100).is_cut


def test_a_listing_holds_labels_until_the_text_comes():
    (posting,) = read([ROW], 1).postings
    assert (posting.description, posting.text_kind) == ("Finance", "snippet")
    detailed = parse_detail(json.dumps(DETAIL), posting)
    assert detailed.description == "Functie\n\nU werkt met SAP.\n\nEisen\n\nMbo 4"
    assert detailed.text_kind == "full"


def test_a_detail_without_text_is_unreadable():
    (posting,) = read([ROW], 1).postings
    with pytest.raises(UnreadableAnswer, match="no text"):
        parse_detail("{}", posting)


def test_the_page_for_people_is_made_of_company_and_id():
    (posting,) = read([ROW], 1).postings
    assert posting.url == "https://jobs.smartrecruiters.com/Voorbeeld/743999"
