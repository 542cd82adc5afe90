import logging
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest

from signal_assets.clients.company_info import CompanyInfoClient, open_company_info
from signal_assets.clients.company_info_mappings import BadMapping, load_mapping
from signal_assets.clients.company_info_rest_v1 import RestV1Provider
from signal_assets.clients.errors import LookupFailed, SourceUnavailable
from signal_assets.clients.metered_service import ServiceRefuses
from signal_assets.domain.companies import CompanyFinancials
from signal_assets_tests.clients.open_ledgers import Waits, open_session

KEY = "a-secret-key-of-company-info"

FULL = {
    "kvkNumber": "02076358",
    "companyName": "Voorbeeld B.V.",
    "employeeCount": 120,
    "employeeRange": "100-199",
    "revenueRange": "10-50M",
    "sbiCodes": [{"code": "01241", "description": "Teelt"}, {"code": "43220"}],
    "legalForm": "Besloten Vennootschap",
    "foundedDate": "2012-02-15",
    "activeStatus": "active",
    "financials": {"revenue": 18_500_000, "profit": -250_000.5, "year": 2024},
}


class Service:
    """Answers every request with one answer, and counts them."""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answer
        return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)

    def get(
        self, folder: Path, number: str = "02076358", mapping: Path | None = None
    ) -> CompanyFinancials | None:
        provider = RestV1Provider(load_mapping(mapping))
        http = open_company_info(KEY, provider=provider, transport=httpx.MockTransport(self))
        with open_session(folder) as session:
            client = CompanyInfoClient(http, session, provider, patience=Waits().patience)
            return client.get_financials(number)


def found(folder: Path, **changes: object) -> CompanyFinancials:
    record = Service(httpx.Response(200, json=FULL | changes)).get(folder)
    assert record is not None
    return record


def test_each_value_comes_with_the_field_it_came_from(tmp_path):
    service = Service(httpx.Response(200, json=FULL))
    record = service.get(tmp_path)
    assert record is not None
    assert (record.employee_count, record.employee_range) == (120, "100-199")
    assert record.legal_form == "besloten_vennootschap"
    assert record.founded_date == date(2012, 2, 15)
    assert record.is_active is True
    assert record.financials == {"revenue": 18_500_000, "profit": -250_000.5, "year": 2024}
    assert [row.sbi_code for row in record.sbi_activities] == ["01241", "43220"]
    assert record.source_fields["financials.revenue"] == "/financials/revenue"
    assert record.source_fields["employee_count"] == "/employeeCount"
    assert service.requests[0].url.path == "/api/v1/companies/02076358"
    assert service.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("field", sorted(FULL))
def test_every_field_may_be_absent_or_null(tmp_path, field):
    without = {name: value for name, value in FULL.items() if name != field}
    absent = Service(httpx.Response(200, json=without)).get(tmp_path / "absent")
    null = found(tmp_path / "null", **{field: None})
    assert absent is not None
    assert absent.model_copy(update={"fetched_at": null.fetched_at}) == null


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"employeeCount": "120"}, "employee_count", "/employeeCount is text, not a number"),
        ({"employeeCount": 12.5}, "employee_count", "/employeeCount is 12.5, not a count"),
        ({"employeeCount": -3}, "employee_count", "/employeeCount is -3, not a count"),
        ({"employeeCount": True}, "employee_count", "/employeeCount is true or false"),
        ({"employeeCount": 10**400}, "employee_count", "/employeeCount is no amount"),
        ({"employeeRange": 100}, "employee_range", "/employeeRange is a number, not text"),
        ({"foundedDate": "vroeger"}, "founded_date", "/foundedDate is no date"),
        ({"activeStatus": "asleep"}, "is_active", "/activeStatus is a word that is not known"),
        ({"sbiCodes": ["01241"]}, "sbi_activities", "/sbiCodes holds text"),
        ({"financials": {"year": 24}}, "financials.year", "/financials/year is 24, not a year"),
        ({"financials": {"revenue": "veel"}}, "financials.revenue", "/financials/revenue is text"),
    ],
)
def test_a_value_of_another_kind_is_null_and_noted_and_the_others_stay(
    tmp_path, caplog, changes, field, reason
):
    record = found(tmp_path, **changes)
    assert record.unread_fields[field].startswith(reason)
    assert field not in record.source_fields
    assert record.revenue_range == "10-50M"
    assert reason in caplog.text


