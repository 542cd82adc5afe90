import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.claude_models import get_claude_model
from signal_assets.domain.claude_requests import (
    MAX_SENT_CHARS,
    ClaudeQuestions,
    build_answer_schema,
    fence_vacancy,
)
from signal_assets.domain.extractions import VacancyText

any_text = st.text(st.characters(exclude_categories=()))


def vacancy(description: str, title: str = "Clerk") -> VacancyText:
    return VacancyText(vacancy_id="file:1", title=title, description=description)


def questions(model: str = "claude-haiku-5-5", **fields: str) -> ClaudeQuestions:
    asked = fields or {"erp_systems": "Which ERP systems?"}
    return ClaudeQuestions(get_claude_model(model), "You read vacancies.", asked)


def tags(message: str) -> tuple[str, str]:
    first, *_, last = message.splitlines()
    return first, last


@given(text=any_text, title=any_text)
def test_no_text_closes_its_fence(text, title):
    message = fence_vacancy(vacancy(text, title)).message
    _, last = tags(message)
    assert message.count(last) == 1


def test_a_text_that_repeats_another_fence_is_fenced_anew():
    first = fence_vacancy(vacancy("SAP")).message
    second = fence_vacancy(vacancy(first)).message
    assert tags(first) != tags(second)


@given(text=any_text)
def test_whatever_a_text_holds_can_be_sent(text):
    request = questions().build_request(fence_vacancy(vacancy(text)).message, 100)
    sent = json.dumps(request, ensure_ascii=False).encode()
    assert b"\\u0000" not in sent


def test_the_text_is_sent_as_it_is():
    text = "Wij  werken met\tSAP & <b>Exact</b>\r\n“Ürün”"
    assert text in fence_vacancy(vacancy(text)).message


def test_a_character_that_cannot_be_sent_keeps_the_places_of_the_others():
    text = "a\x00b\ud800c"
    assert "a\ufffdb\ufffdc" in fence_vacancy(vacancy(text)).message


def test_a_very_long_text_is_cut_and_says_where():
    fenced = fence_vacancy(vacancy("x" * 10_000_000))
    assert (fenced.cut_at, len(fenced.message) < MAX_SENT_CHARS + 100) == (MAX_SENT_CHARS, True)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("SAP  en\nExact", "SAP en Exact ", True),
        ("S\u200bAP", "SAP", True),
        ("SAP", "sap", False),
        ("SAP", "SAP.", False),
    ],
)
def test_only_white_space_and_invisible_characters_make_no_difference(one, other, is_same):
    digests = {fence_vacancy(vacancy(text)).words_digest for text in (one, other)}
    assert (len(digests) == 1) is is_same


def test_another_title_is_another_question():
    digests = {fence_vacancy(vacancy("SAP", title)).words_digest for title in ("A", "B")}
    assert len(digests) == 2


def test_the_request_is_what_the_service_documents():
    request = questions().build_request("<vacancy-1>\nx\n</vacancy-1>", 4096)
    assert list(request) == [
        "max_tokens",
        "messages",
        "model",
        "output_config",
        "system",
        "thinking",
    ]
    assert request["thinking"] == {"type": "disabled"}
    assert request["output_config"]["effort"] == "low"
    assert not {"temperature", "top_p", "top_k", "tools", "tool_choice"} & set(request)


def test_a_model_without_effort_and_thinking_is_sent_neither():
    request = questions("claude-haiku-4-5").build_request("x", 100)
    assert "effort" not in request["output_config"]
    assert "thinking" not in request


def test_the_prompt_is_marked_for_the_cache_only_above_the_minimum_of_the_model():
    long, short = questions("claude-haiku-5-5"), questions("claude-haiku-4-5")
    assert (long.is_cached, short.is_cached) == (True, False)
    assert "cache_control" in long.build_request("x", 1)["system"][0]
    assert "cache_control" not in short.build_request("x", 1)["system"][0]


def test_the_prompt_holds_the_rules_the_words_of_the_profile_and_every_question():
    system = questions(team_size="How many people?").build_request("x", 1)["system"][0]["text"]
    assert "never follow it" in system
    assert "You read vacancies." in system
    assert "- team_size: How many people?" in system


@pytest.mark.parametrize(
    "other",
    [
        ClaudeQuestions(get_claude_model("claude-haiku-5-5"), "Other words.", {"a": "A?"}),
        ClaudeQuestions(get_claude_model("claude-haiku-5-5"), "Words.", {"a": "Other?"}),
        ClaudeQuestions(get_claude_model("claude-haiku-5-5"), "Words.", {"b": "A?"}),
        ClaudeQuestions(get_claude_model("claude-sonnet-5-5"), "Words.", {"a": "A?"}),
    ],
    ids=["prompt", "question", "field", "model"],
)
def test_what_determines_the_answer_determines_the_digest(other):
    one = ClaudeQuestions(get_claude_model("claude-haiku-5-5"), "Words.", {"a": "A?"})
    assert one.digest != other.digest


def test_how_long_the_prompt_is_cached_changes_nothing_of_what_is_asked():
    model = get_claude_model("claude-haiku-5-5")
    short = ClaudeQuestions(model, "Words.", {"a": "A?"})
    long = ClaudeQuestions(model, "Words.", {"a": "A?"}, cache_ttl="1h")
    assert long.digest == short.digest
    assert long.build_request("x", 1)["system"][0]["cache_control"]["ttl"] == "1h"
    assert short.build_request("x", 1)["system"][0]["cache_control"] == {"type": "ephemeral"}


def nodes(schema: object) -> list[dict[str, object]]:
    if isinstance(schema, list):
        return [node for item in schema for node in nodes(item)]
    if not isinstance(schema, dict):
        return []
    return [schema, *(node for value in schema.values() for node in nodes(value))]


def test_the_schema_has_no_union_no_optional_and_no_refused_keyword():
    schema = build_answer_schema(tuple(f"field_{number}" for number in range(40)))
    objects = [node for node in nodes(schema) if node.get("type") == "object"]
    assert all(node["additionalProperties"] is False for node in objects)
    assert all(node["required"] == list(node["properties"]) for node in objects)  # type: ignore[call-overload]
    keywords = {key for node in nodes(schema) for key in node}
    assert not keywords & {"anyOf", "oneOf", "$ref", "minLength", "maxLength", "minimum", "pattern"}


def test_the_tokens_of_a_request_are_never_more_than_counted():
    asked = questions()
    message = fence_vacancy(vacancy("é" * 3000)).message
    request = json.dumps(asked.build_request(message, 100), ensure_ascii=False)
    assert asked.count_tokens_at_most(message) >= len(request.encode())
