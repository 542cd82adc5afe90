"""A small HTTP server on this machine: keeps what is posted, and answers as it is told to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class HttpServer:
    """What the server answers, and what came in."""

    statuses: list[int] = field(default_factory=list)
    """Answered one after the other; then 200."""
    text: str = "ok"
    url: str = ""
    posts: list[tuple[str, bytes]] = field(default_factory=list)
    """Path and body of each request."""


@contextmanager
def http_server(behaviour: HttpServer | None = None) -> Iterator[HttpServer]:
    does = behaviour or HttpServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            does.posts.append((self.path, body))
            self.send_response(does.statuses.pop(0) if does.statuses else 200)
            said = does.text.encode()
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        does.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield does
        server.shutdown()
        thread.join()
