import multiprocessing
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select
from sqlalchemy.dialects import sqlite

from signal_assets.clients.database import SETTING, Database, DatabaseUnavailable, Money
from signal_assets.clients.database_tables import totals
from signal_assets.clients.errors import SourceUnavailable
from signal_assets.clients.ledger import Ledger

SPAWN = multiprocessing.get_context("spawn")


def open_at(path: Path) -> Database:
    return Database.open(f"sqlite:///{path}")


def test_a_missing_folder_is_made(tmp_path):
    path = tmp_path / "a" / "b" / "ledger.db"
    open_at(path).close()
    assert path.exists()


def test_a_file_that_cannot_be_made_is_named_with_the_setting(tmp_path):
    (tmp_path / "taken").write_text("a file where a folder should be")
    path = tmp_path / "taken" / "ledger.db"
    with pytest.raises(DatabaseUnavailable) as error:
        open_at(path)
    assert str(path) in str(error.value)
    assert SETTING in str(error.value)


def test_a_path_that_is_a_folder_is_named(tmp_path):
    with pytest.raises(DatabaseUnavailable, match="unable to open database file"):
        open_at(tmp_path)


def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path):
    path = tmp_path / "ledger.db"
    path.write_bytes(b"not a database, but something of the user's" * 100)
    before = path.read_bytes()
    with pytest.raises(DatabaseUnavailable) as error:
        open_at(path)
    assert str(path) in str(error.value)
    assert SETTING in str(error.value)
    assert path.read_bytes() == before


def test_a_database_that_loses_its_tables_stops_the_run(tmp_path):
    database = open_at(tmp_path / "ledger.db")
    with sqlite3.connect(tmp_path / "ledger.db") as other:
        other.execute("DROP TABLE ledger_totals")
    with pytest.raises(SourceUnavailable, match="no such table"):
        database.read(lambda db: db.execute(select(totals)).all())
    database.close()


@pytest.mark.parametrize(
    "url",
    ["", "somewhere", "mysql://host/name", "sqlite://", "sqlite:///:memory:"],
)
def test_an_address_that_cannot_hold_a_ledger_is_refused(url):
    with pytest.raises(DatabaseUnavailable, match=SETTING):
        Database.open(url)


def test_a_password_is_in_no_error():
    url = "postgresql://user:hunter2@127.0.0.1:1/ledger?password=hunter2&connect_timeout=2"
    with pytest.raises(DatabaseUnavailable) as error:
        Database.open(url)
    texts = [str(error.value), repr(error.value), str(error.value.__cause__)]
    assert not any("hunter2" in text for text in texts)
    assert "postgresql://127.0.0.1/ledger" in texts[0]


def test_what_is_raised_inside_undoes_the_transaction(tmp_path):
    database = open_at(tmp_path / "ledger.db")

    def work(db):
        db.execute(insert(totals), {"scope": "s", "spent_usd": Decimal(1), "held_usd": Decimal(0)})
        raise KeyError("stop")

    with pytest.raises(KeyError):
        database.write(work)
    assert database.read(lambda db: db.execute(select(totals)).all()) == []
    database.close()


def open_and_read(url: str, start: Any, results: Any) -> None:
    start.wait(timeout=30)
    ledger = Ledger.open(url)
    results.put(len(ledger.passes()))
    ledger.close()


def test_several_processes_may_open_a_new_database_at_once(tmp_path):
    url = f"sqlite:///{tmp_path}/new/ledger.db"
    start, results = SPAWN.Barrier(5), SPAWN.Queue()
    processes = [SPAWN.Process(target=open_and_read, args=(url, start, results)) for _ in range(5)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0] * 5


DIALECT = sqlite.dialect()


def stored_and_read(amount: Decimal) -> Decimal:
    units = Money().process_bind_param(amount, DIALECT)
    read = Money().process_result_value(units, DIALECT)
    assert read is not None
    return read


@given(st.decimals(min_value=0, max_value=1_000_000, places=12))
def test_an_amount_of_twelve_decimals_comes_back_exactly(amount):
    assert stored_and_read(amount) == amount


@given(st.decimals(min_value=0, max_value=1_000, places=20))
def test_a_finer_amount_is_rounded_up_by_less_than_a_trillionth(amount):
    assert 0 <= stored_and_read(amount) - amount < Decimal("1e-12")
