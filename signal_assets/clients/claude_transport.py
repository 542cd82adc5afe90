"""Claude transport: one attempt at one request, and what came of it."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from signal_assets.clients.claude_faults import (
    Fault,
    clean_request_id,
    read_connection_error,
    read_status_error,
)
from signal_assets.clients.errors import SourceUnavailable
from signal_assets.clients.http import blot_out

if TYPE_CHECKING:
    import httpx2

API_VERSION = "2026-10-21"
_CONNECT_SECONDS = 10.0
_BATCHES = "/v1/messages/batches"
_KEY = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Received:
    """The body of a 2xx answer, not judged yet."""

    body: bytes
    request_id: str


class ClaudeTransport:
    """One client of the SDK, for one event loop; close it in the loop that made it.

    Retries of the SDK are off: they would multiply with ours and obey any `retry-after`. Redirects
    are not followed: they would send the vacancy to another host.
    """

    def __init__(
        self,
        api_key: str,
        base_url: str | None,
        *,
        connections: int,
        attempt_seconds: float,
        transport: "httpx2.AsyncBaseTransport | None" = None,
    ) -> None:
        import anthropic  # takes more than a second, and many runs have nothing to ask
        import httpx2

        _keep_texts_out_of_logs()
        timeout = httpx2.Timeout(attempt_seconds, connect=min(_CONNECT_SECONDS, attempt_seconds))
        options: dict[str, Any] = {} if transport is None else {"transport": transport}
        self._client = anthropic.AsyncAnthropic(
            api_key=api_key,
            base_url=base_url,
            max_retries=0,
            default_headers={"anthropic-version": API_VERSION},
            http_client=anthropic.DefaultAsyncHttpxClient(
                limits=httpx2.Limits(
                    max_connections=connections, max_keepalive_connections=connections
                ),
                timeout=timeout,
                follow_redirects=False,
                **options,
            ),
        )
        self._create: Callable[..., Awaitable[Any]] = self._client.messages.with_raw_response.create
        self._attempt_seconds = attempt_seconds
        self._api_key = api_key
        self._response_type = httpx2.Response
        self._status_error = anthropic.APIStatusError
        self._other_errors = (anthropic.APIConnectionError, httpx2.HTTPError, ValueError)

    async def ask(self, request: Mapping[str, Any]) -> Received | Fault:
        """Send `request` once; the whole of it may take the attempt's seconds, drops included."""
        try:
            async with asyncio.timeout(self._attempt_seconds):
                raw = await self._create(**request)
                request_id = clean_request_id(raw.headers.get("request-id"))
                return Received(self._without_key(await raw.read()), request_id)
        except self._status_error as error:
            return read_status_error(error)
        except TimeoutError:
            return Fault("retry", True, f"no answer within {self._attempt_seconds:g} s")
        except self._other_errors as error:
            return read_connection_error(error)

    async def create_batch(self, requests: Sequence[Mapping[str, Any]]) -> Received | Fault:
        """Send a batch once."""
        return await self._exchange(
            lambda: self._client.post(
                _BATCHES, body={"requests": requests}, cast_to=self._response_type
            )
        )

    async def get_batch(self, service_id: str) -> Received | Fault:
        """Ask how far a batch is."""
        path = f"{_BATCHES}/{service_id}"
        return await self._exchange(lambda: self._client.get(path, cast_to=self._response_type))

    async def list_batches(self, limit: int) -> Received | Fault:
        """Ask for the newest batches."""
        path = f"{_BATCHES}?limit={limit}"
        return await self._exchange(lambda: self._client.get(path, cast_to=self._response_type))

    async def read_lines(self, url: str, on_line: Callable[[bytes], None]) -> Fault | None:
        """Fetch `url` and call `on_line` for each whole line as it comes.

        Lines that came before the connection broke have been handed over. The last one may be cut
        off. The key goes along, so the address must be the service's own.
        """
        if not self.is_own_address(url):
            return Fault("retry", False, "the results are said to lie on another host")
        try:
            async with asyncio.timeout(self._attempt_seconds):
                raw: Any = await self._client.get(url, cast_to=object, options=_streamed())
                try:
                    await _hand_over_lines(raw, lambda line: on_line(self._without_key(line)))
                finally:
                    await raw.close()
        except self._status_error as error:
            return read_status_error(error)
        except TimeoutError:
            return Fault("retry", False, f"not all results within {self._attempt_seconds:g} s")
        except self._other_errors as error:
            return read_connection_error(error)
        return None

    def is_own_address(self, url: str) -> bool:
        """Whether `url` lies where the service itself does."""
        own = self._client.base_url
        try:
            given = type(own)(url)
        except ValueError:
            return False
        return (given.scheme, given.host, given.port) == (own.scheme, own.host, own.port)

    async def close(self) -> None:
        await self._client.close()

    def _without_key(self, body: bytes) -> bytes:
        """Return an answer as it may be kept: should it echo the key, the key is blotted out."""
        text = body.decode("utf-8", "surrogateescape")
        clean = blot_out(text, [self._api_key])
        return body if clean is text else clean.encode("utf-8", "surrogateescape")

    async def _exchange(self, send: Callable[[], Awaitable[Any]]) -> Received | Fault:
        try:
            async with asyncio.timeout(self._attempt_seconds):
                response = await send()
                body = await response.aread()
                request_id = clean_request_id(response.headers.get("request-id"))
                return Received(self._without_key(body), request_id)
        except self._status_error as error:
            return read_status_error(error)
        except TimeoutError:
            return Fault("retry", True, f"no answer within {self._attempt_seconds:g} s")
        except self._other_errors as error:
            return read_connection_error(error)


def _streamed() -> Any:
    """Return the SDK's way to get a body while it comes, as lines of whatever it holds."""
    return {"headers": {"Accept": "application/binary", "X-Stainless-Raw-Response": "stream"}}


async def _hand_over_lines(raw: Any, on_line: Callable[[bytes], None]) -> None:
    """Split at line feeds only: text in JSON may hold other characters that end lines."""
    rest = b""
    async for piece in raw.iter_bytes():
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            on_line(line)
    if rest:
        on_line(rest)


def _keep_texts_out_of_logs() -> None:
    """At debug level the SDK logs whole requests, and its HTTP client a line for each call."""
    for name, lowest in (("anthropic", logging.INFO), ("httpx2", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, lowest))


def check_api_key(api_key: str) -> str:
    """Return the key without surrounding white space.

    Raises:
        SourceUnavailable: it is empty or holds characters that no header can carry.
    """
    key = api_key.strip()
    if not _KEY.fullmatch(key):
        raise SourceUnavailable("claude: the key is empty or holds characters that no key has")
    return key
