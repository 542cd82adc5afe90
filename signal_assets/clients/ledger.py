"""The ledger: a paid call is looked up here, written before it is sent, and kept with its answer.

`begin` commits an intent, the caller sends, and one of `complete`, `release` and `leave_unknown`
says what became of it. Attempts are kept apart from answers: an attempt whose outcome nobody knows
goes on counting against the budgets until an equal call is completed.
"""

import logging
import os
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, insert, update

from signal_assets.clients import batch_rows, ledger_figures, ledger_reports, ledger_rows
from signal_assets.clients.database import Database, DatabaseUnavailable
from signal_assets.clients.database_tables import holders
from signal_assets.clients.errors import BudgetExhausted
from signal_assets.clients.holders import process_started, this_host
from signal_assets.clients.ledger_figures import LedgerFigures, MonthSum
from signal_assets.clients.ledger_reports import (
    Dimension,
    Drift,
    PassName,
    PassRecord,
    Spending,
    UnknownOutcome,
)
from signal_assets.clients.paid_calls import (
    Answer,
    BatchIntent,
    BegunBatch,
    Budgets,
    Busy,
    Call,
    Caller,
    OpenBatch,
    Ticket,
    call_key,
)
from signal_assets.clients.prepared import Row, Transaction
from signal_assets.domain.companies import Spend

__all__ = [
    "Answer",
    "Budgets",
    "Busy",
    "Call",
    "Caller",
    "DatabaseUnavailable",
    "Dimension",
    "Drift",
    "Ledger",
    "LedgerSession",
    "PassName",
    "PassRecord",
    "Spending",
    "Ticket",
    "UnknownOutcome",
    "call_key",
    "utc_now",
]

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 10.0
KILL_SWITCH_SERVICES = ("claude", "claude_step_up")

_KEYS_PER_QUERY = 500


def utc_now() -> datetime:
    return datetime.now(UTC)


