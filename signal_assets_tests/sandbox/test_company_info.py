"""Company.info `rest_v1`: one company by number, and the errors around it."""

import pytest

from signal_assets.sandbox import SANDBOX_KEYS
from signal_assets.sandbox.company_info import CompanyInfoService
from signal_assets.sandbox.exchange import Answer, Asked
from signal_assets.sandbox.world import shipped_world

HEADERS = {"authorization": f"Bearer {SANDBOX_KEYS['company_info']}"}
FIELDS = {
    "kvkNumber",
    "companyName",
    "employeeCount",
    "employeeRange",
    "revenueRange",
    "sbiCodes",
    "legalForm",
    "foundedDate",
    "activeStatus",
    "financials",
}


def get(number: str, headers: dict[str, str] = HEADERS, **query: str) -> Answer:
    service = CompanyInfoService(shipped_world())
    path = f"/api/v1/companies/{number}"
    return service.answer(Asked("GET", path, tuple(query.items()), headers))


def test_a_known_company_has_every_field_of_the_contract():
    answer = get("99900011")
    assert set(answer.payload) == FIELDS
    assert answer.is_billed


def test_no_company_has_a_field_outside_the_contract():
    for company in shipped_world().companies:
        assert set(company.company_info or {}) <= FIELDS


def test_a_small_company_files_no_revenue():
    assert get("99900277").payload["financials"] == {"year": 2025}


@pytest.mark.parametrize(
    ("number", "status"), [("99999999", 404), ("99900022", 404), ("9990001", 400)]
)
def test_an_absent_number_is_404_and_a_wrong_one_400(number, status):
    answer = get(number)
    assert (answer.status, answer.is_billed) == (status, False)


@pytest.mark.parametrize("authorization", ["", "Bearer other", SANDBOX_KEYS["company_info"]])
def test_another_key_is_refused(authorization):
    assert get("99900011", {"authorization": authorization}).status == 401


def test_an_unknown_parameter_is_refused():
    assert get("99900011", extended="true").status == 400
