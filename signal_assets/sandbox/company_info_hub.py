"""Company.info's REST hub: JSON:API about companies, and what can go wrong with it.

Paths, envelope and errors are the real ones. The names of the real attributes are not public; those
served here are invented, and all begin with `invented`.
"""

import re
from collections.abc import Callable
from typing import Any

from signal_assets.sandbox.exchange import Answer, Asked, Question, json_answer
from signal_assets.sandbox.fault_board import Fault
from signal_assets.sandbox.faults import FaultShelf, with_headers
from signal_assets.sandbox.keys import SANDBOX_KEYS
from signal_assets.sandbox.world import SandboxCompany, World

ENTITIES = "/nl/organizations/profiles/v1/entities"
ORDERS = "/nl/organizations/official-documents/v1/orders"
_ORGANIZATION = re.compile(r"/nl/organizations/profiles/v1/organizations/([^/]+)")
_PARAMETERS = {"query", "filter", "match", "sort", "aggregate", "page[number]", "page[size]"}
CONTENT_TYPE = "application/vnd.api+json"


class CompanyInfoHubService:
    """Companies found by number, or read by an id of the hub's own; orders cost money."""

    name = "company_info_hub"

    def __init__(self, world: World) -> None:
        known = [company for company in world.companies if company.company_info is not None]
        self._by_number = {company.kvk_number: company for company in known}
        self._by_id = {make_organization_id(company.kvk_number): company for company in known}

    def question(self, asked: Asked) -> Question:
        if asked.path == ENTITIES:
            return Question("entities", asked.parameter("query") or "")
        found = _ORGANIZATION.fullmatch(asked.path)
        if found:
            return Question("organizations", found[1])
        if asked.path.startswith(ORDERS):
            return Question("orders", asked.path)
        return Question("unknown", asked.path)

    def answer(self, asked: Asked) -> Answer:
        key = asked.headers.get("x-api-key", "")
        if not key:
            return error_answer(401, "Authorization Field Missing")
        if key not in (SANDBOX_KEYS[self.name], f"Token {SANDBOX_KEYS[self.name]}"):
            return error_answer(401, "Invalid authentication credentials")
        if asked.path.startswith(ORDERS):
            return _data_answer({"type": "orders", "id": "1", "attributes": {}})
        if asked.method != "GET":
            return error_answer(405, "Method Not Allowed")
        if asked.path == ENTITIES:
            return self._search(asked)
        found = _ORGANIZATION.fullmatch(asked.path)
        company = self._by_id.get(found[1]) if found else None
        if company is None:
            return error_answer(404, "Not Found")
        return _data_answer(_resource(company))

    def _search(self, asked: Asked) -> Answer:
        unknown = [name for name, _ in asked.query if name not in _PARAMETERS]
        if unknown:
            return error_answer(400, f"Unknown parameter {unknown[0]}")
        company = self._by_number.get(asked.parameter("query") or "")
        rows = [] if company is None else [_resource(company)]
        return _data_answer(rows, is_billed=bool(rows))


def make_organization_id(kvk_number: str) -> str:
    """Return an id that is not the KvK number: whether the real one is, is not public.

    >>> make_organization_id("99900011")
    'org-11000999'
    """
    return f"org-{kvk_number[::-1]}"


def error_answer(status: int, title: str) -> Answer:
    """Return the errors of JSON:API."""
    error = {"code": str(status), "title": title, "detail": title}
    return json_answer(status, {"errors": [error]}, content_type=CONTENT_TYPE)


def company_info_hub_faults() -> list[Fault]:
    """Return what can go wrong with the hub."""
    shelf = FaultShelf("company_info_hub", ["entities", "organizations"])
    for name, status, title in (
        ("wrong_key", 401, "Authorization Field Missing"),
        ("disallowed", 400, "Access to this API has been disallowed"),
        ("bad_request", 400, "The query is not valid"),
        ("forbidden", 403, "Forbidden"),
        ("not_found", 404, "Not Found"),
        ("too_fast_without_retry_after", 429, "Too Many Requests"),
        ("server_error", 500, "Internal Server Error"),
    ):
        shelf.instead(name, f"{status}: {title}", _always(error_answer(status, title)))
    too_fast = with_headers(error_answer(429, "Too Many Requests"), {"retry-after": "1"})
    shelf.instead("too_fast", "429 with retry-after: 1", _always(too_fast))
    shelf.payload("nothing_found", "200 with empty data", lambda payload: {"data": []})
    shelf.payload("no_data", "200 with an object that holds no data", lambda payload: {"meta": {}})
    shelf.payload("json_list", "200 with a JSON list", lambda payload: [payload])
    shelf.payload(
        "several",
        "200 with two companies where one was asked for",
        lambda payload: {**payload, "data": [_another(payload), *_rows(payload)]},
    )
    shelf.payload(
        "other_number",
        "200 about another KvK number than was asked",
        lambda payload: {**payload, "data": _another(payload)},
    )
    shelf.payload(
        "wrong_types",
        "200 with texts where numbers belong",
        lambda payload: {**payload, "data": [_as_texts(row) for row in _rows(payload)]},
    )
    shelf.add_transport_faults()
    return shelf.faults


def _always(answer: Answer) -> Callable[[Asked], Answer]:
    return lambda asked: answer


def _resource(company: SandboxCompany) -> dict[str, Any]:
    known = company.company_info or {}
    return {
        "type": "organizations",
        "id": make_organization_id(company.kvk_number),
        "attributes": {
            "invented_number": company.kvk_number,
            "invented_name": company.statutory_name or company.name,
            "invented_staff": known.get("employeeCount"),
            "invented_form": company.legal_form,
            "invented_since": known.get("foundedDate"),
            "invented_active": company.ended is None,
            "invented_no_mail": company.non_mailing == "Ja",
            "invented_activities": [
                {"invented_code": row["code"], "invented_text": row["description"]}
                for row in known.get("sbiCodes", ())
            ],
            "invented_figures": known.get("financials"),
        },
        "relationships": {},
    }


def _data_answer(data: object, *, is_billed: bool = True) -> Answer:
    return json_answer(
        200, {"data": data, "meta": {}}, content_type=CONTENT_TYPE, is_billed=is_billed
    )


def _rows(payload: dict[str, Any]) -> list[Any]:
    data = payload["data"]
    return data if isinstance(data, list) else [data]


def _another(payload: dict[str, Any]) -> dict[str, Any]:
    first = _rows(payload)[0]
    return {
        **first,
        "id": "org-99999999",
        "attributes": {**first["attributes"], "invented_number": "99999999"},
    }


def _as_texts(row: dict[str, Any]) -> dict[str, Any]:
    attributes = {
        name: "veel" if isinstance(value, int) else value
        for name, value in row["attributes"].items()
    }
    return {**row, "attributes": attributes}
