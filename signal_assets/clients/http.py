"""HTTP: one request with its bounds, what came of it, and how long to keep trying.

Nothing here names a URL in an error or a log: with some services the key is part of it.
"""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, quote_plus

import httpx
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    wait_exponential,
    wait_random,
)

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
"""Longest silence within an answer."""
TOTAL_SECONDS = 60.0
"""Longest time from sending a request to the last byte of its answer."""
MAX_BODY_BYTES = 20_000_000

_GRACE_SECONDS = 1.0
"""How much later than its own deadline a request is given up from outside."""

_OPEN_HEADERS = ("accept", "accept-encoding", "connection", "user-agent")
"""Headers of a client that are no secret; any other may be a key."""
BLOT = "[key]"
_SHORTEST_SECRET = 8
"""Anything shorter stands in ordinary text by chance."""

USER_AGENT = (
    f"signal-assets/{version('signal-assets')} (+https://github.com/signal-assets/signal-assets)"
)

logging.getLogger("httpx").addFilter(lambda record: record.levelno >= logging.WARNING)
# httpx logs every URL at INFO, and a key may stand in it.


class NotSent(Exception):
    """The request did not reach the service; it cannot have cost anything."""


class NoAnswer(Exception):
    """The request was sent, and no whole answer came; nobody knows what the service did."""


class SecretLogin(httpx.Auth):
    """A login that is no plain header: `secrets` are blotted out wherever an answer echoes them."""

    secrets: tuple[str, ...] = ()


class Posted(NamedTuple):
    """What a request sends; the login, if it travels in the body, is put in by the client."""

    body: str
    headers: tuple[tuple[str, str], ...] = ()


class Received(NamedTuple):
    """An answer as it came; header names are in lower case."""

    status_code: int
    body: str
    headers: Mapping[str, str]

    def asks_to_wait(self) -> float | None:
        """Return the seconds the service asks to wait, None when it does not say."""
        return parse_retry_after(self.headers.get("retry-after", ""), datetime.now(UTC))


