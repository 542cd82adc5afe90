"""Limits hold between real processes, as the service sees it."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from sqlalchemy import select

from signal_assets.clients.database_tables import service_waits
from signal_assets.clients.http import Received, open_http
from signal_assets.clients.ledger import Ledger
from signal_assets.clients.lookups import look_up_all
from signal_assets.clients.metered_service import (
    Answered,
    MeteredService,
    Question,
    Verdict,
)
from signal_assets.domain.limits import ServiceLimits
from signal_assets.domain.prices import PriceTable
from signal_assets_tests.clients.databases import BACKENDS, new_database
from signal_assets_tests.clients.limited_ledgers import open_run

SPAWN = multiprocessing.get_context("spawn")
pytestmark = pytest.mark.slow


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path) -> Iterator[str]:
    with new_database(request.param, tmp_path) as url:
        yield url


class Service(ThreadingHTTPServer):
    """Answers after a moment; counts what it was asked, and how much of it at once."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seconds = seconds
        self.lock = threading.Lock()
        self.in_flight = self.most_in_flight = 0
        self.came_at: list[float] = []
        self.paths: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @contextmanager
    def counted(self, path: str) -> Iterator[None]:
        with self.lock:
            self.came_at.append(time.monotonic())
            self.paths.append(path)
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            time.sleep(self.seconds)
            yield
        finally:
            with self.lock:
                self.in_flight -= 1


class Handler(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        with self.server.counted(self.path):
            # Out of flight before the answer is: who has it gives its slot to the next one.
            pass
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args: Any) -> None:
        """Print nothing."""


@contextmanager
def serving(seconds: float) -> Iterator[Service]:
    service = Service(seconds)
    thread = threading.Thread(target=service.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.shutdown()
        service.server_close()
        thread.join()


def judge(question: Question, received: Received) -> Verdict:
    return Answered()


def ask_all(
    url: str, limits: dict[str, object], server: str, name: str, paths: list[str], start: Any
) -> None:
    """Ask for every path, eight at a time, as one run of its own."""
    ledger = Ledger.open(url, ServiceLimits.model_validate(limits))
    start.wait(timeout=60)
    with open_run(ledger, name) as session, open_http(server) as http:
        service = MeteredService("kvk", http, session, PriceTable.shipped(), judge)

        def ask(path: str) -> str:
            question = Question(operation="basisprofiel", path=path, summary=path)
            return service.ask(question).body

        lookups = look_up_all(paths, ask, workers=8)
    ledger.close()
    assert len(lookups.found) == len(paths), (lookups.failed, lookups.waiting)


def run_all(url: str, limits: dict[str, object], server: str, loads: list[list[str]]) -> None:
    """Give each load to a process of its own and wait for all."""
    Ledger.open(url).close()
    start = SPAWN.Barrier(len(loads))
    processes = [
        SPAWN.Process(target=ask_all, args=(url, limits, server, f"run-{number}", load, start))
        for number, load in enumerate(loads)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
    assert [process.exitcode for process in processes] == [0] * len(loads)


def paths(count: int, name: str) -> list[str]:
    return [f"/{name}/{number}" for number in range(count)]


def test_the_service_never_sees_more_requests_at_once_than_the_limit(url):
    with serving(0.2) as service:
        loads = [paths(15, f"run-{number}") for number in range(2)]
        run_all(url, {"kvk": {"in_flight": 3}}, service.url, loads)
        assert service.most_in_flight == 3
        assert len(service.paths) == 30


def test_without_a_limit_the_service_sees_them_all(url):
    with serving(0.3) as service:
        run_all(url, {}, service.url, [paths(20, f"run-{number}") for number in range(2)])
        assert service.most_in_flight > 3


def test_requests_of_several_processes_start_at_the_rate_of_one(url):
    with serving(0) as service:
        loads = [paths(20, f"run-{number}") for number in range(2)]
        run_all(url, {"kvk": {"per_minute": 600}}, service.url, loads)
        assert len(service.came_at) == 40
        took = max(service.came_at) - min(service.came_at)
        assert took > 39 * 0.1 - 0.5  # the first may have been sent late


def test_two_runs_that_ask_the_same_pay_once(url):
    with serving(0.02) as service:
        load = paths(20, "same")
        run_all(url, {"kvk": {"in_flight": 4, "per_minute": 6_000}}, service.url, [load, load])
        assert sorted(service.paths) == sorted(load)
        ledger = Ledger.open(url)
        (row,) = ledger.spending()
        assert (row.calls, row.answers) == (20, 20)
        assert ledger.drift() == []
        ledger.close()


def test_the_slots_of_a_killed_process_come_free_and_the_others_go_on(url):
    limits: dict[str, object] = {"kvk": {"in_flight": 4}}
    Ledger.open(url).close()
    with serving(600) as hanging, serving(0.02) as service:
        start = SPAWN.Barrier(1)
        killed = SPAWN.Process(
            target=ask_all, args=(url, limits, hanging.url, "killed", paths(8, "hangs"), start)
        )
        killed.start()
        while hanging.in_flight < 4:
            assert killed.is_alive()
            time.sleep(0.01)
        load = paths(20, "goes-on")
        waiting = SPAWN.Process(
            target=ask_all, args=(url, limits, service.url, "waits", load, start)
        )
        waiting.start()
        wait_until_somebody_waits(url)
        assert service.paths == []
        assert hanging.most_in_flight == 4
        assert killed.pid is not None
        os.kill(killed.pid, signal.SIGKILL)
        killed.join()
        waiting.join(timeout=60)
        assert waiting.exitcode == 0
        assert sorted(service.paths) == sorted(load)
        assert service.most_in_flight <= 4


def wait_until_somebody_waits(url: str) -> None:
    ledger = Ledger.open(url)
    waits = select(service_waits.c.holder_id)
    give_up_at = time.monotonic() + 60
    seen: set[str] = set()
    while len(seen) < 2:  # the killed run's own other calls wait as well
        assert time.monotonic() < give_up_at
        seen.update(ledger.database.read(lambda db: list(db.execute(waits).scalars())))
        time.sleep(0.02)
    ledger.close()
