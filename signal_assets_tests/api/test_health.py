"""Live is the process; ready is what it needs, without a word that should not leave."""

import shutil
from pathlib import Path

from starlette.testclient import TestClient

from signal_assets.api.application import create_app
from signal_assets.api.health import KEPT_SECONDS, Health
from signal_assets.clients.ledger import Ledger
from signal_assets.defs.storage import TableStore
from signal_assets.settings import Settings


def test_a_service_that_can_work_is_ready(client):
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json() == {
        "is_ready": True,
        "parts": [
            {"part": "database", "problem": None},
            {"part": "tables", "problem": None},
        ],
    }


def test_health_needs_no_token(app):
    with TestClient(app) as client:
        paths = ("/health", "/health/live", "/health/ready")
        assert [client.get(path).status_code for path in paths] == [200, 200, 200]


def test_tables_that_cannot_be_written_are_named_without_their_address(tmp_path, monkeypatch, runs):
    monkeypatch.setenv("SIGNAL_ASSETS_DATABASE_URL", f"sqlite:///{tmp_path / 'ledger.db'}")
    in_the_way = tmp_path / "secret-place"
    in_the_way.write_text("a file where the folder should be")
    monkeypatch.setenv("SIGNAL_ASSETS_STORAGE", str(in_the_way))
    with TestClient(create_app(Settings(), runs, None), base_url="http://127.0.0.1") as client:
        answer = client.get("/health/ready")
        assert client.get("/health/live").status_code == 200
    assert answer.status_code == 503
    assert answer.json()["parts"] == [
        {"part": "database", "problem": None},
        {"part": "tables", "problem": "cannot be written (FileExistsError)"},
    ]
    assert "secret-place" not in answer.text


def test_a_database_that_is_gone_is_seen_and_so_is_its_return(tmp_path: Path) -> None:
    file, away = tmp_path / "ledger.db", tmp_path / "away.db"
    ledger = Ledger.open(f"sqlite:///{file}")
    now = 0.0
    health = Health(ledger.database, TableStore(str(tmp_path / "tables")), lambda: now)
    assert health.look().is_ready
    ledger.close()
    shutil.move(file, away)

    assert health.look().is_ready  # a look is kept
    now += KEPT_SECONDS
    seen = health.look()
    assert not seen.is_ready
    assert seen.parts[0].problem == "cannot be read (OperationalError)"
    ledger.close()
    shutil.move(away, file)
    now += KEPT_SECONDS
    assert health.look().is_ready
    ledger.close()
