"""Invented hosts of the open internet, answered in memory, and the time that passes there."""

from collections.abc import Callable, Mapping

import httpx

from signal_assets.clients.http import Patience
from signal_assets.clients.open_web import OpenWeb

PUBLIC_ADDRESS = "93.184.216.34"

Reply = httpx.Response | Callable[[httpx.Request], httpx.Response]


class OpenHosts:
    """Answers by host and path, else 404; a list of replies is used up one by one, the last stays.

    `sent` holds the moment and the address of every request; nobody really waits.
    """

    def __init__(self, replies: Mapping[str, Reply | list[Reply]]) -> None:
        self._replies = {
            url: list(found) if isinstance(found, list) else [found]
            for url, found in replies.items()
        }
        self.now = 0.0
        self.sent: list[tuple[float, str]] = []
        self.user_agents: set[str] = set()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        address = f"{request.headers['host']}{request.url.path}"
        query = request.url.query.decode()
        self.sent.append((self.now, f"{address}?{query}" if query else address))
        self.user_agents.add(request.headers["user-agent"])
        replies = self._replies.get(address)
        if replies is None:
            return httpx.Response(404)
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        return reply(request) if callable(reply) else reply

    @property
    def paths(self) -> list[str]:
        return [address for _, address in self.sent]

    @property
    def moments(self) -> list[float]:
        return [moment for moment, _ in self.sent]

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def web(self, attempts: int = 3, address: str = PUBLIC_ADDRESS) -> OpenWeb:
        return OpenWeb(
            patience=Patience(attempts=attempts, first_wait_seconds=0.0, sleep=self.sleep),
            transport=httpx.MockTransport(self),
            resolve=lambda host, port: [address],
            clock=lambda: self.now,
            sleep=self.sleep,
        )
