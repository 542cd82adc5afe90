"""Slices in the database: each is one worker's at a time, whoever dies, on SQLite and Postgres."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from signal_assets.clients.ledger import Budgets, Caller, Ledger, LedgerSession
from signal_assets.clients.reading_slices import Reading, ReadingSlices
from signal_assets.domain.reading_slices import ReadingSlice, Tally
from signal_assets_tests.clients.databases import BACKENDS, new_database

SPAWN = multiprocessing.get_context("spawn")
COUNT = 24
WORKERS = 4


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with new_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    opened = Ledger.open(url)
    yield opened
    opened.close()


@pytest.fixture
def slices(ledger: Ledger) -> ReadingSlices:
    return ReadingSlices(ledger.database)


def session(ledger: Ledger, run: str = "leading") -> LedgerSession:
    caller = Caller(run_id=run, asset="extracted_vacancies", search_profile="big")
    return ledger.session(caller, Budgets())


def a_reading(name: str = "a-reading", run: str = "leading") -> Reading:
    return Reading(reading=name, search_profile="big", asked="question", run_id=run)


def some_slices(count: int = 3) -> list[ReadingSlice]:
    return [
        ReadingSlice(number=number, groups=((f"v{number}", f"copy{number}"),), digest=f"d{number}")
        for number in range(count)
    ]


@contextmanager
def opened(url: str, run: str = "leading") -> Iterator[tuple[ReadingSlices, LedgerSession]]:
    ledger = Ledger.open(url)
    with session(ledger, run) as holder:
        yield ReadingSlices(ledger.database), holder
    ledger.close()


def read_all(url: str, start: Any, results: Any) -> None:
    start.wait(timeout=60)
    mine = []
    with opened(url) as (slices, holder):
        while claimed := slices.claim("a-reading", holder):
            mine.append(claimed.number)
            time.sleep(0.005)
            assert slices.finish("a-reading", claimed.number, Tally(values_found=1), holder)
    results.put(mine)


def claim_and_hang(url: str, ready: Any) -> None:
    with opened(url) as (slices, holder):
        slices.claim("a-reading", holder)
        ready.set()
        time.sleep(600)


def test_of_several_processes_each_slice_goes_to_one(
    url: str, ledger: Ledger, slices: ReadingSlices
) -> None:
    with session(ledger) as leader:
        slices.lead(a_reading(), some_slices(COUNT), leader)
        start, results = SPAWN.Barrier(WORKERS), SPAWN.Queue()
        processes = [
            SPAWN.Process(target=read_all, args=(url, start, results)) for _ in range(WORKERS)
        ]
        for process in processes:
            process.start()
        claimed = [number for _ in processes for number in results.get(timeout=60)]
        for process in processes:
            process.join(timeout=30)
    assert sorted(claimed) == list(range(COUNT))
    tallies = slices.tallies("a-reading")
    assert [tallies[number] for number in range(COUNT)] == [Tally(values_found=1)] * COUNT


def test_the_slice_of_a_killed_process_is_taken_over(
    url: str, ledger: Ledger, slices: ReadingSlices
) -> None:
    with session(ledger) as leader:
        slices.lead(a_reading(), some_slices(1), leader)
        ready = SPAWN.Event()
        process = SPAWN.Process(target=claim_and_hang, args=(url, ready))
        process.start()
        assert ready.wait(timeout=60)
        assert slices.claim("a-reading", leader) is None, "its holder lives"
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        claimed = slices.claim("a-reading", leader)
        assert claimed == some_slices(1)[0]


def test_who_lost_a_slice_cannot_finish_it(ledger: Ledger, slices: ReadingSlices) -> None:
    with session(ledger) as leader:
        slices.lead(a_reading(), some_slices(1), leader)
        with session(ledger) as first:
            slices.claim("a-reading", first)
        assert slices.claim("a-reading", leader) is not None
        assert not slices.finish("a-reading", 0, Tally(), first)
        assert slices.finish("a-reading", 0, Tally(values_found=2), leader)
    assert slices.tallies("a-reading") == {0: Tally(values_found=2)}


def test_who_leads_again_goes_on_with_what_is_done(ledger: Ledger, slices: ReadingSlices) -> None:
    with session(ledger) as leader:
        slices.lead(a_reading(), some_slices(), leader)
        claimed = slices.claim("a-reading", leader)
        assert claimed is not None
        slices.finish("a-reading", claimed.number, Tally(values_found=3), leader)
    with session(ledger, "next") as leader:
        slices.lead(a_reading(run="next"), some_slices(), leader)
        assert slices.tallies("a-reading") == {0: Tally(values_found=3), 1: None, 2: None}
        (state,) = slices.readings("big")
        assert (state.run_id, state.is_led, state.open, state.done) == ("next", True, 2, 1)


def test_a_helper_gets_no_slice_of_a_run_that_it_does_not_help(
    ledger: Ledger, slices: ReadingSlices
) -> None:
    with session(ledger) as leader, session(ledger) as helper:
        slices.lead(a_reading(), some_slices(), leader)
        assert slices.claim("a-reading", helper, led_by_run="leading") is not None
        slices.lead(a_reading(run="next"), some_slices(), leader)
        assert slices.claim("a-reading", helper, led_by_run="leading") is None


def test_a_released_and_a_reopened_slice_are_read_again(
    ledger: Ledger, slices: ReadingSlices
) -> None:
    with session(ledger) as leader:
        slices.lead(a_reading(), some_slices(1), leader)
        slices.claim("a-reading", leader)
        slices.release("a-reading", 0, leader)
        assert slices.claim("a-reading", leader) is not None
        slices.finish("a-reading", 0, Tally(), leader)
        assert slices.claim("a-reading", leader) is None
        slices.reopen("a-reading", 0)
        assert slices.tallies("a-reading") == {0: None}
        assert slices.claim("a-reading", leader) is not None


def test_a_reading_is_dropped_by_the_one_that_leads_it(
    ledger: Ledger, slices: ReadingSlices
) -> None:
    with session(ledger) as first, session(ledger) as second:
        slices.lead(a_reading(), some_slices(), first)
        slices.lead(a_reading(), some_slices(), second)
        assert slices.drop("a-reading", first) == []
        assert slices.drop("a-reading", second) == [0, 1, 2]
    assert slices.readings() == []


def test_what_dead_runs_left_is_dropped_and_what_living_ones_do_is_not(
    ledger: Ledger, slices: ReadingSlices
) -> None:
    with session(ledger) as dies:
        slices.lead(a_reading("left"), some_slices(), dies)
        slices.lead(a_reading("gone on with"), some_slices(), dies)
    with session(ledger) as lives:
        slices.lead(a_reading("led"), some_slices(), lives)
        assert slices.drop_left("big", but="gone on with") == {"left": [0, 1, 2]}
        assert [each.reading for each in slices.readings()] == ["gone on with", "led"]
        assert slices.drop_left("another") == {}
