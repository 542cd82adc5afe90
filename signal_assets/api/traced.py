"""Traced: a span for each request, named by its route and never by what was asked."""

from opentelemetry.trace import SpanKind, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signal_assets.clients.tracing import note, span

UNTRACED = ("/health", "/metrics")
"""Asked every few seconds by machines."""


class Traced:
    """Opens a span around each request but those of `UNTRACED`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(UNTRACED):
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        with span(method, kind=SpanKind.SERVER, http__request__method=method) as opened:

            async def noting(message: Message) -> None:
                if message["type"] == "http.response.start":
                    note(opened, http__response__status_code=message["status"])
                    if message["status"] >= 500:
                        opened.set_status(StatusCode.ERROR)
                await send(message)

            await self._app(scope, receive, noting)
            route = getattr(scope.get("route"), "path", None)
            if route is not None:
                opened.update_name(f"{method} {route}")
                note(opened, http__route=route)
