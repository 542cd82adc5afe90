"""A workspace for runs of the graph: own folders, own ledger, and the sandbox for every service."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from signal_assets.clients.ledger import Ledger
from signal_assets.defs.storage import TableStore
from signal_assets.sandbox import ControlClient, SandboxServer
from signal_assets.sandbox.world import data_folder
from signal_assets_tests.conftest import TEST_PROFILES

VACANCIES = {"worked_example": "worked_example.jsonl", "searching": "accounts_payable.jsonl"}


class Workspace:
    """One user's folders and settings, and the runs they start."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, server: SandboxServer
    ) -> None:
        self.folder = folder
        self.server = server
        self._monkeypatch = monkeypatch
        self.profiles = folder / "profiles"
        shutil.copytree(TEST_PROFILES, self.profiles)
        for name, file in VACANCIES.items():
            target = self.profiles / "vacancies" / name
            target.mkdir(parents=True)
            (target / file).write_bytes((data_folder() / "vacancies" / file).read_bytes())
        self.set(
            SIGNAL_ASSETS_PROFILES=str(self.profiles),
            SIGNAL_ASSETS_STORAGE=str(folder / "data"),
            DAGSTER_HOME=str(folder / "dagster"),
            **server.environment(),
        )
        self.instance = dg.DagsterInstance.ephemeral()

    @property
    def control(self) -> ControlClient:
        return self.server.control

    @property
    def tables(self) -> TableStore:
        return TableStore(str(self.folder / "data"))

    def set(self, **variables: str) -> None:
        """Set variables of the environment for the runs that follow."""
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)

    def unset(self, *names: str) -> None:
        for name in names:
            self._monkeypatch.delenv(name)

    def run(
        self, job: str, profile: str = "worked_example", config: Mapping[str, Any] | None = None
    ) -> dg.ExecuteInProcessResult:
        """Execute a job for one profile; a failure is a result, not an error."""
        from signal_assets.definitions import defs

        return defs.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            partition_key=profile,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
            | dict(config or {}),
        )

    def table(self, asset: str, profile: str = "worked_example") -> pd.DataFrame:
        frame = self.tables.read(asset, profile)
        assert frame is not None, f"{asset} was never made for {profile}"
        return frame

    def rows(
        self, asset: str, profile: str = "worked_example", key: str = "company_id"
    ) -> dict[str, dict[str, Any]]:
        """Return the rows of a table by one of its columns."""
        records = self.table(asset, profile).to_dict("records")
        return {row[key]: {str(name): value for name, value in row.items()} for row in records}

    def ledger(self) -> Ledger:
        return Ledger.open(f"sqlite:///{self.folder / 'data' / 'signal_assets.db'}")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with SandboxServer() as server:
        space = Workspace(tmp_path / "workspace", monkeypatch, server)
        yield space
        space.instance.dispose()


def failed_checks(result: dg.ExecuteInProcessResult) -> set[str]:
    return {check.check_name for check in result.get_asset_check_evaluations() if not check.passed}


def made(result: dg.ExecuteInProcessResult) -> list[str]:
    """Return the tables a run made, in order."""
    return [
        event.step_materialization_data.materialization.asset_key.to_user_string()
        for event in result.get_asset_materialization_events()
    ]
