"""The ledger: a paid call is looked up here, written before it is sent, and kept with its answer.

`begin` commits an intent, the caller sends, and one of `complete`, `release` and `leave_unknown`
says what became of it. Attempts are kept apart from answers: an attempt whose outcome nobody knows
goes on counting against the budgets until an equal call is completed.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from types import TracebackType
from typing import Self

from signal_assets.clients import (
    batch_rows,
    erasure_rows,
    ledger_figures,
    ledger_reports,
    ledger_rows,
    limit_reports,
    service_slots,
)
from signal_assets.clients.database import Database, DatabaseUnavailable, read_now
from signal_assets.clients.errors import BudgetExhausted
from signal_assets.clients.holders import Holder
from signal_assets.clients.ledger_figures import LedgerFigures, MonthSum
from signal_assets.clients.ledger_reports import (
    Dimension,
    Drift,
    PassName,
    PassRecord,
    Spending,
    UnknownOutcome,
)
from signal_assets.clients.limit_reports import LimitUsage
from signal_assets.clients.paid_calls import (
    Answer,
    BatchIntent,
    BegunBatch,
    Budgets,
    Busy,
    Call,
    Caller,
    NoSlot,
    OpenBatch,
    Ticket,
    call_key,
)
from signal_assets.clients.prepared import Row, Transaction
from signal_assets.clients.presence import Presence, read_holders
from signal_assets.domain.companies import Spend
from signal_assets.domain.erasure import Marks
from signal_assets.domain.limits import NO_LIMITS, ServiceLimit, ServiceLimits, account_of

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
    "NoSlot",
    "PassName",
    "PassRecord",
    "Spending",
    "Ticket",
    "UnknownOutcome",
    "call_key",
    "utc_now",
]

HEARTBEAT_SECONDS = 10.0
logger = logging.getLogger(__name__)

KILL_SWITCH_SERVICES = ("claude", "claude_step_up")

_KEYS_PER_QUERY = 500


def utc_now() -> datetime:
    return datetime.now(UTC)


class Ledger:
    """The paid calls of all runs in one database.

    `limits` hold for all sessions of all processes whose ledger has the same; `clock` stands in for
    the database's, by which they are paced.
    """

    def __init__(
        self,
        database: Database,
        *,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        limits: ServiceLimits = NO_LIMITS,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self._database = database
        self._heartbeat_seconds = heartbeat_seconds
        self._limits = limits
        self._clock = clock

    @classmethod
    def open(cls, url: str, limits: ServiceLimits = NO_LIMITS) -> "Ledger":
        """Open the ledger at `url`, with its tables; processes may do so at the same moment.

        Raises:
            DatabaseUnavailable: the database cannot be used; the message names it and the setting.
        """
        return cls(Database.open(url), limits=limits)

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
        say: Callable[[str], None] = logger.info,
    ) -> "LedgerSession":
        """Return the session of one run; enter it with `with` before the first call.

        `say` tells a person what its calls wait for.
        """
        together = budgets.model_copy(update={"all_profiles": self._limits.usd_per_month})
        return LedgerSession(
            self._database,
            caller,
            together,
            self._limits,
            kill_switch,
            now,
            self._clock,
            say,
            self._heartbeat_seconds,
        )

    def presence(self, caller: Caller, *, now: Callable[[], datetime] = utc_now) -> Presence:
        """Return what shows, while it is entered, that this process works on a run."""
        return Presence(self._database, caller, now, self._heartbeat_seconds)

    def holders(self, run_ids: Sequence[str]) -> Mapping[str, list[Holder]]:
        """Return who worked or works on each of some runs; nobody was seen on one left out."""
        return self._database.read(partial(read_holders, run_ids=run_ids))

    def database_now(self) -> datetime:
        """Return the moment by the clock that heartbeats go by; see `is_dead`."""
        return self._database.read(read_now)

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

    def limit_usage(self, now: Callable[[], datetime] = utc_now) -> list[LimitUsage]:
        """Return how much of each service is in use now, beside its limits."""
        return self._database.read(
            partial(limit_reports.read_usage, limits=self._limits, now=now())
        )

    def drift(self) -> list[Drift]:
        """Return the budget sums that differ from their attempts; there should be none, ever."""
        return self._database.read(ledger_reports.find_drift)

    def erased_marks(self) -> Marks:
        """Return by what those are known again who were erased and shall not come back."""
        return Marks(self._database.read(erasure_rows.read_marks))

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
        limits: ServiceLimits,
        kill_switch: bool,
        now: Callable[[], datetime],
        clock: Callable[[], datetime] | None,
        say: Callable[[str], None],
        heartbeat_seconds: float,
    ) -> None:
        self._database = database
        self._presence = Presence(database, caller, now, heartbeat_seconds)
        self._caller = caller
        self._budgets = budgets
        self._limits = limits
        self._kill_switch = kill_switch
        self._now = now
        self._clock = clock
        self.say = say
        self._holder_id = self._presence.holder_id
        self._counts = _Counts()

    def __enter__(self) -> Self:
        self._presence.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._presence.stop()
        self._database.transact(self._end)

    @property
    def holder_id(self) -> str:
        """The name under which the database knows that this session's process lives."""
        return self._holder_id

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

    def begin(self, call: Call) -> Answer | Ticket | Busy | NoSlot:
        """Return the stored answer, or commit the intent to ask for it.

        A call that costs nothing at most passes any budget. `NoSlot`: the limits of the service let
        nothing start now.

        Raises:
            BudgetExhausted: the call would pass a budget, or the kill switch is on.
        """
        if not self._presence.is_shown:
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
        the service may have the batch, and that these are its calls. Where the service has a limit,
        the batch counts as one request that starts.
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

    def _begin(self, transaction: Transaction, call: Call) -> Answer | Ticket | Busy | NoSlot:
        begun = self._find_answer(transaction, call, self._now())
        if begun is not None:
            return begun
        limit = self._limits.of(call.service)
        if not limit.is_paced:
            return self._add_attempt(transaction, call, self._now())
        turn = self._take_turn(transaction, call.service, limit, in_batch=False)
        if isinstance(turn, NoSlot):
            return turn
        added = self._add_attempt(transaction, call, self._now())
        if isinstance(added, Answer):
            return added
        if turn.has_slot:
            account = account_of(call.service)
            service_slots.keep(transaction, account, self._holder_id, added.attempt_id, turn)
        return replace(added, has_slot=turn.has_slot, starts_in=turn.starts_in)

    def _take_turn(
        self, transaction: Transaction, service: str, limit: ServiceLimit, *, in_batch: bool
    ) -> service_slots.Turn | NoSlot:
        return service_slots.take(
            transaction,
            account_of(service),
            limit,
            self._holder_id,
            in_batch=in_batch,
            clock=self._clock,
        )

    def _find_answer(
        self, transaction: Transaction, call: Call, now: datetime
    ) -> Answer | Busy | None:
        answer = ledger_rows.fresh_answer(transaction, call, now)
        if answer is not None:
            return answer
        if self._kill_switch and call.service in KILL_SWITCH_SERVICES:
            raise BudgetExhausted(f"the kill switch is on: no call to {call.service} was made")
        busy = batch_rows.find_open_batch(transaction, call)
        return busy or ledger_rows.take_over_or_wait(transaction, call, now)

    def _add_attempt(self, transaction: Transaction, call: Call, now: datetime) -> Ticket | Answer:
        day = ledger_rows.day_of(now)
        caller = self._caller
        scopes = ledger_rows.scopes_of(caller.run_id, caller.search_profile, call.service, day)
        standing = ledger_rows.lock_sums(transaction, scopes)
        if not transaction.sees_one_state:
            # Another run may have asked and been answered since we looked; its answer stands now,
            # as it could not be kept without the sums that we have locked.
            answer = ledger_rows.fresh_answer(transaction, call, now)
            if answer is not None:
                return answer
        ledger_rows.hold(transaction, call, scopes, self._budgets, standing)
        return ledger_rows.add_attempt(transaction, call, caller, self._holder_id, day, now)

    def _begin_batch(
        self, transaction: Transaction, calls: Sequence[Call], intent: BatchIntent
    ) -> BegunBatch:
        tickets: dict[str, Ticket] = {}
        answers: dict[str, Answer] = {}
        busy: dict[str, Busy] = {}
        over_budget = None
        starts_in = 0.0
        limit = self._limits.of(calls[0].service) if calls else ServiceLimit()
        if limit.is_paced:
            turn = self._take_turn(transaction, calls[0].service, limit, in_batch=True)
            if isinstance(turn, NoSlot):
                return BegunBatch(None, {}, {}, None, no_slot=turn)
            starts_in = turn.starts_in
        for call in calls:
            try:
                now = self._now()
                begun = self._find_answer(transaction, call, now) or self._add_attempt(
                    transaction, call, now
                )
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
        return BegunBatch(batch, answers, busy, over_budget, starts_in=starts_in)

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

    def _end(self, transaction: Transaction) -> None:
        ledger_rows.end_session(transaction, self._holder_id, self._now())


def _complete(
    transaction: Transaction, ticket: Ticket, answer: Answer, is_reusable: bool
) -> Sequence[Row]:
    settled = ledger_rows.complete(transaction, ticket, answer, is_reusable)
    _end_wait(transaction, ticket)
    return settled


def _close_attempt(
    transaction: Transaction,
    ticket: Ticket,
    ending: ledger_rows.Ending,
    reason: str,
    now: datetime,
) -> None:
    ledger_rows.close_attempt(transaction, ticket, ending, reason, now)
    _end_wait(transaction, ticket)


def _end_wait(transaction: Transaction, ticket: Ticket) -> None:
    """Nobody waits for the answer any more: neither a batch nor a slot stands for it."""
    if ticket.in_batch:
        batch_rows.drop_item(transaction, ticket.attempt_id)
    if ticket.has_slot:
        service_slots.give_back(transaction, ticket.attempt_id)


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
