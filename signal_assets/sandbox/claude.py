"""Claude Messages: one model that states only what the fenced vacancy states."""

import hashlib
import itertools
import json
from collections.abc import Sequence
from typing import Any

from signal_assets.domain.extractions import Claim
from signal_assets.domain.gazetteers import shipped_rule_names
from signal_assets.sandbox.claude_batches import PATH as BATCHES_PATH
from signal_assets.sandbox.claude_batches import MessageBatches
from signal_assets.sandbox.claude_cache import (
    PromptCache,
    PromptUsage,
    Segment,
    count_tokens,
    split_prompt,
)
from signal_assets.sandbox.claude_limits import RateLimits
from signal_assets.sandbox.claude_models import ServedModel, render_model, served_models
from signal_assets.sandbox.claude_reading import (
    ScriptedFacts,
    fill_schema,
    find_asked_fields,
    find_fenced_text,
    split_title,
)
from signal_assets.sandbox.claude_requests import (
    ClaudeRefused,
    MessagesRequest,
    Tool,
    check_headers,
    find_forced_tool,
    read_count_request,
    read_messages_request,
)
from signal_assets.sandbox.clock import Clock
from signal_assets.sandbox.exchange import Answer, Asked, Question, json_answer
from signal_assets.sandbox.keys import SANDBOX_KEYS
from signal_assets.sandbox.keyword_model import KeywordModel
from signal_assets.sandbox.obedience import obey

FORMAT_TOKENS = 24
"""Input tokens that a structured answer adds for its hidden instruction."""
MAX_BODY_BYTES = 32 * 1024 * 1024
THINKING_TOKENS = {"low": 24, "medium": 48, "high": 96, "xhigh": 160, "max": 320, None: 48}

_request_numbers = itertools.count(1)


