"""KvK: the Business Register, by Zoeken v2 and Basisprofiel v1."""

import json
import logging
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar

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
from signal_assets.domain.business_register import (
    Establishment,
    Establishments,
    RegisterFault,
    parse_establishment,
    parse_establishments,
    parse_faults,
    parse_profile,
    parse_search,
)
from signal_assets.domain.companies import KvkProfile, RegisterSearch, Spend
from signal_assets.domain.prices import PriceTable
from signal_assets.domain.wire_fields import UnreadableAnswer, parse_json_object

KVK_BASE_URL = "https://api.kvk.nl/api"

CALLS_PER_SECOND = 5
CALLS_IN_FLIGHT = 2

PROFILE_MAX_AGE = timedelta(days=30)
ABSENT_MAX_AGE = timedelta(days=7)
SEARCH_MAX_AGE = timedelta(days=1)
"""KvK advises not to store what Zoeken says; it is only used to find a number."""

IPD1003_WAIT_SECONDS = 300.0

RowKind = Literal["hoofdvestiging", "nevenvestiging", "rechtspersoon"]

_ABSENT = {"IPD5200", "IPD0005", "IPD0007"}
_BAD_NUMBER = {"IPD0004", "IPD0006", "IPD0010"}
_OUR_FAULT = {"IPD0001", "IPD5203", "IPD1998", "IPD1999"}
_PRODUCTS = {
    "zoeken": "Zoeken",
    "basisprofiel": "Basisprofiel",
    "vestigingen": "Basisprofiel",
    "vestigingsprofiel": "Vestigingsprofiel",
}
_CONTENTS = {
    "zoeken": "resultaten",
    "basisprofiel": "kvkNummer",
    "vestigingen": "vestigingen",
    "vestigingsprofiel": "vestigingsnummer",
}
"""Operation → the field without which an answer holds nothing."""

T = TypeVar("T")

logger = logging.getLogger(__name__)


