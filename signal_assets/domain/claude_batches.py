"""Claude batches: what the service says of one, and the rows of its results."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from signal_assets.domain.claude_answers import UnreadableAnswer
from signal_assets.domain.records import Record

RowKind = Literal["succeeded", "errored", "canceled", "expired", "unknown"]

_Count = Annotated[int, Field(ge=0)]


class _Envelope(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Counts(_Envelope):
    processing: _Count
    succeeded: _Count
    errored: _Count
    canceled: _Count
    expired: _Count


class BatchState(_Envelope):
    """One batch as the service shows it."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
    type: Literal["message_batch"]
    processing_status: Literal["in_progress", "canceling", "ended"]
    request_counts: _Counts
    created_at: datetime
    results_url: str | None = None

    @property
    def request_count(self) -> int:
        counts = self.request_counts
        done = counts.succeeded + counts.errored + counts.canceled + counts.expired
        return counts.processing + done


class _Page(_Envelope):
    data: tuple[BatchState, ...]


class BatchRow(Record):
    """What became of one request."""

    custom_id: str
    kind: RowKind
    message: str | None = None
    """The body of the message, as JSON, of a row that succeeded."""
    error_type: str = ""


def parse_batch(body: bytes) -> BatchState:
    """Return the batch in `body`.

    Raises:
        UnreadableAnswer: not JSON, cut off, or a part is missing or of another type.
    """
    try:
        return BatchState.model_validate_json(body)
    except ValidationError as error:
        raise UnreadableAnswer(f"not a batch: {_place(error)}") from None


def parse_batch_list(body: bytes) -> tuple[BatchState, ...]:
    """Return one page of batches, in the order of the service; raises like `parse_batch`."""
    try:
        return _Page.model_validate_json(body).data
    except ValidationError as error:
        raise UnreadableAnswer(f"not a list of batches: {_place(error)}") from None


def parse_row(line: bytes) -> BatchRow:
    """Return the row in one line of the results; the message in it is not judged.

    Raises:
        UnreadableAnswer: the line was cut off, or is not a row.
    """
    try:
        row = json.loads(line)
    except ValueError:
        raise UnreadableAnswer("a line that is no JSON") from None
    result = row.get("result") if isinstance(row, dict) else None
    custom_id = row.get("custom_id") if isinstance(row, dict) else None
    if not isinstance(result, dict) or not isinstance(custom_id, str):
        raise UnreadableAnswer("a line that is no row of results")
    match result.get("type"):
        case "succeeded":
            message = json.dumps(result.get("message"), ensure_ascii=False, separators=(",", ":"))
            return BatchRow(custom_id=custom_id, kind="succeeded", message=message)
        case "errored":
            return BatchRow(
                custom_id=custom_id, kind="errored", error_type=_error_type(result.get("error"))
            )
        case "canceled":
            return BatchRow(custom_id=custom_id, kind="canceled")
        case "expired":
            return BatchRow(custom_id=custom_id, kind="expired")
        case _:
            return BatchRow(custom_id=custom_id, kind="unknown")


def _error_type(error: Any) -> str:
    inner = error.get("error") if isinstance(error, dict) else None
    said = inner.get("type") if isinstance(inner, dict) else None
    is_name = isinstance(said, str) and said.isascii() and said.replace("_", "").isalpha()
    return str(said)[:60] if is_name else "an error without a type"


def _place(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the whole"
    return f"{place}: {first['type']}"
