"""What the ledger answers per second, on SQLite and PostgreSQL, and what a limit costs.

    python -m benchmarks.ledger [--answers 10000 100000] [--seconds 1.0]

PostgreSQL is the one `TEST_POSTGRES_URL` names, else one that is started here. `one` and `500` are
look-ups of as many keys at once; `calls` are intents with their answers, in one thread; `limited`
are the same with limits in force that hold nobody up.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, text

from signal_assets.clients.database import Database
from signal_assets.clients.database_tables import answers
from signal_assets.clients.ledger import Budgets, Call, Caller, Ledger, LedgerSession, Ticket
from signal_assets.clients.paid_calls import call_key
from signal_assets.domain.limits import ServiceLimit, ServiceLimits
from signal_assets_tests.clients.databases import BACKENDS, new_database

ROOMY = ServiceLimits(
    kvk=ServiceLimit(in_flight=1_000, per_minute=100_000_000, usd_per_month=Decimal(10**6))
)
BODY = '{"facts": []}' * 40
ROWS_AT_ONCE = 5_000


def a_call(number: int, name: str = "stored") -> Call:
    key = call_key("kvk", name=name, number=number)
    return Call(service="kvk", key=key, summary="a call", reserve_usd=Decimal("0.02"))


def fill(database: Database, start: int, end: int) -> None:
    """Add the answers `start` to `end`, as `complete` would have left them."""
    for first in range(start, end, ROWS_AT_ONCE):
        rows = [answer_row(number) for number in range(first, min(end, first + ROWS_AT_ONCE))]
        database.write(partial(add, rows=rows))


def add(db: Connection, rows: list[dict[str, Any]]) -> None:
    """Add rows and count them anew, as PostgreSQL does by itself a minute later."""
    db.execute(insert(answers), rows)
    db.execute(text("ANALYZE"))


def answer_row(number: int) -> dict[str, Any]:
    return {
        "key": a_call(number).key,
        "attempt_id": number,
        "body": BODY,
        "is_body_escaped": False,
        "status_code": 200,
        "is_absent": False,
        "is_reusable": True,
        "tokens_input": 0,
        "tokens_output": 0,
        "cost_usd": Decimal("0.02"),
        "received_at": datetime.now(UTC),
    }


def per_second(work: Callable[[], int], seconds: float) -> float:
    """Repeat `work`, which returns how much it did, for `seconds`; return how much a second."""
    done, started = 0, time.perf_counter()
    while (took := time.perf_counter() - started) < seconds:
        done += work()
    return done / took


def measure(url: str, size: int, seconds: float) -> dict[str, float]:
    """Return what is done a second on a ledger with `size` answers."""
    numbers: Iterator[int] = count()

    def look_up(session: LedgerSession, keys: int) -> int:
        some = [a_call(next(numbers) * 7_919 % size) for _ in range(keys)]
        assert len(session.answers(some)) == len({call.key for call in some})
        return keys

    def call(session: LedgerSession) -> int:
        ticket = session.begin(a_call(next(numbers), f"{size} new {time.time_ns()}"))
        assert isinstance(ticket, Ticket)
        session.complete(ticket, body=BODY, cost_usd=Decimal("0.02"))
        return 1

    figures = {}
    for name, limits in (("calls", ServiceLimits()), ("limited", ROOMY)):
        ledger = Ledger.open(url, limits)
        caller = Caller(run_id=f"{name} {size}", asset="benchmark", search_profile="benchmark")
        with ledger.session(caller, Budgets(month=Decimal(10**6))) as session:
            if name == "calls":
                figures["one"] = per_second(lambda: look_up(session, 1), seconds)
                figures["500"] = per_second(lambda: look_up(session, 500), seconds)
            figures[name] = per_second(lambda: call(session), seconds)
        ledger.close()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--answers", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure")
    options = parser.parse_args()
    print("the ledger, per second: keys looked up one by one and 500 at once, and paid calls")
    print(f"{'database':>10} {'answers':>8} {'one':>8} {'500':>8} {'calls':>7} {'limited':>8}")
    for backend in BACKENDS:
        with tempfile.TemporaryDirectory() as name, new_database(backend, Path(name)) as url:
            standing = 0
            for size in sorted(options.answers):
                database = Database.open(url)
                fill(database, standing, size)
                database.close()
                standing = size
                figures = measure(url, size, options.seconds)
                print(
                    f"{backend:>10} {size:>8} {figures['one']:8.0f} {figures['500']:8.0f} "
                    f"{figures['calls']:7.0f} {figures['limited']:8.0f}"
                )
                sys.stdout.flush()


if __name__ == "__main__":
    main()
