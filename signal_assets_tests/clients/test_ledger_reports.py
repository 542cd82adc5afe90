from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update

from signal_assets.clients.database_tables import totals
from signal_assets.clients.ledger import (
    Budgets,
    Call,
    Caller,
    Ledger,
    PassRecord,
    Ticket,
    call_key,
)
from signal_assets_tests.clients.databases import BACKENDS, new_database

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CENT = Decimal("0.01")


@pytest.fixture(params=BACKENDS)
def ledger(request, tmp_path) -> Iterator[Ledger]:
    with new_database(request.param, tmp_path) as url:
        ledger = Ledger.open(url)
        yield ledger
        ledger.close()


def call(ledger: Ledger, service: str, key: str, *, ending="completed", profile="p1", day=0):
    caller = Caller(run_id=f"run-{profile}-{day}", asset="any", search_profile=profile)
    now = NOON + timedelta(days=day)
    with ledger.session(caller, Budgets(), now=lambda: now) as session:
        ticket = session.begin(
            Call(
                service=service,
                key=call_key(service, key=key),
                summary=key,
                reserve_usd=Decimal("0.10"),
            )
        )
        assert isinstance(ticket, Ticket)
        if ending == "completed":
            session.complete(ticket, body="", cost_usd=CENT, tokens_input=100, tokens_output=10)
        elif ending == "released":
            session.release(ticket, "HTTP 429")
        else:
            session.leave_unknown(ticket, "timeout")


def test_spending_is_grouped_as_asked(ledger):
    call(ledger, "claude", "a")
    call(ledger, "claude", "b", day=1)
    call(ledger, "kvk", "c", profile="p2")
    call(ledger, "kvk", "d", ending="released")
    by_service = ledger.spending(["service"])
    by_profile_and_day = ledger.spending(["search_profile", "day"])
    assert [(row.service, row.calls, row.answers, row.cost_usd) for row in by_service] == [
        ("claude", 2, 2, 2 * CENT),
        ("kvk", 1, 1, CENT),
    ]
    assert [(row.search_profile, row.day, row.tokens_input) for row in by_profile_and_day] == [
        ("p1", date(2026, 11, 20), 100),
        ("p1", date(2026, 11, 21), 100),
        ("p2", date(2026, 11, 20), 100),
    ]


def test_spending_says_what_is_held_and_since_when(ledger):
    call(ledger, "kvk", "a", ending="unknown")
    call(ledger, "kvk", "b", ending="unknown", day=1)
    call(ledger, "kvk", "c", day=2)
    (row,) = ledger.spending()
    assert (row.calls, row.answers, row.without_outcome) == (3, 1, 2)
    assert (row.cost_usd, row.held_usd, row.held_since) == (CENT, Decimal("0.20"), NOON)
    assert row.started_at == NOON
    assert row.finished_at == NOON + timedelta(days=2)


def test_spending_can_be_limited_to_a_profile_and_to_days(ledger):
    for day in range(4):
        call(ledger, "kvk", f"p1-{day}", day=day)
        call(ledger, "kvk", f"p2-{day}", day=day, profile="p2")
    (row,) = ledger.spending(
        search_profile="p1", since=date(2026, 11, 21), until=date(2026, 11, 22)
    )
    assert row.calls == 2


def test_nothing_spent_is_no_row(ledger):
    assert ledger.spending() == []
    assert ledger.spending([]) == []


def test_unknown_outcomes_name_the_call_and_the_reason(ledger):
    call(ledger, "kvk", "a", ending="unknown")
    call(ledger, "kvk", "b", ending="unknown", profile="p2")
    (left,) = ledger.unknown_outcomes("p2")
    assert (left.summary, left.reason, left.held_usd, left.started_at) == (
        "b",
        "timeout",
        Decimal("0.10"),
        NOON,
    )


def test_sums_that_drifted_are_found_and_made_anew(ledger):
    call(ledger, "kvk", "a")
    of_run = update(totals).where(totals.c.scope == "run/run-p1-0")
    ledger.database.write(lambda db: db.execute(of_run.values(spent_usd=CENT * 9)).rowcount)
    (drift,) = ledger.drift()
    assert (drift.spent_usd, drift.attempts_spent_usd) == (CENT * 9, CENT)
    ledger.recompute_totals()
    assert ledger.drift() == []


def a_pass(run="run-1", **changes) -> PassRecord:
    return PassRecord(
        run_id=run, search_profile="p1", pass_name="llm", asset="extracted_vacancies",
        started_at=NOON,
    ).model_copy(update=changes)  # fmt: skip


def test_a_pass_comes_back_as_it_was_recorded(ledger):
    record = a_pass(
        finished_at=NOON + timedelta(minutes=1), processed=5, succeeded=3, failed=2,
        tokens_input=9, tokens_output=1, cost_usd=Decimal("0.0000000055"), outcome="completed",
    )  # fmt: skip
    ledger.record_pass(record)
    assert ledger.passes() == [record]


def test_a_pass_recorded_again_replaces_the_first(ledger):
    ledger.record_pass(a_pass(processed=1))
    ledger.record_pass(a_pass(processed=2))
    assert [record.processed for record in ledger.passes()] == [2]


def test_passes_come_newest_first_and_filtered(ledger):
    for number in range(4):
        ledger.record_pass(a_pass(f"run-{number}", started_at=NOON + timedelta(hours=number)))
    ledger.record_pass(a_pass("run-9", pass_name="external", asset="kvk_profiles"))
    ledger.record_pass(a_pass("run-8", search_profile="p2"))
    found = ledger.passes(search_profile="p1", pass_name="llm", limit=3)
    assert [record.run_id for record in found] == ["run-3", "run-2", "run-1"]
