"""Company.info's `rest_v1` contract: one GET per KvK number, every field optional.

Its error bodies are not publicly known; the sandbox sends `{"error": {"code", "message"}}`, and a
402 when the credit is spent.
"""

import re

from signal_assets.sandbox.exchange import Answer, Asked, Question, json_answer
from signal_assets.sandbox.keys import SANDBOX_KEYS
from signal_assets.sandbox.world import World

_PATH = re.compile(r"/api/v1/companies/([^/]+)")


class CompanyInfoService:
    """Companies by number; each found one is billed."""

    name = "company_info"

    def __init__(self, world: World) -> None:
        self._companies = {company.kvk_number: company for company in world.companies}

    def question(self, asked: Asked) -> Question:
        found = _PATH.fullmatch(asked.path)
        return Question("companies", found[1]) if found else Question("unknown", asked.path)

    def answer(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != f"Bearer {SANDBOX_KEYS['company_info']}":
            return error_answer(401, "unauthorized", "The token is missing or not valid.")
        found = _PATH.fullmatch(asked.path)
        if found is None:
            return error_answer(404, "no_such_route", "There is nothing at this address.")
        if asked.method != "GET":
            return error_answer(405, "method_not_allowed", "Only GET is allowed.")
        if asked.query:
            return error_answer(400, "unknown_parameter", f"Unknown: {asked.query[0][0]}.")
        if not re.fullmatch(r"[0-9]{8}", found[1]):
            return error_answer(400, "invalid_kvk_number", "A KvK number has eight digits.")
        company = self._companies.get(found[1])
        if company is None or company.company_info is None:
            return error_answer(404, "company_not_found", f"No company {found[1]}.")
        name = company.statutory_name or company.name
        payload = {"kvkNumber": found[1], "companyName": name, **company.company_info}
        return json_answer(200, payload, is_billed=True)


def error_answer(status: int, code: str, message: str) -> Answer:
    """Return an error body of `rest_v1`."""
    return json_answer(status, {"error": {"code": code, "message": message}})
