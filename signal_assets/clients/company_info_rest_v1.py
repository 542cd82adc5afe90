"""Company.info's `rest_v1`: one GET per KvK number, read by a field mapping."""

from collections.abc import Callable
from datetime import datetime, timedelta

from signal_assets.clients.http import Received, SecretLogin, excerpt
from signal_assets.clients.metered_service import (
    Answered,
    ItemRefused,
    Question,
    RunStopped,
    TryLater,
    Unreadable,
    Verdict,
)
from signal_assets.clients.paid_calls import Answer
from signal_assets.domain.answer_shapes import AnswerShape, list_paths
from signal_assets.domain.companies import CompanyFinancials
from signal_assets.domain.field_mapping import (
    FieldMapping,
    apply_mapping,
    check_rules,
    check_subject,
)
from signal_assets.domain.wire_fields import UnreadableAnswer, parse_json_object

FINANCIALS_MAX_AGE = timedelta(days=90)
ABSENT_MAX_AGE = timedelta(days=7)


class RestV1Provider:
    """The contract of the product's design, which public documentation does not confirm."""

    base_url = "https://api.companyinfo.nl"

    def __init__(self, mapping: FieldMapping) -> None:
        self._mapping = mapping

    def headers(self, api_key: str) -> dict[str, str]:
        return {
            self._mapping.header: self._mapping.prefix + api_key,
            "Accept": "application/json",
        }

    def login(self, api_key: str) -> SecretLogin | None:
        return None

    def look_up(self, ask: Callable[[Question], Answer], kvk_number: str) -> Answer:
        return ask(self.question(kvk_number))

    def question(self, kvk_number: str) -> Question:
        return Question(
            operation="companies",
            path=self._mapping.path.replace("{kvk_number}", kvk_number),
            subject=kvk_number,
            summary=f"companies {kvk_number}",
            max_age=FINANCIALS_MAX_AGE,
            absent_max_age=ABSENT_MAX_AGE,
        )

    def judge(self, question: Question, received: Received, /) -> Verdict:
        """Say what an answer means; a 404 is an answer about the company only when it is JSON."""
        said = excerpt(received.body) or "no text"
        trouble = judge_status(received, said)
        if trouble is not None:
            return trouble
        status = received.status_code
        if status not in (200, 404):
            return ItemRefused(said, is_service_trouble=status != 400)
        try:
            payload = parse_json_object(received.body)
            if status == 404:
                return Answered(is_absent=True, is_billed=self._mapping.absent_is_billed)
            check_subject(self._mapping, payload, question.subject or "")
        except UnreadableAnswer as error:
            if status == 404:
                return ItemRefused(f"not about this company: {said}", is_service_trouble=True)
            return Unreadable(str(error))
        return Answered() if payload else Unreadable("the answer is an empty object")

    def redact(self, body: str) -> str:
        return body

    def parse(self, kvk_number: str, body: str, fetched_at: datetime) -> CompanyFinancials:
        return apply_mapping(self._mapping, parse_json_object(body), kvk_number, fetched_at)

    def describe(self, kvk_number: str, body: str) -> AnswerShape:
        payload = parse_json_object(body)
        return AnswerShape(paths=list_paths(payload), checks=check_rules(self._mapping, payload))


def judge_status(received: Received, said: str) -> Verdict | None:
    """Return what a status means that means the same with every provider, else None."""
    status = received.status_code
    if status == 429:
        return TryLater("too many calls", received.asks_to_wait(), may_be_billed=False)
    if status >= 500:
        return TryLater(said, received.asks_to_wait())
    if status in (401, 403):
        return RunStopped(f"the key is missing, wrong, or not allowed this: {said}")
    if status == 402:
        return RunStopped(f"the credit is used up: {said}")
    return None
