"""The server: in a thread beside a test, in the foreground, or as a process of its own."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import uvicorn

from signal_assets.sandbox.application import Sandbox
from signal_assets.sandbox.control_client import ControlClient
from signal_assets.sandbox.keys import environment_for
from signal_assets.sandbox.world import World, shipped_world

HOST = "127.0.0.1"
START_SECONDS = 20.0


class SandboxServer:
    """The sandbox in a thread of this process, on 127.0.0.1 and a free port.

    `state_file` keeps switched-on faults and the journal's counts: they are read when the server
    starts and written when it stops.
    """

    def __init__(
        self, port: int = 0, world: World | None = None, state_file: Path | None = None
    ) -> None:
        self.sandbox = Sandbox(world or shipped_world())
        self._state_file = state_file
        self._socket = _listen(port)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{HOST}:{self.port}"
        self._server = _build_server(self.sandbox)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    def environment(self) -> dict[str, str]:
        """Return the environment variables that point the product here."""
        return environment_for(self.url)

    @property
    def control(self) -> ControlClient:
        return ControlClient(self.url)

    def serve(self) -> None:
        """Serve in the main thread until the process is told to stop."""
        self._load_state()
        signal.signal(signal.SIGTERM, _leave)
        try:
            with suppress(KeyboardInterrupt):
                self._server.run(sockets=[self._socket])
        finally:
            self._save_state()

    def _load_state(self) -> None:
        if self._state_file and self._state_file.exists():
            self.sandbox.load_state(json.loads(self._state_file.read_text("utf-8")))

    def _save_state(self) -> None:
        if self._state_file:
            self._state_file.write_text(json.dumps(self.sandbox.dump_state()), "utf-8")

    def __enter__(self) -> Self:
        self._load_state()
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the sandbox did not start")
            time.sleep(0.005)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join(START_SECONDS)
        self._socket.close()
        self._save_state()


class SandboxProcess:
    """The sandbox as a process of its own, which outlives a product that is killed.

    With `warm` it starts a second or two later and its first Claude answer is as fast as the rest.
    """

    def __init__(
        self, port: int = 0, state_file: Path | None = None, *, warm: bool = False
    ) -> None:
        command = [sys.executable, "-m", "signal_assets.sandbox", "--port", str(port)]
        if state_file:
            command += ["--state-file", str(state_file)]
        if warm:
            command.append("--warm")
        self._command = command
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def environment(self) -> dict[str, str]:
        """Return the environment variables that point the product here."""
        return environment_for(self.url)

    @property
    def control(self) -> ControlClient:
        return ControlClient(self.url)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 - our own command  # nosec B603
            self._command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
        )
        stdout: Any = self._process.stdout
        self.url = stdout.readline().strip()
        if not self.url:
            raise RuntimeError("the sandbox did not start")
        self.control.wait_until_ready(START_SECONDS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        process = self._process
        if process is None:
            return
        process.terminate()
        process.wait(START_SECONDS)
        if process.stdout:
            process.stdout.close()


def run(port: int = 0, state_file: Path | None = None, *, warm: bool = False) -> None:
    """Serve in the foreground until interrupted.

    Prints the URL on a line of its own, then the environment variables that lead to it.
    """
    server = SandboxServer(port, state_file=state_file)
    if warm:
        server.sandbox.claude.warm_up()
    exports = [f"export {name}={value}" for name, value in server.environment().items()]
    sys.stdout.write("\n".join([server.url, *exports]) + "\n")
    sys.stdout.flush()
    server.serve()


def _leave(number: int, frame: FrameType | None) -> None:
    """End by an exception, so that state is saved; uvicorn raises its signals once more."""
    raise SystemExit(0)


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(1024)
    return listener


def _build_server(sandbox: Sandbox) -> uvicorn.Server:
    config = uvicorn.Config(
        sandbox.application,
        lifespan="off",
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    sandbox.desk.connections = _ServerConnections(server)
    return server


class _ServerConnections:
    def __init__(self, server: uvicorn.Server) -> None:
        self._server = server

    def transport_of(self, client: tuple[str, int]) -> asyncio.Transport | None:
        connections: Collection[Any] = self._server.server_state.connections
        for connection in connections:
            if connection.client == tuple(client):
                transport: asyncio.Transport = connection.transport
                return transport
        return None
