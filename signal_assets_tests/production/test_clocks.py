"""Machines share a ledger and their clocks differ by a day: still nobody pays twice."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from signal_assets_tests.production.machines import Machine

pytestmark = pytest.mark.slow

DAY, HOUR = 86_400, 3_600

ASKING = """
import sys
from decimal import Decimal
from signal_assets.clients.ledger import Budgets, Call, Caller, Ledger, call_key

url, run_id = sys.argv[1:]
call = Call(service="kvk", key=call_key("kvk", n=1), summary="one", reserve_usd=Decimal("0.01"))
caller = Caller(run_id=run_id, asset="kvk_profiles", search_profile="example")
with Ledger.open(url).session(caller, Budgets()) as session:
    print(type(session.begin(call)).__name__, flush=True)
    sys.stdin.readline()
"""

Ask = Callable[[Machine, str], "subprocess.Popen[str]"]


@pytest.fixture
def ask(postgres: str) -> Iterator[Ask]:
    """Return what asks for the same paid call on a machine, and goes on until it is told to end."""
    started: list[subprocess.Popen[str]] = []

    def begin(machine: Machine, run_id: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", ASKING, postgres, run_id],
            env={**os.environ, **machine.variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("ahead", [DAY, -HOUR, 0])
def test_a_call_under_way_on_another_machine_is_waited_for_whatever_the_clocks_say(
    ahead: int, ask: Ask, tmp_path: Path
) -> None:
    first, second = Machine("first", tmp_path), Machine("second", tmp_path)
    second.set_ahead(ahead)
    assert said(ask(first, "run-1")) == "Ticket"
    assert said(ask(second, "run-2")) == "Busy"


def test_a_clock_that_jumps_while_a_call_is_under_way_takes_it_from_nobody(
    ask: Ask, tmp_path: Path
) -> None:
    first, second = Machine("first", tmp_path), Machine("second", tmp_path)
    assert said(ask(first, "run-1")) == "Ticket"
    first.set_ahead(-DAY)
    assert said(ask(second, "run-2")) == "Busy"


def test_a_machine_tells_its_process_its_own_time_and_name(tmp_path: Path) -> None:
    machine = Machine("elsewhere", tmp_path)
    machine.set_ahead(DAY)
    code = "import json, socket, time; print(json.dumps([time.time(), socket.gethostname()]))"
    line, own = [sys.executable, "-c", code], {**os.environ, **machine.variables}
    printed = [
        json.loads(subprocess.run(line, env=env, capture_output=True, check=True).stdout)
        for env in (dict(os.environ), own)
    ]
    (here, _), (there, name) = printed
    assert name == "elsewhere"
    assert DAY <= there - here < DAY + 60
