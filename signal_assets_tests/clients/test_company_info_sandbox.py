"""Company.info's SOAP service and hub in the sandbox: every fault leads to what it must."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from signal_assets.clients.company_info import (
    CompanyInfoClient,
    CompanyInfoProvider,
    make_provider,
    open_company_info,
)
from signal_assets.clients.errors import LookupFailed, SourceUnavailable
from signal_assets.clients.http import Patience
from signal_assets.clients.metered_service import ServiceRefuses
from signal_assets.clients.rate_limit import RateLimit
from signal_assets.domain.companies import CompanyFinancials
from signal_assets.sandbox.company_info_soap import CONTACT_SURNAME, MOBILE_NUMBER
from signal_assets.sandbox.keys import MOUNTS, SANDBOX_KEYS, SOAP_USER_NAME
from signal_assets.sandbox.server import SandboxServer
from signal_assets.sandbox.world import shipped_world
from signal_assets_tests.clients.open_ledgers import open_session

NUMBER = "99900011"
UNKNOWN = "99900022"
"""A company of the sandbox that its Company.info does not have."""

HUB_MAPPING = """
provider: hub
lookup: search_then_get
search_path: /nl/organizations/profiles/v1/entities
path: /nl/organizations/profiles/v1/organizations/{organization_id}
kvk_number: /data/attributes/invented_number
fields:
  employee_count: {pointers: [/data/attributes/invented_staff], convert: count}
  legal_form: {pointers: [/data/attributes/invented_form], convert: legal_form}
  founded_date: {pointers: [/data/attributes/invented_since], convert: date}
  is_active: {pointers: [/data/attributes/invented_active], convert: flag}
  non_mailing: {pointers: [/data/attributes/invented_no_mail], convert: flag}
  sbi_activities:
    pointers: [/data/attributes/invented_activities]
    convert: sbi
    code: invented_code
    description: invented_text
  financials.revenue: {pointers: [/data/attributes/invented_figures/revenue], convert: money}
  financials.profit: {pointers: [/data/attributes/invented_figures/profit], convert: money}
  financials.year: {pointers: [/data/attributes/invented_figures/year], convert: year}
