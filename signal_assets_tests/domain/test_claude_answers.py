import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.claude_answers import (
    UnreadableAnswer,
    UnusableAnswer,
    parse_claims,
    parse_message,
)
from signal_assets.domain.extractions import Claim

FIELDS = ("erp_systems", "team_size")


def body(facts: Any = (), **changes: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-5-5",
        "content": [{"type": "text", "text": json.dumps({"facts": list(facts)})}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 100, "output_tokens": 10},
        **changes,
    }


def fact(field: str, value: str = "SAP", quote: str = "met SAP") -> dict[str, str]:
    return {"field": field, "value": value, "quote": quote}


def claims(payload: dict[str, Any]) -> tuple[Claim, ...]:
    return parse_claims(parse_message(json.dumps(payload)), FIELDS)


def test_a_fact_becomes_a_claim():
    assert claims(body([fact("erp_systems")])) == (
        Claim(field="erp_systems", value="SAP", quote="met SAP"),
    )


def test_the_case_of_a_field_name_does_not_matter():
    assert claims(body([fact("ERP_Systems ")]))[0].field == "erp_systems"


def test_a_fact_about_another_field_is_a_claim_that_the_checks_will_drop():
    assert claims(body([fact("salary")]))[0].field == "salary"


def test_a_fact_without_a_quote_does_not_spoil_the_others():
    bare = {"field": "team_size", "value": "5"}
    found = claims(body([bare, fact("erp_systems")]))
    assert [claim.quote for claim in found] == ["", "met SAP"]


def test_a_thinking_block_before_the_text_is_passed_over():
    thinking = {"type": "thinking", "thinking": "", "signature": "x"}
    payload = body([fact("team_size")])
    payload["content"].insert(0, thinking)
    assert len(claims(payload)) == 1


def text(words: str | None) -> dict[str, str | None]:
    return {"type": "text", "text": words}


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"stop_reason": "refusal", "content": []}, "refused"),
        ({"stop_reason": "refusal", "content": [text("I cannot help.")]}, "refused"),
        ({"stop_reason": "max_tokens"}, "truncated"),
        ({"stop_reason": "model_context_window_exceeded"}, "truncated"),
        ({"stop_reason": "tool_use"}, "invalid"),
        ({"stop_reason": "pause_turn"}, "invalid"),
        ({"stop_reason": "stop_sequence"}, "invalid"),
        ({"stop_reason": None}, "invalid"),
        ({"stop_reason": "something_new"}, "invalid"),
        ({"content": []}, "invalid"),
        ({"content": [text(None)]}, "invalid"),
        ({"content": [text('{"facts": []}'), text('{"facts": []}')]}, "invalid"),
        ({"content": [text("Here are the facts:")]}, "invalid"),
        ({"content": [text('{"facts": [{"field": "erp_sys')]}, "invalid"),
        ({"content": [text('{"facts": {}}')]}, "invalid"),
        ({"content": [text('{"facts": [{"field": "team_size", "value": 7}]}')]}, "invalid"),
        ({"content": [text("[]")]}, "invalid"),
    ],
)
def test_an_answer_that_cannot_be_used_says_of_which_kind_it_is(changes, kind):
    with pytest.raises(UnusableAnswer) as caught:
        claims(body(**changes))
    assert caught.value.kind == kind


@pytest.mark.parametrize(
    "received",
    [
        "",
        "<html>Bad gateway</html>",
        "[]",
        '"text"',
        "null",
        json.dumps(body())[:-20],
        json.dumps(body(usage=None)),
        json.dumps(body(usage={"input_tokens": "7", "output_tokens": 1})),
        json.dumps(body(usage={"input_tokens": -7, "output_tokens": 1})),
        json.dumps(body(content="text")),
        json.dumps(body(type="error")),
        json.dumps({"type": "error", "error": {"type": "api_error"}}),
    ],
)
def test_what_is_no_message_is_unreadable(received):
    with pytest.raises(UnreadableAnswer):
        parse_message(received)


def test_a_reason_repeats_nothing_of_what_came():
    secret = "Jan de Boekhouder, 06-12345678"
    with pytest.raises(UnreadableAnswer) as unreadable:
        parse_message(json.dumps(body(usage=secret)))
    with pytest.raises(UnusableAnswer) as unusable:
        claims(body(content=[text(secret)], stop_reason="end_turn"))
    assert secret not in f"{unreadable.value} {unusable.value}"


def test_every_token_is_counted_in_one_kind_only():
    usage = {
        "input_tokens": 5,
        "output_tokens": 7,
        "cache_read_input_tokens": 11,
        "cache_creation_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
    }
    tokens = parse_message(json.dumps(body(usage=usage))).tokens
    kinds = (tokens.input, tokens.cache_read, tokens.cache_write_5m, tokens.cache_write_1h)
    assert (kinds, tokens.output) == ((5, 11, 10, 20), 7)


def test_cache_counts_may_be_null():
    usage = {"input_tokens": 5, "output_tokens": 7, "cache_read_input_tokens": None}
    assert parse_message(json.dumps(body(usage=usage))).tokens.cache_read == 0


@given(received=st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_no_text_breaks_the_reading_of_a_message(received):
    with pytest.raises(UnreadableAnswer):
        parse_message(received)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(answer=json_values)
def test_whatever_the_model_writes_is_claims_or_unusable(answer):
    try:
        found = claims(body(content=[text(json.dumps(answer))]))
    except UnusableAnswer:
        return
    assert all(isinstance(claim, Claim) for claim in found)
