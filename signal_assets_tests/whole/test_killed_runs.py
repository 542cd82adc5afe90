"""Runs that are killed with -9, and runs beside each other: nothing is lost or paid for twice."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from signal_assets.sandbox import SandboxProcess
from signal_assets_tests.whole.conftest import KEYS, Command, Tables, differences
from signal_assets_tests.whole.generated import copies, vacancies

pytestmark = pytest.mark.slow

PROFILE = "killed"
COUNT = 240
CONCURRENCY = 8
LATENCY = 0.06
WORKERS = 2
"""Look-ups that are in flight at once in pass 2."""
IN_FLIGHT = {"claude": CONCURRENCY, "kvk": WORKERS, "company_info": WORKERS}


@dataclass(frozen=True)
class Undisturbed:
    tables: Tables
    requests: dict[str, int]


def new_command(folder: Path, sandbox: SandboxProcess, count: int = COUNT) -> Command:
    settings = {"SIGNAL_ASSETS_CONCURRENCY": str(CONCURRENCY)}
    sandbox.control.clear_journal()
    sandbox.control.advance_clock(
        3_600
    )  # what Claude cached for another test makes nothing cheaper
    set_latency(sandbox, 0)
    command = Command(folder, sandbox.environment() | settings)
    command.add_profile(PROFILE, vacancies(count))
    return command


def count_requests(sandbox: SandboxProcess, service: str) -> int:
    return sum(row["requests"] for row in sandbox.control.counts(service))


def set_latency(sandbox: SandboxProcess, seconds: float) -> None:
    for service in IN_FLIGHT:
        sandbox.control.set_latency(service, seconds)


def kill(process: "subprocess.Popen[bytes]") -> None:
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait(timeout=10) == -signal.SIGKILL, "the run had ended before it was killed"


def is_harvested(command: Command, process: "subprocess.Popen[bytes]") -> bool:
    """Whether a run has written its first table."""
    path = command.store.path("raw_vacancies", PROFILE)
    started_at = psutil.Process(process.pid).create_time()
    return path.exists() and path.stat().st_mtime > started_at


def wait_until(reached: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert process.poll() is None, "the run ended before the moment it was to be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def undisturbed(sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """Return what a run that nobody disturbs makes, and what it asks."""
    command = new_command(tmp_path_factory.mktemp("undisturbed") / "home", sandbox)
    finished = command.run("run", "--profile", PROFILE)
    assert finished.returncode == 0, finished.stderr
    requests = {service: count_requests(sandbox, service) for service in IN_FLIGHT}
    assert sandbox.control.repeated() == []
    return Undisturbed(command.tables(PROFILE), requests)


def test_a_run_killed_in_both_passes_asks_nothing_again_that_was_answered_and_stored(
    sandbox: SandboxProcess, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    command = new_command(tmp_path / "home", sandbox)
    chance = random.Random(20261120)
    set_latency(sandbox, LATENCY)

    for service in ("claude", "claude", "kvk", "company_info"):
        before = command.stored_answers(service)
        missing = undisturbed.requests[service] - before
        moment = count_requests(sandbox, service) + chance.randint(missing // 4, missing // 2)
        process = command.start("run", "--profile", PROFILE)
        wait_until(lambda: count_requests(sandbox, service) >= moment, process)  # noqa: B023
        kill(process)
        time.sleep(LATENCY * 3)  # what is in flight reaches the sandbox's books

        assert before < command.stored_answers(service) < undisturbed.requests[service]
        unstored = count_requests(sandbox, service) - command.stored_answers(service)
        assert unstored <= IN_FLIGHT[service] * (2 if before else 1), "more than was in flight"
    set_latency(sandbox, 0)

    stored = {service: command.stored_answers(service) for service in IN_FLIGHT}
    asked = {service: count_requests(sandbox, service) for service in IN_FLIGHT}
    finished = command.run("run", "--profile", PROFILE)

    assert finished.returncode == 0, finished.stderr
    for service in IN_FLIGHT:
        asked_now = count_requests(sandbox, service) - asked[service]
        assert asked_now == undisturbed.requests[service] - stored[service]
    tables = command.tables(PROFILE)
    assert tables.keys() == KEYS.keys()
    assert differences(tables, undisturbed.tables) == []
    with command.ledger() as ledger:
        assert ledger.unknown_outcomes() == [], "every call that was cut off was made good"
        assert ledger.drift() == []


def test_kills_at_random_moments_leave_no_half_written_table(
    sandbox: SandboxProcess, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    command = new_command(tmp_path / "home", sandbox)
    chance = random.Random(7)
    for _ in range(5):
        process = command.start("run", "--profile", PROFILE)
        wait_until(lambda: is_harvested(command, process), process)  # noqa: B023
        time.sleep(chance.uniform(0, 1.5))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)

        for asset, rows in command.tables(PROFILE).items():
            assert rows.keys() <= undisturbed.tables[asset].keys(), asset

    finished = command.run("run", "--profile", PROFILE)

    assert finished.returncode == 0, finished.stderr
    tables = command.tables(PROFILE)
    assert tables.keys() == KEYS.keys()
    assert differences(tables, undisturbed.tables) == []


def test_two_runs_of_one_search_profile_at_once_pay_for_nothing_twice(
    sandbox: SandboxProcess, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    command = new_command(tmp_path / "home", sandbox)
    command.run("doctor")  # makes the empty storages, which is not what is tested here
    set_latency(sandbox, LATENCY / 2)

    processes = [command.start("run", "--profile", PROFILE) for _ in range(2)]
    codes = [process.wait(timeout=120) for process in processes]

    assert codes == [0, 0]
    assert sandbox.control.repeated() == []
    tables = command.tables(PROFILE)
    assert tables.keys() == KEYS.keys()
    assert differences(tables, undisturbed.tables) == []


def test_a_harvest_killed_before_its_table_stood_finds_its_copies_the_next_time(
    tmp_path: Path,
) -> None:
    command = Command(tmp_path / "home", {})
    command.add_profile(PROFILE, [*vacancies(4), *copies(4)])
    line = ("run", "--profile", PROFILE, "--pass", "harvest")
    assert command.run(*line).returncode == 0
    undisturbed = command.tables(PROFILE)
    assert {row["duplicate_of"] for row in undisturbed["raw_vacancies"].values()} > {None}

    Path(str(command.store.path("raw_vacancies", PROFILE))).unlink()
    assert command.run(*line).returncode == 0

    assert differences(command.tables(PROFILE), undisturbed) == []
