"""What can go wrong with Claude."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from signal_assets.sandbox.claude import error_answer
from signal_assets.sandbox.claude_cache import count_tokens
from signal_assets.sandbox.exchange import Answer, Asked, Delivery
from signal_assets.sandbox.fault_board import Fault
from signal_assets.sandbox.faults import FaultShelf

Message = dict[str, Any]
RETRY_SECONDS = 1


def claude_faults() -> list[Fault]:
    shelf = FaultShelf("claude", ["messages"])
    _add_rate_limits(shelf)
    _add_refused_money(shelf)
    _add_errors(shelf)
    _add_stopped_answers(shelf)
    _add_wrong_facts(shelf)
    _add_wrong_envelopes(shelf)
    shelf.add_transport_faults()
    _add_batch_faults(shelf)
    return shelf.faults


def _add_rate_limits(shelf: FaultShelf) -> None:
    text = "This request would exceed your organization's rate limit."
    for name, retry_after, line in (
        ("rate_limited", str(RETRY_SECONDS), "429 with retry-after: 1"),
        ("rate_limited_without_retry_after", None, "429 without retry-after"),
        ("rate_limited_absurd_retry_after", "90000", "429 with retry-after: 90000 (25 hours)"),
        ("rate_limited_invalid_retry_after", "soon", "429 with a retry-after that is no number"),
        (
            "rate_limited_impossible_date",
            "Fri, 31 Dec 99999999 23:59:59 GMT",
            "429 with a retry-after date in the year 99999999",
        ),
    ):
        shelf.instead(name, line, _error(429, "rate_limit_error", text, retry_after=retry_after))
    shelf.instead(
        "ramp_limited",
        "429 ramp_limit_exceeded with retry-after: 1",
        _error(
            429,
            "rate_limit_error",
            "Traffic grew too fast.",
            error_code="ramp_limit_exceeded",
            retry_after=str(RETRY_SECONDS),
        ),
    )


def _add_refused_money(shelf: FaultShelf) -> None:
    shelf.instead(
        "spend_limit_enforced",
        "429 enforced_spend_limit_reached, no retry-after: the month's cap is reached",
        _error(
            429,
            "rate_limit_error",
            "Your organization has reached its monthly spend limit.",
            error_code="enforced_spend_limit_reached",
        ),
    )
    shelf.instead(
        "usage_limit_reached",
        "400: the organisation's own usage limit is reached",
        _error(
            400,
            "invalid_request_error",
            "You have reached your specified API usage limits. "
            "You will regain access on 2026-12-01 at 00:00 UTC.",
        ),
    )
    shelf.instead(
        "credit_too_low",
        "400: the credit balance is too low",
        _error(
            400,
            "invalid_request_error",
            "Your credit balance is too low to access the Anthropic API. "
            "Please go to Plans & Billing to upgrade or purchase credits.",
        ),
    )
    shelf.instead(
        "billing_error",
        "402 billing_error",
        _error(402, "billing_error", "There is an issue with your billing details."),
    )


def _add_errors(shelf: FaultShelf) -> None:
    for name, status, kind, message in (
        ("wrong_key", 401, "authentication_error", "invalid x-api-key"),
        ("forbidden", 403, "permission_error", "This key may not use the Messages API."),
        ("model_gone", 404, "not_found_error", "model: claude-haiku-5-5"),
        ("too_large", 413, "request_too_large", "Request exceeds the maximum size"),
        ("server_error", 500, "api_error", "Internal server error"),
        ("gateway_timeout", 504, "timeout_error", "The request timed out."),
        ("overloaded", 529, "overloaded_error", "Overloaded"),
    ):
        shelf.instead(name, f"{status} {kind}", _error(status, kind, message))
    shelf.instead(
        "redirect",
        "307 to the same address; a client that follows sends the body again",
        lambda asked: Answer(307, b"", {"location": f"{asked.base_url}{asked.path}"}),
    )


def _add_stopped_answers(shelf: FaultShelf) -> None:
    shelf.payload(
        "truncated",
        "200 with stop_reason max_tokens and the inner JSON cut",
        _truncate,
    )
    shelf.payload(
        "truncated_before_text",
        "200 with stop_reason max_tokens and no text block: all tokens went into thinking",
        _truncate_before_text,
    )
    shelf.payload(
        "context_window_exceeded",
        "200 with stop_reason model_context_window_exceeded and the inner JSON cut",
        lambda message: {**_truncate(message), "stop_reason": "model_context_window_exceeded"},
    )
    shelf.payload(
        "refusal_empty",
        "200 with stop_reason refusal, no content and no output tokens",
        lambda message: _refuse(message, None),
    )
    shelf.payload(
        "refusal_with_prose",
        "200 with stop_reason refusal and prose instead of JSON",
        lambda message: _refuse(message, "I can't help with this request."),
    )


def _add_wrong_facts(shelf: FaultShelf) -> None:
    for name, line, change in (
        (
            "enum_case_drift",
            "field names come in another case than the schema's enum",
            lambda fact: {**fact, "field": fact["field"].replace("_", " ").title()},
        ),
        (
            "unverifiable_quote",
            "quotes that do not stand in the text",
            lambda fact: {**fact, "quote": f"Volgens ons gebruikt men {fact['value']} al jaren."},
        ),
        (
            "translated_quote",
            "quotes in another language than the text",
            lambda fact: {**fact, "quote": f"Translated from the vacancy: {fact['value']}"},
        ),
        (
            "whitespace_changed_quote",
            "quotes that differ from the text in white space only",
            lambda fact: {**fact, "quote": " " + fact["quote"].replace(" ", "\n  ") + " "},
        ),
        (
            "unknown_field",
            "facts about a field the schema does not hold",
            lambda fact: {**fact, "field": "favourite_colour"},
        ),
        (
            "fact_without_quote",
            "facts that miss the required quote",
            lambda fact: {key: value for key, value in fact.items() if key != "quote"},
        ),
    ):
        shelf.payload(name, f"200 with {line}", _facts_changed(change))


def _add_wrong_envelopes(shelf: FaultShelf) -> None:
    shelf.payload("two_text_blocks", "200 with the answer spread over two text blocks", _split)
    shelf.payload(
        "invalid_inner_json",
        "200 with end_turn and a text block that is no JSON",
        lambda message: _with_text(message, '{"facts": [{"field": "erp_systems", '),
    )
    shelf.payload(
        "missing_usage",
        "200 without usage: what it cost is not said",
        lambda message: {key: value for key, value in message.items() if key != "usage"},
    )
    shelf.payload(
        "usage_as_text",
        "200 with token counts as text",
        lambda message: {
            **message,
            "usage": {**message["usage"], "input_tokens": str(message["usage"]["input_tokens"])},
        },
    )
    shelf.payload(
        "unknown_block",
        "200 with one block of a type nobody knows and no text block",
        lambda message: {**message, "content": [{"type": "novel", "chapters": 3}]},
    )
    shelf.payload("json_list", "200 with a JSON list", lambda message: [message])


def _add_batch_faults(shelf: FaultShelf) -> None:
    shelf.after(
        "batch_created_unheard",
        "the batch is created, then a TCP reset: the client never learns its id",
        lambda asked, answer: replace(answer, delivery=Delivery.RESET_BEFORE_HEADERS),
        ["batches"],
    )
    for name, status, kind, message, endpoints in (
        ("batch_not_created", 500, "api_error", "Internal server error", ["batches"]),
        ("batch_poll_error", 500, "api_error", "Internal server error", ["batch", "batch_list"]),
        ("batch_gone", 404, "not_found_error", "Message Batch not found.", ["batch"]),
        ("batch_results_error", 529, "overloaded_error", "Overloaded", ["batch_results"]),
        ("batch_wrong_key", 401, "authentication_error", "invalid x-api-key", ["batches", "batch"]),
    ):
        shelf.instead(name, f"{status} {kind}", _error(status, kind, message), endpoints)
    shelf.after(
        "batch_results_cut",
        "the results stop in the middle of a row, with a good end of the transfer",
        lambda asked, answer: replace(
            answer, body=answer.body[: len(answer.body) * 2 // 3].rstrip(b"}\n")
        ),
        ["batch_results"],
    )
    shelf.after(
        "batch_results_reset",
        "half of the results, then a TCP reset",
        lambda asked, answer: replace(answer, delivery=Delivery.RESET_MID_BODY),
        ["batch_results"],
    )
    shelf.after(
        "batch_results_incomplete",
        "the last row of the results is missing",
        lambda asked, answer: replace(answer, body=_without_last_line(answer.body)),
        ["batch_results"],
    )
    shelf.after(
        "batch_results_strange",
        "every row of the results is of a type nobody knows",
        lambda asked, answer: replace(
            answer, body=answer.body.replace(b'"result":{"type":"', b'"result":{"type":"un')
        ),
        ["batch_results"],
    )
    shelf.payload(
        "batch_results_elsewhere",
        "the address of the results is on another host, which would get the key",
        lambda batch: {**batch, "results_url": "http://results.example.com/v1/results"},
        ["batch"],
    )


def _without_last_line(body: bytes) -> bytes:
    return b"".join(body.splitlines(keepends=True)[:-1])


def _error(
    status: int,
    kind: str,
    message: str,
    *,
    error_code: str | None = None,
    retry_after: str | None = None,
) -> Callable[[Asked], Answer]:
    headers = {} if retry_after is None else {"retry-after": retry_after}
    return lambda asked: error_answer(status, kind, message, error_code=error_code, headers=headers)


def _text_of(message: Message) -> str:
    return "".join(block["text"] for block in message["content"] if block["type"] == "text")


def _with_text(message: Message, text: str) -> Message:
    kept = [block for block in message["content"] if block["type"] != "text"]
    return {**message, "content": [*kept, {"type": "text", "text": text}]}


def _truncate(message: Message) -> Message:
    text = _text_of(message)
    cut = text[: max(1, len(text) * 2 // 3)]
    usage = {**message["usage"], "output_tokens": count_tokens(cut)}
    return {**_with_text(message, cut), "stop_reason": "max_tokens", "usage": usage}


def _truncate_before_text(message: Message) -> Message:
    content = [{"type": "thinking", "thinking": "", "signature": "sandbox"}]
    return {**message, "content": content, "stop_reason": "max_tokens"}


def _refuse(message: Message, prose: str | None) -> Message:
    output = count_tokens(prose) if prose else 0
    return {
        **message,
        "content": [{"type": "text", "text": prose}] if prose else [],
        "stop_reason": "refusal",
        "stop_details": {"type": "refusal", "category": None, "explanation": None},
        "usage": {**message["usage"], "output_tokens": output},
    }


def _split(message: Message) -> Message:
    text = _text_of(message)
    half = len(text) // 2
    blocks = [{"type": "text", "text": part} for part in (text[:half], text[half:])]
    return {**message, "content": blocks}


def _facts_changed(
    change: Callable[[dict[str, Any]], dict[str, Any]],
) -> Callable[[Message], Message]:
    def apply(message: Message) -> Message:
        try:
            answer = json.loads(_text_of(message))
        except ValueError:
            return message
        if "facts" not in answer:
            return message
        answer["facts"] = [change(fact) for fact in answer["facts"]]
        return _with_text(message, json.dumps(answer, ensure_ascii=False))

    return apply
