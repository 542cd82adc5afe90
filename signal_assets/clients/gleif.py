"""GLEIF: the LEI register, which knows the KvK numbers of larger companies; free, without a key."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import httpx

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
from signal_assets.domain.companies import RegisterSearch, Spend
from signal_assets.domain.lei_register import parse_lei_records
from signal_assets.domain.prices import PriceTable
from signal_assets.domain.wire_fields import UnreadableAnswer, parse_json_object

GLEIF_BASE_URL = "https://api.gleif.org/api/v1"

CALLS_PER_SECOND = 1
"""Its limit is not published; clients keep to 60 a minute."""
CALLS_IN_FLIGHT = 1

RECORDS_MAX_AGE = timedelta(days=30)
EMPTY_MAX_AGE = timedelta(days=7)
PAGE_SIZE = 50


def open_gleif(
    base_url: str = GLEIF_BASE_URL,
    *,
    ca_file: Path | None = None,
    transport: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """Return the HTTP client for GLEIF."""
    headers = {"Accept": "application/vnd.api+json"}
    return open_http(base_url, headers=headers, ca_file=ca_file, transport=transport)


class GleifClient:
    """Reads the LEI records of Dutch companies (see `open_gleif`); one call a second.

    All methods raise as `search` does.
    """

    def __init__(
        self,
        http: httpx.Client,
        session: LedgerSession,
        prices: PriceTable | None = None,
        *,
        patience: Patience | None = None,
        rate_limit: RateLimit | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._service = MeteredService(
            "gleif",
            http,
            session,
            prices or PriceTable.shipped(),
            judge_answer,
            patience=patience,
            rate_limit=rate_limit or RateLimit(CALLS_PER_SECOND, CALLS_IN_FLIGHT),
            now=now,
        )

    @property
    def spend(self) -> Spend:
        """Calls of this run so far; they cost nothing."""
        return self._service.spend

    def search(self, name: str) -> RegisterSearch:
        """Return the Dutch companies with a legal name like `name`, one page of them.

        None found does not mean that there is none: GLEIF has fewer than one firm in ten.

        Raises:
            LookupFailed: this question was not answered; the next one may be.
            SourceUnavailable: GLEIF is down, or says that we ask in a wrong way.
            BudgetExhausted: a budget is used up; nothing was sent.
        """
        return self._ask("entity.legalName", name.strip(), f"lei-records legalName={name.strip()}")

    def get(self, kvk_number: str) -> RegisterSearch:
        """Return what GLEIF has under `kvk_number`."""
        return self._ask("entity.registeredAs", kvk_number, f"lei-records {kvk_number}")

    def _ask(self, field: str, value: str, summary: str) -> RegisterSearch:
        question = Question(
            operation="lei-records",
            path="/lei-records",
            params=(
                (f"filter[{field}]", value),
                ("filter[entity.legalAddress.country]", "NL"),
                ("page[size]", str(PAGE_SIZE)),
                ("page[number]", "1"),
            ),
            summary=summary,
            max_age=RECORDS_MAX_AGE,
            absent_max_age=EMPTY_MAX_AGE,
        )
        answer = self._service.ask(question)
        try:
            return parse_lei_records(parse_json_object(answer.body))
        except UnreadableAnswer as error:
            raise LookupFailed(f"gleif: {error}") from error


def judge_answer(question: Question, received: Received, /) -> Verdict:
    """Say what an answer of GLEIF means; nothing found is an empty list, never a 404."""
    status, said = received.status_code, excerpt(received.body) or "no text"
    if status == 429:
        return TryLater("too many calls", received.asks_to_wait(), may_be_billed=False)
    if status >= 500:
        return TryLater(said, received.asks_to_wait())
    if status in (400, 401, 403, 404, 405, 406):
        return RunStopped(f"it does not take this request: {said}", is_refusal=False)
    if status != 200:
        return ItemRefused(said, is_service_trouble=True)
    try:
        payload = parse_json_object(received.body)
    except UnreadableAnswer as error:
        return Unreadable(str(error))
    if not isinstance(payload.get("data"), list):
        return Unreadable("the answer has no data")
    return Answered(is_absent=not payload["data"])
