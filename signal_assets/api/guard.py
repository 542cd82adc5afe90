"""The guard: who may ask, and how much may be sent."""

import hmac
import ipaddress
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signal_assets.api.errors import error_answer

MAX_BODY_BYTES = 1_000_000
OPEN_PATHS = ("/health", "/health/live", "/health/ready")
"""What anybody may ask, with or without the token: a load balancer has none."""

Next = Callable[[Request], Awaitable[Response]]


def is_loopback(host: str) -> bool:
    """Whether a server bound to `host` can be reached from this machine only.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0"), is_loopback("")
    (True, True, False, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """Asks every caller for the token; without one, only programs of this machine are let in.

    Without a token a web page in a browser on this machine must not get in either: the name it
    asked for must be this machine's (a page can let its own name point here), and a request that a
    page of another origin sends is refused.
    """

    def __init__(self, token: str | None) -> None:
        self._token = None if token is None else token.encode()

    async def __call__(self, request: Request, call_next: Next) -> Response:
        refused = self._objection(request)
        return await call_next(request) if refused is None else refused

    def _objection(self, request: Request) -> Response | None:
        if self._token is not None:
            if request.url.path in OPEN_PATHS or self._is_token(request):
                return None
            answer = error_answer(401, "unauthorized", "a bearer token is needed")
            answer.headers["www-authenticate"] = "Bearer"
            return answer
        if not is_loopback((request.url.hostname or "").strip("[]")):
            return error_answer(403, "forbidden", "ask for this machine by its own name")
        origin = request.headers.get("origin")
        if origin is not None and origin != f"{request.url.scheme}://{request.url.netloc}":
            return error_answer(403, "forbidden", "pages of other origins may not ask")
        return None

    def _is_token(self, request: Request) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        token = self._token or b""
        is_same = hmac.compare_digest(given.strip().encode("utf-8", "replace"), token)
        return scheme.lower() == "bearer" and is_same


class BodyLimit:
    """Refuses a body that is longer than it may be, also when it does not say how long it is."""

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > self._max_bytes:
                text = f"a body may have {self._max_bytes:,} bytes"
                await error_answer(413, "too_large", text)(scope, receive, send)
                return
            if not message.get("more_body"):
                break
        whole: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def replay() -> Message:
            return whole.pop() if whole else await receive()

        await self._app(scope, replay, send)
