from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select, update

from signal_assets.clients.database_tables import (
    holders,
    service_paces,
    service_slots,
    service_waits,
)
from signal_assets.clients.errors import BudgetExhausted
from signal_assets.clients.ledger import (
    Answer,
    Busy,
    Ledger,
    LedgerSession,
    NoSlot,
    Ticket,
    utc_now,
)
from signal_assets.clients.paid_calls import BatchIntent
from signal_assets.clients.service_slots import AHEAD, LONGEST_LEASE, SILENT_AFTER, interval_of
from signal_assets_tests.clients.databases import BACKENDS, new_database
from signal_assets_tests.clients.limited_ledgers import Clock, a_call, limited_ledger, open_run

Opens = Callable[..., Ledger]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path) -> Iterator[str]:
    with new_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def opened(url: str, clock: Clock) -> Iterator[Opens]:
    """Open the ledger with limits per service; the clock is the test's."""
    with ExitStack() as stack:
        yield lambda **limits: stack.enter_context(limited_ledger(url, limits, clock))


def ticket(outcome: object) -> Ticket:
    assert isinstance(outcome, Ticket), outcome
    return outcome


def no_slot(outcome: object) -> NoSlot:
    assert isinstance(outcome, NoSlot), outcome
    return outcome


def complete(session: LedgerSession, taken: Ticket) -> None:
    session.complete(taken, body="{}", cost_usd=Decimal("0.01"))


def rows(ledger: Ledger) -> list[int]:
    """Return how many rows the tables of limits hold."""
    counts = [
        select(func.count()).select_from(table)
        for table in (service_paces, service_slots, service_waits)
    ]
    return ledger.database.read(lambda db: [db.execute(count).scalar_one() for count in counts])


def test_runs_together_have_no_more_in_flight_than_the_limit(opened):
    ledger = opened(kvk={"in_flight": 2})
    with open_run(ledger, "run-1") as one, open_run(ledger, "run-2") as other:
        first = ticket(one.begin(a_call(1)))
        ticket(other.begin(a_call(2)))
        assert no_slot(one.begin(a_call(3))).reason == "kvk: all 2 requests in flight are taken"
        complete(one, first)
        ticket(one.begin(a_call(3)))


@pytest.mark.parametrize(
    "settle",
    [
        complete,
        lambda session, taken: session.release(taken, "not sent"),
        lambda session, taken: session.leave_unknown(taken, "no answer"),
        lambda session, taken: session.__exit__(None, None, None),
    ],
    ids=["answered", "released", "unknown", "session ended"],
)
def test_a_call_gives_its_slot_back_however_it_ends(opened, settle):
    ledger = opened(kvk={"in_flight": 1})
    with open_run(ledger, "run-1") as one, open_run(ledger, "run-2") as other:
        taken = ticket(one.begin(a_call(1)))
        no_slot(other.begin(a_call(2)))
        settle(one, taken)
        ticket(other.begin(a_call(2)))


def test_the_second_model_of_a_step_up_counts_as_claude(opened):
    ledger = opened(claude={"in_flight": 1})
    with open_run(ledger) as session:
        ticket(session.begin(a_call(1, "claude")))
        no_slot(session.begin(a_call(2, "claude_step_up")))


def test_a_service_without_a_limit_is_not_held_up_by_that_of_another(opened):
    ledger = opened(kvk={"in_flight": 1, "per_minute": 1})
    with open_run(ledger) as session:
        ticket(session.begin(a_call(1)))
        for number in range(5):
            taken = ticket(session.begin(a_call(number, "company_info")))
            assert (taken.has_slot, taken.starts_in) == (False, 0.0)
    assert rows(ledger) == [1, 0, 0]


def test_what_is_stored_or_asked_by_another_takes_no_slot(opened):
    ledger = opened(kvk={"in_flight": 2})
    with open_run(ledger, "run-1") as one, open_run(ledger, "run-2") as other:
        complete(one, ticket(one.begin(a_call("known"))))
        ticket(one.begin(a_call("asked")))
        assert isinstance(other.begin(a_call("known")), Answer)
        assert isinstance(other.begin(a_call("asked")), Busy)
        ticket(other.begin(a_call("new")))


def test_who_holds_fewer_slots_comes_first(opened):
    ledger = opened(kvk={"in_flight": 3})
    with open_run(ledger, "greedy") as greedy, open_run(ledger, "late") as late:
        taken = [ticket(greedy.begin(a_call(number))) for number in range(3)]
        no_slot(late.begin(a_call("late 1")))
        complete(greedy, taken.pop())
        no_slot(greedy.begin(a_call("more")))
        ticket(late.begin(a_call("late 1")))


