"""Claude requests: what the service reads of a body, and the words in which it refuses one."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from signal_assets.sandbox.claude_models import ServedModel, served_models
from signal_assets.sandbox.claude_schemas import SchemaRefused, check_schema

API_VERSIONS = ("2026-10-21", "2023-06-01")


class ClaudeRefused(Exception):
    """The service answers with this status and error."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CacheControl(_Strict):
    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] = "5m"


class TextBlock(_Strict):
    type: Literal["text"]
    text: str
    cache_control: CacheControl | None = None
    citations: list[Any] | None = None


class Citations(_Strict):
    enabled: bool = False


class DocumentBlock(_Strict):
    type: Literal["document"]
    source: dict[str, Any]
    title: str | None = None
    context: str | None = None
    citations: Citations | None = None
    cache_control: CacheControl | None = None


class OtherBlock(BaseModel):
    """A block that only an earlier turn can hold; it is passed over."""

    type: Literal["thinking", "redacted_thinking", "tool_use", "tool_result"]


def _block_tag(value: Any) -> str:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return kind if kind in ("text", "document") else "other"


Block = Annotated[
    Annotated[TextBlock, Tag("text")]
    | Annotated[DocumentBlock, Tag("document")]
    | Annotated[OtherBlock, Tag("other")],
    Discriminator(_block_tag),
]


class MessageTurn(_Strict):
    role: Literal["user", "assistant"]
    content: str | list[Block]


class Thinking(_Strict):
    type: Literal["adaptive", "disabled", "enabled", "between_tools"]
    budget_tokens: int | None = None
    display: str | None = None


class OutputFormat(_Strict):
    type: Literal["json_schema"]
    schema_: Annotated[dict[str, Any], Field(alias="schema")]


class OutputConfig(_Strict):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: OutputFormat | None = None


class Tool(_Strict):
    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,128}$")]
    input_schema: dict[str, Any]
    type: Literal["custom"] | None = None
    description: str | None = None
    strict: bool | None = None
    cache_control: CacheControl | None = None


class ToolChoice(_Strict):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class _Prompt(_Strict):
    model: str
    messages: Annotated[list[MessageTurn], Field(min_length=1)]
    system: str | list[TextBlock] | None = None
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    cache_control: CacheControl | None = None


class CountRequest(_Prompt):
    """Body of `/v1/messages/count_tokens`."""


class MessagesRequest(_Prompt):
    """Body of `/v1/messages`."""

    max_tokens: Annotated[int, Field(ge=0)]
    metadata: dict[str, Any] | None = None
    stop_sequences: list[str] | None = None
    stream: Literal[False] | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    inference_geo: Literal["global", "us", "eu"] | None = None


RequestT = TypeVar("RequestT", bound=_Prompt)


def check_headers(headers: Mapping[str, str], key: str) -> None:
    """Refuse a request without the key or with headers the service does not take.

    Raises:
        ClaudeRefused: 401 or 400.
    """
    given = headers.get("x-api-key")
    if given is None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        given = token if scheme.lower() == "bearer" else None
    if given != key:
        text = "invalid x-api-key" if given else "x-api-key header is required"
        raise ClaudeRefused(401, "authentication_error", text)
    version = headers.get("anthropic-version")
    if version is None:
        _refuse("anthropic-version: header is required")
    if version not in API_VERSIONS:
        _refuse(f'anthropic-version: "{version}" is not a valid version')


def read_messages_request(payload: object) -> tuple[MessagesRequest, ServedModel]:
    """Return the body as the service reads it, with the model that will answer.

    Raises:
        ClaudeRefused: 400, or 404 for a model that is unknown or retired.
    """
    request = _validate(MessagesRequest, payload)
    model = _find_model(request.model)
    if request.max_tokens > model.max_output:
        _refuse(
            f"max_tokens: {request.max_tokens} > {model.max_output}, which is the maximum allowed "
            f"number of output tokens for {model.id}"
        )
    _check_prompt(request, model)
    return request, model


