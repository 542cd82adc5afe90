"""Claude answers: what a response of the Messages API says, read without trusting its shape."""

import hashlib
from collections.abc import Sequence
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from signal_assets.domain.extractions import Claim, FailureKind, ToolState
from signal_assets.domain.prices import TokenUsage


class UnreadableAnswer(Exception):
    """Not a message of the service: whether it was billed, and for how much, is not known."""


class UnusableAnswer(Exception):
    """A message that was billed but carries no answer to the question."""

    def __init__(self, kind: FailureKind, reason: str) -> None:
        super().__init__(reason)
        self.kind: FailureKind = kind
        self.reason = reason


_Count = Annotated[int, Field(ge=0)]


class _Envelope(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class _CacheCreation(_Envelope):
    ephemeral_5m_input_tokens: _Count = 0
    ephemeral_1h_input_tokens: _Count = 0


class _Usage(_Envelope):
    input_tokens: _Count
    output_tokens: _Count
    cache_creation_input_tokens: _Count | None = None
    cache_read_input_tokens: _Count | None = None
    cache_creation: _CacheCreation | None = None


class _Block(_Envelope):
    type: str
    text: str | None = None


class ClaudeMessage(_Envelope):
    """A response whose usage can be trusted; its content is not judged yet."""

    type: Literal["message"]
    model: str
    content: list[_Block]
    stop_reason: str | None
    usage: _Usage

    @property
    def tokens(self) -> TokenUsage:
        """The tokens that are billed, each counted in one kind only."""
        usage = self.usage
        written = usage.cache_creation_input_tokens or 0
        split = usage.cache_creation
        written_1h = min(split.ephemeral_1h_input_tokens, written) if split else 0
        return TokenUsage(
            input=usage.input_tokens,
            output=usage.output_tokens,
            cache_read=usage.cache_read_input_tokens or 0,
            cache_write_5m=written - written_1h,
            cache_write_1h=written_1h,
        )


class _Fact(_Envelope):
    field: str
    value: str
    quote: str | None = None
    state: str | None = None


class _Facts(_Envelope):
    facts: list[_Fact]


_STATES: dict[str, ToolState] = {state: state for state in get_args(ToolState)}


def parse_message(body: str | bytes) -> ClaudeMessage:
    """Return the message in `body`.

    Raises:
        UnreadableAnswer: not JSON, cut off, or a part is missing or of another type. The reason
            names the places, never what stands there.
    """
    try:
        return ClaudeMessage.model_validate_json(body)
    except ValidationError as error:
        raise UnreadableAnswer(f"not a message: {_describe(error)}") from None


def parse_claims(message: ClaudeMessage, fields: Sequence[str]) -> tuple[Claim, ...]:
    """Return the facts in `message`, in its order, each under the name that `fields` has for it.

    The service does not promise the case of a field's name, so it is compared without case. A fact
    about another field and one without a quote are claims like others: they are dropped, and
    counted, where claims are checked.

    Raises:
        UnusableAnswer: the model refused, was cut off, or did not answer in the format asked for.
    """
    _check_stop_reason(message)
    texts = [block.text for block in message.content if block.type == "text"]
    if len(texts) != 1 or texts[0] is None:
        raise UnusableAnswer("invalid", f"an answer of {len(texts)} text blocks instead of one")
    try:
        answer = _Facts.model_validate_json(texts[0])
    except ValidationError as error:
        raise UnusableAnswer("invalid", f"an answer of another shape: {_describe(error)}") from None
    names = {name.casefold(): name for name in fields}
    return tuple(
        Claim.model_construct(
            field=names.get(fact.field.strip().casefold(), fact.field),
            value=fact.value,
            quote=fact.quote or "",
            state=_STATES.get((fact.state or "").strip().casefold()),
        )
        for fact in answer.facts
    )


def hash_body(body: bytes) -> str:
    """Return a short fingerprint by which a person can tell two answers apart."""
    return hashlib.sha256(body).hexdigest()[:12]


def _check_stop_reason(message: ClaudeMessage) -> None:
    match message.stop_reason:
        case "end_turn":
            return
        case "refusal":
            raise UnusableAnswer("refused", "the model refused to answer")
        case "max_tokens" | "model_context_window_exceeded":
            raise UnusableAnswer("truncated", f"the answer was cut off ({message.stop_reason})")
        case "stop_sequence" | "tool_use" | "pause_turn":
            raise UnusableAnswer("invalid", f"the model stopped early ({message.stop_reason})")
        case _:
            raise UnusableAnswer("invalid", "the model stopped for a reason that is not known")


def _describe(error: ValidationError) -> str:
    """Return where the shape differs; pydantic's own text would repeat what stands there."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the whole"
    return f"{place}: {first['type']}"
