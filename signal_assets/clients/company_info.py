"""Company.info: figures of a company by its KvK number, from one of its providers."""

import logging
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

import httpx

from signal_assets.clients.company_info_hub import HubProvider
from signal_assets.clients.company_info_mappings import BadMapping, load_hub_mapping, load_mapping
from signal_assets.clients.company_info_rest_v1 import RestV1Provider
from signal_assets.clients.company_info_soap import SoapProvider
from signal_assets.clients.errors import LookupFailed
from signal_assets.clients.http import Patience, Received, SecretLogin, open_http
from signal_assets.clients.ledger import LedgerSession
from signal_assets.clients.metered_service import MeteredService, Question, Verdict, utc_now
from signal_assets.clients.paid_calls import Answer
from signal_assets.clients.rate_limit import RateLimit
from signal_assets.domain.answer_shapes import AnswerShape
from signal_assets.domain.companies import CompanyFinancials, Spend
from signal_assets.domain.prices import PriceTable
from signal_assets.domain.wire_fields import UnreadableAnswer

ProviderName = Literal["rest_v1", "soap", "hub"]

CALLS_PER_SECOND = 5
CALLS_IN_FLIGHT = 2

logger = logging.getLogger(__name__)


class CompanyInfoProvider(Protocol):
    """One of the vendor's services: how it is asked, what its answers mean, how they are read."""

    base_url: str

    def headers(self, api_key: str) -> dict[str, str]:
        """Return the headers of every request, the key among them where it travels there."""
        ...

    def login(self, api_key: str) -> SecretLogin | None:
        """Return the login that is no header, if the service has one."""
        ...

    def look_up(self, ask: Callable[[Question], Answer], kvk_number: str) -> Answer:
        """Ask what it takes to get the answer about one company; most providers ask once."""
        ...

    def judge(self, question: Question, received: Received, /) -> Verdict: ...

    def redact(self, body: str) -> str:
        """Return an answer without what must not be stored."""
        ...

    def parse(self, kvk_number: str, body: str, fetched_at: datetime) -> CompanyFinancials:
        """Return the record in an answer; raises `UnreadableAnswer`."""
        ...

    def describe(self, kvk_number: str, body: str) -> AnswerShape:
        """Return what is where in an answer, without values; raises `UnreadableAnswer`."""
        ...


def make_provider(
    name: ProviderName, *, mapping: Path | None = None, user_name: str | None = None
) -> CompanyInfoProvider:
    """Return a provider by its name; `mapping` is the user's own file.

    Raises:
        BadMapping: the mapping cannot be used, or the provider takes none.
        ValueError: the provider needs a user name.
    """
    if name == "rest_v1":
        return RestV1Provider(load_mapping(mapping))
    if name == "hub":
        return HubProvider(load_hub_mapping(mapping))
    if mapping is not None:
        raise BadMapping(f"{mapping}: the provider soap has a fixed field table, and no mapping")
    if not user_name:
        raise ValueError("Company.info's provider soap needs COMPANY_INFO_USERNAME beside the key")
    return SoapProvider(user_name)


def open_company_info(
    api_key: str,
    base_url: str | None = None,
    *,
    provider: CompanyInfoProvider | None = None,
    ca_file: Path | None = None,
    transport: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """Return the HTTP client that carries the base URL and the key, as the provider wants it."""
    provider = provider or RestV1Provider(load_mapping())
    key = api_key.strip()
    return open_http(
        base_url or provider.base_url,
        headers=provider.headers(key),
        auth=provider.login(key),
        ca_file=ca_file,
        transport=transport,
    )


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
            redact=self._provider.redact,
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

        One billed call, unless the ledger has the answer; two where a mapping of the hub says so.

        Raises:
            LookupFailed: this number could not be read; the next one may be.
            SourceUnavailable: the key is refused, the credit is used up, or the service is down.
            BudgetExhausted: the call would pass a budget; it was not sent.
        """
        answer = self._look_up(kvk_number)
        if answer is None:
            return None
        try:
            record = self._provider.parse(kvk_number, answer.body, answer.received_at)
        except UnreadableAnswer as error:
            raise LookupFailed(f"company_info: {error}") from error
        for field, reason in record.unread_fields.items():
            logger.warning("Company.info, %s: %s was not taken: %s", kvk_number, field, reason)
        return record

    def probe(self, kvk_number: str) -> AnswerShape | None:
        """Return what is where in the answer about `kvk_number`, without any value of it.

        Paid, and raises, as `get_financials`; None if Company.info does not have the company.
        """
        answer = self._look_up(kvk_number)
        if answer is None:
            return None
        try:
            return self._provider.describe(kvk_number, answer.body)
        except UnreadableAnswer as error:
            raise LookupFailed(f"company_info: {error}") from error

    def _look_up(self, kvk_number: str) -> Answer | None:
        if not re.fullmatch(r"[0-9]{8}", kvk_number):
            raise LookupFailed(
                f"company_info: {kvk_number[:50]!r} is not a KvK number of eight digits"
            )
        try:
            answer = self._provider.look_up(self._service.ask, kvk_number)
        except UnreadableAnswer as error:
            raise LookupFailed(f"company_info: {error}") from error
        return None if answer.is_absent else answer
