import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psutil
import pytest

from signal_assets.clients.errors import BudgetExhausted
from signal_assets.clients.holders import Holder, is_dead, process_started, this_host
from signal_assets.clients.ledger import Budgets, Busy, Call, Caller, Ledger, Ticket, call_key
from signal_assets_tests.clients.databases import BACKENDS, new_database

SPAWN = multiprocessing.get_context("spawn")
LIMIT = Decimal("0.30")


@pytest.fixture(params=BACKENDS)
def url(request, tmp_path) -> Iterator[str]:
    with new_database(request.param, tmp_path) as url:
        yield url


def a_call(key: str) -> Call:
    return Call(
        service="claude", key=call_key("claude", key=key), summary=key, reserve_usd=Decimal("0.01")
    )


def caller(run: str) -> Caller:
    return Caller(run_id=run, asset="extracted_vacancies", search_profile="accounts_payable")


def race(work: Any, url: str, count: int) -> list[Any]:
    """Run `work` in `count` processes that open the database at the same moment."""
    start, results = SPAWN.Barrier(count), SPAWN.Queue()
    processes = [
        SPAWN.Process(target=work, args=(url, number, start, results)) for number in range(count)
    ]
    for process in processes:
        process.start()
    found = [results.get(timeout=30) for _ in processes]
    for process in processes:
        process.join(timeout=30)
    assert [process.exitcode for process in processes] == [0] * count
    return found


def ask_the_same(url: str, number: int, start: Any, results: Any) -> None:
    start.wait(timeout=30)
    ledger = Ledger.open(url)
    with ledger.session(caller(f"run-{number}"), Budgets()) as session:
        outcome = session.begin(a_call("same"))
        results.put(type(outcome).__name__)
        start.wait(timeout=30)
    ledger.close()


def spend_all(url: str, number: int, start: Any, results: Any) -> None:
    start.wait(timeout=30)
    ledger = Ledger.open(url)
    made = 0
    with ledger.session(caller(f"run-{number}"), Budgets(month=LIMIT)) as session:
        for index in range(40):
            try:
                ticket = session.begin(a_call(f"{number}-{index}"))
            except BudgetExhausted:
                continue
            assert isinstance(ticket, Ticket)
            session.complete(ticket, body="", cost_usd=Decimal("0.01"))
            made += 1
    ledger.close()
    results.put(made)


def ask_and_hang(url: str, ready: Any) -> None:
    session = Ledger.open(url).session(caller("killed"), Budgets())
    with session:
        session.complete(_ticket(session.begin(a_call("paid"))), body="kept", cost_usd=Decimal(1))
        session.begin(a_call("open"))
        ready.set()
        time.sleep(600)


def _ticket(outcome: object) -> Ticket:
    assert isinstance(outcome, Ticket)
    return outcome


def test_of_several_processes_one_asks(url):
    assert sorted(race(ask_the_same, url, 4)) == ["Busy", "Busy", "Busy", "Ticket"]


def test_several_processes_together_stay_within_the_budget(url):
    made = race(spend_all, url, 3)
    ledger = Ledger.open(url)
    (row,) = ledger.spending()
    assert sum(made) == 30
    assert row.cost_usd == LIMIT
    assert ledger.drift() == []
    ledger.close()


def test_what_a_killed_process_paid_for_is_kept_and_what_it_asked_is_taken_over(url):
    ready = SPAWN.Event()
    process = SPAWN.Process(target=ask_and_hang, args=(url, ready))
    process.start()
    assert ready.wait(timeout=30)
    ledger = Ledger.open(url)
    with ledger.session(caller("next"), Budgets()) as session:
        assert isinstance(session.begin(a_call("open")), Busy)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert session.answers([a_call("paid")])[a_call("paid").key].body == "kept"
        ticket = _ticket(session.begin(a_call("open")))
        assert [left.run_id for left in ledger.unknown_outcomes()] == ["killed"]
        assert [(row.run_id, row.held_usd) for row in ledger.spending(["run_id"])] == [
            ("killed", Decimal("0.01")),
            ("next", Decimal("0.01")),
        ]
        session.complete(ticket, body="answer", cost_usd=Decimal("0.004"))
    assert ledger.unknown_outcomes() == []
    assert [row.cost_usd for row in ledger.spending(["run_id"])] == [
        Decimal("1.004"),
        Decimal("0.004"),
    ]
    assert ledger.drift() == []
    ledger.close()


NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def a_holder(**changes: Any) -> Holder:
    own = Holder(
        holder_id="h",
        host=this_host(),
        pid=os.getpid(),
        process_started=process_started(),
        heartbeat_at=NOW,
    )
    return own.model_copy(update=changes)


def free_pid() -> int:
    return next(pid for pid in range(4_000_000, 1, -1) if not psutil.pid_exists(pid))


@pytest.mark.parametrize(
    ("changes", "silence", "dead"),
    [
        ({}, 0, False),
        ({}, 3_600, False),
        ({"ended_at": NOW}, 0, True),
        ({"pid": free_pid()}, 0, True),
        ({"host": "elsewhere"}, 30, False),
        ({"host": "elsewhere"}, 31, True),
        ({"process_started": 1.0}, 31, True),
        ({"process_started": 1.0}, 0, False),
    ],
    ids=[
        "lives",
        "lives in silence",
        "ended",
        "no such process",
        "elsewhere",
        "elsewhere in silence",
        "number given to another process",
        "clock was set",
    ],
)
def test_a_holder_is_dead_when_nobody_can_be_behind_it(changes, silence, dead):
    assert is_dead(a_holder(**changes), NOW + timedelta(seconds=silence)) is dead
