import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Connection, select, update

from signal_assets.clients.database import read_now
from signal_assets.clients.database_tables import holders
from signal_assets.clients.errors import BudgetExhausted
from signal_assets.clients.ledger import (
    Answer,
    Budgets,
    Busy,
    Call,
    Caller,
    Ledger,
    LedgerSession,
    Ticket,
    call_key,
)
from signal_assets_tests.clients.databases import BACKENDS, new_database

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CENT = Decimal("0.01")


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(params=BACKENDS)
def ledger(request, tmp_path) -> Iterator[Ledger]:
    with new_database(request.param, tmp_path) as url:
        ledger = Ledger.open(url)
        yield ledger
        ledger.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


Open = Callable[..., AbstractContextManager[LedgerSession]]


@pytest.fixture
def open_session(ledger, clock) -> Open:
    def open_it(run_id="run-1", profile="accounts_payable", kill_switch=False, **limits):
        return ledger.session(
            Caller(run_id=run_id, asset="extracted_vacancies", search_profile=profile),
            Budgets(**limits),
            kill_switch=kill_switch,
            now=clock,
        )

    return open_it


def a_call(key="k1", service="claude", reserve="0.10", **ages) -> Call:
    return Call(
        service=service,
        key=call_key(service, key=key),
        summary=f"call {key}",
        reserve_usd=Decimal(reserve),
        **ages,
    )


def ask(session: LedgerSession, call: Call) -> Ticket:
    ticket = session.begin(call)
    assert isinstance(ticket, Ticket)
    return ticket


def buy(session: LedgerSession, call: Call, body="answer", **details) -> Answer:
    return session.complete(ask(session, call), body=body, cost_usd=CENT, **details)


def test_a_completed_call_is_answered_from_the_ledger(open_session):
    with open_session() as first:
        bought = buy(first, a_call(), body='{"a": 1}', tokens_input=7, tokens_output=3)
    with open_session(run_id="run-2") as second:
        found = second.begin(a_call())
    assert bought.from_ledger is False
    assert found == bought.model_copy(update={"from_ledger": True})


def test_bulk_look_up_finds_the_bought_ones_by_key(open_session):
    with open_session() as session:
        calls = [a_call(f"k{number}") for number in range(1_201)]
        for number in (0, 700, 1_200):
            buy(session, calls[number], body=str(number))
        found = session.answers(calls)
    assert {key: answer.body for key, answer in found.items()} == {
        calls[number].key: str(number) for number in (0, 700, 1_200)
    }


def test_an_equal_call_is_busy_until_the_first_is_settled(open_session):
    with open_session() as first, open_session(run_id="run-2") as second:
        ticket = ask(first, a_call())
        busy = second.begin(a_call())
        assert isinstance(busy, Busy)
        assert busy.until == "run run-1 (extracted_vacancies) has its answer to call k1"
        first.complete(ticket, body="done", cost_usd=CENT)
        answer = second.begin(a_call())
        assert isinstance(answer, Answer)
        assert answer.body == "done"


def test_a_session_that_ends_leaves_its_calls_unknown_and_in_nobodys_way(open_session, ledger):
    with open_session() as first:
        ask(first, a_call())
    with open_session(run_id="run-2") as second:
        ask(second, a_call())
        assert [left.run_id for left in ledger.unknown_outcomes()] == ["run-1"]


@pytest.mark.parametrize(
    ("limits", "budget"),
    [
        ({"run": Decimal("0.25")}, "budget of the run"),
        ({"month": Decimal("0.25")}, "budget of the month"),
        ({"services": {"claude": Decimal("0.25")}}, "budget of the month of claude"),
    ],
)
def test_the_call_that_would_pass_a_budget_is_refused(open_session, limits, budget):
    with open_session(**limits) as session:
        buy(session, a_call("k1"))
        ask(session, a_call("k2"))
        ask(session, a_call("k3"))
        with pytest.raises(BudgetExhausted) as refused:
            session.begin(a_call("k4"))
    assert str(refused.value) == (
        f"{budget}: limit 0.25 USD, spent 0.01, held 0.2 for calls without an outcome; "
        "the next call may cost 0.10 and was not made"
    )


def test_a_budget_may_be_used_to_the_last_cent(open_session):
    with open_session(run=Decimal("0.20")) as session:
        ask(session, a_call("k1"))
        ask(session, a_call("k2"))


def test_a_free_call_passes_a_budget_that_is_used_up(open_session):
    with open_session(run=Decimal(0)) as session:
        ask(session, a_call("free", service="kvk", reserve="0"))


def test_the_month_counts_all_runs_of_the_profile_and_no_other_profile(open_session):
    limit = Decimal("0.15")
    with open_session(month=limit) as first:
        ask(first, a_call("k1"))
    with open_session(run_id="run-2", month=limit) as second, pytest.raises(BudgetExhausted):
        second.begin(a_call("k2"))
    with open_session(run_id="run-2", profile="other", month=limit) as third:
        ask(third, a_call("k2"))


