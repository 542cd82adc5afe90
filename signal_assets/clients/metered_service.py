"""Metered services: each question goes through the ledger, and each answer is kept as received."""

import ipaddress
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal, Protocol
from urllib.parse import urlsplit

import httpx
from opentelemetry.trace import Span, SpanKind

from signal_assets.clients.errors import LookupFailed, SourceUnavailable
from signal_assets.clients.http import (
    TOTAL_SECONDS,
    NoAnswer,
    NotSent,
    Patience,
    Posted,
    Received,
    TryAgain,
    fetch,
)
from signal_assets.clients.ledger import LedgerSession
from signal_assets.clients.paid_calls import Answer, Busy, Call, NoSlot, Ticket, call_key
from signal_assets.clients.rate_limit import RateLimit
from signal_assets.clients.saying import NowAndThen
from signal_assets.clients.tracing import note, span
from signal_assets.domain.companies import Spend
from signal_assets.domain.prices import PriceTable
from signal_assets.domain.records import Record

TROUBLES_IN_A_ROW = 3
"""Items that failed in a row, each after its retries, before the service counts as down."""

MAX_UNREADABLE_ANSWERS = 3
"""Paid answers that could not be read, after which a question is not paid for again."""

BUSY_SECONDS = 120.0
"""Longest wait for another run that is asking the same; longer than any call of it can take."""

SLOT_SECONDS = 600.0
"""Longest wait in which the limits over all runs give this run no turn at all."""

_BUSY_PAUSE_SECONDS = 0.2


class ServiceRefuses(SourceUnavailable):
    """The service is up and will not serve us: key, subscription, quota or credit."""


class Question(Record):
    """One question to a service: `path`, `params` and what is `posted` determine the answer.

    `operation` is its name in the price table; `subject` is the number it is about, where there is
    one; `summary` says it in words for people.
    """

    operation: str
    path: str
    subject: str | None = None
    params: tuple[tuple[str, str], ...] = ()
    posted: Posted | None = None
    summary: str
    max_age: timedelta | None = None
    absent_max_age: timedelta | None = None


@dataclass(frozen=True)
class Answered:
    """The service gave what it has; `is_absent` when it says that there is none."""

    is_absent: bool = False
    is_billed: bool = True


@dataclass(frozen=True)
class Unreadable:
    """A billed answer that holds nothing to read; kept, and never used."""

    reason: str


@dataclass(frozen=True)
class TryLater:
    """No answer now; the same question may be answered later."""

    reason: str
    wait_seconds: float | None = None
    may_be_billed: bool = True
    in_the_end: Literal["trouble", "item", "refusal"] = "trouble"
    """What it means when no attempt succeeds: trouble of the service, which stops the run when it
    goes on; something about this item alone; or that the service will not serve us."""


@dataclass(frozen=True)
class ItemRefused:
    """This question will not be answered, the next one may be."""

    reason: str
    may_be_billed: bool = False
    is_service_trouble: bool = False


@dataclass(frozen=True)
class RunStopped:
    """No question will be answered; not billed."""

    reason: str
    is_refusal: bool = True
    """False when we are at fault, or the service is not what it should be."""


Verdict = Answered | Unreadable | TryLater | ItemRefused | RunStopped


class _Postponed(TryAgain):
    def __init__(self, verdict: TryLater, reason: str) -> None:
        super().__init__(reason, verdict.wait_seconds)
        self.in_the_end = verdict.in_the_end


class Judge(Protocol):
    """Says what an answer is, before anything is read from it."""

    def __call__(self, question: Question, received: Received, /) -> Verdict: ...


def utc_now() -> datetime:
    return datetime.now(UTC)


