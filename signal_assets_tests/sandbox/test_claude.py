"""Claude Messages: the answers, the cache, and what is refused with which words."""

import json
from typing import Any

import anthropic
import pytest
from anthropic.types import Message, MessageTokensCount, ModelInfo

from signal_assets.sandbox import SANDBOX_KEYS
from signal_assets.sandbox.claude import ClaudeService, check_message
from signal_assets.sandbox.claude_faults import claude_faults
from signal_assets.sandbox.clock import Clock
from signal_assets.sandbox.exchange import Answer, Asked
from signal_assets_tests.sandbox.conftest import claude_body

HEADERS = {
    "authorization": f"Bearer {SANDBOX_KEYS['claude']}",
    "anthropic-version": "2026-10-21",
}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def claude(clock: Clock) -> ClaudeService:
    return ClaudeService(clock)


def post(
    claude: ClaudeService,
    body: object,
    headers: dict[str, str] = HEADERS,
    path: str = "/v1/messages",
    at: float | None = None,
) -> Answer:
    now = claude.clock.now() if at is None else at
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return claude.answer(Asked("POST", path, (), headers, raw, arrived_at=now))


def error_of(answer: Answer) -> tuple[int, str, str]:
    error = answer.payload["error"]
    return answer.status, error["type"], error["message"]


def facts_of(answer: Answer) -> list[dict[str, str]]:
    facts: list[dict[str, str]] = json.loads(answer.payload["content"][-1]["text"])["facts"]
    return facts


def changed(**changes: Any) -> dict[str, Any]:
    return {**claude_body(), **changes}


def test_an_answer_passes_the_types_of_the_sdk(claude):
    assert Message.model_validate(post(claude, claude_body()).payload).stop_reason == "end_turn"


def test_a_wrong_answer_of_its_own_is_not_sent():
    with pytest.raises(ValueError, match="stop_reason"):
        check_message(
            {
                "id": "m",
                "type": "message",
                "role": "assistant",
                "model": "m",
                "content": [],
                "stop_reason": "bored",
                "usage": {"input_tokens": 1, "output_tokens": 1},
            }
        )


def test_the_sdk_reads_messages_models_and_token_counts(sandbox):
    environment = sandbox.environment()
    with anthropic.Anthropic(
        api_key=environment["ANTHROPIC_API_KEY"],
        base_url=environment["ANTHROPIC_BASE_URL"],
        max_retries=0,
    ) as client:
        raw = client.messages.with_raw_response.create(**claude_body())
        message = raw.parse()
        model = client.models.retrieve("claude-haiku-5-5")
        count = client.messages.count_tokens(
            model="claude-haiku-5-5", messages=[{"role": "user", "content": "x" * 100}]
        )
    assert raw.request_id
    assert raw.headers["anthropic-ratelimit-requests-remaining"].isdigit()
    assert [block.type for block in message.content] == ["text"]
    assert model.capabilities is not None
    assert model.capabilities.effort.low.supported
    assert count.input_tokens == 40


def test_quotes_stand_in_the_vacancy(claude):
    description = "Je boekt facturen in Exact Globe en Basware. Ons team van 5 personen wacht."
    facts = facts_of(post(claude, claude_body(description)))
    assert {fact["field"] for fact in facts} >= {"erp_systems", "p2p_tools", "team_size"}
    assert all(fact["quote"] in description for fact in facts)


def test_a_text_that_states_nothing_gets_no_facts(claude):
    assert facts_of(post(claude, claude_body("Je zet koffie en geeft de planten water."))) == []


def test_a_field_outside_the_schema_is_not_answered(claude):
    body = claude_body("Je werkt met SAP.")
    item = body["output_config"]["format"]["schema"]["properties"]["facts"]["items"]
    item["properties"]["field"]["enum"] = ["favourite_colour"]
    assert facts_of(post(claude, body)) == []


