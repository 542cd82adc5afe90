"""Open web: pages that anybody may read, asked for at a pace that no host minds."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx

from signal_assets.clients.http import (
    NoAnswer,
    NotSent,
    Patience,
    Received,
    TryAgain,
    fetch,
    open_http,
)
from signal_assets.clients.public_hosts import (
    AddressRefused,
    PublicHostsTransport,
    Resolve,
    is_loopback_host,
)

PAUSE_SECONDS = 1.0
"""Between two requests to one host."""
LOOPBACK_PAUSE_SECONDS = 0.001
MAX_FAILED_PAGES = 3
"""After so many pages in a row without an answer a host counts as down for the run."""
_REDIRECTS = (301, 302, 303, 307, 308)


class PageRefused(Exception):
    """The host will not serve us this page: it says so, or we may not ask."""


class PageForbidden(PageRefused):
    """We may not ask for it or do not follow it; the host did not refuse anything."""


class HostRefuses(PageRefused):
    """The host wants no more requests for now; another page of it is not asked for."""


class PageMissing(Exception):
    """There is no such page."""


class PageBroken(Exception):
    """No answer came, or the host is in trouble."""


@dataclass(frozen=True)
class Page:
    """What stands at a URL; `url` is where redirects led to."""

    url: str
    body: str
    content_type: str


class OpenWeb:
    """Reads pages over GET without any key; all sources of a run share one, and so its pace.

    The requests to one host start at least a second apart, whoever asks. Private addresses are
    refused; this machine itself may be asked where the caller's own setting names it (`is_local`).
    """

    def __init__(
        self,
        *,
        patience: Patience | None = None,
        transport: httpx.BaseTransport | None = None,
        resolve: Resolve | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._patience = patience or Patience(first_wait_seconds=1.5)
        self._clock, self._sleep = clock, sleep
        self._http = {
            is_local: open_http(
                "",
                transport=PublicHostsTransport(
                    allows_loopback=is_local, resolve=resolve, transport=transport
                ),
            )
            for is_local in (False, True)
        }
        self._lock = threading.Lock()
        self._turns: dict[str, threading.Lock] = {}
        self._last_starts: dict[str, float] = {}
        self._refusals: dict[str, str] = {}
        self._failures: dict[str, int] = {}
        self.sent_count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for http in self._http.values():
            http.close()

    def get(
        self,
        url: str,
        params: tuple[tuple[str, str], ...] = (),
        *,
        is_local: bool = False,
        pause_seconds: float = PAUSE_SECONDS,
        max_redirects: int = 0,
    ) -> Page:
        """Return the page at `url`, asked for again while its host has trouble.

        Raises:
            PageRefused: the host says no.
            PageForbidden: it redirects too far, or is not on the public internet.
            HostRefuses: the host wants fewer requests, and says so after every pause.
            PageMissing: there is none.
            PageBroken: no answer, or one of a host in trouble.
        """
        for _ in range(max_redirects + 1):
            received = self._ask(url, params, is_local, pause_seconds)
            if received.status_code not in _REDIRECTS:
                return Page(url, received.body, received.headers.get("content-type", ""))
            target = urljoin(url, received.headers.get("location", ""))
            if urlsplit(target).scheme != "https" and not is_local:
                raise PageForbidden(f"redirects to {_without_query(target)}, which is not https")
            url, params = target, ()
        raise PageForbidden(f"redirects to {_without_query(url)}")

    def _ask(
        self, url: str, params: tuple[tuple[str, str], ...], is_local: bool, pause_seconds: float
    ) -> Received:
        host = urlsplit(url).netloc
        if host in self._refusals:
            raise HostRefuses(self._refusals[host])
        if self._failures.get(host, 0) >= MAX_FAILED_PAGES:
            raise PageBroken(f"not asked: {MAX_FAILED_PAGES} pages in a row brought no answer")
        try:
            received = self._patience.retrying()(
                self._ask_once, url, params, is_local, pause_seconds
            )
        except _TooMany as error:
            self._refusals[host] = str(error)
            raise HostRefuses(str(error)) from None
        except TryAgain as error:
            self._failures[host] = self._failures.get(host, 0) + 1
            raise PageBroken(str(error)) from None
        self._failures.pop(host, None)
        return received

    def _ask_once(
        self, url: str, params: tuple[tuple[str, str], ...], is_local: bool, pause_seconds: float
    ) -> Received:
        with self._turn(url, pause_seconds):
            self.sent_count += 1
            try:
                received = fetch(self._http[is_local], url, params)
            except AddressRefused as error:
                raise PageForbidden(str(error)) from None
            except (NotSent, NoAnswer) as error:
                raise TryAgain(str(error)) from None
        status = received.status_code
        if status == 200 or status in _REDIRECTS:
            return received
        if status == 429:
            raise _TooMany("HTTP 429: too many requests", received.asks_to_wait())
        if status >= 500 or status == 408:
            raise TryAgain(f"HTTP {status}", received.asks_to_wait())
        if status in (404, 410):
            raise PageMissing(f"HTTP {status}")
        if status in (401, 402, 403, 407, 451):
            raise PageRefused(f"HTTP {status}")
        raise PageBroken(f"HTTP {status}")

    @contextmanager
    def _turn(self, url: str, pause_seconds: float) -> Iterator[None]:
        """Wait until the host may be asked again, and keep others waiting meanwhile."""
        parts = urlsplit(url)
        if is_loopback_host(parts.hostname or ""):
            pause_seconds = LOOPBACK_PAUSE_SECONDS
        with self._lock:
            turn = self._turns.setdefault(parts.netloc, threading.Lock())
        with turn:
            wait = self._last_starts.get(parts.netloc, -math.inf) + pause_seconds - self._clock()
            if wait > 0:
                self._sleep(wait)
            self._last_starts[parts.netloc] = self._clock()
            yield


class _TooMany(TryAgain):
    """The host asks for fewer requests."""


def _without_query(url: str) -> str:
    return url.partition("?")[0].partition("#")[0]
