"""`signal-assets companyinfo probe`: one call, paths and kinds, never a value."""

from collections.abc import Iterator

import pytest
from typer.testing import CliRunner, Result

from signal_assets.cli import app
from signal_assets.sandbox import SANDBOX_KEYS, SandboxServer
from signal_assets.sandbox.keys import MOUNTS, SOAP_USER_NAME

SERVICES = {
    "rest_v1": "company_info",
    "soap": "company_info_soap",
    "hub": "company_info_hub",
}
VALUES = ["TechCorp", "240", "62100", "41200000", "2008", "Ontwerpen", "Verzonnen-Contactpersoon"]


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture
def sandbox(running: SandboxServer) -> SandboxServer:
    running.control.switch_off()
    running.control.clear_journal()
    return running


@pytest.fixture
def probe(sandbox, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(provider: str, number: str = "99900011", **environment: str) -> Result:
        service = SERVICES[provider]
        settings = {
            "COMPANY_INFO_PROVIDER": provider,
            "COMPANY_INFO_API_KEY": SANDBOX_KEYS[service],
            "COMPANY_INFO_BASE_URL": sandbox.url + MOUNTS[service],
            "COMPANY_INFO_USERNAME": SOAP_USER_NAME,
            "SIGNAL_ASSETS_STORAGE": str(tmp_path / "data"),
            **environment,
        }
        return CliRunner().invoke(app, ["companyinfo", "probe", "--kvk", number], env=settings)

    return run


@pytest.mark.parametrize(
    ("provider", "path"),
    [
        ("rest_v1", "/financials/revenue"),
        ("soap", "/annual_financial_statement_summary/turnover/amount"),
        ("hub", "/data/attributes/invented_figures/revenue"),
    ],
)
def test_paths_and_kinds_are_printed_and_no_value(sandbox, probe, provider, path):
    result = probe(provider)
    assert result.exit_code == 0, result.output
    assert path in result.output
    assert [value for value in VALUES if value in result.output] == []


@pytest.mark.parametrize("provider", SERVICES)
def test_it_is_one_call_and_the_second_time_none(sandbox, probe, provider):
    assert "calls 1, from the ledger 0" in probe(provider).output
    assert "from the ledger 1" in probe(provider).output
    assert sum(row["requests"] for row in sandbox.control.counts(SERVICES[provider])) == 1


def test_the_shipped_mapping_of_the_hub_leaves_every_field_unmapped(probe):
    output = probe("hub").output
    assert "Not mapped, so null: employee_count, employee_range, revenue_range" in output


def test_each_line_of_a_mapping_is_checked(probe, tmp_path):
    (tmp_path / "own.yaml").write_text(
        "provider: hub\n"
        "search_path: /nl/organizations/profiles/v1/entities\n"
        "path: /nl/organizations/profiles/v1/organizations/{organization_id}\n"
        "kvk_number: /data/attributes/invented_number\n"
        "fields:\n"
        "  employee_count: {pointers: [/data/attributes/invented_staff], convert: count}\n"
        "  founded_date: {pointers: [/data/attributes/invented_name], convert: date}\n"
        "  legal_form: {pointers: [/data/attributes/nowhere], convert: legal_form}\n"
    )
    result = probe("hub", COMPANY_INFO_MAPPING=str(tmp_path / "own.yaml"))
    lines = {line.split()[0]: line for line in result.output.splitlines() if line.strip()}
    assert lines["employee_count"].strip().endswith("read")
    assert lines["founded_date"].strip().endswith("found, but no date")
    assert lines["legal_form"].strip().endswith("nothing there, null")
    assert "revenue_range" in lines["Not"]
    assert [value for value in VALUES if value in result.output] == []


def test_a_company_they_do_not_have_is_said(probe):
    result = probe("soap", "99900022")
    assert result.exit_code == 0
    assert "does not have 99900022" in result.output


@pytest.mark.parametrize(
    ("provider", "number", "environment", "words"),
    [
        ("hub", "9990001", {}, "eight digits"),
        ("hub", "99900011", {"COMPANY_INFO_API_KEY": ""}, "COMPANY_INFO_API_KEY"),
        ("soap", "99900011", {"COMPANY_INFO_USERNAME": ""}, "COMPANY_INFO_USERNAME"),
        ("hub", "99900011", {"COMPANY_INFO_MAPPING": "no.yaml"}, "no.yaml"),
    ],
)
def test_wrong_use_is_told_before_anything_is_asked(
    sandbox, probe, provider, number, environment, words
):
    result = probe(provider, number, **environment)
    assert result.exit_code == 2
    assert words in result.output
    assert sandbox.control.counts() == []
