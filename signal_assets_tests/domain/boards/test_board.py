import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.boards import BOARD_KINDS
from signal_assets.domain.boards.board import parse_xml, read_rows
from signal_assets.domain.search_profiles import BoardType
from signal_assets.domain.vacancies import Posting
from signal_assets.domain.wire_fields import Fields, UnreadableAnswer

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["jobs", "offers", "content", "items", "id", "title", "text", "lists"])
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


def test_a_profile_can_name_every_kind_of_board():
    assert set(get_args(BoardType)) == set(BOARD_KINDS)


@pytest.mark.parametrize("kind", BOARD_KINDS.values(), ids=lambda kind: kind.name)
@given(answer=ANY_JSON)
def test_an_answer_of_any_shape_is_read_or_refused(kind, answer):
    try:
        page = kind.parse_page(json.dumps(answer), "token", kind.first_page("token"))
    except UnreadableAnswer:
        return
    assert all(posting.external_id and posting.title for posting in page.postings)


@pytest.mark.parametrize("kind", BOARD_KINDS.values(), ids=lambda kind: kind.name)
@pytest.mark.parametrize(
    "body",
    ["", "<!doctype html><html><body>Back soon</body></html>", '{"maintenance": true}', "null"],
)
def test_a_page_that_is_no_listing_is_unreadable_not_empty(kind, body):
    with pytest.raises(UnreadableAnswer):
        kind.parse_page(body, "token", kind.first_page("token"))


def test_one_bad_row_is_named_and_the_others_kept():
    def read(row: Fields) -> Posting:
        title = row.required_text("title")
        return Posting(source="x", external_id=row.required_id("id"), title=title)

    rows = [{"id": 1, "title": "een"}, {"id": 2}, "drie", {"id": 1, "title": "nog eens"}]
    postings, rejected = read_rows(rows, read)
    assert [posting.title for posting in postings] == ["een"]
    assert [(row.place, row.reason) for row in rejected] == [
        ("vacancy 2", "title is missing"),
        ("vacancy 3", "the vacancy is text, not an object"),
    ]


def test_a_feed_that_declares_entities_is_refused():
    bomb = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "cccc">]><a>&b;</a>'
    with pytest.raises(UnreadableAnswer, match="entities"):
        parse_xml(bomb)
