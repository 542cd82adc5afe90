"""Company.info: figures of a company by its KvK number, from one of its providers."""

import logging
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Protocol

import httpx
import yaml
from pydantic import ValidationError

from signal_assets.clients.errors import LookupFailed
from signal_assets.clients.http import Patience, Received, excerpt, open_http
from signal_assets.clients.ledger import LedgerSession
from signal_assets.clients.metered_service import (
    Answered,
    ItemRefused,
    MeteredService,
    Question,
    RunStopped,
    TryLater,
    Unreadable,
    Verdict,
    utc_now,
)
from signal_assets.clients.rate_limit import RateLimit
from signal_assets.domain.companies import CompanyFinancials, Spend
from signal_assets.domain.field_mapping import FieldMapping, apply_mapping, check_subject
from signal_assets.domain.prices import PriceTable
from signal_assets.domain.wire_fields import UnreadableAnswer, parse_json_object

COMPANY_INFO_BASE_URL = "https://api.companyinfo.nl"

CALLS_PER_SECOND = 5
CALLS_IN_FLIGHT = 2

FINANCIALS_MAX_AGE = timedelta(days=90)
ABSENT_MAX_AGE = timedelta(days=7)

logger = logging.getLogger(__name__)


class BadMapping(ValueError):
    """A field mapping cannot be used; names the file and what is wrong in it."""


class CompanyInfoProvider(Protocol):
    """One of the vendor's services: how it is asked, what its answers mean, how they are read."""

    def question(self, kvk_number: str) -> Question: ...

    def judge(self, question: Question, received: Received, /) -> Verdict: ...

    def parse(self, kvk_number: str, body: str, fetched_at: datetime) -> CompanyFinancials:
        """Return the record in an answer; raises `UnreadableAnswer`."""
        ...


def load_mapping(path: Path | None = None) -> FieldMapping:
    """Return the user's own mapping, or the shipped one of `rest_v1` when `path` is None.

    Raises:
        BadMapping: the file cannot be read, or is no mapping.
    """
    name = "the shipped mapping" if path is None else str(path)
    shipped = files("signal_assets.clients") / "data" / "company_info_rest_v1.yaml"
    try:
        text = shipped.read_text("utf-8") if path is None else path.read_text("utf-8")
        return FieldMapping.model_validate(yaml.safe_load(text))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadMapping(f"{name}: {error}") from error
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        places = (".".join(map(str, detail["loc"])) + ": " + detail["msg"] for detail in details)
        raise BadMapping(f"{name}: {'; '.join(places)}") from None


def open_company_info(
    api_key: str,
    base_url: str = COMPANY_INFO_BASE_URL,
    *,
    mapping: FieldMapping | None = None,
    ca_file: Path | None = None,
    transport: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """Return the HTTP client that carries the base URL and the key, as the mapping wants it."""
    mapping = mapping or load_mapping()
    headers = {mapping.header: mapping.prefix + api_key.strip(), "Accept": "application/json"}
    return open_http(base_url, headers=headers, ca_file=ca_file, transport=transport)


class RestV1Provider:
    """One GET per KvK number, read by a field mapping."""

    def __init__(self, mapping: FieldMapping) -> None:
        self._mapping = mapping

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
        status, said = received.status_code, excerpt(received.body) or "no text"
        if status == 429:
            return TryLater("too many calls", received.asks_to_wait(), may_be_billed=False)
        if status >= 500:
            return TryLater(said, received.asks_to_wait())
        if status in (401, 403):
            return RunStopped(f"the key is missing, wrong, or not allowed this: {said}")
        if status == 402:
            return RunStopped(f"the credit is used up: {said}")
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

    def parse(self, kvk_number: str, body: str, fetched_at: datetime) -> CompanyFinancials:
        return apply_mapping(self._mapping, parse_json_object(body), kvk_number, fetched_at)


class CompanyInfoClient:
    """Reads figures; `http` carries the base URL and the key (see `open_company_info`)."""

    def __init__(
        self,
        http: httpx.Client,
        session: LedgerSession,
        provider: CompanyInfoProvider | None = None,
        prices: PriceTable | None = None,
        *,
        patience: Patience | None = None,
        rate_limit: RateLimit | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._provider = provider or RestV1Provider(load_mapping())
        self._service = MeteredService(
            "company_info",
            http,
            session,
            prices or PriceTable.shipped(),
            self._provider.judge,
            patience=patience,
            rate_limit=rate_limit or RateLimit(CALLS_PER_SECOND, CALLS_IN_FLIGHT),
            now=now,
        )

    @property
    def spend(self) -> Spend:
        """Calls and money of this run so far."""
        return self._service.spend

    def get_financials(self, kvk_number: str) -> CompanyFinancials | None:
        """Return what Company.info says of `kvk_number`; None if it does not have the company.

        One billed call, unless the ledger has the answer.

        Raises:
            LookupFailed: this number could not be read; the next one may be.
            SourceUnavailable: the key is refused, the credit is used up, or the service is down.
            BudgetExhausted: the call would pass a budget; it was not sent.
        """
        if not re.fullmatch(r"[0-9]{8}", kvk_number):
            raise LookupFailed(
                f"company_info: {kvk_number[:50]!r} is not a KvK number of eight digits"
            )
        answer = self._service.ask(self._provider.question(kvk_number))
        if answer.is_absent:
            return None
        try:
            record = self._provider.parse(kvk_number, answer.body, answer.received_at)
        except UnreadableAnswer as error:
            raise LookupFailed(f"company_info: {error}") from error
        for field, reason in record.unread_fields.items():
            logger.warning("Company.info, %s: %s was not taken: %s", kvk_number, field, reason)
        return record
