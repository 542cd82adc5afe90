"""What only PostgreSQL can show: how many connections are held, and that a server may go away."""

import threading
import time
from collections.abc import Iterator
from decimal import Decimal

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from signal_assets.clients.database import DatabaseUnavailable, with_driver
from signal_assets.clients.ledger import Budgets, Call, Caller, Ledger, Ticket, call_key

MOST_CONNECTIONS = 4
"""Of one open ledger, whatever the number of threads that pay."""


@pytest.fixture
def onlooker(postgres: str) -> Iterator[Engine]:
    """Return a connection of somebody else, who watches the server."""
    engine = create_engine(with_driver(postgres))
    yield engine
    engine.dispose()


@pytest.fixture
def url(postgres: str) -> str:
    """Name this test to the server, which other tests may use at the same moment."""
    named = make_url(postgres).update_query_dict({"application_name": "counted"})
    return named.render_as_string(hide_password=False)


def connections(onlooker: Engine) -> int:
    counting = text("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'counted'")
    with onlooker.connect() as connection:
        return int(connection.execute(counting).scalar_one())


def a_call(name: str) -> Call:
    return Call(
        service="kvk", key=call_key("kvk", name=name), summary=name, reserve_usd=Decimal("0.01")
    )


def caller() -> Caller:
    return Caller(run_id="run-1", asset="kvk_profiles", search_profile="example")


def test_many_threads_share_four_connections(url: str, onlooker: Engine) -> None:
    ledger = Ledger.open(url)
    seen: list[int] = []

    with ledger.session(caller(), Budgets()) as session:

        def pay(thread: int) -> None:
            for index in range(10):
                ticket = session.begin(a_call(f"{thread}-{index}"))
                assert isinstance(ticket, Ticket)
                session.complete(ticket, body="", cost_usd=Decimal("0.01"))

        threads = [threading.Thread(target=pay, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            seen.append(connections(onlooker))
        for thread in threads:
            thread.join()

    assert 1 < max(seen) <= MOST_CONNECTIONS
    (row,) = ledger.spending()
    assert row.cost_usd == Decimal("1.20")
    ledger.close()
    deadline = time.monotonic() + 10
    while connections(onlooker) > 0:  # the server notices a little later
        assert time.monotonic() < deadline


def test_a_connection_that_the_server_ended_is_replaced(url: str, onlooker: Engine) -> None:
    ledger = Ledger.open(url)
    ending = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'counted'"
    )
    with ledger.session(caller(), Budgets()) as session:
        ticket = session.begin(a_call("one"))
        assert isinstance(ticket, Ticket)
        with onlooker.begin() as connection:
            connection.execute(ending)
        session.complete(ticket, body="kept", cost_usd=Decimal("0.01"))
        assert session.answers([a_call("one")])[a_call("one").key].body == "kept"
    ledger.close()


def test_a_server_that_is_not_there_is_named_within_seconds() -> None:
    with pytest.raises(DatabaseUnavailable, match=r"postgresql://127\.0\.0\.1/ledger"):
        Ledger.open("postgresql://user:hunter2@127.0.0.1:1/ledger")
