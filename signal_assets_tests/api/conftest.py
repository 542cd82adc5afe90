"""A service on own folders, whose runs are only noted."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from signal_assets.api.answers import PassToRun, RunState
from signal_assets.api.application import create_app
from signal_assets.api.dagster_runs import TooManyRuns
from signal_assets.defs.newest_tables import NewestTable
from signal_assets.domain.prompts import PromptVersion
from signal_assets.settings import Settings
from signal_assets_tests.conftest import TEST_PROFILES

TOKEN = "a-token-of-the-tests"


class NotedRuns:
    """Remembers what was asked of Dagster."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str, bool]] = []
        self.reported: list[int] = []
        self.is_full = False

    def start(self, profile: str, pass_: PassToRun, *, reread: bool) -> str:
        if self.is_full:
            raise TooManyRuns("4 runs are going")
        self.started.append((profile, pass_, reread))
        return f"run-{len(self.started)}"

    def state(self, run_id: str) -> RunState | None:
        number = run_id.removeprefix("run-")
        if not number.isdigit() or not 0 < int(number) <= len(self.started):
            return None
        return RunState(run_id=run_id, profile="worked_example", status="STARTED")

    def report_prompt(self, prompt: PromptVersion) -> None:
        self.reported.append(prompt.version)

    def newest_tables(self) -> dict[str, dict[str, NewestTable]]:
        return {}


@pytest.fixture
def runs() -> NotedRuns:
    return NotedRuns()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("SIGNAL_ASSETS_PROFILES", str(TEST_PROFILES))
    monkeypatch.setenv("SIGNAL_ASSETS_STORAGE", str(tmp_path / "data"))
    return Settings()


@pytest.fixture
def app(settings: Settings, runs: NotedRuns) -> FastAPI:
    return create_app(settings, runs, TOKEN)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, headers={"authorization": f"Bearer {TOKEN}"}) as client:
        yield client
