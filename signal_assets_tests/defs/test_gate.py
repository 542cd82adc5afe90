"""The gate: rows, profile health and money each keep pass 2 from spending."""

import json

import dagster as dg

from signal_assets.definitions import defs
from signal_assets_tests.defs.conftest import Workspace, failed_checks, made


def add_vacancies(workspace: Workspace, count: int) -> None:
    file = workspace.profiles / "vacancies" / "worked_example" / "more.jsonl"
    rows = [
        {
            "external_id": f"more-{number}",
            "title": "Crediteurenadministrateur",
            "company_name": f"Verzinsel {number} B.V.",
            "description": f"Je boekt facturen in Exact Online, vacature {number}.",
        }
        for number in range(count)
    ]
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def register_calls(workspace: Workspace) -> int:
    return len(workspace.control.counts("kvk")) + len(workspace.control.counts("company_info"))


def test_a_failed_blocking_check_keeps_the_registers_from_being_asked(
    workspace: Workspace,
) -> None:
    workspace.run("harvest_job")
    workspace.control.switch_on("claude", "invalid_inner_json")

    result = workspace.run("full_job")

    assert not result.success
    assert failed_checks(result) == {"most_extractions_succeeded"}
    assert "kvk_profiles" not in made(result)
    assert register_calls(workspace) == 0


def test_a_paid_table_made_alone_refuses_while_an_upstream_check_has_failed(
    workspace: Workspace,
) -> None:
    workspace.run("harvest_job")
    workspace.run("extraction_job")
    add_vacancies(workspace, 3)
    workspace.control.switch_on("claude", "invalid_inner_json")
    workspace.run("harvest_job")
    assert failed_checks(workspace.run("extraction_job")) == {"most_extractions_succeeded"}
    workspace.control.switch_off()

    result = workspace.run("enrichment_job")

    assert not result.success
    assert register_calls(workspace) == 0
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert "most_extractions_succeeded is failed" in str(failure.step_failure_data)


def test_a_paid_table_made_alone_refuses_when_nobody_has_checked_the_newest_table(
    workspace: Workspace,
) -> None:
    workspace.run("harvest_job")
    workspace.run("extraction_job")
    unchecked = dg.define_asset_job(
        "unchecked_job", dg.AssetSelection.assets("company_quality").without_checks()
    )
    job = dg.Definitions.merge(defs, dg.Definitions(jobs=[unchecked]))
    assert (
        job.resolve_job_def("unchecked_job")
        .execute_in_process(instance=workspace.instance, partition_key="worked_example")
        .success
    )

    result = workspace.run("enrichment_job")

    assert not result.success
    assert register_calls(workspace) == 0
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert "has not run on the newest table" in str(failure.step_failure_data)


def test_a_table_that_was_never_made_is_named(workspace: Workspace) -> None:
    result = workspace.run("enrichment_job")

    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert "company_quality was never made for worked_example" in str(failure.step_failure_data)


def test_only_companies_that_qualify_are_asked_for(workspace: Workspace) -> None:
    workspace.run("full_job")

    asked = {count["question"] for count in workspace.control.counts("kvk")}
    assert any("techcorp" in question.lower() for question in asked)
    assert not any("ministartup" in question.lower() for question in asked)


def test_a_company_that_no_longer_reaches_the_threshold_is_not_paid_for(
    workspace: Workspace,
) -> None:
    workspace.run("harvest_job")
    workspace.run("extraction_job")
    profile = workspace.profiles / "worked_example.yaml"
    profile.write_text(profile.read_text().replace("0.3", "0.9"))

    workspace.run("enrichment_job")

    assert register_calls(workspace) == 0


def test_a_budget_stops_before_the_call_and_keeps_what_was_paid_for(workspace: Workspace) -> None:
    workspace.set(SIGNAL_ASSETS_RUN_BUDGET_USD="0.01")

    result = workspace.run("full_job")

    assert failed_checks(result) == {"run_stayed_inside_budget"}
    rows = workspace.rows("kvk_profiles")
    assert rows["techcorp"]["enrichment_status"] == "pending"
    assert "budget of the run" in rows["techcorp"]["error"]
    workspace.set(SIGNAL_ASSETS_RUN_BUDGET_USD="5")
    assert workspace.run("full_job").success


def test_the_kill_switch_stops_every_model_call(workspace: Workspace) -> None:
    workspace.set(LLM_KILL_SWITCH="1")

    result = workspace.run("full_job")

    assert workspace.control.counts("claude") == []
    assert failed_checks(result) == {"run_stayed_inside_budget"}