def test_a_scripted_fact_goes_before_what_the_model_would_read(sandbox):
    fact = {"field": "team_size", "value": "twaalf", "quote": "twaalf dwergen"}
    sandbox.control.script("zeven geitjes", [fact])
    answer = post(sandbox.sandbox.claude, claude_body("De wolf en de zeven geitjes in SAP."))
    assert facts_of(answer) == [fact | {"state": "none"}]


def test_rules_of_a_profile_can_be_taught(sandbox):
    sandbox.control.teach({"wms_systems": {"products": {"Manhattan": ["Manhattan WMS"]}}})
    body = claude_body("Wij werken met Manhattan WMS in Waalwijk.")
    item = body["output_config"]["format"]["schema"]["properties"]["facts"]["items"]
    item["properties"]["field"]["enum"] = ["wms_systems"]
    assert [fact["value"] for fact in facts_of(post(sandbox.sandbox.claude, body))] == ["Manhattan"]


def test_thinking_comes_before_the_text_where_the_model_thinks(claude):
    payload = post(claude, claude_body(model="claude-sonnet-5-5")).payload
    assert [block["type"] for block in payload["content"]] == ["thinking", "text"]
    assert payload["usage"]["output_tokens_details"]["thinking_tokens"] > 0


def test_a_small_cap_cuts_the_answer(claude):
    payload = post(claude, changed(max_tokens=10)).payload
    assert payload["stop_reason"] == "max_tokens"
    assert payload["usage"]["output_tokens"] == 10
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(payload["content"][-1]["text"])


def test_a_forced_tool_is_used_with_the_facts_as_input(claude):
    body = claude_body()
    schema = body.pop("output_config")["format"]["schema"]
    tool = {"name": "record", "strict": True, "input_schema": schema}
    choice = {"type": "tool", "name": "record", "disable_parallel_tool_use": True}
    payload = post(claude, {**body, "tools": [tool], "tool_choice": choice}).payload
    (block,) = payload["content"]
    assert (payload["stop_reason"], block["name"]) == ("tool_use", "record")
    assert {fact["field"] for fact in block["input"]["facts"]} == {"erp_systems", "team_size"}


def test_a_prompt_beyond_the_context_or_the_size_limit_is_refused(claude):
    assert (
        "prompt is too long" in error_of(post(claude, claude_body() | {"system": "x" * 2**20}))[2]
    )
    assert error_of(post(claude, b" " * (32 * 1024 * 1024 + 1)))[:2] == (413, "request_too_large")


def test_a_cap_of_zero_warms_the_cache_without_an_answer(claude):
    payload = post(claude, changed(max_tokens=0)).payload
    assert (payload["content"], payload["stop_reason"]) == ([], "max_tokens")
    assert payload["usage"]["cache_creation_input_tokens"] > 0


def usage_of(answer: Answer) -> tuple[int, int, int]:
    usage = answer.payload["usage"]
    return (
        usage["cache_creation_input_tokens"],
        usage["cache_read_input_tokens"],
        usage["input_tokens"],
    )


def test_the_first_request_writes_the_cache_and_later_ones_read_it(claude):
    written, read, _ = usage_of(post(claude, claude_body("eerste")))
    assert (written > 512, read) == (True, 0)
    assert usage_of(post(claude, claude_body("tweede")))[:2] == (0, written)


def test_a_cached_prefix_is_forgotten_after_five_minutes_without_use(claude, clock):
    written, _, _ = usage_of(post(claude, claude_body()))
    clock.advance(299)
    assert usage_of(post(claude, claude_body()))[1] == written
    clock.advance(299)
    assert usage_of(post(claude, claude_body()))[1] == written
    clock.advance(301)
    assert usage_of(post(claude, claude_body()))[:2] == (written, 0)


def test_a_request_that_came_before_the_first_answer_began_cannot_read(claude, clock):
    arrived = clock.now() - 1
    written, _, _ = usage_of(post(claude, claude_body()))
    assert usage_of(post(claude, claude_body(), at=arrived))[:2] == (written, 0)