def open_http(
    base_url: str,
    *,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    auth: SecretLogin | None = None,
    ca_file: Path | None = None,
    transport: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """Return a client for one service that carries its base URL and key and follows no redirect.

    Raises:
        ValueError: the key holds characters no header can carry; the key is not shown.
    """
    for name, value in (headers or {}).items():
        if not re.fullmatch(r"[\x20-\x7e]*", value):
            raise ValueError(f"the header {name} can only hold plain ASCII characters")
    verify: bool | str = True if ca_file is None else str(ca_file)
    return httpx.Client(
        base_url=base_url,
        headers={"User-Agent": USER_AGENT, **(headers or {})},
        params=dict(params or {}),
        auth=auth,
        timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        follow_redirects=False,
        verify=verify if transport is None else True,
        transport=transport,
    )


def fetch(
    http: httpx.Client,
    path: str,
    params: tuple[tuple[str, str], ...] = (),
    *,
    posted: Posted | None = None,
    total_seconds: float = TOTAL_SECONDS,
) -> Received:
    """Ask for `path` below the base URL of `http`, once: a POST where something is sent along.

    The body is read as UTF-8, whatever the service says of it; should the key be echoed in it, the
    key is blotted out. The request runs in a thread of its own: no timeout of httpx ends a name
    server that hangs, or headers that come one sign at a time.

    Raises:
        NotSent: no connection came about.
        NoAnswer: the answer was cut off, too slow (`total_seconds`) or too large.
    """
    outcome: Future[Received] = Future()

    def run() -> None:
        try:
            outcome.set_result(_receive(http, path, params, posted, total_seconds))
        except BaseException as error:  # noqa: BLE001 - it is raised again where it is waited for
            outcome.set_exception(error)

    threading.Thread(target=run, name="fetch", daemon=True).start()
    try:
        return outcome.result(total_seconds + _GRACE_SECONDS)
    except FutureTimeout:
        raise _too_slow(total_seconds) from None


def _receive(
    http: httpx.Client,
    path: str,
    params: tuple[tuple[str, str], ...],
    posted: Posted | None,
    total_seconds: float,
) -> Received:
    ends_at = time.monotonic() + total_seconds
    content = bytearray()
    try:
        # No parameters is not the same as empty ones, which would take the query of `path` away.
        query = httpx.QueryParams(params) if params else None
        method = "GET" if posted is None else "POST"
        content_sent = None if posted is None else posted.body.encode()
        more_headers = {} if posted is None else dict(posted.headers)
        with http.stream(
            method, path, params=query, content=content_sent, headers=more_headers
        ) as response:
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > MAX_BODY_BYTES:
                    raise NoAnswer(f"the answer is larger than {MAX_BODY_BYTES:,} bytes")
                if time.monotonic() > ends_at:
                    raise _too_slow(total_seconds)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise NotSent(f"no connection ({type(error).__name__})") from None
    except (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise NotSent(f"the request cannot be sent ({type(error).__name__})") from None
    except httpx.HTTPError as error:
        raise NoAnswer(f"no whole answer ({type(error).__name__})") from None
    body = content.decode("utf-8", "replace").removeprefix("\ufeff").replace("\x00", "\ufffd")
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Received(response.status_code, blot_out(body, _secrets(http)), headers)


def _too_slow(total_seconds: float) -> NoAnswer:
    return NoAnswer(f"the answer did not end within {total_seconds:g} seconds")


def parse_retry_after(text: str, now: datetime) -> float | None:
    """Return the seconds in a `Retry-After` header: a number, or a moment.

    >>> parse_retry_after("3", datetime(2026, 1, 1, tzinfo=UTC))
    3.0
    >>> parse_retry_after("Thu, 01 Jan 2026 00:01:00 GMT", datetime(2026, 1, 1, tzinfo=UTC))
    60.0
    >>> parse_retry_after("soon", datetime(2026, 1, 1, tzinfo=UTC)) is None
    True
    """
    if re.fullmatch(r"\s*[0-9]{1,9}(\.[0-9]+)?\s*", text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def excerpt(text: str, length: int = 300) -> str:
    """Return the beginning of an answer in one line, for an error message that can be stored."""
    words = " ".join(text.replace("\x00", " ").encode("utf-8", "replace").decode().split())
    return words if len(words) <= length else f"{words[:length]}…"


class TryAgain(Exception):
    """The same question may succeed later; `wait_seconds` is what the service asks for."""

    def __init__(self, reason: str, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


@dataclass(frozen=True)
class Patience:
    """How often a question is asked, and how long is waited in between.

    A service that asks for a longer pause than `longest_wait_seconds` is not asked again.
    """

    attempts: int = 4
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 60.0
    sleep: Callable[[float], None] = time.sleep

    def retrying(self) -> Retrying:
        """Return the loop; after the last attempt its `TryAgain` is raised."""
        return Retrying(
            stop=self._is_enough,
            wait=self._wait_seconds,
            retry=retry_if_exception_type(TryAgain),
            sleep=self.sleep,
            reraise=True,
        )

    def _is_enough(self, state: RetryCallState) -> bool:
        asked = _asked_wait(state)
        return state.attempt_number >= self.attempts or asked > self.longest_wait_seconds

    def _wait_seconds(self, state: RetryCallState) -> float:
        first = self.first_wait_seconds
        growing = wait_exponential(multiplier=first, max=self.longest_wait_seconds)
        return max((growing + wait_random(0, first))(state), _asked_wait(state))


def _asked_wait(state: RetryCallState) -> float:
    error = None if state.outcome is None else state.outcome.exception()
    return (error.wait_seconds or 0.0) if isinstance(error, TryAgain) else 0.0


def _secrets(http: httpx.Client) -> list[str]:
    headers = http.headers.items()
    values = [value.split(" ")[-1] for name, value in headers if name not in _OPEN_HEADERS]
    values += [value for _, value in http.params.multi_items()]
    if isinstance(http.auth, SecretLogin):
        values += http.auth.secrets
    return [value for value in values if len(value) >= _SHORTEST_SECRET]


def blot_out(text: str, secrets: Iterable[str]) -> str:
    """Return `text` without the secrets, however they are written: plain, in a URL, or in JSON.

    >>> blot_out("you sent api_key=a%2Fb%3D", ["a/b="])
    'you sent api_key=[key]'
    """
    for secret in secrets:
        forms = {secret, quote(secret, safe=""), quote_plus(secret), secret.replace("/", r"\/")}
        for form in sorted(forms, key=len, reverse=True):
            text = text.replace(form, BLOT)
    return text
