"""`signal-assets worker` says what it misses; what it does is in `production/test_cluster.py`."""

import pytest
import typer

from signal_assets.cli.console import WRONG_USE
from signal_assets.cli.worker import worker
from signal_assets_tests.clients.databases import new_schema


def test_a_worker_without_a_queue_says_which_setting_names_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit) as ended:
        worker()
    assert ended.value.exit_code == WRONG_USE
    assert "SIGNAL_ASSETS_CELERY_BROKER" in capsys.readouterr().err


def test_a_worker_of_an_instance_that_launches_otherwise_says_so(
    tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("SIGNAL_ASSETS_CELERY_BACKEND", "DAGSTER_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("SIGNAL_ASSETS_CELERY_BROKER", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n", "utf-8")
    with new_schema() as postgres:
        monkeypatch.setenv("DAGSTER_POSTGRES_URL", postgres)
        with pytest.raises(typer.Exit) as ended:
            worker()
    assert ended.value.exit_code == WRONG_USE
    assert "launches runs without Celery" in capsys.readouterr().err
