"""Company.info's REST hub: JSON:API, read by a field mapping that is shipped empty.

Only companies are asked for. Its endpoint for orders costs money at every call and is never used.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import quote

from signal_assets.clients.company_info_rest_v1 import judge_status
from signal_assets.clients.http import Received, SecretLogin, excerpt
from signal_assets.clients.metered_service import (
    Answered,
    ItemRefused,
    Question,
    RunStopped,
    Unreadable,
    Verdict,
)
from signal_assets.clients.paid_calls import Answer
from signal_assets.domain.answer_shapes import AnswerShape, list_paths
from signal_assets.domain.companies import CompanyFinancials
from signal_assets.domain.field_mapping import HubMapping, apply_mapping, check_rules
from signal_assets.domain.json_api import choose_row, get_id, list_errors, list_rows
from signal_assets.domain.wire_fields import UnreadableAnswer, parse_json_object

FINANCIALS_MAX_AGE = timedelta(days=90)
ABSENT_MAX_AGE = timedelta(days=7)

_REFUSED = "has been disallowed"
"""The hub says so with status 400 when a key is not allowed this, or has expired."""


class HubProvider:
    """One GET per KvK number, or two where the mapping wants the company by its id."""

    base_url = "https://api.company.info"

    def __init__(self, mapping: HubMapping) -> None:
        self._mapping = mapping

    def headers(self, api_key: str) -> dict[str, str]:
        return {
            self._mapping.header: self._mapping.prefix + api_key,
            "Accept": "application/vnd.api+json",
        }

    def login(self, api_key: str) -> SecretLogin | None:
        return None

    def look_up(self, ask: Callable[[Question], Answer], kvk_number: str) -> Answer:
        """Return the answer that holds the company.

        Raises:
            UnreadableAnswer: none of the companies found is surely the one asked for.
        """
        if self._mapping.lookup == "direct":
            return ask(self._organization(kvk_number, kvk_number))
        found = ask(self._search(kvk_number))
        if found.is_absent or self._mapping.lookup == "search":
            return found
        return ask(self._organization(kvk_number, get_id(self._choose(kvk_number, found.body))))

    def judge(self, question: Question, received: Received, /) -> Verdict:
        """Say what an answer means; nothing found is a 200 with empty data, never a 404."""
        said = excerpt(received.body) or "no text"
        status = received.status_code
        try:
            payload = parse_json_object(received.body)
            said = excerpt(list_errors(payload)) or said
        except UnreadableAnswer as error:
            if status == 200:
                return Unreadable(str(error))
        if status == 401:
            other = "Token " if not self._mapping.prefix else ""
            return RunStopped(f"the key is refused; try `prefix: {other!r}` in the mapping: {said}")
        if status == 400 and _REFUSED in received.body:
            return RunStopped(f"the key is not allowed this, or has expired: {said}")
        if status != 200:
            return judge_status(received, said) or ItemRefused(
                said, is_service_trouble=status != 400
            )
        try:
            is_absent = not list_rows(payload)
        except UnreadableAnswer as error:
            return Unreadable(str(error))
        return Answered(
            is_absent=is_absent, is_billed=not is_absent or self._mapping.absent_is_billed
        )

    def redact(self, body: str) -> str:
        return body

    def parse(self, kvk_number: str, body: str, fetched_at: datetime) -> CompanyFinancials:
        payload = self._choose(kvk_number, body)
        return apply_mapping(self._mapping, payload, kvk_number, fetched_at)

    def describe(self, kvk_number: str, body: str) -> AnswerShape:
        """Describe the company's own part of the answer; all of them where it cannot be told."""
        payload = parse_json_object(body)
        rows = list_rows(payload)
        try:
            own = self._choose(kvk_number, body)
        except UnreadableAnswer:
            own = {**payload, "data": rows[0] if rows else None}
        return AnswerShape(
            paths=list_paths(own), checks=check_rules(self._mapping, own), row_count=len(rows)
        )

    def _choose(self, kvk_number: str, body: str) -> dict[str, object]:
        return choose_row(parse_json_object(body), self._mapping.kvk_number, kvk_number)

    def _search(self, kvk_number: str) -> Question:
        return Question(
            operation="entities",
            path=self._mapping.search_path,
            subject=kvk_number,
            params=((self._mapping.query_param, kvk_number),),
            summary=f"entities {kvk_number}",
            max_age=FINANCIALS_MAX_AGE,
            absent_max_age=ABSENT_MAX_AGE,
        )

    def _organization(self, kvk_number: str, organization_id: str) -> Question:
        organization = quote(organization_id, safe="")
        return Question(
            operation="organizations",
            path=self._mapping.path.replace("{organization_id}", organization),
            subject=kvk_number,
            summary=f"organizations {kvk_number}",
            max_age=FINANCIALS_MAX_AGE,
            absent_max_age=ABSENT_MAX_AGE,
        )
