import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.claude_answers import UnreadableAnswer
from signal_assets.domain.claude_batches import parse_batch, parse_batch_list, parse_row

BATCH = {
    "id": "msgbatch_01",
    "type": "message_batch",
    "processing_status": "in_progress",
    "request_counts": {
        "processing": 2,
        "succeeded": 0,
        "errored": 0,
        "canceled": 0,
        "expired": 0,
    },
    "created_at": "2026-11-20T10:00:00Z",
    "results_url": None,
}


def line(custom_id: object = "v_1", **result: object) -> bytes:
    return json.dumps({"custom_id": custom_id, "result": result}, ensure_ascii=False).encode()


def test_a_batch_knows_how_many_requests_it_has():
    assert parse_batch(json.dumps(BATCH).encode()).request_count == 2


@pytest.mark.parametrize(
    "change",
    [
        {"id": "../v1/messages"},
        {"id": ""},
        {"type": "message"},
        {"processing_status": "lost"},
        {"request_counts": {}},
        {"created_at": "yesterday"},
    ],
)
def test_what_is_no_batch_is_unreadable(change):
    with pytest.raises(UnreadableAnswer, match="not a batch"):
        parse_batch(json.dumps({**BATCH, **change}).encode())


@pytest.mark.parametrize("body", [b"", b"[]", b'{"data": [{}]}', b"<html>"])
def test_what_is_no_list_of_batches_is_unreadable(body):
    with pytest.raises(UnreadableAnswer, match="not a list"):
        parse_batch_list(body)


def test_a_row_that_succeeded_carries_the_message_as_it_came():
    message = {"id": "msg_1", "content": [{"type": "text", "text": "é\u2028\n"}]}
    row = parse_row(line(type="succeeded", message=message))
    assert (row.kind, json.loads(row.message or "")) == ("succeeded", message)


def test_a_row_that_errored_says_of_what_type():
    error = {"type": "error", "error": {"type": "api_error", "message": "about Jan"}}
    row = parse_row(line(type="errored", error=error))
    assert (row.kind, row.error_type) == ("errored", "api_error")


@pytest.mark.parametrize("error", [None, [], {"error": 3}, {"error": {"type": "x\ny <b>"}}])
def test_an_error_that_does_not_say_its_type_is_named_so(error):
    assert parse_row(line(type="errored", error=error)).error_type == "an error without a type"


@pytest.mark.parametrize(
    ("kind", "expected"), [("canceled", "canceled"), ("expired", "expired"), ("new", "unknown")]
)
def test_the_kind_of_a_row(kind, expected):
    assert parse_row(line(type=kind)).kind == expected


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"3", b'{"custom_id": "v"}', line(3, type="expired"), b"\xff\xfe"]
)
def test_what_is_no_row_is_unreadable(text):
    with pytest.raises(UnreadableAnswer):
        parse_row(text)


@given(cut=st.integers(min_value=1, max_value=200))
def test_a_row_that_was_cut_off_is_never_taken_for_a_whole_one(cut):
    whole = line(type="succeeded", message={"text": "x" * 150})
    with pytest.raises(UnreadableAnswer):
        parse_row(whole[: -min(cut, len(whole))])
