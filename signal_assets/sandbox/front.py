"""The front of one service: reads a request, lets faults strike, delivers the answer."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl

from signal_assets.sandbox.clock import Clock
from signal_assets.sandbox.exchange import Answer, Asked, Delivery, Service
from signal_assets.sandbox.fault_board import FaultBoard
from signal_assets.sandbox.journal import Journal

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

DRIP_PIECES = 10


class Connections(Protocol):
    """Finds the socket behind a request, so that it can be torn down."""

    def transport_of(self, client: tuple[str, int]) -> asyncio.Transport | None: ...


@dataclass
class Desk:
    """What the services of one sandbox share."""

    faults: FaultBoard
    journal: Journal = field(default_factory=Journal)
    clock: Clock = field(default_factory=Clock)
    latency: dict[str, float] = field(default_factory=dict)
    drip_pause: float = 0.25
    """Seconds between two of the ten pieces of a dripping body."""
    connections: Connections | None = None


class ServiceFront:
    """An ASGI application around one service."""

    def __init__(self, service: Service, desk: Desk) -> None:
        self._service = service
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        desk, name = self._desk, self._service.name
        asked = _read_scope(scope, await _read_body(receive), desk.clock.now())
        question = self._service.question(asked)
        entry = desk.journal.open(name, question, asked.body, asked.arrived_at)
        fault = desk.faults.pick(name, question.endpoint, asked)
        seconds = desk.latency.get(name, 0.0)
        if seconds:
            await asyncio.sleep(seconds)
        if fault is not None and fault.instead is not None:
            answer = fault.instead(asked)
        else:
            answer = self._service.answer(asked)
            if fault is not None and fault.after is not None:
                answer = fault.after(asked, answer)
        desk.journal.close(entry, answer, fault.name if fault else None)
        await self._deliver(answer, scope, send)

    async def _deliver(self, answer: Answer, scope: Scope, send: Send) -> None:
        if answer.delivery is Delivery.RESET_BEFORE_HEADERS:
            await self._reset(scope)
            return
        await send(_start(answer))
        if answer.delivery is Delivery.WHOLE:
            await send({"type": "http.response.body", "body": answer.body})
        elif answer.delivery is Delivery.DRIP:
            await self._drip(answer.body, send)
        else:
            half = answer.body[: len(answer.body) // 2]
            await send({"type": "http.response.body", "body": half, "more_body": True})
            await asyncio.sleep(0.05)
            await self._reset(scope)

    async def _drip(self, body: bytes, send: Send) -> None:
        size = max(1, -(-len(body) // DRIP_PIECES))
        for start in range(0, len(body), size):
            await asyncio.sleep(self._desk.drip_pause)
            piece = body[start : start + size]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _reset(self, scope: Scope) -> None:
        """Close the connection with a TCP reset instead of a polite end."""
        if self._desk.connections is None:
            raise RuntimeError("a reset needs the real server")
        transport = self._desk.connections.transport_of(scope["client"])
        if transport is not None:
            no_linger = struct.pack("ii", 1, 0)
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
            transport.abort()
        await asyncio.sleep(0.01)


async def _read_body(receive: Receive) -> bytes:
    pieces = []
    while True:
        message = await receive()
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(pieces)


def _read_scope(scope: Scope, body: bytes, now: float) -> Asked:
    root: str = scope.get("root_path", "")
    host, port = scope["server"]
    return Asked(
        method=scope["method"],
        path=scope["path"].removeprefix(root),
        query=tuple(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        headers=_read_headers(scope),
        body=body,
        base_url=f"http://{host}:{port}{root}",
        arrived_at=now,
    )


def _read_headers(scope: Scope) -> Mapping[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _start(answer: Answer) -> dict[str, Any]:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers.items()]
    headers.append((b"content-length", str(len(answer.body)).encode()))
    return {"type": "http.response.start", "status": answer.status, "headers": headers}