def test_a_new_month_starts_at_nothing(open_session, clock):
    with open_session(month=Decimal("0.15")) as session:
        ask(session, a_call("k1"))
        clock.now = datetime(2026, 12, 1, tzinfo=UTC)
        ask(session, a_call("k2"))


def test_a_released_call_holds_nothing(open_session):
    with open_session(run=Decimal("0.10")) as session:
        session.release(ask(session, a_call("k1")), "HTTP 429")
        ask(session, a_call("k1"))


def test_an_unknown_call_holds_its_reserve(open_session):
    with open_session(run=Decimal("0.15")) as session:
        session.leave_unknown(ask(session, a_call("k1")), "timeout")
        with pytest.raises(BudgetExhausted, match=r"held 0\.1 "):
            session.begin(a_call("k1"))


def test_completing_an_equal_call_settles_the_unknown_ones_at_its_price(open_session, ledger):
    with open_session() as first:
        first.leave_unknown(ask(first, a_call()), "timeout")
    with open_session(run_id="run-2") as second:
        buy(second, a_call())
        assert second.spend.cost_usd == CENT
    assert ledger.unknown_outcomes() == []
    assert [(row.run_id, row.cost_usd, row.held_usd) for row in ledger.spending(["run_id"])] == [
        ("run-1", CENT, 0),
        ("run-2", CENT, 0),
    ]


def test_an_answer_that_comes_after_all_replaces_what_was_assumed(open_session, ledger):
    with open_session() as session:
        late = ask(session, a_call())
        session.leave_unknown(late, "deadline")
        buy(session, a_call(), body="second")
        session.complete(late, body="late", cost_usd=Decimal("0.03"))
        assert session.spend.cost_usd == Decimal("0.04")
        assert session.spend.calls == 2
    assert ledger.drift() == []


@pytest.mark.parametrize(
    "again",
    [
        lambda session, ticket: session.complete(ticket, body="b", cost_usd=CENT),
        lambda session, ticket: session.release(ticket, "why"),
        lambda session, ticket: session.leave_unknown(ticket, "why"),
    ],
)
def test_a_call_has_one_outcome(open_session, ledger, again):
    with open_session() as session:
        ticket = ask(session, a_call())
        session.complete(ticket, body="a", cost_usd=CENT)
        with pytest.raises(ValueError, match="already has its outcome"):
            again(session, ticket)
    assert ledger.spending()[0].cost_usd == CENT


def test_an_answer_that_is_not_reusable_is_kept_counted_and_asked_for_again(open_session):
    call = a_call()
    with open_session() as session:
        buy(session, call, body="cut", reusable=False)
        assert session.unusable_answers(call.key) == 1
        assert session.answers([call]) == {}
        buy(session, call, body="whole")
        assert session.answers([call])[call.key].body == "whole"
        assert session.unusable_answers(call.key) == 1


@pytest.mark.parametrize(
    ("is_absent", "days", "is_found"),
    [(False, 30, True), (False, 31, False), (True, 7, True), (True, 8, False)],
)
def test_an_answer_ages_by_what_it_says(open_session, clock, is_absent, days, is_found):
    call = a_call(max_age=timedelta(days=30), absent_max_age=timedelta(days=7))
    with open_session() as session:
        buy(session, call, is_absent=is_absent)
        clock.now += timedelta(days=days)
        assert (call.key in session.answers([call])) is is_found
        assert isinstance(session.begin(call), Answer if is_found else Ticket)


def test_the_kill_switch_stops_model_calls_and_nothing_else(open_session):
    with open_session() as session:
        buy(session, a_call("old"))
    with open_session(kill_switch=True) as session:
        with pytest.raises(BudgetExhausted, match="kill switch"):
            session.begin(a_call("new"))
        assert isinstance(session.begin(a_call("old")), Answer)
        assert isinstance(session.begin(a_call("new", service="kvk")), Ticket)


@pytest.mark.parametrize(
    "body",
    ["", "é€😀", "nul \x00 byte", "half \ud83d pair \\u0041", "back\\slash \x00", "x" * 10**6],
)
def test_a_body_is_kept_as_received(open_session, body):
    with open_session() as session:
        buy(session, a_call(), body=body)
        answer = session.begin(a_call())
    assert isinstance(answer, Answer)
    assert answer.body == body


def test_words_that_no_database_takes_are_cleaned(open_session, ledger):
    with open_session() as session:
        call = a_call().model_copy(update={"summary": "a\x00b\ud83d" + "x" * 1_000})
        session.leave_unknown(ask(session, call), "why\x00")
    (left,) = ledger.unknown_outcomes()
    assert left.summary.startswith("ab?x")
    assert len(left.summary) <= 500
    assert left.reason == "why"


@pytest.mark.parametrize("cost", ["0.000000005500", "0.0000000055", "123456.789012345678"])
def test_money_is_kept_exactly(open_session, cost):
    with open_session() as session:
        session.complete(ask(session, a_call()), body="", cost_usd=Decimal(cost))
        answer = session.begin(a_call())
    assert isinstance(answer, Answer)
    assert answer.cost_usd == Decimal(cost)


