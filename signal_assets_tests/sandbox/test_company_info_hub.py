"""Company.info's hub in the sandbox: found by number, read by id, orders for money."""

import pytest

from signal_assets.sandbox import SANDBOX_KEYS
from signal_assets.sandbox.company_info_hub import (
    ENTITIES,
    ORDERS,
    CompanyInfoHubService,
    make_organization_id,
)
from signal_assets.sandbox.exchange import Answer, Asked
from signal_assets.sandbox.world import shipped_world

KEY = SANDBOX_KEYS["company_info_hub"]
ORGANIZATIONS = "/nl/organizations/profiles/v1/organizations/"


def get(path: str, key: str = KEY, method: str = "GET", **query: str) -> Answer:
    service = CompanyInfoHubService(shipped_world())
    return service.answer(Asked(method, path, tuple(query.items()), {"x-api-key": key}))


def test_a_company_found_by_number_is_the_one_read_by_its_id():
    (row,) = get(ENTITIES, query="99900011").payload["data"]
    assert row["id"] == make_organization_id("99900011")
    assert get(ORGANIZATIONS + row["id"]).payload["data"] == row


@pytest.mark.parametrize("number", ["99999999", "99900022", ""])
def test_nothing_found_is_empty_data_and_not_billed(number):
    answer = get(ENTITIES, query=number)
    assert (answer.status, answer.payload["data"], answer.is_billed) == (200, [], False)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (get(ENTITIES, key="", query="99900011"), 401),
        (get(ENTITIES, key="other", query="99900011"), 401),
        (get(ENTITIES, key=f"Token {KEY}", query="99900011"), 200),
        (get(ENTITIES, number="99900011"), 400),
        (get(ENTITIES, method="POST"), 405),
        (get(ORGANIZATIONS + "99900011"), 404),
        (get("/elsewhere"), 404),
    ],
)
def test_each_request_has_its_status(answer, status):
    assert answer.status == status


def test_an_order_costs_money():
    assert get(ORDERS, method="POST").is_billed
