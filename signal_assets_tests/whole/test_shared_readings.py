"""Big search profiles read by several processes: the table of one process, whoever is killed."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from signal_assets.clients.ledger import PassRecord
from signal_assets.clients.reading_slices import ReadingSlices, ReadingState
from signal_assets.defs.frames import rows_of
from signal_assets.sandbox import SandboxProcess
from signal_assets_tests.whole.conftest import Command, without_moments
from signal_assets_tests.whole.generated import copies, vacancies

pytestmark = pytest.mark.slow

PROFILE = "shared"
COUNT = 120
COPIES = 12
SLICE = 10
CONCURRENCY = 4
SLICES = COUNT // SLICE
LATENCY = 0.05
SLOW = 5.0
"""Seconds a call takes while a test waits for processes to start."""
READ = ("run", "--profile", PROFILE, "--pass", "llm")
HELP = ("help-reading", "--profile", PROFILE, "--wait", "120")

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class OneProcess:
    rows: Rows
    requests: int
    record: PassRecord


def same_words() -> Iterator[dict[str, Any]]:
    """Yield two vacancies, far from each other, that differ only in a name that is masked."""
    texts = list(vacancies(COUNT))
    for number, person in ((3, "Sanne de Wit"), (COUNT - 3, "Daan Jansen")):
        ending = f"\n\nVragen? Bel {person}, 06-12345678."
        texts[number] = {**texts[number], "description": texts[3]["description"] + ending}
    yield from texts


def a_command(folder: Path, sandbox: SandboxProcess, **settings: str) -> Command:
    command = Command(folder, sandbox.environment())
    command.variables |= {"SIGNAL_ASSETS_CONCURRENCY": str(CONCURRENCY), **settings}
    command.add_profile(PROFILE, [*same_words(), *copies(COPIES)])
    return command


@pytest.fixture(scope="module")
def harvested(sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose profile is harvested and not read yet.

    The sandbox's Claude has the prompt in its cache by then, so that no call pays for that: which
    of several first calls does is chance, and not ours.
    """
    folder = tmp_path_factory.mktemp("harvested")
    command = a_command(folder / "home", sandbox)
    finished = command.run("run", "--profile", PROFILE, "--pass", "harvest")
    assert finished.returncode == 0, finished.stderr
    for name in ("data", "dagster"):
        shutil.copytree(command.folder / name, folder / name)
    assert command.run(*READ).returncode == 0
    return folder


Start = Callable[..., Command]


@pytest.fixture(scope="module")
def new_command(sandbox: SandboxProcess, harvested: Path) -> Start:
    def start(folder: Path, **settings: str) -> Command:
        sandbox.control.set_latency("claude", 0)
        sandbox.control.clear_journal()
        command = a_command(folder, sandbox, **settings)
        for name in ("data", "dagster"):
            shutil.copytree(harvested / name, folder / name)
        return command

    return start


@pytest.fixture(scope="module")
def in_slices(new_command: Start) -> Start:
    return partial(new_command, SIGNAL_ASSETS_SLICE_SIZE=str(SLICE))


def rows(command: Command) -> Rows:
    """Return the rows of the table, in their order."""
    frame = command.store.read("extracted_vacancies", PROFILE)
    assert frame is not None
    return [without_moments(row) for row in rows_of(frame)]


def requests(sandbox: SandboxProcess) -> int:
    return sum(row["requests"] for row in sandbox.control.counts("claude"))


def last_pass(command: Command) -> PassRecord:
    with command.ledger() as ledger:
        return ledger.passes(PROFILE, "llm", 1)[0]


@contextmanager
def slices_of(command: Command) -> Iterator[ReadingSlices]:
    with command.ledger() as ledger:
        yield ReadingSlices(ledger.database)


def states(command: Command) -> list[ReadingState]:
    with slices_of(command) as slices:
        return slices.readings(PROFILE)


