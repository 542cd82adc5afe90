import gzip
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from signal_assets.clients.http import (
    MAX_BODY_BYTES,
    NoAnswer,
    NotSent,
    Patience,
    TryAgain,
    fetch,
    open_http,
)
from signal_assets_tests.clients.open_ledgers import Waits

KEY = "a-secret-key-of-some-service"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def serving(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve each connection on a free port of this machine by `talk`; gives the base URL."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65_536)
                try:
                    talk(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def answering(response: httpx.Response) -> httpx.Client:
    return open_http("https://service.test", transport=httpx.MockTransport(lambda _: response))


def test_the_agent_names_the_project():
    assert open_http("https://service.test").headers["user-agent"].startswith("signal-assets/")


def test_an_answer_is_read_as_utf_8_whatever_its_header_says():
    response = httpx.Response(
        200,
        content="\ufeff{“Café”}".encode(),
        headers={"content-type": "text/plain; charset=latin-1"},
    )
    assert fetch(answering(response), "/x").body == "{“Café”}"


def test_what_no_database_can_hold_is_replaced():
    response = httpx.Response(200, content=b"a\x00b\xff")
    assert fetch(answering(response), "/x").body == "a\ufffdb\ufffd"


def test_a_drip_ends_at_its_deadline():
    def drip(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
        for _ in range(100):
            connection.sendall(b" ")
            time.sleep(0.05)

    with serving(drip) as url:
        started = time.monotonic()
        with pytest.raises(NoAnswer, match=r"did not end within 0\.3 seconds"):
            fetch(open_http(url), "/x", total_seconds=0.3)
        assert time.monotonic() - started < 2


def test_headers_that_drip_end_too():
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        for _ in range(200):
            connection.sendall(b"a")
            time.sleep(0.05)

    with serving(drip) as url, open_http(url) as http:
        started = time.monotonic()
        with pytest.raises(NoAnswer, match=r"did not end within 0\.3 seconds"):
            fetch(http, "/x", total_seconds=0.3)
        assert time.monotonic() - started < 4


def test_an_answer_that_is_too_large_is_not_read_to_its_end():
    bomb = gzip.compress(b" " * (MAX_BODY_BYTES * 2))
    head = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    with (
        serving(lambda connection: connection.sendall(HEAD + head + bomb)) as url,
        pytest.raises(NoAnswer, match="larger than 20,000,000 bytes"),
    ):
        fetch(open_http(url), "/x")


@pytest.mark.parametrize(
    "content",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", b"\x16\x03\x01 not HTTP\r\n\r\n",
     HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nxxxx"],
    ids=["closed at once", "cut off", "not HTTP", "not gzip"],
)  # fmt: skip
def test_an_answer_that_is_not_whole_is_no_answer(content):
    with serving(lambda connection: connection.sendall(content)) as url, pytest.raises(NoAnswer):
        fetch(open_http(url), "/x")


def test_nobody_there_means_not_sent():
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    listener.close()
    with pytest.raises(NotSent, match="no connection"):
        fetch(open_http(f"http://127.0.0.1:{port}"), "/x")


def test_redirects_are_not_followed():
    response = httpx.Response(302, headers={"location": "https://elsewhere.test"})
    assert fetch(answering(response), "/x").status_code == 302


@pytest.mark.parametrize(
    "secret", [{"headers": {"Authorization": f"Bearer {KEY}"}}, {"headers": {"apikey": KEY}},
               {"params": {"api_key": KEY}}],
)  # fmt: skip
def test_a_key_that_is_echoed_is_blotted_out(secret):
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=f"you sent {KEY}."))
    received = fetch(open_http("https://service.test", transport=transport, **secret), "/x")
    assert received.body == "you sent [key]."


@pytest.mark.parametrize("key", ["line\nbreak", "curly “quotes”", "nul\x00"])
def test_a_key_no_header_can_carry_is_refused_without_showing_it(key):
    with pytest.raises(ValueError, match="the header apikey can only hold") as raised:
        open_http("https://service.test", headers={"apikey": key})
    assert key not in str(raised.value)


def test_urls_are_not_logged(caplog):
    caplog.set_level(logging.DEBUG)
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    fetch(open_http("https://service.test", params={"api_key": KEY}, transport=transport), "/x")
    assert KEY not in caplog.text


def ask_and_fail(patience: Patience, wait: float | None) -> int:
    asked: list[int] = []

    def ask() -> None:
        asked.append(1)
        raise TryAgain("not now", wait)

    with pytest.raises(TryAgain, match="not now"):
        patience.retrying()(ask)
    return len(asked)


def test_tries_are_counted_and_the_pauses_grow():
    waits = Waits()
    assert ask_and_fail(waits.patience, None) == 4
    first, second, third = waits.seconds
    assert 0.5 <= first <= 1 <= second <= 1.5 < third <= 2.5


@pytest.mark.parametrize(("wait", "tries"), [(5.0, 4), (60.0, 4), (61.0, 1), (10_000.0, 1)])
def test_a_pause_that_is_asked_for_is_kept_up_to_a_minute(wait, tries):
    waits = Waits()
    assert ask_and_fail(waits.patience, wait) == tries
    assert waits.seconds == [wait] * (tries - 1)


def test_other_errors_are_not_tried_again():
    with pytest.raises(ZeroDivisionError):
        Waits().patience.retrying()(lambda: 1 / 0)