@pytest.mark.parametrize("cost", ["-0.01", "NaN", "Infinity"])
def test_an_impossible_price_is_refused(open_session, cost):
    with open_session() as session:
        ticket = ask(session, a_call())
        with pytest.raises(ValueError, match="cannot cost"):
            session.complete(ticket, body="", cost_usd=Decimal(cost))


def test_spend_counts_billed_calls_and_answers_from_the_ledger(open_session):
    with open_session() as session:
        buy(session, a_call("k1"), tokens_input=10, tokens_output=4)
        session.leave_unknown(ask(session, a_call("k2")), "timeout")
        session.release(ask(session, a_call("k3")), "HTTP 401")
        session.begin(a_call("k1"))
        session.answers([a_call("k1"), a_call("k2")])
        spend = session.spend
    assert (spend.calls, spend.from_ledger, spend.cost_usd) == (2, 2, CENT)
    assert (spend.tokens_input, spend.tokens_output) == (10, 4)


def test_a_session_that_is_not_open_takes_no_calls(open_session):
    session = open_session()
    with pytest.raises(RuntimeError, match="open session"):
        session.begin(a_call())
    with session:
        pass
    with pytest.raises(RuntimeError, match="open session"):
        session.begin(a_call())


def test_threads_of_one_session_ask_for_one_thing_once(open_session):
    with open_session() as session, ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: session.begin(a_call()), range(40)))
    assert sum(isinstance(outcome, Ticket) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Busy) for outcome in outcomes) == 39


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (call_key("kvk", a=1, b=2), call_key("kvk", b=2, a=1)),
        (call_key("kvk", terms=["x"]), call_key("kvk", terms=("x",))),
    ],
)
def test_the_same_question_has_the_same_key(first, second):
    assert first == second


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (call_key("kvk", a=1), call_key("claude", a=1)),
        (call_key("kvk", a="1"), call_key("kvk", a=1)),
        (call_key("kvk", a=None), call_key("kvk")),
        (call_key("kvk", terms=["a", "b"]), call_key("kvk", terms=["b", "a"])),
    ],
)
def test_another_question_has_another_key(first, second):
    assert first != second


def move_elsewhere(ledger: Ledger) -> None:
    ledger.database.write(lambda db: db.execute(update(holders).values(host="elsewhere")))


def be_silent(ledger: Ledger, seconds: float) -> None:
    """Make the last heartbeat of all lie that long ago by the database's clock."""

    def work(db: Connection) -> None:
        last = read_now(db) - timedelta(seconds=seconds)
        db.execute(update(holders).values(heartbeat_at=last))

    ledger.database.write(work)


def test_a_holder_elsewhere_is_waited_for_as_long_as_it_shows_life(open_session, ledger):
    with open_session() as first:
        ask(first, a_call())
        move_elsewhere(ledger)
        with open_session(run_id="run-2") as second:
            be_silent(ledger, seconds=20)
            assert isinstance(second.begin(a_call()), Busy)
            be_silent(ledger, seconds=31)
            assert isinstance(second.begin(a_call()), Ticket)


@pytest.mark.parametrize("ahead", [timedelta(days=1), timedelta(hours=-1)])
def test_a_clock_that_is_wrong_takes_no_call_from_a_holder_elsewhere(
    open_session, ledger, clock, ahead
):
    with open_session() as first:
        ask(first, a_call())
        move_elsewhere(ledger)
        clock.now += ahead
        with open_session(run_id="run-2") as second:
            assert isinstance(second.begin(a_call()), Busy)


def test_a_holder_that_was_taken_for_dead_may_still_deliver(open_session, ledger):
    with open_session() as first, open_session(run_id="run-2") as second:
        late = ask(first, a_call())
        move_elsewhere(ledger)
        be_silent(ledger, seconds=31)
        ticket = ask(second, a_call())
        first.complete(late, body="late", cost_usd=CENT)
        second.complete(ticket, body="second", cost_usd=CENT)
        answer = second.begin(a_call())
    assert isinstance(answer, Answer)
    assert answer.body == "second"
    assert ledger.spending()[0].cost_usd == 2 * CENT
    assert ledger.drift() == []


def newest_heartbeat(db: Connection) -> datetime | None:
    return db.execute(select(holders.c.heartbeat_at)).scalar()


def test_an_open_session_shows_life(ledger):
    ledger = Ledger(ledger.database, heartbeat_seconds=0.01)
    caller = Caller(run_id="run-1", asset="any", search_profile="any")
    seen: set[datetime | None] = set()
    with ledger.session(caller, Budgets()):
        give_up_at = time.monotonic() + 10
        while len(seen) < 3 and time.monotonic() < give_up_at:
            seen.add(ledger.database.read(newest_heartbeat))
    assert len(seen) >= 3


def test_what_is_not_json_has_no_key():
    with pytest.raises(TypeError):
        call_key("kvk", day=NOON)
