"""Who can reach what is served: this machine only, unless somebody said otherwise."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

TOKEN = "t0ken-of-the-tests-only"
SECONDS = 180


def environment(folder: Path, **variables: str) -> dict[str, str]:
    own = {
        "DAGSTER_HOME": str(folder / "dagster"),
        "SIGNAL_ASSETS_STORAGE": str(folder / "data"),
        "COLUMNS": "300",
    }
    return {**os.environ, **own, **variables}


@contextmanager
def serving(
    folder: Path, port: int, *args: str, **variables: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a command that serves on `port`, wait until it does, and end it with its children."""
    with (folder / "said.txt").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "signal_assets", *args, "--port", str(port)],
            env=environment(folder, **variables),
            cwd=folder,
            stdout=said,
            stderr=said,
        )
        try:
            wait_until_it_answers(port, process)
            yield process
        finally:
            for one in family(process.pid):
                one.kill()
            process.wait(timeout=SECONDS)


def wait_until_it_answers(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "it ended before it served"
        try:
            httpx.get(f"http://127.0.0.1:{port}/", timeout=5)
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"nothing answered in {SECONDS} s")


def family(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [*parent.children(recursive=True), parent]


def listening(process: "subprocess.Popen[bytes]") -> dict[int, str]:
    """Return the address of each port that the process or a child of it listens on."""
    return {
        found.laddr.port: found.laddr.ip
        for one in family(process.pid)
        for found in one.net_connections(kind="tcp")
        if found.status == psutil.CONN_LISTEN
    }


@pytest.fixture
def port() -> int:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        number: int = taken.getsockname()[1]
        return number


@pytest.mark.slow
@pytest.mark.parametrize("command", ["api", "ui", "sandbox"])
def test_it_listens_on_this_machine_only(tmp_path: Path, port: int, command: str) -> None:
    with serving(tmp_path, port, command) as process:
        addresses = listening(process)
    assert addresses[port] == "127.0.0.1"
    assert set(addresses.values()) == {"127.0.0.1"}


@pytest.mark.slow
def test_the_service_on_another_address_lets_nobody_in_without_the_token(
    tmp_path: Path, port: int
) -> None:
    token = {"SIGNAL_ASSETS_API_TOKEN": TOKEN}
    with serving(tmp_path, port, "api", "--host", "0.0.0.0", **token) as process:
        assert listening(process) == {port: "0.0.0.0"}
        url = f"http://127.0.0.1:{port}/profiles"
        assert httpx.get(url).status_code == 401
        assert httpx.get(url, headers={"Authorization": f"Bearer {TOKEN}x"}).status_code == 401
        assert httpx.get(url, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


@pytest.mark.slow
def test_the_ui_on_another_address_warns_that_it_asks_for_no_password(
    tmp_path: Path, port: int
) -> None:
    options = ("--host", "0.0.0.0", "--without-authentication")
    with serving(tmp_path, port, "ui", *options) as process:
        assert listening(process)[port] == "0.0.0.0"
    said = (tmp_path / "said.txt").read_text("utf-8")
    assert "0.0.0.0 can be reached from outside, and Dagster's UI asks for no password" in said


@pytest.mark.parametrize(
    ("command", "words"),
    [("api", "set SIGNAL_ASSETS_API_TOKEN first"), ("ui", "say --without-authentication")],
)
def test_another_address_is_refused_unless_something_says_that_it_is_meant(
    tmp_path: Path, command: str, words: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "signal_assets", command, "--host", "0.0.0.0", "--port", "0"],
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 2
    assert "0.0.0.0 can be reached from outside" in done.stderr
    assert words in done.stderr
