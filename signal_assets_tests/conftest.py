"""Fixtures that any test may ask for.

Dagster's partitions are made from the profiles folder when the code is loaded, so the tests' own
folder is named here, before anything of ours is imported. Keys of the person who runs the tests are
taken out of the environment: no test reaches a real service.
"""

import os
from pathlib import Path

import pytest

from signal_assets_tests.production.fault_table import PROPERTY, lines_of

REPOSITORY = Path(__file__).resolve().parent.parent
TEST_PROFILES = Path(__file__).resolve().parent / "profiles"

_OURS = ("SIGNAL_ASSETS_", "ANTHROPIC_", "KVK_", "COMPANY_INFO_", "SERPAPI_", "DAGSTER_", "LLM_")
_KEPT = ("SIGNAL_ASSETS_REFERENCE_DATA", "SIGNAL_ASSETS_TEST_CEPH")

for _name in [name for name in os.environ if name.startswith(_OURS) and name not in _KEPT]:
    del os.environ[_name]
os.environ["SIGNAL_ASSETS_PROFILES"] = str(TEST_PROFILES)
os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in an empty folder: no `.env`, no tables and no profiles of anybody."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """Real vacancies, labels and recorded answers, which are not part of the project."""
    folder = Path(os.environ.get("SIGNAL_ASSETS_REFERENCE_DATA", REPOSITORY.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no reference data in {folder}")
    return folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of faults, if tests brought any about."""
    rows = [
        value
        for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
        for name, value in getattr(report, "user_properties", ())
        if name == PROPERTY and report.when == "call"
    ]
    if rows:
        terminalreporter.section("faults and outcomes")
        for line in lines_of(rows):
            terminalreporter.write_line(line)