def test_a_short_prefix_is_silently_not_cached(claude):
    short = [{"type": "text", "text": "kort", "cache_control": {"type": "ephemeral"}}]
    assert usage_of(post(claude, changed(system=short)))[:2] == (0, 0)


def test_another_effort_or_model_does_not_share_the_cache(claude):
    post(claude, claude_body())
    config = {**claude_body()["output_config"], "effort": "high"}
    assert usage_of(post(claude, changed(output_config=config)))[1] == 0
    assert usage_of(post(claude, claude_body(model="claude-opus-5-5")))[1] == 0


def test_an_hour_is_counted_apart_from_five_minutes(claude):
    body = claude_body()
    body["system"][0]["cache_control"] = {"type": "ephemeral", "ttl": "1h"}
    creation = post(claude, body).payload["usage"]["cache_creation"]
    assert creation["ephemeral_5m_input_tokens"] == 0
    assert creation["ephemeral_1h_input_tokens"] > 512


def test_tokens_follow_the_length_of_the_text(claude):
    small, large = (usage_of(post(claude, claude_body(text)))[2] for text in ("", "a" * 2500))
    assert large - small == pytest.approx(1000, abs=2)


def test_rate_limit_headers_count_down(claude):
    left = [
        int(post(claude, claude_body()).headers["anthropic-ratelimit-requests-remaining"])
        for _ in range(3)
    ]
    assert left == [left[0], left[0] - 1, left[0] - 2]


def test_a_passed_limit_is_a_429_until_the_next_minute(sandbox):
    sandbox.control.set_claude_limits(requests=1)
    claude = sandbox.sandbox.claude
    sandbox.control.advance_clock(61)
    codes = [post(claude, claude_body()).status for _ in range(2)]
    sandbox.control.advance_clock(61)
    codes.append(post(claude, claude_body()).status)
    sandbox.control.set_claude_limits()
    assert codes == [200, 429, 200]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"anthropic-version": "2026-10-21"}, (401, "authentication_error")),
        ({**HEADERS, "authorization": "Bearer other"}, (401, "authentication_error")),
        ({**HEADERS, "x-api-key": "other"}, (401, "authentication_error")),
        ({"authorization": HEADERS["authorization"]}, (400, "invalid_request_error")),
        ({**HEADERS, "anthropic-version": "2024-01-01"}, (400, "invalid_request_error")),
    ],
)
def test_wrong_headers_are_refused(claude, headers, expected):
    assert error_of(post(claude, claude_body(), headers))[:2] == expected


def test_a_key_is_also_taken_from_x_api_key(claude):
    headers = {"x-api-key": SANDBOX_KEYS["claude"], "anthropic-version": "2026-10-21"}
    assert post(claude, claude_body(), headers).status == 200


def test_a_missing_version_is_named(claude):
    answer = post(claude, claude_body(), {"authorization": HEADERS["authorization"]})
    assert error_of(answer)[2] == "anthropic-version: header is required"


def test_an_error_carries_its_request_id_twice(claude):
    answer = post(claude, changed(temperature=0))
    assert answer.payload["request_id"] == answer.headers["request-id"]