def test_of_two_who_hold_as_many_the_one_that_waited_longer_comes_first(opened, clock):
    ledger = opened(kvk={"in_flight": 1})
    with open_run(ledger, "a") as a, open_run(ledger, "b") as b, open_run(ledger, "c") as c:
        taken = ticket(a.begin(a_call(1)))
        no_slot(c.begin(a_call("of c")))
        clock.move(0.1)
        no_slot(b.begin(a_call("of b")))
        complete(a, taken)
        no_slot(a.begin(a_call("of a")))
        no_slot(b.begin(a_call("of b")))
        ticket(c.begin(a_call("of c")))


def test_who_stopped_asking_holds_nobody_up(opened, clock):
    ledger = opened(kvk={"in_flight": 1})
    with open_run(ledger, "a") as a, open_run(ledger, "b") as b:
        taken = ticket(a.begin(a_call(1)))
        no_slot(b.begin(a_call("given up")))
        complete(a, taken)
        clock.move(0.1)
        no_slot(a.begin(a_call(2)))
        clock.move(SILENT_AFTER.total_seconds() + 0.1)
        ticket(a.begin(a_call(2)))
    assert rows(ledger) == [1, 0, 0]


def test_who_had_its_turn_does_not_wait_any_more(opened):
    ledger = opened(kvk={"in_flight": 1})
    with open_run(ledger, "a") as a, open_run(ledger, "b") as b:
        first = ticket(a.begin(a_call(1)))
        no_slot(b.begin(a_call(2)))
        complete(a, first)
        complete(b, ticket(b.begin(a_call(2))))
        ticket(a.begin(a_call(3)))


@pytest.mark.parametrize("seconds", [1, -1], ids=["old", "from before the clock was set back"])
def test_no_slot_is_kept_for_longer_than_any_request_takes(opened, clock, seconds):
    ledger = opened(kvk={"in_flight": 1})
    with open_run(ledger, "hangs") as hangs, open_run(ledger, "waits") as waits:
        ticket(hangs.begin(a_call(1)))
        clock.move(seconds * LONGEST_LEASE.total_seconds())
        no_slot(waits.begin(a_call(2)))
        clock.move(seconds)
        ticket(waits.begin(a_call(2)))


def test_starts_are_evenly_spaced_over_all_runs(opened, clock):
    ledger = opened(kvk={"per_minute": 60})
    with open_run(ledger, "run-1") as one, open_run(ledger, "run-2") as other:
        starts = [
            ticket(session.begin(a_call(number))).starts_in
            for number, session in enumerate([one, other, one])
        ]
        assert starts == [0.0, 1.0, 2.0]
        refused = no_slot(other.begin(a_call(9)))
        assert refused.reason == "kvk: 60 requests a minute have started"
        assert refused.wait_seconds == 1.0
        clock.move(refused.wait_seconds)
        assert ticket(other.begin(a_call(9))).starts_in == 2.0


def test_a_pause_earns_no_burst(opened, clock):
    ledger = opened(kvk={"per_minute": 60})
    with open_run(ledger) as session:
        ticket(session.begin(a_call(1)))
        clock.move(3_600)
        assert [ticket(session.begin(a_call(number))).starts_in for number in (2, 3)] == [0.0, 1.0]


def test_a_clock_that_is_set_back_holds_nobody_up_for_long(opened, clock):
    ledger = opened(kvk={"per_minute": 6})
    with open_run(ledger) as session:
        clock.move(86_400)
        ticket(session.begin(a_call(1)))
        clock.move(-86_400)
        waited = 0.0
        while isinstance(begun := session.begin(a_call(2)), NoSlot):
            waited += begun.wait_seconds
            clock.move(begun.wait_seconds)
        assert waited + ticket(begun).starts_in <= (AHEAD + interval_of(6)).total_seconds()


def test_a_clock_that_was_ahead_costs_one_wait(opened, clock):
    ledger = opened(kvk={"per_minute": 60})
    with open_run(ledger) as session:
        ticket(session.begin(a_call(1)))
        clock.move(86_400)
        assert ticket(session.begin(a_call(2))).starts_in == 0.0


def test_dollars_are_limited_over_all_search_profiles(opened):
    ledger = opened(claude={"usd_per_month": "0.02"})
    with open_run(ledger, "a", "one") as a, open_run(ledger, "b", "another") as b:
        complete(a, ticket(a.begin(a_call(1, "claude"))))
        ticket(b.begin(a_call(2, "claude_step_up")))
        message = (
            r"budget of the month of claude for all search profiles together: "
            r"limit 0\.02 USD, spent 0\.01, held 0\.01"
        )
        with pytest.raises(BudgetExhausted, match=message):
            b.begin(a_call(3, "claude"))
        ticket(b.begin(a_call(3, "kvk")))
    assert ledger.drift() == []


