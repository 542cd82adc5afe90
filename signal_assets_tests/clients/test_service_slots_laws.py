import tempfile
from collections import Counter
from contextlib import ExitStack
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select

from signal_assets.clients.database_tables import service_slots
from signal_assets.clients.ledger import LedgerSession, NoSlot, Ticket
from signal_assets.clients.service_slots import (
    AHEAD,
    POLL_SECONDS,
    SILENT_AFTER,
    due_start,
    interval_of,
)
from signal_assets_tests.clients.limited_ledgers import Clock, a_call, limited_ledger, open_run

WHO = st.integers(min_value=0, max_value=2)
SECONDS = st.floats(min_value=0, max_value=20, allow_nan=False)
PER_MINUTE = st.integers(min_value=1, max_value=2_000)


class AnyInterleaving(RuleBasedStateMachine):
    """Three runs ask, end calls in any way, end and start again; the clock goes on."""

    def __init__(self) -> None:
        super().__init__()
        self._opened = ExitStack()
        self._folder = self._opened.enter_context(tempfile.TemporaryDirectory())
        self._clock = Clock()
        self._asked = self._runs = 0
        self._open: list[tuple[int, Ticket]] = []
        self._starts: list[datetime] = []

    @initialize(in_flight=st.integers(min_value=1, max_value=4), per_minute=PER_MINUTE)
    def start(self, in_flight: int, per_minute: int) -> None:
        self._in_flight, self._per_minute = in_flight, per_minute
        limit = {"in_flight": in_flight, "per_minute": per_minute}
        url = f"sqlite:///{self._folder}/ledger.db"
        self._ledger = self._opened.enter_context(limited_ledger(url, {"kvk": limit}, self._clock))
        self._sessions = [self._new_session() for _ in range(3)]

    def _new_session(self) -> LedgerSession:
        self._runs += 1
        session = open_run(self._ledger, f"run-{self._runs}")
        session.__enter__()
        return session

    @rule(which=WHO)
    def ask(self, which: int) -> None:
        self._asked += 1
        begun = self._sessions[which].begin(a_call(self._asked))
        if isinstance(begun, Ticket):
            self._open.append((which, begun))
            self._starts.append(self._clock.moment + timedelta(seconds=begun.starts_in))
        else:
            assert isinstance(begun, NoSlot)
            interval = interval_of(self._per_minute).total_seconds()
            assert 0 < begun.wait_seconds <= max(interval, POLL_SECONDS)

    @precondition(lambda self: self._open)
    @rule(data=st.data(), ending=st.sampled_from(["complete", "release", "unknown"]))
    def end(self, data: Any, ending: str) -> None:
        index = data.draw(st.integers(min_value=0, max_value=len(self._open) - 1))
        which, ticket = self._open.pop(index)
        session = self._sessions[which]
        if ending == "complete":
            session.complete(ticket, body="{}", cost_usd=Decimal("0.01"))
        elif ending == "release":
            session.release(ticket, "not sent")
        else:
            session.leave_unknown(ticket, "no answer")

    @rule(which=WHO)
    def end_a_run_and_start_another(self, which: int) -> None:
        self._sessions[which].__exit__(None, None, None)
        self._open = [(owner, ticket) for owner, ticket in self._open if owner != which]
        self._sessions[which] = self._new_session()

    @rule(seconds=SECONDS)
    def let_time_pass(self, seconds: float) -> None:
        self._clock.move(seconds)

    @precondition(lambda self: not self._open)
    @rule(which=WHO)
    def find_room_when_nobody_asks(self, which: int) -> None:
        wait = SILENT_AFTER + AHEAD + interval_of(self._per_minute)
        self._clock.move(wait.total_seconds() + 0.1)
        self._asked += 1
        ticket = self._sessions[which].begin(a_call(self._asked))
        assert isinstance(ticket, Ticket)
        self._starts.append(self._clock.moment + timedelta(seconds=ticket.starts_in))
        self._sessions[which].release(ticket, "not sent")

    @invariant()
    def no_more_are_in_flight_than_the_limit(self) -> None:
        assert len(self._open) <= getattr(self, "_in_flight", 0)

    @invariant()
    def every_slot_belongs_to_a_call_without_outcome(self) -> None:
        if not hasattr(self, "_ledger"):
            return
        slots = select(service_slots.c.attempt_id)
        kept = self._ledger.database.read(lambda db: list(db.execute(slots).scalars()))
        assert Counter(kept) == Counter(ticket.attempt_id for _, ticket in self._open)

    @invariant()
    def no_minute_has_more_starts_than_the_limit(self) -> None:
        most = getattr(self, "_per_minute", 0)
        later = self._starts[most:]
        for first, last in zip(self._starts, later, strict=False):
            assert last - first >= timedelta(minutes=1)

    def teardown(self) -> None:
        for session in getattr(self, "_sessions", []):
            session.__exit__(None, None, None)
        self._opened.close()


TestAnyInterleaving = AnyInterleaving.TestCase
TestAnyInterleaving.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@given(per_minute=PER_MINUTE, pauses=st.lists(st.floats(min_value=0, max_value=5), max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_window_of_a_minute_holds_at_most_the_limit(per_minute: int, pauses: list[float]):
    interval, clock = interval_of(per_minute), Clock()
    starts: list[datetime] = []
    pending: datetime | None = None
    for pause in pauses:
        clock.move(pause)
        due = due_start(pending, clock.moment, interval)
        if due - clock.moment <= AHEAD:
            starts.append(due)
            pending = due + interval
    for first, last in zip(starts, starts[per_minute:], strict=False):
        assert last - first >= timedelta(minutes=1)


@given(
    per_minute=PER_MINUTE,
    ahead=st.integers(min_value=-(10**9), max_value=10**9),
)
def test_whatever_the_clock_did_the_wait_is_bounded(per_minute: int, ahead: int):
    now, interval = Clock().moment, interval_of(per_minute)
    due = due_start(now + timedelta(seconds=ahead), now, interval)
    assert now <= due <= now + AHEAD + interval