def open_kvk(
    api_key: str,
    base_url: str = KVK_BASE_URL,
    *,
    ca_file: Path | None = None,
    transport: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """Return the HTTP client that carries KvK's base URL and key."""
    headers = {"apikey": api_key.strip(), "Accept": "application/hal+json"}
    return open_http(base_url, headers=headers, ca_file=ca_file, transport=transport)


class KvkClient:
    """Reads the Business Register; `http` carries the base URL and the key (see `open_kvk`).

    Safe to use from several threads; all together make 5 calls a second, 2 at a time. All methods
    raise as `get_profile` does.
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
            "kvk",
            http,
            session,
            prices or PriceTable.shipped(),
            self._judge,
            patience=patience,
            rate_limit=rate_limit or RateLimit(CALLS_PER_SECOND, CALLS_IN_FLIGHT),
            now=now,
        )
        self._lock = threading.Lock()
        self._version_warning: str | None = None

    @property
    def spend(self) -> Spend:
        """Calls and money of this run so far."""
        return self._service.spend

    @property
    def version_warning(self) -> str | None:
        """What KvK says of an API version that will be retired, when it said so in this run."""
        return self._version_warning

    def search(
        self,
        *,
        name: str | None = None,
        place: str | None = None,
        kvk_number: str | None = None,
        rsin: str | None = None,
        establishment_number: str | None = None,
        kinds: Sequence[RowKind] = (),
        include_inactive: bool = False,
        page: int = 1,
        per_page: int = 100,
    ) -> RegisterSearch:
        """Return one page of rows; several can be one company, and their order means nothing.

        `name` finds whole words only, in any name of an establishment. Free; KvK gives at most
        1,000 rows for one search. With `include_inactive` rows say whether they are active.
        """
        wanted = {
            "naam": name,
            "plaats": place,
            "kvkNummer": kvk_number,
            "rsin": rsin,
            "vestigingsnummer": establishment_number,
        }
        criteria = [
            (key, value.strip()) for key, value in wanted.items() if value and value.strip()
        ]
        if not criteria:
            raise LookupFailed("kvk: a search needs a name, a place or a number")
        params = [*criteria, *(("type", kind) for kind in kinds)]
        if include_inactive:
            params.append(("inclusiefInactieveRegistraties", "true"))
        params += [("pagina", str(page)), ("resultatenPerPagina", str(per_page))]
        question = Question(
            operation="zoeken",
            path="/v2/zoeken",
            params=tuple(params),
            summary=f"zoeken {' '.join(f'{key}={value}' for key, value in criteria)}",
            max_age=SEARCH_MAX_AGE,
            absent_max_age=SEARCH_MAX_AGE,
        )
        found = self._ask(question, lambda payload, _: parse_search(payload))
        return RegisterSearch(total=0) if found is None else found

    def get_profile(self, kvk_number: str) -> KvkProfile | None:
        """Return the base profile registered under `kvk_number`; None if there is none.

        One billed call, unless the ledger has the answer.

        Raises:
            LookupFailed: this number could not be read; the next one may be.
            SourceUnavailable: KvK refuses the key, is down, or says that we ask in a wrong way.
            BudgetExhausted: the call would pass a budget; it was not sent.
        """
        question = _profile_question("basisprofiel", kvk_number, "")
        return self._ask(question, parse_profile)

    def get_establishments(self, kvk_number: str) -> Establishments | None:
        """Return the establishments of `kvk_number`; None if the register has no such list.

        One billed call, unless the ledger has the answer. `total` is the register's own count.
        """
        question = _profile_question("vestigingen", kvk_number, "/vestigingen")
        return self._ask(question, lambda payload, _: parse_establishments(payload))

    def get_establishment(self, establishment_number: str) -> Establishment | None:
        """Return one establishment; None if there is none under `establishment_number`.

        One billed call of its own product, unless the ledger has the answer.
        """
        if not re.fullmatch(r"[0-9]{12}", establishment_number):
            said = f"{establishment_number[:50]!r} is not an establishment number of twelve digits"
            raise LookupFailed(f"kvk: {said}")
        question = Question(
            operation="vestigingsprofiel",
            path=f"/v1/vestigingsprofielen/{establishment_number}",
            subject=establishment_number,
            summary=f"vestigingsprofiel {establishment_number}",
            max_age=PROFILE_MAX_AGE,
            absent_max_age=ABSENT_MAX_AGE,
        )
        return self._ask(question, lambda payload, _: parse_establishment(payload))

    def _ask(self, question: Question, parse: Callable[[dict[str, Any], datetime], T]) -> T | None:
        answer = self._service.ask(question)
        if answer.is_absent:
            return None
        try:
            return parse(parse_json_object(answer.body), answer.received_at)
        except UnreadableAnswer as error:
            raise LookupFailed(f"kvk: {error}") from error

    def _judge(self, question: Question, received: Received) -> Verdict:
        self._note_warning(received.headers.get("warning"))
        if received.status_code == 200:
            return _judge_content(question, received.body)
        return judge_refusal(received, _PRODUCTS[question.operation])

    def _note_warning(self, warning: str | None) -> None:
        if warning is None:
            return
        with self._lock:
            is_first = self._version_warning is None
            self._version_warning = self._version_warning or excerpt(warning)
        if is_first:
            logger.warning("KvK warns: %s", self._version_warning)


def judge_refusal(received: Received, product: str) -> Verdict:
    """Say what an answer other than 200 means.

    KvK answers 404 for "there is none" and for "not now"; only its own codes tell them apart, and
    a 404 without them says nothing about the company.
    """
    status, faults = received.status_code, _faults_in(received.body)
    codes = {fault.code for fault in faults}
    said = _words_of(faults) or excerpt(received.body) or "no text"
    if status == 429:
        return TryLater("too many calls", received.asks_to_wait(), may_be_billed=False)
    if status >= 500:
        return TryLater(said, received.asks_to_wait())
    if status in (401, 402, 403):
        return RunStopped(f"the key is missing, wrong, or not subscribed to {product}: {said}")
    if codes & _OUR_FAULT:
        return RunStopped(f"{product} does not know this request: {said}", is_refusal=False)
    if status == 404 and "IPD1002" in codes:
        return TryLater(said, received.asks_to_wait(), in_the_end="item")
    if status == 404 and "IPD1003" in codes:
        wait = received.asks_to_wait() or IPD1003_WAIT_SECONDS
        return TryLater(said, wait, in_the_end="item")
    if status == 404 and codes & _ABSENT:
        return Answered(is_absent=True)
    if codes & _BAD_NUMBER:
        return ItemRefused(said)
    if status in (400, 405, 406):
        return RunStopped(f"{product} does not know this request: {said}", is_refusal=False)
    return ItemRefused(said, may_be_billed=True, is_service_trouble=True)


def _judge_content(question: Question, body: str) -> Verdict:
    try:
        payload = parse_json_object(body)
    except UnreadableAnswer as error:
        return Unreadable(str(error))
    field = _CONTENTS[question.operation]
    if field not in payload:
        return Unreadable(f"the answer has no {field}")
    is_branch = question.operation == "vestigingsprofiel"
    about = payload.get("vestigingsnummer" if is_branch else "kvkNummer")
    if question.subject is not None and about != question.subject:
        return Unreadable(f"asked for {question.subject}, the answer is about another number")
    return Answered()


def _faults_in(body: str) -> tuple[RegisterFault, ...]:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    return parse_faults(payload) if isinstance(payload, dict) else ()


def _words_of(faults: Iterable[RegisterFault]) -> str:
    return excerpt("; ".join(f"{fault.code} {fault.text}".strip() for fault in faults))


def _profile_question(operation: str, kvk_number: str, part: str) -> Question:
    if not re.fullmatch(r"[0-9]{8}", kvk_number):
        raise LookupFailed(f"kvk: {kvk_number[:50]!r} is not a KvK number of eight digits")
    return Question(
        operation=operation,
        path=f"/v1/basisprofielen/{kvk_number}{part}",
        subject=kvk_number,
        summary=f"{operation} {kvk_number}",
        max_age=PROFILE_MAX_AGE,
        absent_max_age=ABSENT_MAX_AGE,
    )
