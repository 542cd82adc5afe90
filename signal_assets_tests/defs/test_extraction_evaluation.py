"""The asset that measures: its rows, its figures, its check."""

import json

import dagster as dg
import yaml

from signal_assets_tests.defs.conftest import Workspace
from signal_assets_tests.defs.test_activating import GOOD, LABELS, TEXT


def measured(workspace: Workspace, bar: float) -> dg.ExecuteInProcessResult:
    """Let the worked example name labelled vacancies, and measure it without a key."""
    file = workspace.profiles / "worked_example.yaml"
    profile = yaml.safe_load(file.read_text())
    profile["extraction"] = {"system_prompt": "Read.", "schema": GOOD, "accuracy_bar": bar}
    profile["evaluation"] = {"labels": "gold/labels.jsonl", "vacancies": "gold/vacancies.jsonl"}
    file.write_text(yaml.safe_dump(profile))
    (workspace.profiles / "gold").mkdir()
    (workspace.profiles / "gold" / "labels.jsonl").write_text(json.dumps(LABELS))
    vacancy = {"id": "v1", "title": "Clerk", "description": TEXT}
    (workspace.profiles / "gold" / "vacancies.jsonl").write_text(json.dumps(vacancy))
    workspace.unset("ANTHROPIC_API_KEY")
    return workspace.run("evaluation_job")


def test_each_field_is_a_row_and_the_figures_can_be_plotted(workspace):
    result = measured(workspace, bar=0.8)
    rows = workspace.rows("extraction_evaluation", key="field")
    assert set(rows) == {*GOOD, "overall"}
    assert rows["overall"]["f1"] == 1.0
    (event,) = result.get_asset_materialization_events()
    metadata = event.step_materialization_data.materialization.metadata
    assert metadata["accuracy"].value == 1.0
    assert metadata["erp_systems_f1"].value == 1.0
    assert all(check.passed for check in result.get_asset_check_evaluations())


def test_a_profile_without_labels_has_no_rows_and_says_so(workspace):
    result = workspace.run("evaluation_job")
    assert result.success
    assert workspace.table("extraction_evaluation").empty
    (check,) = result.get_asset_check_evaluations()
    assert check.passed
    assert "nothing was measured" in (check.description or "")
