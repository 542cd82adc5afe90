"""What another run does between two looks of this one, on a database that lets both go on."""

import threading
import time
from decimal import Decimal

from sqlalchemy import Connection, create_engine, text

from signal_assets.clients.database import with_driver
from signal_assets.clients.ledger import Answer, Budgets, Call, Caller, Ledger, Ticket, call_key
from signal_assets_tests.clients.databases import new_schema

CALLER = Caller(run_id="run-1", asset="kvk_profiles", search_profile="example")


def call(number: int) -> Call:
    key = call_key("kvk", n=number)
    return Call(service="kvk", key=key, summary=f"call {number}", reserve_usd=Decimal("0.01"))


def wait_for_a_blocked_statement(connection: Connection) -> None:
    deadline = time.monotonic() + 20
    waits = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    while not connection.execute(waits).scalar():
        assert time.monotonic() < deadline, "the call never waited for the sums"
        time.sleep(0.01)


def test_an_answer_that_came_while_the_sums_were_locked_is_not_paid_for_again() -> None:
    with new_schema() as url:
        ledger = Ledger.open(url)
        engine = create_engine(with_driver(url))
        with ledger.session(CALLER, Budgets()) as session:
            first = session.begin(call(1))
            assert isinstance(first, Ticket)
            session.complete(first, body="as received", cost_usd=Decimal("0.01"))

            begun: list[object] = []
            asking = threading.Thread(target=lambda: begun.append(session.begin(call(2))))
            with engine.connect() as other, engine.connect() as watcher:
                other.execute(text("SELECT * FROM ledger_totals FOR UPDATE"))
                asking.start()
                wait_for_a_blocked_statement(watcher)
                other.execute(
                    text(
                        "INSERT INTO ledger_answers (key, attempt_id, body, is_body_escaped,"
                        " status_code, is_absent, is_reusable, tokens_input, tokens_output,"
                        " cost_usd, received_at)"
                        " SELECT :key, attempt_id, 'of another run', is_body_escaped, status_code,"
                        " is_absent, is_reusable, tokens_input, tokens_output, cost_usd,"
                        " received_at FROM ledger_answers"
                    ),
                    {"key": call(2).key},
                )
                other.commit()
                asking.join(20)
            (answer,) = begun
            assert isinstance(answer, Answer)
            assert answer.body == "of another run"
        engine.dispose()
        ledger.close()
