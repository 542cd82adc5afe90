"""Ledgers with limits over all runs, and a clock for them that a test sets."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from signal_assets.clients.database import Database
from signal_assets.clients.ledger import (
    Budgets,
    Call,
    Caller,
    Ledger,
    LedgerSession,
    call_key,
    utc_now,
)
from signal_assets.domain.limits import ServiceLimits


class Clock:
    """Stands still until it is moved; all who share it see the same moment."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 20, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def move(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@contextmanager
def limited_ledger(
    url: str, limits: Mapping[str, object], clock: Clock | None = None
) -> Iterator[Ledger]:
    ledger = Ledger(Database.open(url), limits=ServiceLimits.model_validate(limits), clock=clock)
    try:
        yield ledger
    finally:
        ledger.close()


def open_run(
    ledger: Ledger,
    name: str = "run-1",
    search_profile: str = "example",
    now: Callable[[], datetime] = utc_now,
) -> LedgerSession:
    caller = Caller(run_id=name, asset="an_asset", search_profile=search_profile)
    return ledger.session(caller, Budgets(), now=now)


def a_call(name: object, service: str = "kvk", reserve_usd: str = "0.01") -> Call:
    return Call(
        service=service,
        key=call_key(service, name=str(name)),
        summary=str(name),
        reserve_usd=Decimal(reserve_usd),
    )