class Ledger:
    """The paid calls of all runs in one database."""

    def __init__(self, database: Database, *, heartbeat_seconds: float = HEARTBEAT_SECONDS) -> None:
        self._database = database
        self._heartbeat_seconds = heartbeat_seconds

    @classmethod
    def open(cls, url: str) -> "Ledger":
        """Open the ledger at `url`, with its tables; processes may do so at the same moment.

        Raises:
            DatabaseUnavailable: the database cannot be used; the message names it and the setting.
        """
        return cls(Database.open(url))

    @property
    def database(self) -> Database:
        return self._database

    def session(
        self,
        caller: Caller,
        budgets: Budgets,
        *,
        kill_switch: bool = False,
        now: Callable[[], datetime] = utc_now,
    ) -> "LedgerSession":
        """Return the session of one run; enter it with `with` before the first call."""
        return LedgerSession(
            self._database, caller, budgets, kill_switch, now, self._heartbeat_seconds
        )

    def close(self) -> None:
        self._database.close()

    def record_pass(self, record: PassRecord) -> None:
        """Keep what a run did in an asset; a record of the same run and asset is replaced."""
        self._database.write(partial(ledger_reports.put_pass, record=record))

    def passes(
        self,
        search_profile: str | None = None,
        pass_name: PassName | None = None,
        limit: int = 100,
    ) -> list[PassRecord]:
        """Return what runs did, the newest first."""
        return self._database.read(
            partial(
                ledger_reports.read_passes,
                search_profile=search_profile,
                pass_name=pass_name,
                limit=limit,
            )
        )

    def call_seconds(self, run_id: str) -> list[float]:
        """Return how long each completed call of a run took, from its intent to its answer."""
        return self._database.read(partial(ledger_reports.read_call_seconds, run_id=run_id))

    def spending(
        self,
        by: Sequence[Dimension] = ("service",),
        *,
        search_profile: str | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> list[Spending]:
        """Return what was spent, a row per combination of `by`, in their order.

        `since` and `until` are days in UTC and both count. By run, asset, search profile and
        service it is the list of runs that paid.
        """
        return self._database.read(
            partial(
                ledger_reports.read_spending,
                by=tuple(by),
                search_profile=search_profile,
                since=since,
                until=until,
            )
        )

    def figures(self, month: str) -> LedgerFigures:
        """Return sums over all runs and machines, those of budgets for `month` (`2026-11`)."""
        return self._database.read(partial(ledger_figures.read_figures, month=month))

    def month_sums(self, month: str) -> tuple[MonthSum, ...]:
        """Return what counts against the budgets of `month` (`2026-11`)."""
        return self._database.read(partial(ledger_figures.read_month_sums, month=month))

    def unknown_outcomes(self, search_profile: str | None = None) -> list[UnknownOutcome]:
        """Return the calls that may have been billed and still count at what they can cost."""
        return self._database.read(
            partial(ledger_reports.read_unknown_outcomes, search_profile=search_profile)
        )

    def drift(self) -> list[Drift]:
        """Return the budget sums that differ from their attempts; there should be none, ever."""
        return self._database.read(ledger_reports.find_drift)

    def recompute_totals(self) -> None:
        """Make every budget sum anew from its attempts."""
        self._database.write(ledger_reports.recompute_totals)


class LedgerSession:
    """The paid calls of one run in one asset; safe to use from several threads.

    While it is open, a thread tells the database that its process lives. When it closes, calls
    without an outcome are left unknown.
    """

    def __init__(
        self,
        database: Database,
        caller: Caller,
        budgets: Budgets,
        kill_switch: bool,
        now: Callable[[], datetime],
        heartbeat_seconds: float,
    ) -> None:
        self._database = database
        self._heartbeat_seconds = heartbeat_seconds
        self._caller = caller
        self._budgets = budgets
        self._kill_switch = kill_switch
        self._now = now
        self._holder_id = uuid.uuid4().hex
        self._ends = threading.Event()
        self._heart: threading.Thread | None = None
        self._counts = _Counts()

    def __enter__(self) -> Self:
        if self._heart is not None:
            raise RuntimeError("a session is opened once; ask the ledger for another")
        self._database.write(self._register)
        self._heart = threading.Thread(target=self._beat, name="ledger-heartbeat", daemon=True)
        self._heart.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ends.set()
        if self._heart is not None:
            self._heart.join()
        self._database.transact(self._end)

    @property
    def spend(self) -> Spend:
        """Calls that were or may have been billed, answers from the ledger, known cost."""
        return self._counts.as_spend()

    def answers(self, calls: Sequence[Call]) -> dict[str, Answer]:
        """Return the answers that stand in the ledger and are young enough, by key."""
        now = self._now()
        found: dict[str, Answer] = {}
        for start in range(0, len(calls), _KEYS_PER_QUERY):
            some = calls[start : start + _KEYS_PER_QUERY]
            found |= self._database.read(partial(ledger_rows.fresh_answers, calls=some, now=now))
        self._counts.add(from_ledger=len(found))
        return found

    def begin(self, call: Call) -> Answer | Ticket | Busy:
        """Return the stored answer, or commit the intent to ask for it.

        A call that costs nothing at most passes any budget.

        Raises:
            BudgetExhausted: the call would pass a budget, or the kill switch is on.
        """
        if self._heart is None or self._ends.is_set():
            raise RuntimeError("paid calls need an open session: `with ledger.session(...)`")
        outcome = self._database.transact(partial(self._begin, call=call))
        if isinstance(outcome, Answer):
            self._counts.add(from_ledger=1)
        return outcome

    def complete(
        self,
        ticket: Ticket,
        *,
        body: str,
        status_code: int = 200,
        is_absent: bool = False,
        cost_usd: Decimal,
        tokens_input: int = 0,
        tokens_output: int = 0,
        reusable: bool = True,
    ) -> Answer:
        """Keep the answer and its price; unknown calls for the same are settled at that price.

        `reusable=False` keeps an answer that was paid for but must not be used.

        Raises:
            ValueError: the call has its outcome already, or the cost is negative.
        """
        if not cost_usd.is_finite() or cost_usd < 0:
            raise ValueError(f"a call cannot cost {cost_usd}")
        answer = Answer(
            body=body,
            status_code=status_code,
            is_absent=is_absent,
            tokens_input=tokens_input,
            tokens_output=tokens_output,
            cost_usd=cost_usd,
            received_at=self._now(),
            from_ledger=False,
        )
        settled = self._database.transact(
            partial(_complete, ticket=ticket, answer=answer, is_reusable=reusable)
        )
        own = [row for row in settled if row.holder_id == self._holder_id]
        own_cost = sum((cost_usd - row.cost_usd for row in own), Decimal(0))
        is_first_outcome = not any(
            row.attempt_id == ticket.attempt_id and row.status != "asking" for row in own
        )
        self._counts.add(
            calls=1 if is_first_outcome else 0,
            cost_usd=own_cost,
            tokens_input=tokens_input,
            tokens_output=tokens_output,
        )
        return answer

    def release(self, ticket: Ticket, reason: str) -> None:
        """The call was certainly not billed: nothing is held for it any more."""
        self._close(ticket, "released", reason)

    def leave_unknown(self, ticket: Ticket, reason: str) -> None:
        """The call may have been billed: its reserve stays held until an equal one is completed."""
        self._close(ticket, "unknown", reason)
        self._counts.add(calls=1)

    @property
    def is_kill_switch_on(self) -> bool:
        return self._kill_switch

    def begin_batch(self, calls: Sequence[Call], intent: BatchIntent) -> BegunBatch:
        """Commit the intent to ask `calls` in one batch; those that fit the budgets, in order.

        The batch and its calls are written in one transaction: whoever finds them later knows that
        the service may have the batch, and that these are its calls.
        """
        return self._database.transact(partial(self._begin_batch, calls=calls, intent=intent))

    def adopt_batches(self, endpoint: str, asked: Sequence[str]) -> list[OpenBatch]:
        """Return the open batches of earlier runs that nobody looks after; they are ours now.

        Those of our search profile, and those of any other that ask the same.
        """
        if not self._database.read(partial(batch_rows.has_open, endpoint=endpoint)):
            return []
        return self._database.write(
            partial(
                batch_rows.adopt,
                endpoint=endpoint,
                asked=asked,
                caller=self._caller,
                holder_id=self._holder_id,
                now=self._now(),
            )
        )

    def note_submitted(self, batch: OpenBatch, service_id: str) -> None:
        """Keep the id by which the service knows the batch."""
        self._database.write(
            partial(batch_rows.note_submitted, number=batch.number, service_id=service_id)
        )

    def close_batch(self, batch: OpenBatch, outcome: str) -> None:
        """Nothing more is to come of `batch`; calls in it without an outcome are left unknown."""
        left = self._database.write(
            partial(batch_rows.close, number=batch.number, outcome=outcome, now=self._now())
        )
        self._counts.add(calls=left)

    def known_batch_ids(self) -> set[str]:
        """Return the service's ids of all batches in this database."""
        return self._database.read(batch_rows.known_service_ids)

    def known_keys(self, keys: Sequence[str]) -> set[str]:
        """Return the keys that have an answer that may be used, or will from an open batch."""
        found: set[str] = set()
        for start in range(0, len(keys), _KEYS_PER_QUERY):
            some = list(keys[start : start + _KEYS_PER_QUERY])
            found |= self._database.read(partial(batch_rows.known_keys, keys=some))
        return found

    def unusable_answers(self, key: str) -> int:
        """Return how many answers to `key` were paid for and kept but must not be used."""
        return self._database.read(partial(ledger_rows.count_unusable, key=key))

    def _begin(self, transaction: Transaction, call: Call) -> Answer | Ticket | Busy:
        now = self._now()
        answer = ledger_rows.fresh_answer(transaction, call, now)
        if answer is not None:
            return answer
        if self._kill_switch and call.service in KILL_SWITCH_SERVICES:
            raise BudgetExhausted(f"the kill switch is on: no call to {call.service} was made")
        busy = batch_rows.find_open_batch(transaction, call)
        busy = busy or ledger_rows.take_over_or_wait(transaction, call, now)
        if busy is not None:
            return busy
        day = ledger_rows.day_of(now)
        caller = self._caller
        scopes = ledger_rows.scopes_of(caller.run_id, caller.search_profile, call.service, day)
        ledger_rows.hold(transaction, call, scopes, self._budgets)
        return ledger_rows.add_attempt(transaction, call, caller, self._holder_id, day, now)

    def _begin_batch(
        self, transaction: Transaction, calls: Sequence[Call], intent: BatchIntent
    ) -> BegunBatch:
        tickets: dict[str, Ticket] = {}
        answers: dict[str, Answer] = {}
        busy: dict[str, Busy] = {}
        over_budget = None
        for call in calls:
            try:
                begun = self._begin(transaction, call)
            except BudgetExhausted as error:
                over_budget = str(error)
                break
            if isinstance(begun, Ticket):
                tickets[call.key] = replace(begun, in_batch=True)
            elif isinstance(begun, Answer):
                answers[call.key] = begun
            else:
                busy[call.key] = begun
        batch = None
        if tickets:
            batch = batch_rows.add_batch(
                transaction, intent, self._caller, self._holder_id, tickets, self._now()
            )
        return BegunBatch(batch, answers, busy, over_budget)

    def _close(self, ticket: Ticket, ending: ledger_rows.Ending, reason: str) -> None:
        self._database.transact(
            partial(
                _close_attempt,
                ticket=ticket,
                ending=ending,
                reason=reason,
                now=self._now(),
            )
        )

    def _register(self, db: Connection) -> None:
        now = self._now()
        db.execute(
            insert(holders),
            {
                "holder_id": self._holder_id,
                "host": this_host(),
                "pid": os.getpid(),
                "process_started": process_started(),
                **self._caller.model_dump(),
                "started_at": now,
                "heartbeat_at": now,
            },
        )

    def _beat(self) -> None:
        while not self._ends.wait(self._heartbeat_seconds):
            try:
                self._database.write(self._show_life)
            except DatabaseUnavailable as error:
                # The next paid call meets the same trouble and stops the run.
                logger.warning(
                    "No heartbeat was written: %s", error, extra=self._caller.model_dump()
                )

    def _end(self, transaction: Transaction) -> None:
        ledger_rows.end_session(transaction, self._holder_id, self._now())

    def _show_life(self, db: Connection) -> None:
        db.execute(
            update(holders)
            .where(holders.c.holder_id == self._holder_id)
            .values(heartbeat_at=self._now())
        )


def _complete(
    transaction: Transaction, ticket: Ticket, answer: Answer, is_reusable: bool
) -> Sequence[Row]:
    settled = ledger_rows.complete(transaction, ticket, answer, is_reusable)
    if ticket.in_batch:
        batch_rows.drop_item(transaction, ticket.attempt_id)
    return settled


def _close_attempt(
    transaction: Transaction,
    ticket: Ticket,
    ending: ledger_rows.Ending,
    reason: str,
    now: datetime,
) -> None:
    ledger_rows.close_attempt(transaction, ticket, ending, reason, now)
    if ticket.in_batch:
        batch_rows.drop_item(transaction, ticket.attempt_id)


class _Counts:
    """What one session did so far."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spend = Spend()

    def add(
        self,
        *,
        calls: int = 0,
        from_ledger: int = 0,
        cost_usd: Decimal = Decimal(0),
        tokens_input: int = 0,
        tokens_output: int = 0,
    ) -> None:
        with self._lock:
            spend = self._spend
            self._spend = Spend(
                calls=spend.calls + calls,
                from_ledger=spend.from_ledger + from_ledger,
                cost_usd=spend.cost_usd + cost_usd,
                tokens_input=spend.tokens_input + tokens_input,
                tokens_output=spend.tokens_output + tokens_output,
            )

    def as_spend(self) -> Spend:
        with self._lock:
            return self._spend
