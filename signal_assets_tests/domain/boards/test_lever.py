import json
from datetime import UTC, datetime
from typing import Any

import pytest

from signal_assets.domain.boards.board import BoardPage, PageRequest
from signal_assets.domain.boards.lever import LEVER, PAGE_SIZE
from signal_assets.domain.wire_fields import UnreadableAnswer

POSTING = {
    "id": "a24ec4e5-0000",
    "text": "Crediteurenadministrateur",
    "categories": {"location": "Utrecht"},
    "country": "NL",
    "createdAt": 1772704800000,
    "descriptionPlain": "Ons team.",
    "lists": [{"text": "Wat vragen wij?", "content": "<li>SAP</li><li>Coupa</li>"}],
    "additionalPlain": "Tot snel!",
    "hostedUrl": "https://jobs.lever.co/Voorbeeld/a24ec4e5-0000",
    "applyUrl": "https://jobs.lever.co/Voorbeeld/a24ec4e5-0000/apply",
}


def read(payload: Any, asked: PageRequest | None = None) -> BoardPage:
    asked = asked or LEVER.first_page("Voorbeeld")
    return LEVER.parse_page(json.dumps(payload), "Voorbeeld", asked)


def test_the_lists_are_part_of_the_text():
    (posting,) = read([POSTING]).postings
    assert posting.description == "Ons team.\n\nWat vragen wij?\n\n- SAP\n- Coupa\n\nTot snel!"


def test_the_moment_is_milliseconds():
    (posting,) = read([POSTING]).postings
    assert posting.posted_at == datetime(2026, 3, 5, 10, tzinfo=UTC)
    assert posting.posted_raw == "1772704800000"


def test_a_moment_beyond_time_is_unknown():
    assert read([{**POSTING, "createdAt": 10**30}]).postings[0].posted_at is None


def test_a_full_page_has_another_behind_it():
    rows = [{**POSTING, "id": str(number)} for number in range(PAGE_SIZE)]
    following = read(rows).next_page
    assert following is not None
    assert dict(following.params)["skip"] == "100"
    assert read(rows[:-1]).next_page is None


def test_an_object_instead_of_the_bare_list_is_unreadable():
    with pytest.raises(UnreadableAnswer, match="not a list"):
        read({"ok": False})


def test_the_token_keeps_its_capitals():
    assert LEVER.first_page("Voorbeeld").path == "/v0/postings/Voorbeeld"


def test_both_hosts_are_known():
    assert LEVER.hosts == ("https://api.lever.co", "https://api.eu.lever.co")
