"""The `dagster.yaml` variants: chosen by settings, alike in the rest, and accepted by Dagster."""

import os
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import typer
import yaml
from dagster_celery.launcher import CeleryRunLauncher

from signal_assets.cli.console import WRONG_USE
from signal_assets.cli.home import VARIANTS, prepare_home
from signal_assets.clients.database import with_driver
from signal_assets.settings import Settings
from signal_assets.shipped import shipped
from signal_assets_tests.production.conftest import objects

BARE = "postgresql://user:secret@host/database"
BROKER = "redis://host:6379/0"


@pytest.fixture(autouse=True)
def _own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name what preparing sets, so that it is put back after the test."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    for name in (
        "DAGSTER_POSTGRES_URL",
        "SIGNAL_ASSETS_LOGS_BUCKET",
        "SIGNAL_ASSETS_CELERY_BROKER",
        "SIGNAL_ASSETS_CELERY_BACKEND",
    ):
        monkeypatch.setenv(name, "")


def prepared(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    """Prepare the home under these settings and return the `dagster.yaml` that lies there then."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    prepare_home(settings)
    return (settings.dagster_home / "dagster.yaml").read_text("utf-8")


def test_the_variants_differ_in_what_they_are_for_only() -> None:
    default, *others = [yaml.safe_load(shipped(name).read_text("utf-8")) for name in VARIANTS]
    for other in others:
        other.pop("compute_logs", None)
        other.pop("run_launcher", None)
        assert other.pop("storage") == {
            "custom": {
                "module": "signal_assets.dagster_storage",
                "class": "PooledPostgresStorage",
                "config": {"postgres_url": {"env": "DAGSTER_POSTGRES_URL"}},
            }
        }
        assert other == default


def test_the_variants_with_celery_launch_alike() -> None:
    with_celery = [
        found
        for name in VARIANTS
        if "run_launcher" in (found := yaml.safe_load(shipped(name).read_text("utf-8")))
    ]
    local_logs, s3_logs = with_celery
    assert local_logs["run_launcher"] == s3_logs["run_launcher"]
    assert "compute_logs" not in local_logs
    s3 = yaml.safe_load(shipped("deploy/s3/dagster.yaml").read_text("utf-8"))
    assert s3_logs["compute_logs"] == s3["compute_logs"]


def test_settings_choose_the_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    assert prepared(monkeypatch) == shipped(VARIANTS[0]).read_text("utf-8")
    postgres = prepared(monkeypatch, DAGSTER_POSTGRES_URL=BARE)
    assert postgres == shipped(VARIANTS[1]).read_text("utf-8")
    both = prepared(monkeypatch, SIGNAL_ASSETS_LOGS_BUCKET="logs")
    assert both == shipped(VARIANTS[2]).read_text("utf-8")
    celery = prepared(monkeypatch, SIGNAL_ASSETS_CELERY_BROKER=BROKER)
    assert celery == shipped("deploy/celery/dagster.yaml").read_text("utf-8")
    local_logs = prepared(monkeypatch, SIGNAL_ASSETS_LOGS_BUCKET="")
    assert local_logs == shipped("deploy/celery-local-logs/dagster.yaml").read_text("utf-8")
    monkeypatch.setenv("SIGNAL_ASSETS_CELERY_BROKER", "")
    neither = prepared(monkeypatch, DAGSTER_POSTGRES_URL="", SIGNAL_ASSETS_LOGS_BUCKET="")
    assert neither == shipped(VARIANTS[0]).read_text("utf-8")


def test_what_the_user_changed_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prepared(monkeypatch)
    (tmp_path / "home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n", "utf-8")
    kept = prepared(monkeypatch, DAGSTER_POSTGRES_URL=BARE)
    assert kept == "telemetry: {enabled: false}\n"


def test_a_bare_address_is_given_the_driver_that_dagster_speaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepared(monkeypatch, DAGSTER_POSTGRES_URL=BARE)
    assert os.environ["DAGSTER_POSTGRES_URL"] == "postgresql+psycopg2://user:secret@host/database"


def test_what_became_of_tasks_is_kept_beside_the_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared(monkeypatch, DAGSTER_POSTGRES_URL=BARE, SIGNAL_ASSETS_CELERY_BROKER=BROKER)
    assert os.environ["SIGNAL_ASSETS_CELERY_BACKEND"] == f"db+{with_driver(BARE)}"
    prepared(monkeypatch, SIGNAL_ASSETS_CELERY_BACKEND=f"{BROKER}?other")
    assert os.environ["SIGNAL_ASSETS_CELERY_BACKEND"] == f"{BROKER}?other"


def test_workers_need_a_database_that_all_machines_reach(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended:
        prepared(monkeypatch, SIGNAL_ASSETS_CELERY_BROKER=BROKER)
    assert ended.value.exit_code == WRONG_USE
    assert "needs DAGSTER_POSTGRES_URL too" in capsys.readouterr().err


def test_dagster_takes_the_settings_of_celery(
    monkeypatch: pytest.MonkeyPatch, postgres: str, tmp_path: Path
) -> None:
    prepared(monkeypatch, DAGSTER_POSTGRES_URL=postgres, SIGNAL_ASSETS_CELERY_BROKER=BROKER)
    with dg.DagsterInstance.from_config(str(tmp_path / "home")) as instance:
        launcher = instance.run_launcher
        assert isinstance(launcher, CeleryRunLauncher)
        settings = launcher.celery.conf
        assert settings.broker_url == BROKER
        assert settings.broker_transport_options["visibility_timeout"] == 60
        assert settings.worker_disable_prefetch
        assert not settings.task_acks_late
        assert instance.run_retries_enabled
        assert instance.run_retries_max_retries == 3
        assert not instance.run_retries_retry_on_asset_or_op_failure


def test_what_a_run_prints_goes_to_s3(
    monkeypatch: pytest.MonkeyPatch, s3: Any, bucket: str, postgres: str, tmp_path: Path
) -> None:
    prepared(monkeypatch, DAGSTER_POSTGRES_URL=postgres, SIGNAL_ASSETS_LOGS_BUCKET=bucket)
    with dg.DagsterInstance.from_config(str(tmp_path / "home")) as instance:
        with instance.compute_log_manager.capture_logs(["run-1", "compute_logs", "step"]):
            sys.stdout.write("what a run prints")
            sys.stdout.flush()
        key = "signal-assets/storage/run-1/compute_logs/step.out"
        assert key in objects(s3, bucket)
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        assert b"what a run prints" in body