def parts(command: Command) -> list[Path]:
    folder = command.folder / "data" / "reading_parts" / f"search_profile={PROFILE}"
    return sorted(folder.glob("*.parquet"))


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 150
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def kill(process: "subprocess.Popen[bytes]") -> None:
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait(timeout=10) == -signal.SIGKILL, "it had ended before it was killed"


def counted(record: PassRecord) -> dict[str, Any]:
    return record.model_dump(exclude={"run_id", "started_at", "finished_at"})


@pytest.fixture(scope="module")
def one_process(
    sandbox: SandboxProcess, new_command: Start, tmp_path_factory: pytest.TempPathFactory
) -> OneProcess:
    command = new_command(tmp_path_factory.mktemp("one") / "home")
    assert command.run(*READ).returncode == 0
    assert states(command) == []
    found = rows(command)
    assert sum(row["read_from"] is not None for row in found) >= COPIES - 1
    return OneProcess(found, requests(sandbox), last_pass(command))


def test_slices_in_one_process_make_the_table_and_the_counts_of_a_reading_without(
    sandbox: SandboxProcess, in_slices: Start, one_process: OneProcess, tmp_path: Path
) -> None:
    command = in_slices(tmp_path / "home")
    finished = command.run(*READ)
    assert finished.returncode == 0, finished.stderr
    assert rows(command) == one_process.rows
    assert requests(sandbox) == one_process.requests
    assert counted(last_pass(command)) == counted(one_process.record)
    assert (states(command), parts(command)) == ([], [])


def test_one_run_and_two_helpers_make_the_table_of_one_process(
    sandbox: SandboxProcess, in_slices: Start, one_process: OneProcess, tmp_path: Path
) -> None:
    command = in_slices(tmp_path / "home")
    sandbox.control.set_latency("claude", SLOW)
    leading = command.start(*READ)
    helpers = [command.start(*HELP) for _ in range(2)]
    wait_until(lambda: sum(each.claimed for each in states(command)) == 3)
    sandbox.control.set_latency("claude", 0)
    assert [each.wait(timeout=120) for each in (leading, *helpers)] == [0, 0, 0]
    assert rows(command) == one_process.rows
    assert sandbox.control.repeated() == []
    record = last_pass(command)
    assert counted(record) == counted(one_process.record)
    with command.ledger() as ledger:
        (paid,) = ledger.spending(["run_id"])
        assert (paid.run_id, paid.cost_usd) == (record.run_id, record.cost_usd)
        assert ledger.drift() == []
    assert (states(command), parts(command)) == ([], [])