def read_count_request(payload: object) -> tuple[CountRequest, ServedModel]:
    """Return the body of a token count; raises like `read_messages_request`."""
    request = _validate(CountRequest, payload)
    model = _find_model(request.model)
    _check_prompt(request, model)
    return request, model


def _validate(kind: type[RequestT], payload: object) -> RequestT:
    if not isinstance(payload, dict):
        _refuse("The request body is not valid JSON")
    try:
        return kind.model_validate(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    raise ClaudeRefused(400, "invalid_request_error", f"{place}: {first['msg']}")


def _find_model(name: str) -> ServedModel:
    model = served_models().get(name)
    if model is None:
        raise ClaudeRefused(404, "not_found_error", f"model: {name}")
    return model


def _check_prompt(request: _Prompt, model: ServedModel) -> None:
    _check_turns(request)
    _check_thinking(request, model)
    _check_tools(request, model)
    effort = request.output_config.effort if request.output_config else None
    if effort and effort not in model.effort:
        _refuse(f"This model does not support effort level '{effort}'.")
    if request.output_config and request.output_config.format:
        try:
            check_schema(request.output_config.format.schema_)
        except SchemaRefused as refused:
            _refuse(str(refused))
        if any(block.citations and block.citations.enabled for block in _documents(request)):
            _refuse("output_config.format: citations cannot be used with structured outputs")


def _check_turns(request: _Prompt) -> None:
    for place, turn in enumerate(request.messages):
        blocks = [] if isinstance(turn.content, str) else turn.content
        if not turn.content:
            _refuse(f"messages.{place}: user messages must have non-empty content")
        for number, block in enumerate(blocks):
            at = f"messages.{place}.content.{number}"
            if isinstance(block, TextBlock) and not block.text:
                _refuse("messages: text content blocks must be non-empty")
            if isinstance(block, TextBlock) and block.citations and turn.role == "user":
                _refuse(f"{at}.text.citations: Extra inputs are not permitted")
            if isinstance(block, DocumentBlock) and turn.role == "assistant":
                _refuse(f"{at}: document blocks are not allowed in assistant turns")
    if request.messages[-1].role == "assistant":
        _refuse(
            "This model does not support assistant message prefill. "
            "The conversation must end with a user message."
        )


def _check_thinking(request: _Prompt, model: ServedModel) -> None:
    if request.thinking is None:
        return
    kind = request.thinking.type
    if kind not in model.thinking:
        _refuse(f'"thinking.type.{kind}" is not supported for this model.')
    if (kind == "enabled") != (request.thinking.budget_tokens is not None):
        _refuse("thinking.enabled.budget_tokens: Field required, and only for this type")
    effort = request.output_config.effort if request.output_config else None
    allowed = model.disabled_effort if kind == "disabled" else None
    if effort and allowed and effort not in allowed:
        _refuse(f"output_config.effort: '{effort}' is not allowed with thinking disabled")


def _check_tools(request: _Prompt, model: ServedModel) -> None:
    choice = request.tool_choice
    if choice is None:
        return
    names = [tool.name for tool in request.tools or []]
    if not names:
        _refuse("tool_choice: may only be specified while providing tools")
    if choice.type in ("any", "tool"):
        if not model.forced_tool:
            _refuse("tool_choice forces tool use is not compatible with this model")
        if choice.type == "tool" and choice.name not in names:
            _refuse(f"Tool '{choice.name}' not found in provided tools")


def find_forced_tool(request: MessagesRequest) -> Tool | None:
    """Return the tool the request forces the model to use; None when it may answer in text."""
    choice = request.tool_choice
    if choice is None or choice.type not in ("any", "tool"):
        return None
    tools = request.tools or []
    return next((tool for tool in tools if choice.name in (None, tool.name)), None)


def _documents(request: _Prompt) -> list[DocumentBlock]:
    return [
        block
        for turn in request.messages
        if not isinstance(turn.content, str)
        for block in turn.content
        if isinstance(block, DocumentBlock)
    ]


def _refuse(message: str) -> NoReturn:
    raise ClaudeRefused(400, "invalid_request_error", message)
