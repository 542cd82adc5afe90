"""Claude faults: what an error of the service means for this call, the item and the run."""

import re
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import anthropic

Verdict = Literal["stop", "reject", "wait", "retry"]
"""stop: the service will not serve us, end the run. reject: it will never accept this request.
wait: it has too much to do, all calls pause. retry: something broke on the way, ask again."""

_STOPPING_STATUSES = {
    401: "it refuses the key",
    402: "there is no credit left",
    403: "the key may not do this",
}
_SPENT_WORDS = ("credit balance", "usage limits", "spend limit")
"""The only sign of an empty account in a 400: it carries no code of its own."""
_OVERLOADED = frozenset({429, 503, 529})
_BROKEN = frozenset({408, 409, 500, 502, 504})

_SAFE_NAME = re.compile(r"[a-z_]{1,60}")
_SAFE_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a call brought no answer, in words that hold nothing of what was sent or received."""

    verdict: Verdict
    may_be_billed: bool
    reason: str
    wait_seconds: float | None = None
    """How long the service asks to wait."""
    status: int | None = None
    """The HTTP status, where there was one."""


def read_status_error(error: "anthropic.APIStatusError") -> Fault:
    """Return what an HTTP status other than 2xx means."""
    status = error.status_code
    code = error.error_code or ""
    request_id = clean_request_id(error.request_id)
    reason = f"HTTP {status}{_name(error.error_code or error.type)}, request {request_id}"
    if status in _STOPPING_STATUSES:
        return Fault("stop", False, f"{_STOPPING_STATUSES[status]}: {reason}", status=status)
    if "spend_limit" in code or (status == 400 and _says_spent(error.api_message)):
        spent = f"the account has reached a limit on spending: {reason}"
        return Fault("stop", False, spent, status=status)
    if status in _OVERLOADED:
        headers = error.response.headers
        wait = parse_retry_after(headers.get("retry-after-ms"), headers.get("retry-after"))
        return Fault("wait", False, reason, wait, status)
    if status >= 500 or status in _BROKEN:
        return Fault("retry", True, reason, status=status)
    return Fault("reject", False, reason, status=status)


def read_connection_error(error: BaseException) -> Fault:
    """Return what a failed or broken connection means; it is billed unless nothing was sent."""
    import httpx2

    cause = error.__cause__ or error
    never_sent = (
        httpx2.ConnectError,
        httpx2.ConnectTimeout,
        httpx2.PoolTimeout,
        httpx2.UnsupportedProtocol,
        httpx2.LocalProtocolError,
    )
    if isinstance(cause, never_sent):
        return Fault("retry", False, f"no connection ({type(cause).__name__})")
    return Fault("retry", True, f"the connection broke ({type(cause).__name__})")


def clean_request_id(request_id: str | None) -> str:
    """Return the service's number of a request, if it is one."""
    return request_id if request_id and _SAFE_ID.fullmatch(request_id) else "unknown"


def parse_retry_after(
    milliseconds: str | None, seconds_or_date: str | None, now: float | None = None
) -> float | None:
    """Return the seconds to wait, or None when the headers do not say so in a readable way.

    >>> parse_retry_after("1500", "90")
    1.5
    >>> parse_retry_after(None, "Wed, 21 Oct 99999999 07:28:00 GMT") is None
    True
    """
    wait = _parse_number(milliseconds, 1000)
    if wait is None:
        wait = _parse_number(seconds_or_date, 1)
    if wait is None and seconds_or_date:
        wait = _parse_date(seconds_or_date, time.time() if now is None else now)
    return wait if wait is not None and wait >= 0 else None


def _parse_number(text: str | None, unit: int) -> float | None:
    if text is None or not re.fullmatch(r"\s*[0-9]{1,12}(\.[0-9]{1,6})?\s*", text):
        return None
    return float(text) / unit


def _parse_date(text: str, now: float) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return None


def _says_spent(message: object) -> bool:
    return isinstance(message, str) and any(word in message.casefold() for word in _SPENT_WORDS)


def _name(word: object) -> str:
    return f" {word}" if isinstance(word, str) and _SAFE_NAME.fullmatch(word) else ""
