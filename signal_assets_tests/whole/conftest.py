"""The command as its users run it: processes of their own, with their own folders and settings."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from signal_assets.clients.ledger import Ledger
from signal_assets.defs.frames import rows_of
from signal_assets.defs.storage import TableStore
from signal_assets.sandbox import SandboxProcess
from signal_assets.sandbox.world import data_folder
from signal_assets_tests.conftest import TEST_PROFILES
from signal_assets_tests.defs.conftest import VACANCIES

KEYS = {
    "raw_vacancies": "vacancy_id",
    "extracted_vacancies": "vacancy_id",
    "company_quality": "company_id",
    "kvk_profiles": "company_id",
    "company_financials": "kvk_number",
    "merged_companies": "company_id",
}
"""Table → the column by which its rows are known."""

MOMENTS = {"first_seen_at", "last_seen_at", "extracted_at", "fetched_at"}
"""Columns that say when something happened, which no two runs share."""

Tables = dict[str, dict[str, dict[str, Any]]]

PROFILE = """\
name: {name}
sources:
  - {{type: file, path: "vacancies/{name}/*.jsonl"}}
budget_usd: {{run: 1000}}
extraction:
  system_prompt: You extract what a vacancy states about accounts payable.
  schema:
    erp_systems: "Which ERP systems are mentioned? Return as a list."
    p2p_tools: "Which purchase-to-pay tools are mentioned? Return as a list."
    team_size: "Any indication of team size?"
    volume_indicators: "Volumes of invoices or payments?"
"""


class Command:
    """`signal-assets` on one machine: its folders, its environment, what it left behind."""

    def __init__(self, folder: Path, services: Mapping[str, str]) -> None:
        self.folder = folder
        self.services = dict(services)
        self.profiles = folder / "profiles"
        shutil.copytree(TEST_PROFILES, self.profiles)
        for name, file in VACANCIES.items():
            content = (data_folder() / "vacancies" / file).read_bytes()
            self._vacancies(name).write_bytes(content)
        self.variables = {
            "SIGNAL_ASSETS_PROFILES": str(self.profiles),
            "SIGNAL_ASSETS_STORAGE": str(folder / "data"),
            "DAGSTER_HOME": str(folder / "dagster"),
            "COLUMNS": "200",
            **services,
        }

    def add_profile(self, name: str, vacancies: Iterable[Mapping[str, Any]]) -> None:
        """Add a search profile that reads `vacancies` and asks no job board."""
        (self.profiles / f"{name}.yaml").write_text(PROFILE.format(name=name), "utf-8")
        lines = (json.dumps(row, ensure_ascii=False) for row in vacancies)
        self._vacancies(name).write_text("\n".join(lines), "utf-8")

    def run(self, *args: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run the command to its end."""
        return subprocess.run(
            self._line(args),
            env=self._environment(variables),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def start(self, *args: str, **variables: str) -> "subprocess.Popen[bytes]":
        """Start the command in a session of its own, so that it can be killed with its children."""
        return subprocess.Popen(
            self._line(args),
            env=self._environment(variables),
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def tables(self, profile: str) -> Tables:
        """Return every table that stands there, without the moments in it."""
        return {asset: self.table(asset, profile) for asset in KEYS if self._has(asset, profile)}

    def table(self, asset: str, profile: str) -> dict[str, dict[str, Any]]:
        frame = self.store.read(asset, profile)
        assert frame is not None, f"{asset} was never made for {profile}"
        return {row[KEYS[asset]]: without_moments(row) for row in rows_of(frame)}

    @property
    def store(self) -> TableStore:
        return TableStore(self.variables["SIGNAL_ASSETS_STORAGE"])

    def stored_answers(self, service: str) -> int:
        """Return how many answers of a service the ledger holds."""
        with self.ledger() as ledger:
            lines = ledger.spending(("service",))
        return sum(line.answers for line in lines if line.service == service)

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        opened = Ledger.open(f"sqlite:///{self.folder / 'data' / 'signal_assets.db'}")
        yield opened
        opened.close()

    def _has(self, asset: str, profile: str) -> bool:
        return self.store.path(asset, profile).exists()

    def _vacancies(self, name: str) -> Path:
        folder = self.profiles / "vacancies" / name
        folder.mkdir(parents=True)
        return folder / "vacancies.jsonl"

    def _line(self, args: Iterable[str]) -> list[str]:
        return [sys.executable, "-m", "signal_assets", *args]

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        return {**os.environ, **self.variables, **variables}


def without_moments(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of a table without the moments in it, also those in its JSON columns."""
    return {name: _without_moments(row[name]) for name in row.keys() - MOMENTS}


def _without_moments(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_moments(value[key]) for key in value.keys() - MOMENTS}
    if isinstance(value, list):
        return [_without_moments(item) for item in value]
    if isinstance(value, str) and value[:1] in ("{", "[") and "_at" in value:
        return json.dumps(_without_moments(json.loads(value)), sort_keys=True)
    return value


def differences(found: Tables, expected: Tables) -> list[str]:
    """Return each cell of the tables found that differs, so that a failure can be read."""
    for asset, rows in found.items():
        assert rows.keys() == expected[asset].keys(), asset
    return [
        f"{asset} {key} {column}: {value} instead of {expected[asset][key][column]}"
        for asset, rows in found.items()
        for key, row in rows.items()
        for column, value in row.items()
        if expected[asset][key][column] != value
    ]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    """Return one sandbox for a file of tests; it outlives every run that is killed."""
    with SandboxProcess() as process:
        yield process