def test_a_helper_and_then_the_run_are_killed_and_nothing_stored_is_asked_again(
    sandbox: SandboxProcess, in_slices: Start, one_process: OneProcess, tmp_path: Path
) -> None:
    command = in_slices(tmp_path / "home")
    sandbox.control.set_latency("claude", SLOW)
    leading = command.start(*READ)
    helper = command.start(*HELP)
    wait_until(lambda: sum(each.claimed for each in states(command)) == 2)
    kill(helper)
    sandbox.control.set_latency("claude", LATENCY)
    wait_until(lambda: sum(each.done for each in states(command)) >= SLICES // 2)
    kill(leading)
    time.sleep(LATENCY * 3)  # what is in flight reaches the sandbox's books
    (left,) = states(command)
    assert not left.is_led
    assert 0 < left.done < SLICES
    stored, asked = command.stored_answers("claude"), requests(sandbox)
    assert asked - stored <= 2 * CONCURRENCY, "more than was in flight"
    sandbox.control.set_latency("claude", 0)

    finished = command.run(*READ)

    assert finished.returncode == 0, finished.stderr
    assert requests(sandbox) - asked == one_process.requests - stored
    assert rows(command) == one_process.rows
    record = last_pass(command)
    assert (record.processed, record.succeeded) == (
        one_process.record.processed,
        one_process.record.succeeded,
    )
    with command.ledger() as ledger:
        paid = {line.run_id: line.cost_usd for line in ledger.spending(["run_id"])}
        assert record.cost_usd == paid[record.run_id], "what the killed run paid is not counted"
        assert ledger.unknown_outcomes() == []
    assert (states(command), parts(command)) == ([], [])


@pytest.mark.parametrize("harm", ["removed", "cut off", "another table"])
def test_a_part_that_is_of_no_use_is_read_again(
    sandbox: SandboxProcess, in_slices: Start, one_process: OneProcess, tmp_path: Path, harm: str
) -> None:
    command = in_slices(tmp_path / "home")
    sandbox.control.set_latency("claude", LATENCY)
    leading = command.start(*READ)
    wait_until(lambda: sum(each.done for each in states(command)) >= 2)
    kill(leading)
    first, second, *_ = parts(command)
    if harm == "removed":
        first.unlink()
    elif harm == "cut off":
        first.write_bytes(first.read_bytes()[:-100])
    else:
        first.write_bytes(second.read_bytes())
    sandbox.control.set_latency("claude", 0)

    finished = command.run(*READ)

    assert finished.returncode == 0, finished.stderr
    assert rows(command) == one_process.rows
    assert parts(command) == []


def test_a_budget_holds_for_the_run_and_its_helpers_together(
    sandbox: SandboxProcess, in_slices: Start, one_process: OneProcess, tmp_path: Path
) -> None:
    budget = one_process.record.cost_usd / 2
    command = in_slices(tmp_path / "home")
    profile = command.profiles / f"{PROFILE}.yaml"
    text = profile.read_text("utf-8")
    profile.write_text(text.replace("{run: 1000}", f"{{run: {budget:f}}}"), "utf-8")
    sandbox.control.set_latency("claude", SLOW)
    leading = command.start(*READ)
    helper = command.start(*HELP)
    wait_until(lambda: sum(each.claimed for each in states(command)) == 2)
    sandbox.control.set_latency("claude", 0)
    assert helper.wait(timeout=120) == 0
    assert leading.wait(timeout=120) == 1, "the check says that rows wait"
    with command.ledger() as ledger:
        (paid,) = ledger.spending(["run_id"])
    assert budget / 2 < paid.cost_usd <= budget
    found = rows(command)
    assert len(found) == len(one_process.rows)
    assert {row["failure_kind"] for row in found if row["extraction_status"] == "pending"} == {
        "budget"
    }
    sandbox.control.set_latency("claude", 0)
    profile.write_text(text, "utf-8")

    assert command.run(*READ).returncode == 0
    assert rows(command) == one_process.rows
    assert sandbox.control.repeated() == []


def test_the_keyword_reader_reads_in_slices_as_without(
    new_command: Start, in_slices: Start, tmp_path: Path
) -> None:
    whole = new_command(tmp_path / "whole", ANTHROPIC_API_KEY="")
    sliced = in_slices(tmp_path / "sliced", ANTHROPIC_API_KEY="")
    for command in (whole, sliced):
        assert command.run(*READ).returncode == 0
    assert rows(sliced) == rows(whole)


def test_a_key_that_is_refused_stops_all_slices_at_once(
    sandbox: SandboxProcess, in_slices: Start, tmp_path: Path
) -> None:
    command = in_slices(tmp_path / "home", ANTHROPIC_API_KEY="wrong")
    assert command.run(*READ).returncode == 1
    assert {row["failure_kind"] for row in rows(command) if row["error"]} == {"unavailable"}
    assert requests(sandbox) <= CONCURRENCY


def test_who_finds_nothing_to_help_with_says_so(new_command: Start, tmp_path: Path) -> None:
    command = new_command(tmp_path / "home")
    finished = command.run("help-reading", "--profile", PROFILE)
    assert finished.returncode == 0
    assert f"No run reads {PROFILE} in slices now." in finished.stdout
