"""The example of the product's contract, through the real clients and the jobs."""

from signal_assets_tests.defs.conftest import Workspace, made


def test_only_the_company_above_the_threshold_is_looked_up_financed_and_merged(
    workspace: Workspace,
) -> None:
    result = workspace.run("full_job")

    assert result.success
    quality = {
        company_id: (row["extraction_quality"], row["qualifies"])
        for company_id, row in workspace.rows("company_quality").items()
    }
    assert quality == {"techcorp": (0.625, True), "ministartup": (0.0, False)}
    assert list(workspace.rows("kvk_profiles")) == ["techcorp"]
    techcorp = workspace.rows("merged_companies")["techcorp"]
    number = workspace.rows("kvk_profiles")["techcorp"]["kvk_number"]
    assert techcorp["kvk_number"] == number
    assert list(workspace.rows("company_financials", key="kvk_number")) == [number]
    assert sorted(techcorp["vacancy_ids"]) == ["file:we-1", "file:we-2"]


def test_the_passes_can_be_run_one_after_another(workspace: Workspace) -> None:
    made_by = {
        job: made(workspace.run(job)) for job in ("harvest_job", "extraction_job", "enrichment_job")
    }

    assert made_by == {
        "harvest_job": ["raw_vacancies"],
        "extraction_job": ["extracted_vacancies", "company_quality"],
        "enrichment_job": ["kvk_profiles", "company_financials", "merged_companies"],
    }


def test_a_second_run_asks_no_paid_service_anything(workspace: Workspace) -> None:
    workspace.run("full_job")
    workspace.control.clear_journal()

    assert workspace.run("full_job").success
    assert workspace.control.counts() == []