class ClaudeService:
    """Answers `/v1/messages`, its batches, its token counter and the model table."""

    name = "claude"

    def __init__(self, clock: Clock) -> None:
        self.model = KeywordModel()
        self.scripts = ScriptedFacts()
        self.is_obedient = False
        """Whether the model does what the texts it reads tell it to do."""
        self.limits = RateLimits(clock)
        self.clock = clock
        self.batches = MessageBatches(clock, self._answer_in_batch)
        self._cache = PromptCache()
        self._message_numbers = itertools.count(1)

    def warm_up(self) -> None:
        """Load what the first answer would otherwise wait a second or two for."""
        from anthropic.types import Message

        Message.model_json_schema()
        self.model.read("", "Warm.", tuple(shipped_rule_names()))

    def question(self, asked: Asked) -> Question:
        if asked.path == "/v1/messages":
            return Question("messages", _digest(asked.body), _about(asked.payload))
        if asked.path.startswith(BATCHES_PATH):
            return self.batches.question(asked)
        if asked.path == "/v1/messages/count_tokens":
            return Question("count_tokens", _digest(asked.body), _about(asked.payload))
        if asked.path.startswith("/v1/models"):
            return Question("models", asked.path.removeprefix("/v1/models").strip("/"))
        return Question("unknown", asked.path)

    def answer(self, asked: Asked) -> Answer:
        try:
            check_headers(asked.headers, SANDBOX_KEYS["claude"])
            return self._route(asked)
        except ClaudeRefused as refused:
            return error_answer(refused.status, refused.kind, refused.message)

    def _route(self, asked: Asked) -> Answer:
        if asked.method == "GET" and asked.path.startswith("/v1/models"):
            return _show_models(asked.path.removeprefix("/v1/models").strip("/"))
        if asked.path.startswith(BATCHES_PATH):
            return _show(self.batches.answer(asked))
        if asked.method != "POST":
            raise ClaudeRefused(405, "invalid_request_error", "Method Not Allowed")
        if asked.path == "/v1/messages":
            return self._create(asked)
        if asked.path == "/v1/messages/count_tokens":
            request, _ = read_count_request(asked.payload)
            tokens = sum(count_tokens(part.text) for part in split_prompt(request))
            hidden = FORMAT_TOKENS if _format_of(request) else 0
            return _ok({"input_tokens": tokens + hidden})
        raise ClaudeRefused(404, "not_found_error", "Not Found")

    def _create(self, asked: Asked) -> Answer:
        if len(asked.body) > MAX_BODY_BYTES:
            raise ClaudeRefused(413, "request_too_large", "Request exceeds the maximum size")
        request, model = read_messages_request(asked.payload)
        segments = _split_within_limit(request, model)
        wait = self.limits.take(sum(count_tokens(part.text) for part in segments))
        if wait is not None:
            text = "This request would exceed your organization's rate limit."
            headers = {**self.limits.headers(), "retry-after": str(wait)}
            return error_answer(429, "rate_limit_error", text, headers=headers)
        usage = self._use_cache(request, model, segments, asked.arrived_at)
        message = self._write_message(request, model, usage)
        check_message(message)
        self.limits.count_output(message["usage"]["output_tokens"])
        return _ok(message, headers=self.limits.headers(), is_billed=True)

    def _answer_in_batch(self, params: dict[str, Any], finds_cache: bool) -> dict[str, Any]:
        """Return the message of one request in a batch.

        Raises:
            ClaudeRefused: the request itself is at fault.
        """
        request, model = read_messages_request(params)
        segments = _split_within_limit(request, model)
        arrived_at = self.clock.now() if finds_cache else float("-inf")
        message = self._write_message(
            request, model, self._use_cache(request, model, segments, arrived_at)
        )
        message["usage"]["service_tier"] = "batch"
        check_message(message)
        return message

    def _use_cache(
        self,
        request: MessagesRequest,
        model: ServedModel,
        segments: list[Segment],
        arrived_at: float,
    ) -> PromptUsage:
        return self._cache.use(
            _cache_settings(request),
            segments,
            min_tokens=model.min_cache,
            arrived_at=arrived_at,
            answered_at=self.clock.now(),
        )

    def _write_message(
        self, request: MessagesRequest, model: ServedModel, usage: PromptUsage
    ) -> dict[str, Any]:
        tool = find_forced_tool(request)
        thinking = 0 if tool else _thinking_tokens(request, model)
        reply = self._reply(request, tool)
        content: list[dict[str, Any]] = []
        if thinking and request.max_tokens:
            signature = _digest(reply.encode())
            content.append({"type": "thinking", "thinking": "", "signature": signature})
        room = max(0, request.max_tokens - thinking)
        needed = count_tokens(reply)
        is_whole = needed <= room
        if tool and is_whole:
            content.append(_tool_use(tool, reply))
        elif not tool and room:
            content.append({"type": "text", "text": reply if is_whole else reply[: room * 5 // 2]})
        output = min(thinking, request.max_tokens) + min(needed, room)
        finished = "tool_use" if tool else "end_turn"
        return {
            "id": f"msg_sandbox_{next(self._message_numbers):010d}",
            "type": "message",
            "role": "assistant",
            "model": model.id,
            "content": content,
            "stop_reason": finished if is_whole else "max_tokens",
            "stop_sequence": None,
            "stop_details": None,
            "usage": _render_usage(request, usage, output, min(thinking, output)),
        }

    def _reply(self, request: MessagesRequest, tool: Tool | None) -> str:
        asked_format = _format_of(request)
        schema = tool.input_schema if tool else asked_format.schema_ if asked_format else None
        if schema is None:
            return "Without an answer format there is nothing to report."
        text = find_fenced_text(_last_words(request))
        claims = self._claims(text, find_asked_fields(schema))
        return json.dumps(fill_schema(schema, claims, text), ensure_ascii=False)

    def _claims(self, text: str, fields: tuple[str, ...]) -> Sequence[Claim]:
        scripted = self.scripts.find(text)
        if scripted is not None:
            return [claim for claim in scripted if claim.field in fields]
        title, description = split_title(text)
        honest = self.model.read(title, description, fields)
        return [*obey(text, fields), *honest] if self.is_obedient else honest


def check_message(message: dict[str, Any]) -> None:
    """Check an answer with the SDK's own types, once per shape.

    Raises:
        pydantic.ValidationError: the sandbox would have sent something that Claude never sends.
    """
    usage = message["usage"]
    blocks = tuple(block["type"] for block in message["content"])
    shape = (blocks, message["stop_reason"], message["model"], tuple(usage))
    if shape in _checked_shapes:
        return
    from anthropic.types import Message

    Message.model_validate(message)
    _checked_shapes.add(shape)


_checked_shapes: set[tuple[Any, ...]] = set()


def error_answer(
    status: int,
    kind: str,
    message: str,
    *,
    error_code: str | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """Return Claude's error body, with the request id in body and header."""
    request_id = _new_request_id()
    error: dict[str, Any] = {"type": kind, "message": message}
    if error_code:
        error["details"] = {"error_code": error_code}
    payload = {"type": "error", "error": error, "request_id": request_id}
    return json_answer(status, payload, headers={"request-id": request_id, **(headers or {})})


def _ok(
    payload: dict[str, Any], *, headers: dict[str, str] | None = None, is_billed: bool = False
) -> Answer:
    own = {
        "request-id": _new_request_id(),
        "anthropic-organization-id": "00000000-0000-4000-8000-000000000000",
        **(headers or {}),
    }
    return json_answer(200, payload, headers=own, is_billed=is_billed)


def _show(body: dict[str, Any] | bytes) -> Answer:
    """Return an answer of the batches; their results are lines of JSON."""
    if isinstance(body, dict):
        return _ok(body)
    headers = {"content-type": "application/x-jsonl", "request-id": _new_request_id()}
    return Answer(200, body, headers)


def _split_within_limit(request: MessagesRequest, model: ServedModel) -> list[Segment]:
    segments = split_prompt(request)
    tokens = sum(count_tokens(part.text) for part in segments)
    if tokens > model.max_input:
        text = f"prompt is too long: {tokens} tokens > {model.max_input} maximum"
        raise ClaudeRefused(400, "invalid_request_error", text)
    return segments


def _new_request_id() -> str:
    return f"req_sandbox_{next(_request_numbers):010d}"


def _show_models(name: str) -> Answer:
    if not name:
        rows = [render_model(model) for model in served_models().values()]
        first, last = rows[0]["id"], rows[-1]["id"]
        return _ok({"data": rows, "has_more": False, "first_id": first, "last_id": last})
    model = served_models().get(name)
    if model is None:
        raise ClaudeRefused(404, "not_found_error", f"model: {name}")
    return _ok(render_model(model))


def _format_of(request: Any) -> Any:
    return request.output_config.format if request.output_config else None


def _last_words(request: MessagesRequest) -> str:
    content = request.messages[-1].content
    if isinstance(content, str):
        return content
    return "\n".join(block.text for block in content if block.type == "text")


def _cache_settings(request: MessagesRequest) -> str:
    config = request.output_config.model_dump_json() if request.output_config else ""
    thinking = request.thinking.model_dump_json() if request.thinking else ""
    return f"{request.model}\n{config}\n{thinking}"


def _thinking_tokens(request: MessagesRequest, model: ServedModel) -> int:
    kind = request.thinking.type if request.thinking else None
    thinks = model.thinks if kind is None else kind in ("adaptive", "enabled")
    effort = request.output_config.effort if request.output_config else None
    return THINKING_TOKENS[effort] if thinks else 0


def _render_usage(
    request: MessagesRequest, usage: PromptUsage, output: int, thinking: int
) -> dict[str, Any]:
    hidden = FORMAT_TOKENS if _format_of(request) else 0
    return {
        "input_tokens": usage.full + hidden,
        "cache_creation_input_tokens": usage.written,
        "cache_read_input_tokens": usage.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.written_5m,
            "ephemeral_1h_input_tokens": usage.written_1h,
        },
        "output_tokens": output,
        "output_tokens_details": {"thinking_tokens": thinking},
        "service_tier": "standard",
        "inference_geo": request.inference_geo or "global",
    }


def _tool_use(tool: Tool, reply: str) -> dict[str, Any]:
    return {
        "type": "tool_use",
        "id": f"toolu_sandbox_{_digest(reply.encode())}",
        "name": tool.name,
        "input": json.loads(reply),
        "caller": {"type": "direct"},
    }


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]


def _about(payload: Any) -> str:
    """Return the first words of the vacancy, so that a person recognises the request."""
    try:
        content = payload["messages"][-1]["content"]
        text = content if isinstance(content, str) else content[0]["text"]
        return find_fenced_text(text)[:80]
    except (KeyError, IndexError, TypeError):
        return ""
