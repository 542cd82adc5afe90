"""A service that sends back whatever key it was sent: in errors, in good answers, in headers."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

NOT_SECRET = {"host", "accept", "accept-encoding", "connection", "content-length", "content-type"}


class _Echo(BaseHTTPRequestHandler):
    """Answers with the status in the first part of the path, for example `/401/v1/messages`."""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        status = int(self.path.split("/")[1])
        sent = {name: value for name, value in self.headers.items() if name not in NOT_SECRET}
        echo = f"You sent {self.path} with {json.dumps(sent)}"
        body = json.dumps(_body(echo)).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("request-id", "".join(sent.values())[:200])
        self.send_header("location", self.path)
        self.send_header("warning", f'299 - "{echo}"')
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815 - names that http.server asks for

    def log_message(self, *args: Any) -> None:
        """Say nothing: the requests hold keys."""


def _body(echo: str) -> dict[str, Any]:
    """Return an answer that each of the services could have sent, with the echo in it."""
    return {
        "id": echo,
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-5-5",
        "content": [{"type": "text", "text": json.dumps({"facts": [], "said": echo})}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
        "error": {"type": echo, "message": echo, "code": echo},
        "fout": [{"code": "IPD9999", "omschrijving": echo}],
        "resultaten": [],
        "totaal": 0,
        "naam": echo,
        "companyName": echo,
    }


@contextmanager
def echo_server() -> Iterator[str]:
    """Yield the URL of a running server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
