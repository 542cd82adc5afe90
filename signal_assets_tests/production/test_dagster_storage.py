"""Dagster's storage in PostgreSQL keeps one connection, notices that it broke, and lets it go."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.test_utils import create_run_for_test
from sqlalchemy import Connection, create_engine, text

from signal_assets.clients.database import with_driver
from signal_assets_tests.production.servers import PostgresServer

OF_DAGSTER = "application_name = 'dagster'"


@pytest.fixture
def url(postgres_server: PostgresServer) -> str:
    """Return the address of an empty database, without a driver, as users write it."""
    return postgres_server.new_database()


@pytest.fixture
def instance(url: str, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    storage = {
        "module": "signal_assets.dagster_storage",
        "class": "PooledPostgresStorage",
        "config": {"postgres_url": f"{url}?application_name=dagster"},
    }
    settings = {"storage": {"custom": storage}, "telemetry": {"enabled": False}}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(settings), "utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


@pytest.fixture
def onlooker(url: str) -> Iterator[Connection]:
    engine = create_engine(with_driver(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def connections(onlooker: Connection) -> list[int]:
    query = f"SELECT pid FROM pg_stat_activity WHERE {OF_DAGSTER}"
    return list(onlooker.execute(text(query)).scalars())


def report(instance: dg.DagsterInstance, run: dg.DagsterRun, events: int) -> None:
    for number in range(events):
        instance.report_engine_event(f"event {number}", run)


def test_all_events_of_a_process_go_through_one_connection(
    instance: dg.DagsterInstance, onlooker: Connection
) -> None:
    run = create_run_for_test(instance)
    before = connections(onlooker)
    report(instance, run, 20)

    assert len(before) == 1
    assert connections(onlooker) == before
    assert len(instance.all_logs(run.run_id)) == 20


def test_the_next_event_after_a_restart_of_the_server_is_stored(
    instance: dg.DagsterInstance, postgres_server: PostgresServer
) -> None:
    run = create_run_for_test(instance)
    report(instance, run, 1)
    postgres_server.kill()
    postgres_server.start()
    report(instance, run, 1)

    assert len(instance.all_logs(run.run_id)) == 2


def test_an_instance_that_is_left_keeps_no_connection(
    instance: dg.DagsterInstance, onlooker: Connection
) -> None:
    run = create_run_for_test(instance)
    report(instance, run, 1)
    instance.dispose()

    assert connections(onlooker) == []
