"""Faults that a deployment meets, brought about for real: nothing is paid twice, nothing is lost.

One deployment with PostgreSQL, an object store, Redis, two Celery workers and Dagster's daemon
meets them one after another. Nobody does anything but start again what was killed. The table of
faults and outcomes is printed at the end.
"""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest
from dagster import DagsterRunStatus

from signal_assets.sandbox import SandboxProcess
from signal_assets_tests.production.cluster import RUN_SECONDS, ServerProcess, wait_until
from signal_assets_tests.production.deployment import Deployment
from signal_assets_tests.production.fault_table import PROPERTY, FaultRow, Record
from signal_assets_tests.production.servers import Disk, new_servers
from signal_assets_tests.whole.conftest import KEYS, Command, differences
from signal_assets_tests.whole.generated import vacancies

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("fault matrix")]

COUNT = 16
CONCURRENCY = 3
LATENCY = 1.0
"""Seconds for an answer of Claude, so that there is a while to strike in."""
DOWN_SECONDS = 3.0
HOUR = 3_600
DAY = 24 * HOUR
NO_SPACE = re.compile("no space left on device|too big for remaining disk space", re.IGNORECASE)
"""What PostgreSQL and rclone print where a disk is full."""

PROFILES = [f"struck_{number}" for number in range(8)]


def vacancies_of(profile: str) -> list[dict[str, object]]:
    """Return texts that no other profile has, so that no answer is in the ledger already."""
    first = PROFILES.index(profile) * COUNT
    return list(vacancies(first + COUNT))[first:]


