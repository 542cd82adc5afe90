"""Runs on several workers with the engine that many machines need: Celery, Redis, PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterRunStatus

from signal_assets.sandbox import SandboxProcess
from signal_assets_tests.production.cluster import Cluster, wait_until
from signal_assets_tests.whole.conftest import KEYS
from signal_assets_tests.whole.generated import vacancies

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]

COUNT = 12
CONCURRENCY = 4
SENSOR = "enrichment_after_harvest"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess() as process:
        yield process


@pytest.fixture
def cluster(tmp_path: Path, postgres: str, sandbox: SandboxProcess) -> Iterator[Cluster]:
    variables = {"SIGNAL_ASSETS_CONCURRENCY": str(CONCURRENCY)}
    with Cluster(tmp_path / "cluster", postgres, sandbox.environment(), **variables) as deployment:
        yield deployment


def test_two_workers_carry_out_what_is_submitted(cluster: Cluster) -> None:
    for name in ("first", "second", "third"):
        cluster.command.add_profile(name, vacancies(COUNT))
    cluster.start(workers=2)
    runs = {name: cluster.submit(name) for name in ("first", "second", "third")}
    for name, run_id in runs.items():
        assert cluster.wait_for(run_id).status is DagsterRunStatus.SUCCESS
        assert cluster.command.tables(name).keys() == KEYS.keys()


def test_a_run_whose_worker_was_killed_is_carried_on_by_another(
    cluster: Cluster, sandbox: SandboxProcess
) -> None:
    cluster.command.add_profile("one", vacancies(COUNT))
    cluster.start(workers=2)
    sandbox.control.clear_journal()
    sandbox.control.set_latency("claude", 2.0)
    run_id = cluster.submit("one")
    waiting = cluster.submit("one", "harvest_job")
    wait_until(lambda: _requests(sandbox, "claude") > 0, "Claude is asked")

    cluster.worker_of(run_id).kill()
    sandbox.control.set_latency("claude", 0)

    carried_on = cluster.last_of(run_id)
    first, *retries = cluster.attempts(run_id)
    assert first.status is DagsterRunStatus.FAILURE
    assert [retry.run_id for retry in retries] == [carried_on.run_id]
    assert cluster.wait_for(waiting).status is DagsterRunStatus.SUCCESS, "the queue goes on"

    asked_again = sum(int(row["billed"]) - 1 for row in sandbox.control.repeated())
    assert asked_again <= CONCURRENCY, "only what was in flight when the worker was killed"
    ledger = cluster.command.open_ledger()
    assert ledger.unknown_outcomes() == []
    assert ledger.drift() == []
    ledger.close()


def test_a_redis_that_lost_its_data_costs_a_waiting_run_its_place_only(cluster: Cluster) -> None:
    cluster.command.add_profile("one", vacancies(COUNT))
    cluster.change_dagster_yaml("start_timeout_seconds: 180", "start_timeout_seconds: 20")
    cluster.start(workers=1)
    (worker,) = cluster.workers
    worker.stop()
    run_id = cluster.submit("one")
    cluster.wait_for(run_id, DagsterRunStatus.STARTING)

    cluster.redis.kill()
    cluster.redis.start()
    worker.start()

    carried_on = cluster.last_of(run_id)
    assert carried_on.run_id != run_id
    assert "taking longer than 20 seconds to start" in _failure(cluster, run_id)


def test_a_run_goes_on_while_redis_loses_its_data(
    cluster: Cluster, sandbox: SandboxProcess
) -> None:
    cluster.command.add_profile("one", vacancies(COUNT))
    cluster.start(workers=1)
    sandbox.control.clear_journal()
    sandbox.control.set_latency("claude", 40.0)
    run_id = cluster.submit("one")
    wait_until(lambda: _requests(sandbox, "claude") > 0, "Claude is asked")

    cluster.redis.kill()
    cluster.redis.start()
    sandbox.control.set_latency("claude", 0)

    assert cluster.wait_for(run_id).status is DagsterRunStatus.SUCCESS
    assert cluster.attempts(run_id) == [cluster.run(run_id)]
    second = cluster.submit("one", "harvest_job")
    assert cluster.wait_for(second).status is DagsterRunStatus.SUCCESS


def test_a_deploy_keeps_what_the_sensor_has_seen(cluster: Cluster) -> None:
    cluster.command.add_profile("one", vacancies(COUNT))
    cluster.start(workers=1)
    cluster.dagster("sensor", "start", SENSOR)
    harvest = cluster.submit("one", "harvest_job")
    cluster.wait_for(harvest)
    wait_until(lambda: bool(_followed_up(cluster)), "the harvest is followed up")
    (follow_up,) = _followed_up(cluster)
    cluster.wait_for(follow_up)
    cursor = cluster.sensor_cursor(SENSOR)
    assert cursor

    cluster.daemon.stop()
    cluster.code_location.stop()
    cluster.command.add_profile("added", vacancies(COUNT))
    cluster.code_location.start()
    cluster.daemon.start()
    ticks = cluster.sensor_ticks(SENSOR)
    wait_until(lambda: cluster.sensor_ticks(SENSOR) > ticks, "the sensor ticks again")

    assert cluster.sensor_cursor(SENSOR) == cursor
    assert _followed_up(cluster) == [follow_up]
    added = cluster.submit("added", "harvest_job")
    assert cluster.wait_for(added).status is DagsterRunStatus.SUCCESS, "known to a worker that ran"


def _requests(sandbox: SandboxProcess, service: str) -> int:
    return sum(row["requests"] for row in sandbox.control.counts(service))


def _failure(cluster: Cluster, run_id: str) -> str:
    events = cluster.instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    return "\n".join(event.message for event in events)


def _followed_up(cluster: Cluster) -> list[str]:
    """Return the ids of the runs that the sensor asked for."""
    wanted = dg.RunsFilter(tags={"dagster/sensor_name": SENSOR})
    return [record.dagster_run.run_id for record in cluster.instance.get_run_records(wanted)]