USER = {"role": "user", "content": "Lees dit."}
DOCUMENT = {
    "type": "document",
    "source": {"type": "text", "media_type": "text/plain", "data": "x"},
    "citations": {"enabled": True},
}
TOOLS = [{"name": "record", "input_schema": {"type": "object"}}]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"temperature": 0}, "temperature: Extra inputs are not permitted"),
        ({"top_p": 1}, "top_p: Extra inputs are not permitted"),
        ({"top_k": 1}, "top_k: Extra inputs are not permitted"),
        ({"max_tokens": 64001}, "max_tokens: 64001 > 64000"),
        ({"max_tokens": -1}, "max_tokens: "),
        ({"messages": []}, "messages: "),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages.0.role: "),
        ({"messages": [USER, {"role": "assistant", "content": "{"}]}, "assistant message prefill"),
        ({"messages": [{"role": "user", "content": ""}]}, "non-empty content"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]},
            "text content blocks must be non-empty",
        ),
        ({"messages": [{"role": "user", "content": [DOCUMENT]}]}, "citations"),
        (
            {"messages": [{"role": "assistant", "content": [DOCUMENT]}, USER]},
            "document blocks are not allowed in assistant turns",
        ),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, '"thinking.type.enabled"'),
        ({"thinking": {"type": "between_tools"}}, '"thinking.type.between_tools"'),
        (
            {"thinking": {"type": "disabled"}, "output_config": {"effort": "max"}},
            "not allowed with thinking disabled",
        ),
        ({"output_config": {"effort": "extreme"}}, "output_config.effort: "),
        ({"tool_choice": {"type": "any"}}, "may only be specified while providing tools"),
        ({"tools": TOOLS, "tool_choice": {"type": "tool", "name": "x"}}, "'x' not found"),
        ({"stream": True}, "stream: "),
        ({"made_up": 1}, "made_up: Extra inputs are not permitted"),
    ],
)
def test_what_haiku_does_not_take_is_a_400_that_says_so(claude, changes, words):
    status, kind, message = error_of(post(claude, changed(**changes)))
    assert (status, kind) == (400, "invalid_request_error")
    assert words in message


@pytest.mark.parametrize(
    ("model", "changes", "words"),
    [
        (
            "claude-sonnet-5-5",
            {"tools": TOOLS, "tool_choice": {"type": "any"}},
            "tool_choice forces tool use is not compatible with this model",
        ),
        ("claude-opus-5-5", {"thinking": {"type": "disabled"}}, '"thinking.type.disabled"'),
        ("claude-haiku-4-5", {"output_config": {"effort": "low"}}, "effort"),
    ],
)
def test_each_model_refuses_what_it_cannot_do(claude, model, changes, words):
    status, _, message = error_of(post(claude, {**claude_body(model=model), **changes}))
    assert (status, words in message) == (400, True)


@pytest.mark.parametrize("model", ["claude-sonnet-4-20250514", "gpt-9"])
def test_a_retired_or_unknown_model_is_a_404_that_names_it(claude, model):
    answer = post(claude, changed(model=model))
    assert error_of(answer) == (404, "not_found_error", f"model: {model}")


def test_a_body_that_is_no_json_is_a_400(claude):
    assert error_of(post(claude, b"{nope"))[:2] == (400, "invalid_request_error")


def test_the_token_counter_passes_the_types_of_the_sdk(claude):
    body = {name: part for name, part in claude_body().items() if name != "max_tokens"}
    answer = post(claude, body, path="/v1/messages/count_tokens")
    assert MessageTokensCount.model_validate(answer.payload).input_tokens > 500
    assert not answer.is_billed


def test_the_model_table_passes_the_types_of_the_sdk(claude):
    answer = claude.answer(Asked("GET", "/v1/models", (), HEADERS))
    models = [ModelInfo.model_validate(row) for row in answer.payload["data"]]
    assert "claude-haiku-5-5" in {model.id for model in models}


def test_every_answer_spoiled_by_a_content_fault_stays_an_answer(claude):
    asked = Asked("POST", "/v1/messages", (), HEADERS, json.dumps(claude_body()).encode())
    for fault in claude_faults():
        if fault.after is not None:
            assert fault.after(asked, claude.answer(asked)).status == 200


def test_the_journal_recognises_a_question_by_its_whole_body(claude):
    def question(body: dict[str, Any]) -> str:
        raw = json.dumps(body).encode()
        key: str = claude.question(Asked("POST", "/v1/messages", (), HEADERS, raw)).key
        return key

    assert question(claude_body("een")) == question(claude_body("een"))
    assert question(claude_body("een")) != question(claude_body("twee"))