def test_a_call_that_would_pass_the_dollars_takes_no_slot(opened):
    ledger = opened(kvk={"in_flight": 1, "per_minute": 60, "usd_per_month": 0})
    with open_run(ledger) as session:
        with pytest.raises(BudgetExhausted):
            session.begin(a_call("paid"))
        free = ticket(session.begin(a_call("free", reserve_usd="0")))
        assert free.starts_in == 0.0


def test_sums_over_all_profiles_are_made_anew_from_the_calls(opened):
    ledger = opened()
    with open_run(ledger, "a", "one") as a, open_run(ledger, "b", "another") as b:
        complete(a, ticket(a.begin(a_call(1))))
        complete(b, ticket(b.begin(a_call(2))))
    ledger.recompute_totals()
    assert ledger.drift() == []
    assert {usage.service: usage.spent_usd for usage in ledger.limit_usage()} == {
        "claude": 0,
        "kvk": Decimal("0.02"),
        "company_info": 0,
        "serpapi": 0,
        "gleif": 0,
    }


def test_a_batch_is_one_start_and_takes_no_slot(opened):
    ledger = opened(claude={"in_flight": 1, "per_minute": 6})
    intent = BatchIntent(endpoint="e", asked="a", fields=("f",))
    texts = [[a_call((batch, number), "claude") for number in range(3)] for batch in range(2)]
    with open_run(ledger) as session:
        first = session.begin_batch(texts[0], intent)
        second = session.begin_batch(texts[1], intent)
        assert first.batch is not None
        assert len(first.batch.tickets) == 3
        assert second.batch is None
        assert no_slot(second.no_slot).wait_seconds == 8.0
    assert rows(ledger) == [1, 0, 0]


def test_without_limits_the_tables_of_limits_stay_empty(opened):
    ledger = opened()
    with open_run(ledger) as session:
        complete(session, ticket(session.begin(a_call(1, "claude"))))
        ticket(session.begin(a_call(2)))
    assert rows(ledger) == [0, 0, 0]


def test_the_database_has_a_clock_of_its_own(url):
    with limited_ledger(url, {"kvk": {"per_minute": 60}}) as ledger, open_run(ledger) as session:
        ticket(session.begin(a_call(1)))
        assert 0.5 < ticket(session.begin(a_call(2))).starts_in <= 1.0


@pytest.mark.parametrize("ahead", [timedelta(days=1), timedelta(hours=-1)])
def test_a_clock_that_is_wrong_frees_no_slot_of_a_holder_elsewhere(url, ahead):
    with (
        limited_ledger(url, {"kvk": {"in_flight": 1}}) as ledger,
        open_run(ledger, "run-1") as first,
        open_run(ledger, "run-2", now=lambda: utc_now() + ahead) as second,
    ):
        ticket(first.begin(a_call(1)))
        ledger.database.write(lambda db: db.execute(update(holders).values(host="elsewhere")))
        no_slot(second.begin(a_call(2)))


def test_the_report_says_what_is_in_use_and_by_whom(url):
    limits = {"claude": {"in_flight": 5, "usd_per_month": 9}}
    with limited_ledger(url, limits) as ledger, open_run(ledger, "run-7", "one") as session:
        complete(session, ticket(session.begin(a_call(0, "claude"))))
        for number, service in enumerate(["claude", "claude", "claude_step_up"], start=1):
            ticket(session.begin(a_call(number, service)))
        batch = [a_call(f"text {number}", "claude") for number in range(4)]
        session.begin_batch(batch, BatchIntent(endpoint="e", asked="a", fields=("f",)))
        claude, kvk, *_ = ledger.limit_usage()
        (user,) = claude.in_flight
        assert (user.run_id, user.search_profile, user.count) == ("run-7", "one", 3)
        assert (claude.limit.in_flight, claude.started_last_minute) == (5, 5)
        assert (claude.spent_usd, claude.held_usd) == (Decimal("0.01"), Decimal("0.07"))
        assert (kvk.in_flight, kvk.started_last_minute, kvk.spent_usd) == ((), 0, Decimal(0))
    assert ledger_is_idle(url)


def ledger_is_idle(url: str) -> bool:
    with limited_ledger(url, {}) as ledger:
        return not any(usage.in_flight for usage in ledger.limit_usage())


@pytest.mark.parametrize("per_minute", [1, 7, 60, 999, 1_000])
def test_as_many_intervals_as_may_start_fill_the_minute(per_minute):
    assert per_minute * interval_of(per_minute) >= timedelta(minutes=1)
