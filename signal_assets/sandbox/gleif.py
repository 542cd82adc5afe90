"""GLEIF's `lei-records`: legal names of the larger companies, without a key.

It knows only legal persons with fifty people or more, so most companies are not in it.
"""

import re
from typing import Any

from signal_assets.sandbox.exchange import Answer, Asked, Question, json_answer
from signal_assets.sandbox.world import SandboxCompany, World

MEDIA_TYPE = "application/vnd.api+json"
LEAST_EMPLOYEES = 50
_PARAMETERS = {
    "filter[entity.legalName]",
    "filter[entity.registeredAs]",
    "filter[entity.legalAddress.country]",
    "page[size]",
    "page[number]",
}
_FORM_CODES = (
    ("Besloten", "54M6"),
    ("Naamloze", "B5PM"),
    ("Stichting", "V44D"),
    ("Coöperatie", "NFFH"),
)


class GleifService:
    """The LEI register; every call is free."""

    name = "gleif"

    def __init__(self, world: World) -> None:
        self._companies = [
            company
            for company in world.companies
            if company.statutory_name and (company.employees or 0) >= LEAST_EMPLOYEES
        ]

    def question(self, asked: Asked) -> Question:
        wanted = asked.parameter("filter[entity.legalName]") or asked.parameter(
            "filter[entity.registeredAs]"
        )
        return Question("lei-records" if asked.path == "/lei-records" else "unknown", wanted or "")

    def answer(self, asked: Asked) -> Answer:
        if asked.path != "/lei-records":
            return _refused(404, "Not Found", "There is nothing at this address.")
        if asked.method != "GET":
            return _refused(405, "Method Not Allowed", "Only GET is allowed.")
        unknown = sorted({name for name, _ in asked.query} - _PARAMETERS)
        if unknown:
            return _refused(400, "Bad Request", f"Unknown parameter {unknown[0]}.")
        found = [company for company in self._companies if _fits(company, asked)]
        size = int(asked.parameter("page[size]") or 10)
        page = int(asked.parameter("page[number]") or 1)
        shown = found[(page - 1) * size : page * size]
        payload = {
            "meta": {
                "pagination": {
                    "currentPage": page,
                    "perPage": size,
                    "from": (page - 1) * size + 1 if shown else None,
                    "to": (page - 1) * size + len(shown) if shown else None,
                    "total": len(found),
                    "lastPage": max(1, -(-len(found) // size)),
                }
            },
            "data": [_record(company) for company in shown],
        }
        return json_answer(200, payload, content_type=MEDIA_TYPE)


def _fits(company: SandboxCompany, asked: Asked) -> bool:
    number = asked.parameter("filter[entity.registeredAs]")
    if number is not None and number != company.kvk_number:
        return False
    if asked.parameter("filter[entity.legalAddress.country]") not in (None, "NL"):
        return False
    name = asked.parameter("filter[entity.legalName]")
    return name is None or _words(name) <= _words(company.statutory_name or "")


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _record(company: SandboxCompany) -> dict[str, Any]:
    lei = f"7245SANDBOX{company.kvk_number}0"
    seat = company.main_establishment or company.seat
    address = {
        "addressLines": [f"{seat.street} {seat.house_number}"] if seat else [],
        "city": seat.place if seat else None,
        "country": "NL",
        "postalCode": seat.postcode if seat else None,
    }
    codes = (code for start, code in _FORM_CODES if company.legal_form.startswith(start))
    return {
        "type": "lei-records",
        "id": lei,
        "attributes": {
            "lei": lei,
            "entity": {
                "legalName": {"name": company.statutory_name, "language": "nl"},
                "otherNames": [],
                "legalAddress": address,
                "headquartersAddress": address,
                "registeredAt": {"id": "RA000463"},
                "registeredAs": company.kvk_number,
                "jurisdiction": "NL",
                "category": "GENERAL",
                "legalForm": {"id": next(codes, None)},
                "status": "INACTIVE" if company.ended else "ACTIVE",
            },
            "registration": {"status": "ISSUED"},
        },
    }


def _refused(status: int, title: str, detail: str) -> Answer:
    error = {"status": str(status), "title": title, "detail": detail}
    return json_answer(status, {"errors": [error]}, content_type=MEDIA_TYPE)
