"""A stand-in for a cluster's API: takes Jobs over HTTP and keeps them as they came."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml


class Cluster:
    """What was asked of the cluster: `jobs` as (path, body), in order."""

    def __init__(self, url: str, kubeconfig: Path) -> None:
        self.jobs: list[tuple[str, dict[str, Any]]] = []
        self.kubeconfig = kubeconfig
        kubeconfig.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "here",
                    "clusters": [{"name": "here", "cluster": {"server": url}}],
                    "users": [{"name": "nobody", "user": {}}],
                    "contexts": [
                        {"name": "here", "context": {"cluster": "here", "user": "nobody"}}
                    ],
                }
            ),
            "utf-8",
        )


@contextmanager
def listening_cluster(folder: Path) -> Iterator[Cluster]:
    """Serve on a free port of loopback; `folder` takes the file that tells clients of it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Api)
    cluster = Cluster(f"http://127.0.0.1:{server.server_port}", folder / "kubeconfig.yaml")
    server.cluster = cluster  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield cluster
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Api(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.cluster.jobs.append((self.path, body))  # type: ignore[attr-defined]
        answer = json.dumps(body).encode()
        self.send_response(201)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Print nothing."""
