"""Answers that are erased: the words are gone, the money is not."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import JSON, Text, text

from signal_assets.clients import erasure_rows
from signal_assets.clients.database import Database
from signal_assets.clients.database_tables import metadata, reading_slices
from signal_assets.clients.ledger import Answer, Budgets, Call, Caller, Ledger, Ticket, call_key
from signal_assets.domain.erasure import Traces
from signal_assets_tests.clients.databases import BACKENDS, new_database

PRICE = Decimal("0.02")
TRACES = Traces(numbers=["01234567"], names=["Jansen Boekhouding"])
NOW = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with new_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    opened = Ledger.open(url)
    yield opened
    opened.close()


def call(number: str) -> Call:
    key = call_key("kvk", number=number)
    return Call(service="kvk", key=key, summary=f"basisprofielen {number}", reserve_usd=PRICE)


def ask(ledger: Ledger, number: str, body: str, *, now: datetime = NOW) -> Answer | None:
    """Return the stored answer, or pay for one and return None."""
    caller = Caller(run_id="run", asset="kvk_profiles", search_profile="example")
    with ledger.session(caller, Budgets(), now=lambda: now) as session:
        begun = session.begin(call(number))
        if isinstance(begun, Answer):
            return begun
        assert isinstance(begun, Ticket)
        session.complete(begun, body=body, cost_usd=PRICE)
    return None


def is_about(service: str, summary: str, body: str) -> bool:
    return TRACES.stand_in(summary) or TRACES.stand_in(body)


def erase(ledger: Ledger) -> int:
    database = ledger.database
    found = database.read(partial(erasure_rows.find_answers, is_about=is_about))
    database.write(partial(erasure_rows.erase_answers, answer_ids=found, now=NOW))
    database.write(partial(erasure_rows.mask_words, traces=TRACES, write=True))
    database.scrub(["ledger_answers", "ledger_attempts"])
    return len(found)


def everything(ledger: Ledger) -> str:
    """Return all rows of all tables, as text."""
    tables = [table.name for table in metadata.sorted_tables]
    return ledger.database.read(
        lambda db: "\n".join(
            str(row) for name in tables for row in db.execute(text(f"SELECT * FROM {name}"))
        )
    )


def test_an_erased_answer_is_gone_and_what_it_cost_is_not(ledger: Ledger) -> None:
    ask(ledger, "01234567", '{"naam": "Jansen Boekhouding"}')
    ask(ledger, "90000014", '{"naam": "TechCorp"}')
    before = ledger.spending(("service", "day", "search_profile"))

    assert erase(ledger) == 1

    after = ledger.spending(("service", "day", "search_profile"))
    assert [(line.calls, line.cost_usd) for line in after] == [
        (line.calls, line.cost_usd) for line in before
    ]
    assert ledger.drift() == []
    assert "Jansen" not in everything(ledger)
    assert "01234567" not in everything(ledger)
    assert "TechCorp" in everything(ledger)


def test_an_erased_answer_is_not_handed_out_again_but_can_be_bought_again(ledger: Ledger) -> None:
    ask(ledger, "01234567", "Jansen Boekhouding")
    erase(ledger)
    assert ask(ledger, "01234567", "again") is None
    again = ask(ledger, "01234567", "")
    assert again is not None
    assert again.body == "again"
    assert ledger.spending()[0].cost_usd == 2 * PRICE
    assert ledger.drift() == []


def test_an_erased_answer_does_not_count_as_one_that_could_not_be_read(ledger: Ledger) -> None:
    ask(ledger, "01234567", "Jansen Boekhouding")
    erase(ledger)
    caller = Caller(run_id="run", asset="kvk_profiles", search_profile="example")
    with ledger.session(caller, Budgets()) as session:
        assert session.unusable_answers(call("01234567").key) == 0


def test_erasing_twice_finds_nothing_the_second_time(ledger: Ledger) -> None:
    ask(ledger, "01234567", "Jansen Boekhouding")
    assert (erase(ledger), erase(ledger)) == (1, 0)


def test_an_answer_that_escapes_its_letters_is_found(ledger: Ledger) -> None:
    ask(ledger, "90000014", '{"naam": "Jansen\\u0020Boekhouding", "x": "a\x00b"}')
    assert erase(ledger) == 1


def test_old_answers_lose_body_and_words_and_keep_their_price(ledger: Ledger) -> None:
    ask(ledger, "01234567", "old", now=NOW - timedelta(days=400))
    ask(ledger, "90000014", "young", now=NOW - timedelta(days=10))
    before = NOW - timedelta(days=365)
    database = ledger.database

    ids = database.read(partial(erasure_rows.find_old_answers, before=before))
    database.write(partial(erasure_rows.erase_answers, answer_ids=ids, now=NOW))
    database.write(partial(erasure_rows.erase_old_summaries, before=before, write=True))

    assert len(ids) == 1
    assert "01234567" not in everything(ledger)
    assert "basisprofielen 90000014" in everything(ledger)
    assert ledger.spending()[0].cost_usd == 2 * PRICE
    assert ledger.drift() == []


def test_the_bytes_are_gone_from_the_file_and_its_log(tmp_path: Path) -> None:
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    for number in range(40):
        ask(ledger, f"{number:08}", f"{'Jansen Boekhouding ' * 300}")
    files = list(tmp_path.iterdir())
    assert any(b"Jansen Boekhouding" in path.read_bytes() for path in files)
    erase(ledger)
    for path in tmp_path.iterdir():
        assert b"Jansen" not in path.read_bytes(), path.name
    ledger.close()


def test_it_is_decided_for_every_column_of_words_what_an_erasure_does() -> None:
    decided = {
        (table.name, name)
        for table, names in (*erasure_rows.MASKED_COLUMNS, *erasure_rows.PERSONS_COLUMNS)
        for name in names
    }
    words = {
        (table.name, column.name)
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Text | JSON)
    }
    assert words - decided == NO_WORDS_OF_OTHERS


PLACE_OF_A_CALL = ("service", "holder_id")
NO_WORDS_OF_OTHERS = {
    ("service_paces", "service"),
    *((table, name) for table in ("service_slots", "service_waits") for name in PLACE_OF_A_CALL),
    *(("reading_slices", each.name) for each in reading_slices.c if each.name != "number"),
    *(("ledger_holders", name) for name in ("holder_id", "host", "run_id", "asset")),
    ("ledger_holders", "search_profile"),
    *(("ledger_attempts", name) for name in ("key", "service", "run_id", "asset", "day", "status")),
    ("ledger_attempts", "search_profile"),
    ("ledger_attempts", "holder_id"),
    ("ledger_answers", "key"),
    ("ledger_answers", "body"),  # goes whole
    ("ledger_totals", "scope"),
    *(("ledger_passes", name) for name in ("run_id", "asset", "pass_name", "outcome", "failures")),
    ("ledger_passes", "search_profile"),
    *(("prompt_versions", name) for name in ("search_profile", "content_hash")),
    *(("claude_batches", name) for name in ("service_id", "endpoint", "asked", "fields", "state")),
    *(("claude_batches", name) for name in ("search_profile", "run_id", "holder_id")),
    ("claude_batch_items", "key"),
    *(("prompt_activations", name) for name in ("search_profile", "model", "decision")),
    *(("erasures", name) for name in ("kind", "digest", "salt", "search_profile", "asked_by")),
    ("erasures", "counts"),
    *(("erasure_marks", name) for name in ("kind", "digest")),
}
"""Names, numbers and digests of ours."""


def test_the_log_tells_that_it_was_done_and_not_of_whom(ledger: Ledger) -> None:
    database: Database = ledger.database
    number = database.write(
        partial(
            erasure_rows.begin_erasure,
            kind="kvk_number",
            subject=("kvk_number", "01234567"),
            marks=[("kvk_number", "01234567"), ("name", "jansen boekhouding")],
            search_profile=None,
            asked_by="privacy officer",
            keeps_away=True,
            now=NOW,
        )
    )
    finish = partial(erasure_rows.finish_erasure, erasure_id=number, counts={"a": 1}, now=NOW)
    database.write(finish)

    (record,) = database.read(erasure_rows.read_erasures)
    assert (record.asked_by, record.counts, record.finished_at) == (
        "privacy officer",
        {"a": 1},
        NOW,
    )
    assert "01234567" not in everything(ledger)
    assert ledger.erased_marks().has_name("JANSEN Boekhouding B.V.")
    database.write(partial(erasure_rows.lift, erasure_id=number))
    assert not ledger.erased_marks()