def test_figures_of_another_company_are_never_taken(tmp_path):
    with pytest.raises(LookupFailed, match="asked for 02076358, the answer is about '11111111'"):
        found(tmp_path, kvkNumber="11111111")


def test_a_company_they_do_not_have_is_none(tmp_path):
    missing = httpx.Response(404, json={"error": {"code": "company_not_found"}})
    assert Service(missing).get(tmp_path) is None


@pytest.mark.parametrize(
    ("answer", "error", "calls"),
    [
        (httpx.Response(401), ServiceRefuses, 1),
        (httpx.Response(403), ServiceRefuses, 1),
        (httpx.Response(402, json={"error": "no credit"}), ServiceRefuses, 1),
        (httpx.Response(301, headers={"location": "https://other.test"}), SourceUnavailable, 1),
        (httpx.Response(400, json={"error": "bad number"}), LookupFailed, 1),
        (httpx.Response(404, text="<html>no route</html>"), LookupFailed, 1),
        (httpx.Response(429), LookupFailed, 4),
        (httpx.Response(500), LookupFailed, 4),
        (httpx.Response(200, text="<html>"), LookupFailed, 1),
        (httpx.Response(200, text='{"kvkNumber": "0207'), LookupFailed, 1),
    ],
)
def test_each_answer_tells_the_caller_what_to_do_next(tmp_path, answer, error, calls):
    service = Service(answer)
    with pytest.raises((LookupFailed, SourceUnavailable)) as raised:
        service.get(tmp_path)
    assert type(raised.value) is error
    assert f"company_info: HTTP {answer.status_code}" in str(raised.value)
    assert len(service.requests) == calls


def test_what_was_paid_for_is_not_bought_again(tmp_path):
    service = Service(httpx.Response(200, json=FULL))
    assert service.get(tmp_path) == service.get(tmp_path)
    assert len(service.requests) == 1


def test_an_unreadable_answer_is_paid_for_three_times_and_then_no_more(tmp_path):
    service = Service(httpx.Response(200, text="<html>"))
    for _ in range(5):
        with pytest.raises(LookupFailed):
            service.get(tmp_path)
    assert len(service.requests) == 3


def test_a_mapping_of_ones_own_needs_no_code(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text(
        "provider: rest_v1\n"
        "path: /v2/{kvk_number}/report\n"
        "header: X-API-Key\n"
        "prefix: ''\n"
        "fields:\n"
        "  employee_count: {pointers: [/staff/old, /staff/0/now], convert: count}\n"
    )
    service = Service(httpx.Response(200, json={"staff": [{"now": 9}], "kvkNumber": "x"}))
    record = service.get(tmp_path, mapping=own)
    assert record is not None
    assert record.employee_count == 9
    assert record.source_fields == {"employee_count": "/staff/0/now"}
    assert service.requests[0].url.path == "/v2/02076358/report"
    assert service.requests[0].headers["x-api-key"] == KEY


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "own.yaml: "),
        ("provider: rest_v1", "path: Field required"),
        ("provider: a\npath: /x/{kvk_number}\nfields: {turnover: {convert: money}}", "turnover"),
        ("provider: a\npath: /x/{kvk_number}\nfields: {is_active: {convert: word}}", "convert"),
        ("provider: a\npath: /x\nfields: {}", "path: "),
    ],
)
def test_a_bad_mapping_is_refused_with_its_file_and_field(tmp_path, text, words):
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(BadMapping, match=r"own\.yaml") as raised:
        load_mapping(tmp_path / "own.yaml")
    assert words in str(raised.value)


@pytest.mark.parametrize("status", [200, 401, 500])
def test_the_key_stands_in_no_error_no_log_and_not_in_the_ledger(tmp_path, caplog, status):
    caplog.set_level(logging.DEBUG)
    echo = httpx.Response(status, json={"kvkNumber": f"Bearer {KEY}"})
    with pytest.raises(Exception, match="company_info") as raised:
        Service(echo).get(tmp_path)
    assert KEY not in str(raised.value) + caplog.text
    assert all(KEY.encode() not in path.read_bytes() for path in tmp_path.iterdir())


def test_the_moment_of_the_record_is_when_the_answer_came(tmp_path):
    before = datetime.now(UTC)
    assert before <= found(tmp_path).fetched_at <= datetime.now(UTC)
