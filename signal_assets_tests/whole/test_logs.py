"""The command's log as JSON, for a run as its users start it."""

import json
from pathlib import Path

import pytest

from signal_assets.sandbox import SandboxProcess
from signal_assets_tests.whole.conftest import Command

pytestmark = pytest.mark.slow

RUN_ID = "5f0f9d5e-0000-4000-8000-000000000001"


def test_every_line_of_a_run_parses_and_says_which_run_it_is_of(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    command = Command(tmp_path / "machine", sandbox.environment())
    ran = command.run(
        *("run", "--profile", "worked_example", "--run-id", RUN_ID), SIGNAL_ASSETS_LOG_FORMAT="json"
    )
    assert ran.returncode == 0, ran.stderr
    lines = [json.loads(line) for line in ran.stderr.splitlines()]
    assert {line["run_id"] for line in lines} == {RUN_ID}
    assert {line["search_profile"] for line in lines} == {"worked_example"}
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    assets = {line.get("asset") for line in lines}
    assert {"raw_vacancies", "extracted_vacancies", "kvk_profiles"} <= assets
    loggers = {line["logger"] for line in lines}
    assert {"dagster", "signal_assets.clients.outcome_desk"} <= loggers


def test_a_line_about_one_vacancy_names_it(tmp_path: Path, sandbox: SandboxProcess) -> None:
    command = Command(tmp_path / "machine", sandbox.environment())
    sandbox.control.switch_on("claude", "invalid_inner_json")
    ran = command.run("run", "-p", "worked_example", SIGNAL_ASSETS_LOG_FORMAT="json")
    sandbox.control.switch_off()
    lines = [json.loads(line) for line in ran.stderr.splitlines() if line.startswith("{")]
    about_one = [line for line in lines if "could not be read" in line["message"]]
    assert len(about_one) == 3
    assert all(line["message"].startswith(line["vacancy_id"]) for line in about_one)