"""


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        server.control.set_drip(0.01)
        yield server


@pytest.fixture
def sandbox(running: SandboxServer) -> Iterator[SandboxServer]:
    yield running
    running.control.switch_off()
    running.control.clear_journal()


def provider_for(service: str, folder: Path) -> CompanyInfoProvider:
    if service == "company_info_soap":
        return make_provider("soap", user_name=SOAP_USER_NAME)
    if service == "company_info_hub":
        (folder / "hub.yaml").write_text(HUB_MAPPING)
        return make_provider("hub", mapping=folder / "hub.yaml")
    return make_provider("rest_v1")


def get(
    sandbox: SandboxServer, service: str, folder: Path, number: str = NUMBER, run_id: str = "1"
) -> CompanyFinancials | None:
    provider = provider_for(service, folder)
    url = sandbox.url + MOUNTS[service]
    with (
        open_company_info(SANDBOX_KEYS[service], url, provider=provider) as http,
        open_session(folder, run_id=run_id) as session,
    ):
        patience = Patience(sleep=lambda seconds: None)
        limit = RateLimit(10_000, 2)
        client = CompanyInfoClient(http, session, provider, patience=patience, rate_limit=limit)
        return client.get_financials(number)


SERVICES = ["company_info_soap", "company_info_hub"]

TRANSPORT: Mapping[str, Any] = {
    "bad_gateway_html": LookupFailed,
    "html_with_200": LookupFailed,
    "cut_json": LookupFailed,
    "reset_before_headers": LookupFailed,
    "reset_mid_body": LookupFailed,
    "slow_drip": "record",
}
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "company_info_soap": {
        "wrong_password": ServiceRefuses,
        "wrong_username": ServiceRefuses,
        "wrong_host": ServiceRefuses,
        "not_authorized": ServiceRefuses,
        "balance_used_up": ServiceRefuses,
        "input_invalid": LookupFailed,
        "input_incomplete": LookupFailed,
        "input_misformatted": LookupFailed,
        "not_found": None,
        "page_not_found": LookupFailed,
        "unavailable": LookupFailed,
        "unavailable_temporarily": LookupFailed,
        "internal_error": LookupFailed,
        "fault_without_detail": LookupFailed,
        "entity_expansion": LookupFailed,
        "external_entity": LookupFailed,
        "other_number": LookupFailed,
        "empty_out": LookupFailed,
        "wrong_types": "poorer record",
        "too_fast": LookupFailed,
        "bad_gateway_text": LookupFailed,
        **TRANSPORT,
    },
    "company_info_hub": {
        "wrong_key": ServiceRefuses,
        "disallowed": ServiceRefuses,
        "forbidden": ServiceRefuses,
        "bad_request": LookupFailed,
        "not_found": LookupFailed,
        "too_fast": LookupFailed,
        "too_fast_without_retry_after": LookupFailed,
        "server_error": LookupFailed,
        "nothing_found": None,
        "no_data": LookupFailed,
        "json_list": LookupFailed,
        "several": "record",
        "other_number": LookupFailed,
        "wrong_types": "poorer record",
        **TRANSPORT,
    },
}
KEPT = [("company_info_hub", "other_number")]
"""A good answer about another company: kept, as a better mapping may read it without paying."""
CASES = [(service, fault) for service, table in FAULTS.items() for fault in table]


def test_the_tables_name_every_fault_the_sandbox_has(sandbox):
    catalogue = [(row["service"], row["fault"]) for row in sandbox.control.catalogue()]
    assert {case for case in catalogue if case[0] in FAULTS} == set(CASES)


@pytest.mark.parametrize(("service", "fault"), CASES)
def test_each_fault_has_its_outcome(sandbox, tmp_path, service, fault):
    expected = FAULTS[service][fault]
    undisturbed = get(sandbox, service, _folder(tmp_path, "undisturbed"))
    sandbox.control.switch_on(service, fault)
    if isinstance(expected, type):
        with pytest.raises((LookupFailed, SourceUnavailable)) as raised:
            get(sandbox, service, tmp_path)
        assert type(raised.value) is expected
        assert SANDBOX_KEYS[service] not in str(raised.value)
        assert CONTACT_SURNAME not in str(raised.value)
    else:
        record = get(sandbox, service, tmp_path)
        assert (record is None) is (expected is None)
        if expected == "record":
            assert _facts(record) == _facts(undisturbed)
        if expected == "poorer record":
            assert record is not None
            assert record.unread_fields
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    for secret in (SANDBOX_KEYS[service], CONTACT_SURNAME, MOBILE_NUMBER):
        assert secret.encode() not in stored


@pytest.mark.parametrize(
    ("service", "fault"),
    [case for case in CASES if FAULTS[case[0]][case[1]] is LookupFailed and case not in KEPT],
)
def test_after_a_fault_the_next_run_gets_its_answer(sandbox, tmp_path, service, fault):
    sandbox.control.switch_on(service, fault)
    with pytest.raises(LookupFailed):
        get(sandbox, service, tmp_path, run_id="first")
    sandbox.control.switch_off()
    assert get(sandbox, service, tmp_path, run_id="second") is not None


@pytest.mark.parametrize("service", SERVICES)
def test_a_company_they_do_not_have_is_none(sandbox, tmp_path, service):
    assert get(sandbox, service, tmp_path, UNKNOWN) is None


@pytest.mark.parametrize("service", SERVICES)
def test_what_was_paid_for_is_not_bought_again(sandbox, tmp_path, service):
    first = get(sandbox, service, tmp_path)
    bought = sum(row["requests"] for row in sandbox.control.counts(service))
    assert get(sandbox, service, tmp_path, run_id="second") == first
    assert sum(row["requests"] for row in sandbox.control.counts(service)) == bought


def test_all_providers_say_the_same_of_a_company(sandbox, tmp_path):
    facts = {}
    for service in ("company_info", *SERVICES):
        record = get(sandbox, service, _folder(tmp_path, service))
        assert record is not None
        assert record.source_fields
        facts[service] = (
            record.kvk_number,
            record.employee_count,
            record.legal_form,
            record.founded_date,
            record.is_active,
            [row.sbi_code for row in record.sbi_activities],
            record.financials,
        )
    assert facts["company_info_soap"] == facts["company_info"] == facts["company_info_hub"]


def test_every_company_of_the_sandbox_has_a_dossier_that_is_read_whole(sandbox, tmp_path):
    numbers = [row.kvk_number for row in shipped_world().companies if row.company_info]
    records = [get(sandbox, "company_info_soap", tmp_path, number) for number in numbers[:8]]
    assert all(record is not None and not record.unread_fields for record in records)


def test_orders_are_never_asked_for(sandbox, tmp_path):
    get(sandbox, "company_info_hub", tmp_path)
    endpoints = {row["endpoint"] for row in sandbox.control.counts("company_info_hub")}
    assert endpoints == {"entities", "organizations"}


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder


def _facts(record: CompanyFinancials | None) -> dict[str, Any]:
    assert record is not None
    return record.model_dump(exclude={"fetched_at"})
