"""Which resource of a JSON:API answer is the company asked for."""

import pytest

from signal_assets.domain.answer_shapes import MAX_PATHS, list_paths
from signal_assets.domain.json_api import choose_row, get_id, list_errors, list_rows
from signal_assets.domain.wire_fields import UnreadableAnswer

OURS = {"id": "a", "attributes": {"number": "00990017"}}
OTHER = {"id": "b", "attributes": {"number": "99999999"}}
POINTER = "/data/attributes/number"


@pytest.mark.parametrize("data", [None, [], {}])
def test_empty_data_of_any_shape_is_no_row(data):
    assert list_rows({"data": data}) == []


@pytest.mark.parametrize("payload", [{}, {"meta": {}}, {"data": "x"}, {"data": [1]}])
def test_anything_else_is_unreadable(payload):
    with pytest.raises(UnreadableAnswer):
        list_rows(payload)


@pytest.mark.parametrize("data", [OURS, [OURS], [OTHER, OURS]])
def test_the_row_with_the_number_is_the_company(data):
    assert choose_row({"data": data, "meta": 1}, POINTER, "00990017") == {"data": OURS, "meta": 1}


@pytest.mark.parametrize("data", [OTHER, [OTHER], [OURS, OURS], [990017]])
def test_a_company_that_is_not_surely_the_one_is_none(data):
    with pytest.raises(UnreadableAnswer):
        choose_row({"data": data}, POINTER, "00990017")


def test_of_several_rows_none_is_guessed():
    assert choose_row({"data": [OURS]}, None, "00990017")["data"] == OURS
    with pytest.raises(UnreadableAnswer, match="2 in the answer, 2 of them may be it"):
        choose_row({"data": [OURS, OTHER]}, None, "00990017")


@pytest.mark.parametrize(("found", "text"), [("a", "a"), (7, "7")])
def test_an_id_is_text(found, text):
    assert get_id({"data": {"id": found}}) == text


@pytest.mark.parametrize("data", [{}, {"id": None}, {"id": True}, {"id": ""}, {"id": []}])
def test_a_missing_id_is_unreadable(data):
    with pytest.raises(UnreadableAnswer, match=r"data\.id"):
        get_id({"data": data})


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"errors": [{"code": "1", "title": "No"}, "x", {"detail": "y"}]}, "1 No; y"),
        ({"errors": "no"}, ""),
        ({}, ""),
    ],
)
def test_errors_are_one_line(payload, words):
    assert list_errors(payload) == words


def test_paths_and_kinds_hold_no_value():
    payload = {"data": [{"a/b": "secret", "n": 71234}, {"n": None}]}
    assert list_paths(payload) == {
        "/data": "a list",
        "/data/0": "an object",
        "/data/0/a~1b": "text",
        "/data/0/n": "a number or null",
    }


def test_paths_without_end_are_cut():
    assert len(list_paths({str(n): n for n in range(MAX_PATHS + 9)})) == MAX_PATHS
