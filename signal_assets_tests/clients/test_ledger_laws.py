import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from signal_assets.clients.errors import BudgetExhausted
from signal_assets.clients.ledger import (
    Answer,
    Budgets,
    Call,
    Caller,
    Ledger,
    LedgerSession,
    Ticket,
    call_key,
)
from signal_assets_tests.clients.databases import new_schema

KEYS = st.integers(min_value=0, max_value=5)
SESSIONS = st.integers(min_value=0, max_value=2)
AMOUNTS = st.integers(min_value=0, max_value=30)


def dollars(cents: int) -> Decimal:
    return Decimal(cents) / 100


def a_call(number: int) -> Call:
    """A price of its own for each key, so that an equal call never costs more than was held."""
    return Call(
        service="claude" if number % 2 else "kvk",
        key=call_key("any", number=number),
        summary=str(number),
        reserve_usd=dollars(5 * number),
    )


@contextmanager
def new_file() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/ledger.db"


class AnyInterleaving(RuleBasedStateMachine):
    """Three runs of one profile do whatever they like in any order."""

    def __init__(self) -> None:
        super().__init__()
        self._opened = ExitStack()
        self._ledger = Ledger.open(self._opened.enter_context(self.new_database()))
        self._open: list[tuple[int, Ticket]] = []
        self._bought: dict[str, str] = {}
        self._runs = 0

    def new_database(self) -> AbstractContextManager[str]:
        return new_file()

    @initialize(run=AMOUNTS, month=AMOUNTS, kvk=AMOUNTS)
    def start(self, run: int, month: int, kvk: int) -> None:
        self._run_limit, self._month_limit, self._kvk_limit = map(dollars, (run, month, kvk))
        self._sessions = [self._new_session() for _ in range(3)]

    def _new_session(self) -> LedgerSession:
        self._runs += 1
        caller = Caller(run_id=f"run-{self._runs}", asset="any", search_profile="p")
        budgets = Budgets(
            run=self._run_limit, month=self._month_limit, services={"kvk": self._kvk_limit}
        )
        session = self._ledger.session(caller, budgets)
        session.__enter__()
        return session

    @rule(which=SESSIONS, number=KEYS)
    def ask(self, which: int, number: int) -> None:
        call = a_call(number)
        try:
            outcome = self._sessions[which].begin(call)
        except BudgetExhausted:
            return
        if isinstance(outcome, Ticket):
            assert all(ticket.key != call.key for _, ticket in self._open)
            self._open.append((which, outcome))
        if isinstance(outcome, Answer):
            assert outcome.body == self._bought[call.key]

    @precondition(lambda self: self._open)
    @rule(data=st.data(), reusable=st.booleans())
    def complete(self, data: Any, reusable: bool) -> None:
        which, ticket = self._take(data)
        number = next(n for n in range(6) if a_call(n).key == ticket.key)
        price = dollars(data.draw(st.integers(min_value=0, max_value=5 * number)))
        body = f"{ticket.attempt_id}"
        self._sessions[which].complete(ticket, body=body, cost_usd=price, reusable=reusable)
        if reusable:
            self._bought[ticket.key] = body

    @precondition(lambda self: self._open)
    @rule(data=st.data(), is_billed=st.booleans())
    def fail(self, data: Any, is_billed: bool) -> None:
        which, ticket = self._take(data)
        session = self._sessions[which]
        (session.leave_unknown if is_billed else session.release)(ticket, "because")

    @rule(which=SESSIONS)
    def end_and_start_another(self, which: int) -> None:
        self._sessions[which].__exit__(None, None, None)
        self._open = [(owner, ticket) for owner, ticket in self._open if owner != which]
        self._sessions[which] = self._new_session()

    def _take(self, data: Any) -> tuple[int, Ticket]:
        return self._open.pop(data.draw(st.integers(min_value=0, max_value=len(self._open) - 1)))

    @invariant()
    def sums_equal_their_attempts(self) -> None:
        assert self._ledger.drift() == []

    @invariant()
    def no_budget_is_passed(self) -> None:
        for row in self._ledger.spending(["run_id"]):
            assert row.cost_usd + row.held_usd <= self._run_limit
        for row in self._ledger.spending([]):
            assert row.cost_usd + row.held_usd <= self._month_limit
        for row in self._ledger.spending(["service"]):
            if row.service == "kvk":
                assert row.cost_usd + row.held_usd <= self._kvk_limit

    def teardown(self) -> None:
        for session in getattr(self, "_sessions", []):
            session.__exit__(None, None, None)
        self._ledger.close()
        self._opened.close()


class AnyInterleavingOnPostgres(AnyInterleaving):
    def new_database(self) -> AbstractContextManager[str]:
        return new_schema()


AnyInterleaving.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestAnyInterleaving = AnyInterleaving.TestCase
AnyInterleavingOnPostgres.TestCase.settings = settings(
    AnyInterleaving.TestCase.settings, max_examples=5
)
TestAnyInterleavingOnPostgres = AnyInterleavingOnPostgres.TestCase