class Ground:
    """The deployment, and beside it one machine that nobody disturbs."""

    def __init__(
        self,
        deployment: Deployment,
        sandbox: SandboxProcess,
        calm: Command,
        calm_sandbox: SandboxProcess,
    ) -> None:
        self.deployment, self.sandbox = deployment, sandbox
        self._calm, self._calm_sandbox = calm, calm_sandbox
        self._numbers = count()

    def next_profile(self) -> str:
        """Return a search profile that was never run."""
        return PROFILES[next(self._numbers)]

    def asked(self) -> int:
        return sum(row["requests"] for row in self.sandbox.control.counts("claude"))

    def asked_again(self) -> int:
        """Return how many paid calls were made a second time."""
        return sum(int(row["billed"]) - 1 for row in self.sandbox.control.repeated())

    def start(self, profile: str) -> str:
        """Start a run and return when Claude has been asked a quarter of what it has to read."""
        self.sandbox.control.advance_clock(HOUR)  # what Claude cached makes nothing cheaper now
        self.sandbox.control.set_latency("claude", LATENCY)
        before = self.asked()
        run_id = self.deployment.submit(profile)
        wait_until(lambda: self.asked() >= before + COUNT // 4, "a quarter is read", every=0.05)
        return run_id

    def start_undisturbed(self, profile: str) -> "subprocess.Popen[bytes]":
        """Start a run on the machine that nobody disturbs, which waits for nothing."""
        self._calm_sandbox.control.advance_clock(HOUR)
        return self._calm.start("run", "--profile", profile)

    def check(self, profile: str, undisturbed: "subprocess.Popen[bytes]") -> None:
        """Nothing is lost: the tables are those of a run on one machine, and the books balance."""
        assert undisturbed.wait(RUN_SECONDS) == 0
        tables = self.deployment.command.tables(profile)
        assert tables.keys() == KEYS.keys()
        assert differences(tables, self._calm.tables(profile)) == []
        ledger = self.deployment.command.open_ledger()
        try:
            assert ledger.drift() == []
            assert ledger.unknown_outcomes() == [], "every call that was cut off was made good"
        finally:
            ledger.close()

    def run_until_it_succeeds(self, run_id: str, profile: str) -> str:
        """Return how a run ended; after one that failed for good the next one has to succeed."""
        status, started_again = self.deployment.settle(run_id)
        attempts = len(self.deployment.attempts(run_id))
        if status is DagsterRunStatus.SUCCESS:
            outcome = "rode it out" if attempts == 1 else "was retried and went on"
        else:
            outcome = f"ended ({status.value}); the next run went on"
            again = self.deployment.submit(profile)
            assert self.deployment.settle(again)[0] is DagsterRunStatus.SUCCESS
        if started_again:
            outcome += f" ({', '.join(sorted(started_again))} started again)"
        return outcome


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("matrix")
    with (
        SandboxProcess() as sandbox,
        SandboxProcess() as calm_sandbox,
        new_servers(folder) as servers,
        Deployment(
            folder / "cluster",
            servers,
            sandbox.environment(),
            SIGNAL_ASSETS_CONCURRENCY=str(CONCURRENCY),
        ) as deployment,
    ):
        calm = Command(folder / "calm", calm_sandbox.environment())
        for profile in PROFILES:
            calm.add_profile(profile, vacancies_of(profile))
            deployment.command.add_profile(profile, vacancies_of(profile))
        deployment.start()
        yield Ground(deployment, sandbox, calm, calm_sandbox)


class Strike:
    """One test's fault: measures from when it strikes, and checks what must hold in the end."""

    def __init__(self, ground: Ground, record: Record) -> None:
        self._ground, self._record = ground, record
        self.profile = ground.next_profile()
        self._before, self._asked = ground.asked_again(), ground.asked()
        self.run_id = ground.start(self.profile)
        self._began = time.monotonic()

    def wait_until_all_is_asked(self) -> None:
        """Let Claude answer at once, and wait until it has been asked about every vacancy."""
        ground = self._ground
        ground.sandbox.control.set_latency("claude", 0)
        wait_until(lambda: ground.asked() >= self._asked + COUNT, "all is read", every=0.05)

    def end(self, fault: str, most: int = CONCURRENCY) -> str:
        """Wait for the end and return what it was; `most` calls may have been paid for again."""
        ground = self._ground
        ground.sandbox.control.set_latency("claude", 0)
        undisturbed = ground.start_undisturbed(self.profile)
        outcome = ground.run_until_it_succeeds(self.run_id, self.profile)
        seconds = time.monotonic() - self._began
        again = ground.asked_again() - self._before
        ground.check(self.profile, undisturbed)
        assert again <= most, "only what was under way when the fault struck is paid for again"
        row = FaultRow("cluster", fault, "while Claude reads", outcome, again, seconds)
        self._record(PROPERTY, row.cells)
        return outcome


@pytest.fixture
def strike(ground: Ground, record_property: Record) -> Strike:
    return Strike(ground, record_property)


def test_a_killed_worker_costs_only_what_it_was_asking(ground: Ground, strike: Strike) -> None:
    ground.deployment.worker_of(strike.run_id).kill()

    assert strike.end("kill -9 of the worker").startswith("was retried and went on")


def test_a_killed_postgres_costs_nothing(ground: Ground, strike: Strike) -> None:
    ground.deployment.servers.postgres.kill()
    time.sleep(DOWN_SECONDS)
    ground.deployment.servers.postgres.start()

    assert strike.end("kill -9 of PostgreSQL", most=0).startswith("rode it out")


def test_a_killed_daemon_costs_nothing_and_keeps_its_queue(ground: Ground, strike: Strike) -> None:
    deployment = ground.deployment
    queued = deployment.submit(strike.profile, "harvest_job")
    deployment.daemon.kill()
    time.sleep(DOWN_SECONDS)
    deployment.daemon.start()

    assert strike.end("kill -9 of the daemon, a run in its queue", most=0) == "rode it out"
    assert deployment.settle(queued)[0] is DagsterRunStatus.SUCCESS


def test_a_killed_redis_costs_nothing_and_the_next_run_comes(
    ground: Ground, strike: Strike
) -> None:
    deployment = ground.deployment
    deployment.redis.kill()
    time.sleep(DOWN_SECONDS)
    deployment.redis.start()

    assert strike.end("kill -9 of Redis", most=0) == "rode it out"
    after = deployment.submit(strike.profile, "harvest_job")
    assert deployment.settle(after)[0] is DagsterRunStatus.SUCCESS


def test_a_killed_object_store_costs_nothing(ground: Ground, strike: Strike) -> None:
    store = ground.deployment.servers.store
    store.kill()
    strike.wait_until_all_is_asked()
    time.sleep(DOWN_SECONDS)
    store.start()

    assert strike.end("kill -9 of the object store", most=0) == "rode it out"


def test_a_full_disk_under_postgres_costs_nothing(ground: Ground, strike: Strike) -> None:
    servers = ground.deployment.servers
    with until_it_is_said(servers.postgres, servers.postgres_disk):
        pass

    assert strike.end("full disk under PostgreSQL", most=0).startswith("rode it out")


def test_a_full_disk_under_the_object_store_costs_nothing(ground: Ground, strike: Strike) -> None:
    servers = ground.deployment.servers
    with until_it_is_said(servers.store, servers.store_disk):
        strike.wait_until_all_is_asked()

    assert strike.end("full disk under the object store", most=0) == "rode it out"


def test_clocks_that_jump_and_are_set_right_cost_nothing(ground: Ground, strike: Strike) -> None:
    deployment = ground.deployment
    machines = {
        deployment.machine(deployment.worker_of(strike.run_id).name): DAY,
        deployment.machine(deployment.daemon.name): -2 * HOUR,
    }
    for machine, seconds in machines.items():
        machine.set_ahead(seconds)
    time.sleep(DOWN_SECONDS)
    for machine in machines:
        machine.set_ahead(0)

    assert strike.end("clocks jump, a day ahead and two hours back", most=0) == "rode it out"


@contextmanager
def until_it_is_said(server: ServerProcess, disk: Disk) -> Iterator[None]:
    """Fill the disk of a server; make room some seconds after the server met it."""
    before = len(server.printed())
    disk.fill()
    try:
        yield
        wait_until(lambda: bool(NO_SPACE.search(server.printed(), before)), "the disk is full")
        time.sleep(DOWN_SECONDS)
    finally:
        disk.make_room()