class MeteredService:
    """Asks one service for one run; safe to use from several threads.

    `http` carries the base URL and the key. A stored answer that is young enough is used; else the
    intent is written, the question sent, and the body kept before anybody parses it; `redact` takes
    out of it what must not be stored. After
    `TROUBLES_IN_A_ROW`, or once the service refuses, nothing more is sent.
    """

    def __init__(
        self,
        name: str,
        http: httpx.Client,
        session: LedgerSession,
        prices: PriceTable,
        judge: Judge,
        *,
        redact: Callable[[str], str] | None = None,
        patience: Patience | None = None,
        rate_limit: RateLimit | None = None,
        total_seconds: float = TOTAL_SECONDS,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._name = name
        self._http = http
        self._session = session
        self._prices = prices
        self._judge = judge
        self._redact = redact
        self._patience = patience or Patience()
        self._rate_limit = rate_limit
        self._total_seconds = total_seconds
        self._now = now
        self._endpoint = name_endpoint(http.base_url)
        self._lock = threading.Lock()
        self._troubles = 0
        self._stopped: SourceUnavailable | None = None
        self._sent_count = 0
        self._turn_count = 0
        self._say = NowAndThen(session.say)

    @property
    def sent_count(self) -> int:
        """Requests that were sent so far, retries included."""
        return self._sent_count

    @property
    def spend(self) -> Spend:
        return self._session.spend

    def find_stored(self, question: Question) -> Answer | None:
        """Return the answer if it stands in the ledger; asks nobody."""
        call = self._call(question)
        return self._session.answers([call]).get(call.key)

    def ask(self, question: Question) -> Answer:
        """Return the answer, from the ledger or from the service.

        Raises:
            LookupFailed: this question was not answered; the next one may be.
            SourceUnavailable: the service is down; `ServiceRefuses`: it will not serve us.
            BudgetExhausted: the call would pass a budget; it was not sent.
        """
        call = self._call(question)
        try:
            return self._patience.retrying()(self._ask_once, question, call)
        except _Postponed as postponed:
            if postponed.in_the_end == "refusal":
                raise self._stop(f"{self._name}: {postponed}", is_refusal=True) from None
            if postponed.in_the_end == "trouble":
                self._note_trouble(str(postponed))
            raise LookupFailed(f"{self._name}: {postponed}") from None

    def _call(self, question: Question) -> Call:
        posted = {} if question.posted is None else {"posted": question.posted.body}
        key = call_key(
            self._name,
            endpoint=self._endpoint,
            path=question.path,
            params=[list(pair) for pair in question.params],
            **posted,
        )
        return Call(
            service=self._name,
            key=key,
            summary=question.summary,
            reserve_usd=self._price(question),
            max_age=question.max_age,
            absent_max_age=question.absent_max_age,
        )

    def _price(self, question: Question) -> Decimal:
        return self._prices.price_call(self._name, question.operation, self._now().date()).usd

    def _ask_once(self, question: Question, call: Call) -> Answer:
        with span(
            f"{self._name} {question.operation}",
            kind=SpanKind.CLIENT,
            signal_assets__service=self._name,
            signal_assets__operation=question.operation,
        ) as opened:
            answer = self._answer_once(question, call, opened)
            note(
                opened,
                signal_assets__from_ledger=answer.from_ledger,
                signal_assets__absent=answer.is_absent,
                signal_assets__cost_usd=0.0 if answer.from_ledger else float(answer.cost_usd),
            )
            return answer

    def _answer_once(self, question: Question, call: Call, opened: Span) -> Answer:
        begun = self._begin(call)
        if isinstance(begun, Answer):
            return begun
        try:
            self._refuse_when_stopped()
            self._refuse_hopeless(call)
        except (SourceUnavailable, LookupFailed) as error:
            self._session.release(begun, str(error))
            raise
        received = self._send(question, begun)
        note(opened, http__response__status_code=received.status_code)
        return self._settle(question, begun, received)

    def _begin(self, call: Call) -> Answer | Ticket:
        waited_for_other = waited_for_slot = 0.0
        turns = self._turn_count
        while True:
            begun = self._session.begin(call)
            if isinstance(begun, Busy):
                if waited_for_other >= BUSY_SECONDS:
                    raise LookupFailed(f"{self._name}: another run is still asking the same")
                self._patience.sleep(_BUSY_PAUSE_SECONDS)
                waited_for_other += _BUSY_PAUSE_SECONDS
            elif isinstance(begun, NoSlot):
                if turns != self._turn_count:
                    turns, waited_for_slot = self._turn_count, 0.0
                if waited_for_slot >= SLOT_SECONDS:
                    message = f"{begun.reason}, and none came free in {SLOT_SECONDS:.0f} s"
                    raise self._stop(message, is_refusal=False)
                self._refuse_when_stopped()
                self._say(f"Waiting for a turn: {begun.reason}")
                self._patience.sleep(begun.wait_seconds)
                waited_for_slot += begun.wait_seconds
            else:
                return self._take_turn(begun) if isinstance(begun, Ticket) else begun

    def _take_turn(self, ticket: Ticket) -> Ticket:
        with self._lock:
            self._turn_count += 1
        if ticket.starts_in > 0:
            try:
                self._patience.sleep(ticket.starts_in)
            except BaseException:
                self._session.release(ticket, "interrupted before it was sent")
                raise
        return ticket

    def _refuse_hopeless(self, call: Call) -> None:
        if call.reserve_usd <= 0:
            return
        count = self._session.unusable_answers(call.key)
        if count >= MAX_UNREADABLE_ANSWERS:
            raise LookupFailed(f"{self._name}: paid for {count} times, and never a readable answer")

    def _send(self, question: Question, ticket: Ticket) -> Received:
        try:
            with self._turn():
                with self._lock:
                    self._sent_count += 1
                return fetch(
                    self._http,
                    question.path,
                    question.params,
                    posted=question.posted,
                    total_seconds=self._total_seconds,
                )
        except NotSent as error:
            self._session.release(ticket, str(error))
            raise _Postponed(TryLater(str(error)), str(error)) from None
        except NoAnswer as error:
            self._session.leave_unknown(ticket, str(error))
            raise _Postponed(TryLater(str(error)), str(error)) from None
        except BaseException:
            self._session.leave_unknown(ticket, "interrupted while waiting for the answer")
            raise

    def _turn(self) -> AbstractContextManager[None]:
        return nullcontext() if self._rate_limit is None else self._rate_limit.slot()

    def _settle(self, question: Question, ticket: Ticket, received: Received) -> Answer:
        try:
            verdict = self._verdict(question, received)
        except BaseException:
            self._session.leave_unknown(ticket, "the answer could not be judged")
            raise
        if isinstance(verdict, Answered | Unreadable):
            return self._keep(question, ticket, received, verdict)
        reason = f"HTTP {received.status_code}: {verdict.reason}"
        may_be_billed = not isinstance(verdict, RunStopped) and verdict.may_be_billed
        settle = self._session.leave_unknown if may_be_billed else self._session.release
        settle(ticket, reason)
        if isinstance(verdict, TryLater):
            raise _Postponed(verdict, reason)
        if isinstance(verdict, RunStopped):
            raise self._stop(f"{self._name}: {reason}", is_refusal=verdict.is_refusal)
        if verdict.is_service_trouble:
            self._note_trouble(reason)
        else:
            self._note_answer()
        raise LookupFailed(f"{self._name}: {reason}")

    def _verdict(self, question: Question, received: Received) -> Verdict:
        if 300 <= received.status_code < 400:
            target = _host_of(received.headers.get("location", ""))
            return RunStopped(f"it points to {target}; is its base URL right?", is_refusal=False)
        return self._judge(question, received)

    def _keep(
        self, question: Question, ticket: Ticket, received: Received, verdict: Answered | Unreadable
    ) -> Answer:
        is_billed = isinstance(verdict, Unreadable) or verdict.is_billed
        answer = self._session.complete(
            ticket,
            body=received.body if self._redact is None else self._redact(received.body),
            status_code=received.status_code,
            is_absent=isinstance(verdict, Answered) and verdict.is_absent,
            cost_usd=self._price(question) if is_billed else Decimal(0),
            reusable=isinstance(verdict, Answered),
        )
        self._note_answer()
        if isinstance(verdict, Unreadable):
            raise LookupFailed(f"{self._name}: HTTP {received.status_code}: {verdict.reason}")
        return answer

    def _note_answer(self) -> None:
        with self._lock:
            self._troubles = 0

    def _note_trouble(self, reason: str) -> None:
        with self._lock:
            self._troubles += 1
            troubles = self._troubles
        if troubles >= TROUBLES_IN_A_ROW:
            message = f"{self._name}: {reason} ({troubles} questions in a row failed)"
            raise self._stop(message, is_refusal=False)

    def _stop(self, message: str, *, is_refusal: bool) -> SourceUnavailable:
        error = ServiceRefuses(message) if is_refusal else SourceUnavailable(message)
        with self._lock:
            self._stopped = self._stopped or error
        return error

    def _refuse_when_stopped(self) -> None:
        with self._lock:
            stopped = self._stopped
        if stopped is not None:
            raise type(stopped)(str(stopped))


def name_endpoint(base_url: httpx.URL) -> str:
    """Return what tells one service's answers from another's: host and path of its base URL.

    The test environment of a service lies under another path, so its answers are never taken for
    real ones. A server on this machine counts as one and the same whatever its port, as a sandbox
    gets a free port each time it starts.

    >>> name_endpoint(httpx.URL("https://api.kvk.nl/test/api"))
    'api.kvk.nl/test/api'
    >>> name_endpoint(httpx.URL("http://127.0.0.1:40123/kvk/"))
    'this machine/kvk'
    """
    host = "this machine" if _is_loopback(base_url.host) else base_url.netloc.decode("ascii")
    return f"{host}{base_url.path.rstrip('/')}"


def _host_of(location: str) -> str:
    """Return where a redirect goes, without path and query, as a key may stand in them."""
    try:
        return urlsplit(location).hostname or "another path"
    except ValueError:
        return "another address"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
