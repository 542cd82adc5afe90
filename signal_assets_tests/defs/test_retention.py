"""The job that erases what is too old, as Dagster runs it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from signal_assets.clients.database import Database
from signal_assets.clients.erasure_rows import read_erasures
from signal_assets.defs.frames import to_frame
from signal_assets.defs.retention import retention_schedule
from signal_assets.defs.storage import TableStore
from signal_assets.defs.tables import RAW_VACANCIES
from signal_assets_tests.defs.test_erasing import vacancy

DAYS = 365


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TableStore:
    monkeypatch.setenv("SIGNAL_ASSETS_STORAGE", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    monkeypatch.setenv("SIGNAL_ASSETS_RETENTION_DAYS", "")
    now = datetime.now(UTC)
    rows = [
        vacancy(1, "TechCorp", "old", now - timedelta(days=DAYS + 1)),
        vacancy(2, "TechCorp", "young", now - timedelta(days=DAYS - 1)),
    ]
    store = TableStore(str(tmp_path))
    store.write(RAW_VACANCIES, "one", to_frame(rows, RAW_VACANCIES))
    return store


def run(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    from signal_assets.definitions import defs

    return defs.resolve_job_def("retention_job").execute_in_process(
        instance=instance,
        raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )


def vacancy_ids(tables: TableStore) -> list[str]:
    frame = tables.read("raw_vacancies", "one")
    assert frame is not None
    return list(frame["vacancy_id"])


def test_what_is_older_than_the_setting_goes_and_the_log_says_so(
    tables: TableStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNAL_ASSETS_RETENTION_DAYS", str(DAYS))
    with dg.DagsterInstance.ephemeral() as instance:
        assert run(instance).success
    assert vacancy_ids(tables) == ["file:2"]
    database = Database.open(f"sqlite:///{tmp_path}/signal_assets.db")
    (record,) = database.read(read_erasures)
    database.close()
    assert (record.kind, record.asked_by, record.digest) == ("age", "retention_job", None)
    assert record.counts["raw_vacancies: rows"] == 1


def test_without_the_setting_everything_is_kept(tables: TableStore) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert run(instance).success
    assert vacancy_ids(tables) == ["file:1", "file:2"]


def test_nothing_goes_while_another_run_is_under_way(
    tables: TableStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNAL_ASSETS_RETENTION_DAYS", str(DAYS))
    with dg.DagsterInstance.ephemeral() as instance:
        tags = {"dagster/partition": "one"}
        status = dg.DagsterRunStatus.STARTED
        instance.add_run(dg.DagsterRun(job_name="full_job", status=status, tags=tags))
        assert not run(instance).success
    assert vacancy_ids(tables) == ["file:1", "file:2"]


def test_the_schedule_is_off_until_somebody_turns_it_on() -> None:
    assert retention_schedule.default_status == dg.DefaultScheduleStatus.STOPPED
