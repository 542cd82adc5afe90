"""Partitions: a thousand of them, of which some are refused and some come later."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from signal_assets.definitions import defs
from signal_assets.defs.partitions import look_for_new_profiles, search_profiles

PROFILE = """\
name: {name}
sources:
  - {{type: file, path: "vacancies/{name}/*.jsonl"}}
extraction:
  system_prompt: You extract what a vacancy states.
  schema: {{erp_systems: "Which ERP systems are mentioned?"}}
"""

ASK_FOR_ALL = """
import json, sys
from datetime import UTC, datetime
import dagster as dg
from signal_assets.definitions import defs
from signal_assets.defs.schedules import weekly_schedule
context = dg.build_schedule_context(
    instance=dg.DagsterInstance.ephemeral(),
    scheduled_execution_time=datetime(2026, 11, 30, 7, tzinfo=UTC),
    repository_def=defs.get_repository_def(),
)
requests = weekly_schedule.evaluate_tick(context).run_requests
json.dump(sorted(request.partition_key for request in requests), sys.stdout)
"""


def write_profiles(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.yaml").write_text(PROFILE.format(name=name), "utf-8")


def test_of_a_thousand_profiles_one_that_is_broken_keeps_no_other_from_its_run(
    tmp_path: Path,
) -> None:
    names = [f"market_{number:04}" for number in range(1_000)]
    write_profiles(tmp_path / "profiles", *names)
    (tmp_path / "profiles" / "market_0500.yaml").write_text("name: [", "utf-8")
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK_FOR_ALL],
        env={**os.environ, "SIGNAL_ASSETS_PROFILES": str(tmp_path / "profiles")},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert json.loads(finished.stdout) == [name for name in names if name != "market_0500"]
    assert "market_0500.yaml" in finished.stderr


@pytest.fixture
def profiles(tmp_path: Path) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIGNAL_ASSETS_PROFILES", str(tmp_path / "profiles"))
        patch.setenv("SIGNAL_ASSETS_STORAGE", str(tmp_path / "data"))
        yield tmp_path / "profiles"
    look_for_new_profiles()


def test_a_process_runs_a_profile_that_was_added_after_it_started(profiles: Path) -> None:
    write_profiles(profiles, "came_later")
    assert "came_later" not in search_profiles.get_partition_keys()
    look_for_new_profiles()
    assert search_profiles.get_partition_keys() == ["came_later"]

    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def("harvest_job").execute_in_process(
            instance=instance, partition_key="came_later"
        )
    assert result.success
