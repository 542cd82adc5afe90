"""The graph with each of Company.info's providers, chosen by settings alone."""

import json
from typing import Any

import pytest

from signal_assets.sandbox.company_info_soap import CONTACT_SURNAME, MOBILE_NUMBER
from signal_assets.sandbox.keys import MOUNTS, SANDBOX_KEYS, SOAP_USER_NAME
from signal_assets_tests.defs.conftest import Workspace


def choose(workspace: Workspace, provider: str) -> None:
    service = f"company_info_{provider}"
    workspace.set(
        COMPANY_INFO_PROVIDER=provider,
        COMPANY_INFO_API_KEY=SANDBOX_KEYS[service],
        COMPANY_INFO_BASE_URL=workspace.server.url + MOUNTS[service],
        COMPANY_INFO_USERNAME=SOAP_USER_NAME,
    )


def figures(workspace: Workspace) -> dict[str, Any]:
    (row,) = workspace.rows("company_financials", key="kvk_number").values()
    return row


def test_the_soap_service_fills_the_same_columns(workspace: Workspace) -> None:
    choose(workspace, "soap")

    assert workspace.run("full_job").success
    row = figures(workspace)
    assert (row["employee_count"], row["non_mailing"], row["is_insolvent"]) == (240, False, False)
    assert (row["employee_class"], row["sbi_edition"]) == ("09", "unknown")
    assert json.loads(row["financials"])["revenue"] == 41_200_000
    assert json.loads(row["source_fields"])["employee_count"] == "personnel_ci"
    merged = workspace.rows("merged_companies")["techcorp"]
    assert merged["employee_range"] == "200–499"
    assert merged["company_info_non_mailing"] is False


def test_no_contact_person_and_no_password_is_on_the_disk(workspace: Workspace) -> None:
    choose(workspace, "soap")
    workspace.run("full_job")

    files = [path for path in workspace.folder.rglob("*") if path.is_file()]
    content = b"".join(path.read_bytes() for path in files)
    assert b"dossier_number" in content
    for secret in (CONTACT_SURNAME, MOBILE_NUMBER, SANDBOX_KEYS["company_info_soap"]):
        assert secret.encode() not in content


def test_the_hub_without_a_mapping_leaves_the_columns_empty_and_the_run_ends_well(
    workspace: Workspace,
) -> None:
    choose(workspace, "hub")

    assert workspace.run("full_job").success
    row = figures(workspace)
    assert row["enrichment_status"] == "completed"
    assert json.loads(row["source_fields"]) == {}


@pytest.mark.parametrize(
    ("provider", "fault"),
    [("soap", "balance_used_up"), ("soap", "wrong_password"), ("hub", "disallowed")],
)
def test_a_refusal_stops_the_run_and_is_no_absent_company(
    workspace: Workspace, provider: str, fault: str
) -> None:
    choose(workspace, provider)
    workspace.control.switch_on(f"company_info_{provider}", fault)

    assert not workspace.run("full_job").success
    workspace.control.switch_off()
    assert workspace.run("full_job").success
    assert figures(workspace)["enrichment_status"] == "completed"


def test_the_soap_service_without_a_user_name_is_told_by_name(workspace: Workspace) -> None:
    choose(workspace, "soap")
    workspace.set(COMPANY_INFO_USERNAME="")

    result = workspace.run("full_job")

    assert not result.success
    assert "COMPANY_INFO_USERNAME" in " ".join(
        str(event.event_specific_data) for event in result.all_events if event.is_failure
    )
