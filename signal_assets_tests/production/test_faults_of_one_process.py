"""`signal-assets run` on servers that go away and disks that are full: nothing paid twice or lost.

The run rides it out, or ends with an error and the next one goes on where it was.
"""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from signal_assets.clients.ledger import Ledger
from signal_assets.sandbox import SandboxProcess
from signal_assets_tests.production.cluster import ClusterCommand, wait_until
from signal_assets_tests.production.fault_table import PROPERTY, FaultRow, Record
from signal_assets_tests.production.servers import Servers, new_servers
from signal_assets_tests.whole.conftest import KEYS, Command, Tables, differences
from signal_assets_tests.whole.generated import vacancies

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults of one process")]

PROFILE = "struck"
COUNT = 40
CONCURRENCY = 4
LATENCY = 0.3
DOWN_SECONDS = 3.0
FULL_SECONDS = 20.0

Process = "subprocess.Popen[bytes]"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess() as process:
        yield process


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with new_servers(tmp_path_factory.mktemp("servers")) as started:
        yield started


@pytest.fixture(scope="module")
def undisturbed(sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    command = Command(tmp_path_factory.mktemp("undisturbed") / "home", sandbox.environment())
    command.add_profile(PROFILE, vacancies(COUNT))
    finished = command.run("run", "--profile", PROFILE)
    assert finished.returncode == 0, finished.stderr
    return command.tables(PROFILE)


@pytest.fixture
def on_servers(
    undisturbed: Tables, sandbox: SandboxProcess, servers: Servers, tmp_path: Path
) -> ClusterCommand:
    bucket = servers.store.make_bucket()
    variables = {
        "SIGNAL_ASSETS_STORAGE": f"s3://{bucket}/tables",
        "SIGNAL_ASSETS_LOGS_BUCKET": bucket,
        "SIGNAL_ASSETS_CONCURRENCY": str(CONCURRENCY),
    }
    url = servers.postgres.new_database()
    command = ClusterCommand(tmp_path / "home", sandbox.environment(), url, variables)
    command.add_profile(PROFILE, vacancies(COUNT))
    start_afresh(sandbox)
    return command


def start_afresh(sandbox: SandboxProcess) -> None:
    sandbox.control.advance_clock(3_600)  # what Claude cached makes nothing cheaper now
    sandbox.control.clear_journal()
    sandbox.control.set_latency("claude", LATENCY)


def asked(sandbox: SandboxProcess) -> int:
    return sum(row["requests"] for row in sandbox.control.counts("claude"))


def check_nothing_lost(
    command: Command, sandbox: SandboxProcess, undisturbed: Tables, ledger: Ledger
) -> int:
    """Return how many calls were paid for again, which are those that were under way."""
    again = sum(int(row["billed"]) - 1 for row in sandbox.control.repeated())
    assert again <= CONCURRENCY, "more than was under way"
    tables = command.tables(PROFILE)
    assert tables.keys() == KEYS.keys()
    assert differences(tables, undisturbed) == []
    assert ledger.drift() == []
    assert ledger.unknown_outcomes() == [], "every call that was cut off was made good"
    return again


@contextmanager
def killed_postgres(servers: Servers, process: Process, sandbox: SandboxProcess) -> Iterator[None]:
    servers.postgres.kill()
    time.sleep(DOWN_SECONDS)
    servers.postgres.start()
    yield


@pytest.mark.parametrize(
    ("fault", "struck"),
    [
        ("kill -9 of PostgreSQL, 3 s down", killed_postgres),
    ],
)
def test_a_run_rides_it_out_or_the_next_one_goes_on(
    fault: str,
    struck: Callable[..., "contextmanager[None]"],
    on_servers: ClusterCommand,
    servers: Servers,
    sandbox: SandboxProcess,
    undisturbed: Tables,
    record_property: Record,
) -> None:
    process = on_servers.start("run", "--profile", PROFILE)
    wait_until(lambda: asked(sandbox) >= COUNT // 4, "a quarter is read")
    began = time.monotonic()
    with struck(servers, process, sandbox):
        code = ended(process)
    outcome = "rode it out"
    if code is None:
        outcome, code = "waited for room and went on", process.wait(timeout=120)
    sandbox.control.set_latency("claude", 0)
    if code != 0:
        outcome = f"ended with exit code {code}; the next run went on"
        finished = on_servers.run("run", "--profile", PROFILE)
        assert finished.returncode == 0, finished.stdout + finished.stderr
    seconds = time.monotonic() - began

    ledger = on_servers.open_ledger()
    again = check_nothing_lost(on_servers, sandbox, undisturbed, ledger)
    ledger.close()
    row = FaultRow("signal-assets run", fault, "while Claude reads", outcome, again, seconds)
    record_property(PROPERTY, row.cells)


def ended(process: "subprocess.Popen[bytes]") -> int | None:
    """Return the exit code, None when it still runs after some time."""
    try:
        return process.wait(timeout=FULL_SECONDS)
    except subprocess.TimeoutExpired:
        return None
