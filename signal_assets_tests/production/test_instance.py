"""The `dagster.yaml` variants: chosen by settings, alike in the rest, and accepted by Dagster."""

import os
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from signal_assets.cli.home import VARIANTS, prepare_home
from signal_assets.settings import Settings
from signal_assets.shipped import shipped
from signal_assets_tests.production.conftest import objects

BARE = "postgresql://user:secret@host/database"


@pytest.fixture(autouse=True)
def _own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name what preparing sets, so that it is put back after the test."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    for name in ("DAGSTER_POSTGRES_URL", "SIGNAL_ASSETS_LOGS_BUCKET"):
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
        assert other.pop("storage") == {
            "postgres": {"postgres_url": {"env": "DAGSTER_POSTGRES_URL"}}
        }
        assert other == default


def test_settings_choose_the_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    assert prepared(monkeypatch) == shipped(VARIANTS[0]).read_text("utf-8")
    postgres = prepared(monkeypatch, DAGSTER_POSTGRES_URL=BARE)
    assert postgres == shipped(VARIANTS[1]).read_text("utf-8")
    both = prepared(monkeypatch, SIGNAL_ASSETS_LOGS_BUCKET="logs")
    assert both == shipped(VARIANTS[2]).read_text("utf-8")
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
