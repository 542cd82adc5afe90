"""The command on PostgreSQL and S3 as on one machine: the same tables, nothing paid for twice.

Dagster's tables and ours lie in one schema here, as they will where one database serves both.
"""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterRunStatus

from signal_assets.clients.ledger import Ledger
from signal_assets.defs.storage import TableStore
from signal_assets.sandbox import SandboxProcess
from signal_assets_tests.clients.databases import new_schema
from signal_assets_tests.production.cluster import Cluster
from signal_assets_tests.production.conftest import objects
from signal_assets_tests.whole.conftest import KEYS, Command, Tables
from signal_assets_tests.whole.generated import vacancies

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("whole on servers")]

PROFILE = "on_servers"
COUNT = 48
CONCURRENCY = 8


class ServerCommand(Command):
    """`signal-assets` with its tables in S3 and its databases in PostgreSQL."""

    def __init__(self, folder: Path, sandbox: SandboxProcess, postgres: str, bucket: str) -> None:
        super().__init__(folder, sandbox.environment())
        self._postgres, self._root = postgres, f"s3://{bucket}/tables"
        self.variables |= {
            "SIGNAL_ASSETS_STORAGE": self._root,
            "SIGNAL_ASSETS_DATABASE_URL": postgres,
            "DAGSTER_POSTGRES_URL": postgres,
            "SIGNAL_ASSETS_LOGS_BUCKET": bucket,
            "SIGNAL_ASSETS_CONCURRENCY": str(CONCURRENCY),
        }

    @property
    def store(self) -> TableStore:
        return TableStore(self._root)

    def open_ledger(self) -> Ledger:
        return Ledger.open(self._postgres)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess() as process:
        yield process


@pytest.fixture(scope="module")
def local(sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Return the tables of a run on one machine with SQLite and a folder."""
    command = Command(tmp_path_factory.mktemp("local") / "home", sandbox.environment())
    command.add_profile(PROFILE, vacancies(COUNT))
    finished = command.run("run", "--profile", PROFILE)
    assert finished.returncode == 0, finished.stderr
    return command.tables(PROFILE)


@pytest.fixture
def on_servers(
    local: Tables, sandbox: SandboxProcess, tmp_path: Path, bucket: str
) -> Iterator[ServerCommand]:
    with new_schema() as postgres:
        command = ServerCommand(tmp_path / "home", sandbox, postgres, bucket)
        command.add_profile(PROFILE, vacancies(COUNT))
        sandbox.control.advance_clock(3_600)  # what Claude cached makes nothing cheaper now
        sandbox.control.clear_journal()
        yield command


def differences(found: Tables, expected: Tables) -> list[str]:
    """Return each cell that differs, so that a failure can be read."""
    assert found.keys() == expected.keys() == KEYS.keys()
    for asset in KEYS:
        assert found[asset].keys() == expected[asset].keys(), asset
    return [
        f"{asset} {key} {column}: {found[asset][key][column]!r} instead of {value!r}"
        for asset, rows in expected.items()
        for key, row in rows.items()
        for column, value in row.items()
        if found[asset][key][column] != value
    ]


def requests(sandbox: SandboxProcess, service: str) -> int:
    return sum(row["requests"] for row in sandbox.control.counts(service))


def test_a_run_on_servers_makes_the_tables_of_a_run_on_one_machine(
    on_servers: ServerCommand, local: Tables, s3: Any, bucket: str
) -> None:
    finished = on_servers.run("run", "--profile", PROFILE)
    assert finished.returncode == 0, finished.stderr
    assert differences(on_servers.tables(PROFILE), local) == []

    home = sorted(path.name for path in (on_servers.folder / "dagster").iterdir())
    assert home == ["dagster.yaml"], "nothing of a run stays on the machine"

    doctor = on_servers.run("doctor").stdout
    assert f"s3://{bucket}/tables at http://127.0.0.1" in doctor
    assert "problem" not in doctor

    exported = f"s3://{bucket}/lists/companies.csv"
    assert on_servers.run("export", "--profile", PROFILE, "--out", exported).returncode == 0
    assert "lists/companies.csv" in objects(s3, bucket)
    body = s3.get_object(Bucket=bucket, Key="lists/companies.csv")["Body"].read()
    header, *rows = body.decode("utf-8-sig").splitlines()
    assert header.startswith("company_id,")
    assert len(rows) >= sum(bool(row["kvk_number"]) for row in local["merged_companies"].values())


def test_three_celery_workers_make_the_tables_of_a_run_on_one_machine(
    local: Tables, sandbox: SandboxProcess, tmp_path: Path, bucket: str
) -> None:
    sandbox.control.advance_clock(3_600)
    storage = {
        "SIGNAL_ASSETS_STORAGE": f"s3://{bucket}/tables",
        "SIGNAL_ASSETS_LOGS_BUCKET": bucket,
        "SIGNAL_ASSETS_CONCURRENCY": str(CONCURRENCY),
    }
    with (
        new_schema() as postgres,
        Cluster(tmp_path / "cluster", postgres, sandbox.environment(), **storage) as cluster,
    ):
        cluster.command.add_profile(PROFILE, vacancies(COUNT))
        others = ("another", "a_third")
        for name in others:
            cluster.command.add_profile(name, vacancies(COUNT // 4))
        cluster.start(workers=3)
        runs = [cluster.submit(PROFILE)]
        cluster.wait_for(runs[0])  # the others share its answers, and would show other costs
        runs += [cluster.submit(name) for name in others]
        finished = [cluster.wait_for(run_id) for run_id in runs]

        assert [run.status for run in finished] == [DagsterRunStatus.SUCCESS] * 3
        assert differences(cluster.command.tables(PROFILE), local) == []
        ledger = cluster.command.open_ledger()
        assert ledger.drift() == []
        assert ledger.unknown_outcomes() == []
        ledger.close()


def test_two_runs_of_which_one_is_killed_pay_for_nothing_twice(
    on_servers: ServerCommand, sandbox: SandboxProcess, local: Tables
) -> None:
    on_servers.run("doctor")  # makes the empty storages, which is not what is tested here
    sandbox.control.set_latency("claude", 0.1)
    runs = [on_servers.start("run", "--profile", PROFILE) for _ in range(2)]
    deadline = time.monotonic() + 90
    while requests(sandbox, "claude") < COUNT // 4:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(runs[0].pid, signal.SIGKILL)
    assert runs[0].wait(timeout=10) == -signal.SIGKILL, "the run had ended before it was killed"

    assert runs[1].wait(timeout=150) == 0
    sandbox.control.set_latency("claude", 0)
    asked_again = sum(int(row["billed"]) - 1 for row in sandbox.control.repeated())
    assert asked_again <= CONCURRENCY, "only what was in flight when the run was killed"
    # Of two runs that start together each may fill the prompt cache, which costs a little more.
    different = differences(on_servers.tables(PROFILE), local)
    assert [cell for cell in different if " cost_usd: " not in cell] == []
    ledger = on_servers.open_ledger()
    assert ledger.unknown_outcomes() == [], "every call that was cut off was made good"
    assert ledger.drift() == []
    ledger.close()
