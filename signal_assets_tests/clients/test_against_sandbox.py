"""The clients against the sandbox: every fault it knows leads to what the contract says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from signal_assets.clients.company_info import CompanyInfoClient, open_company_info
from signal_assets.clients.errors import LookupFailed, SourceUnavailable
from signal_assets.clients.http import Patience
from signal_assets.clients.kvk import KvkClient, open_kvk
from signal_assets.clients.metered_service import ServiceRefuses
from signal_assets.clients.rate_limit import RateLimit
from signal_assets.clients.sources.serpapi import SerpApiSource, open_serpapi
from signal_assets.domain.harvests import SourceAnswer
from signal_assets.domain.search_profiles import SearchTerm, SerpApiSourceOptions
from signal_assets.sandbox.keys import MOUNTS, SANDBOX_KEYS
from signal_assets.sandbox.server import SandboxServer
from signal_assets.sandbox.world import SandboxCompany, shipped_world
from signal_assets_tests.clients.open_ledgers import open_session

PATIENCE = Patience(sleep=lambda seconds: None)


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


@pytest.fixture
def company() -> SandboxCompany:
    companies = shipped_world().companies
    return next(row for row in companies if row.company_info and row.employees and not row.ended)


def kvk_in(sandbox: SandboxServer, session: Any) -> KvkClient:
    http = open_kvk(SANDBOX_KEYS["kvk"], sandbox.url + MOUNTS["kvk"])
    return KvkClient(http, session, patience=PATIENCE, rate_limit=RateLimit(10_000, 2))


def company_info_in(sandbox: SandboxServer, session: Any) -> CompanyInfoClient:
    http = open_company_info(SANDBOX_KEYS["company_info"], sandbox.url + MOUNTS["company_info"])
    limit = RateLimit(10_000, 2)
    return CompanyInfoClient(http, session, patience=PATIENCE, rate_limit=limit)


def harvest(
    sandbox: SandboxServer, folder: Path, *terms: str, **options: Any
) -> list[SourceAnswer]:
    http = open_serpapi(SANDBOX_KEYS["serpapi"], sandbox.url + MOUNTS["serpapi"])
    chosen = SerpApiSourceOptions(type="serpapi", **options)
    with open_session(folder) as session:
        source = SerpApiSource(http, session, chosen, patience=PATIENCE)
        return list(source.harvest([SearchTerm(term=term) for term in terms]))


def test_a_company_is_searched_read_and_financed(sandbox, company, tmp_path):
    with open_session(tmp_path) as session:
        kvk = kvk_in(sandbox, session)
        found = kvk.search(name=company.name, kinds=("hoofdvestiging", "rechtspersoon"))
        profile = kvk.get_profile(company.kvk_number)
        establishments = kvk.get_establishments(company.kvk_number)
        financials = company_info_in(sandbox, session).get_financials(company.kvk_number)
    assert company.kvk_number in {row.kvk_number for row in found.rows}
    assert profile is not None
    assert profile.employee_count == company.employees
    assert establishments is not None
    assert establishments.total == len(company.establishments)
    assert financials is not None
    assert financials.source_fields


def test_a_second_run_asks_nothing(sandbox, company, tmp_path):
    for _ in range(2):
        with open_session(tmp_path) as session:
            kvk_in(sandbox, session).get_profile(company.kvk_number)
            company_info_in(sandbox, session).get_financials(company.kvk_number)
    assert sum(row["requests"] for row in sandbox.control.counts()) == 2


KVK_FAULTS = {
    "no_such_number": None,
    "links_as_array": "the profile",
    "retirement_warning": "the profile",
    "unknown_dates": "the profile",
    "slow_drip": "the profile",
    "being_processed": LookupFailed,
    "try_in_five_minutes": LookupFailed,
    "not_found_without_body": LookupFailed,
    "too_fast": LookupFailed,
    "too_fast_without_retry_after": LookupFailed,
    "too_fast_absurd_retry_after": LookupFailed,
    "technical_fault": LookupFailed,
    "unavailable": LookupFailed,
    "bad_gateway_html": LookupFailed,
    "html_with_200": LookupFailed,
    "cut_json": LookupFailed,
    "wrong_types": LookupFailed,
    "reset_before_headers": LookupFailed,
    "reset_mid_body": LookupFailed,
    "wrong_key": ServiceRefuses,
    "not_subscribed": ServiceRefuses,
    "no_such_product": SourceUnavailable,
    "type_invalid": SourceUnavailable,
    "wrong_parameters": SourceUnavailable,
}


@pytest.mark.parametrize("fault", KVK_FAULTS)
def test_each_fault_of_kvk_has_its_outcome(sandbox, company, tmp_path, fault):
    expected = KVK_FAULTS[fault]
    sandbox.control.switch_on("kvk", fault)
    with open_session(tmp_path) as session:
        kvk = kvk_in(sandbox, session)
        if isinstance(expected, type):
            with pytest.raises((LookupFailed, SourceUnavailable)) as raised:
                kvk.get_profile(company.kvk_number)
            assert type(raised.value) is expected
            assert SANDBOX_KEYS["kvk"] not in str(raised.value)
        else:
            assert (kvk.get_profile(company.kvk_number) is None) is (expected is None)


@pytest.mark.parametrize(
    "fault", sorted(name for name, outcome in KVK_FAULTS.items() if outcome is LookupFailed)
)
def test_after_any_fault_of_kvk_the_next_run_gets_its_answer(sandbox, company, tmp_path, fault):
    sandbox.control.switch_on("kvk", fault)
    with open_session(tmp_path, run_id="first") as session, pytest.raises(LookupFailed):
        kvk_in(sandbox, session).get_profile(company.kvk_number)
    sandbox.control.switch_off()
    with open_session(tmp_path, run_id="second") as session:
        assert kvk_in(sandbox, session).get_profile(company.kvk_number) is not None


@pytest.mark.parametrize("fault", ["nothing_found", "wrapped_error"])
def test_a_search_that_finds_nothing_is_empty(sandbox, tmp_path, fault):
    sandbox.control.switch_on("kvk", fault)
    with open_session(tmp_path) as session:
        assert kvk_in(sandbox, session).search(name="Wat Dan Ook").total == 0


COMPANY_INFO_FAULTS = {
    "not_found": None,
    "slow_drip": "the record",
    "too_fast": LookupFailed,
    "too_fast_without_retry_after": LookupFailed,
    "too_fast_absurd_retry_after": LookupFailed,
    "server_error": LookupFailed,
    "bad_gateway_html": LookupFailed,
    "html_with_200": LookupFailed,
    "cut_json": LookupFailed,
    "wrong_types": LookupFailed,
    "empty_object": LookupFailed,
    "other_number": LookupFailed,
    "json_list": LookupFailed,
    "reset_before_headers": LookupFailed,
    "reset_mid_body": LookupFailed,
    "wrong_key": ServiceRefuses,
    "no_credit": ServiceRefuses,
    "forbidden": ServiceRefuses,
}


@pytest.mark.parametrize("fault", COMPANY_INFO_FAULTS)
def test_each_fault_of_company_info_has_its_outcome(sandbox, company, tmp_path, fault):
    expected = COMPANY_INFO_FAULTS[fault]
    sandbox.control.switch_on("company_info", fault)
    with open_session(tmp_path) as session:
        client = company_info_in(sandbox, session)
        if isinstance(expected, type):
            with pytest.raises((LookupFailed, SourceUnavailable)) as raised:
                client.get_financials(company.kvk_number)
            assert type(raised.value) is expected
            assert SANDBOX_KEYS["company_info"] not in str(raised.value)
        else:
            assert (client.get_financials(company.kvk_number) is None) is (expected is None)


SERPAPI_FAULTS = {
    "empty_result": "empty",
    "page_two_empty": "rows",
    "slow_drip": "rows",
    "organic_results": "broken",
    "search_failed": "broken",
    "wrong_types": "broken",
    "server_error": "broken",
    "try_again": "broken",
    "bad_gateway_html": "broken",
    "html_with_200": "broken",
    "cut_json": "broken",
    "reset_before_headers": "broken",
    "reset_mid_body": "broken",
    "wrong_key": "refused",
    "forbidden": "refused",
    "out_of_searches": "refused",
    "too_fast": "refused",
}


@pytest.mark.parametrize("fault", SERPAPI_FAULTS)
def test_each_fault_of_serpapi_has_its_outcome(sandbox, tmp_path, fault):
    sandbox.control.switch_on("serpapi", fault)
    (answer,) = harvest(sandbox, tmp_path, "SAP")
    assert answer.outcome == SERPAPI_FAULTS[fault]
    assert SANDBOX_KEYS["serpapi"] not in repr(answer)


def test_the_tables_name_every_fault_the_sandbox_has(sandbox):
    known = {
        "kvk": {*KVK_FAULTS, "nothing_found", "wrapped_error"},
        "company_info": set(COMPANY_INFO_FAULTS),
        "serpapi": set(SERPAPI_FAULTS),
    }
    for fault in sandbox.control.catalogue():
        if fault["service"] in known:
            assert fault["fault"] in known[fault["service"]], fault


def test_a_harvest_through_the_sandbox_brings_vacancies_with_ids_and_dates(sandbox, tmp_path):
    (answer,) = harvest(sandbox, tmp_path, "SAP", max_pages=5)
    assert answer.outcome == "rows"
    assert answer.rejected == ()
    assert all(posting.description and posting.url for posting in answer.postings)
    assert any(posting.posted_at for posting in answer.postings)


def test_a_harvest_again_brings_the_same_and_buys_nothing(sandbox, tmp_path):
    first = harvest(sandbox, tmp_path, "SAP")
    bought = sum(row["billed"] for row in sandbox.control.counts("serpapi"))
    assert [a.postings for a in harvest(sandbox, tmp_path, "SAP")] == [a.postings for a in first]
    assert sum(row["billed"] for row in sandbox.control.counts("serpapi")) == bought
