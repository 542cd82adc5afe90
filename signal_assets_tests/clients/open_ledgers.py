"""A ledger in a file of its own, opened for one run, for tests of clients that pay."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from signal_assets.clients.http import Patience
from signal_assets.clients.ledger import Budgets, Caller, Ledger, LedgerSession


@contextmanager
def open_session(
    folder: Path,
    *,
    run_id: str = "run-1",
    run_budget: str | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Iterator[LedgerSession]:
    """Open a session on the ledger in `folder`; a second one finds what the first paid for."""
    ledger = Ledger.open(f"sqlite:///{folder / 'ledger.db'}")
    caller = Caller(run_id=run_id, asset="an_asset", search_profile="example")
    limit = None if run_budget is None else Decimal(run_budget)
    try:
        with ledger.session(
            caller, Budgets(run=limit, month=None, services={}), now=now
        ) as session:
            yield session
    finally:
        ledger.close()


class Waits:
    """A clock that does not tick: keeps the seconds that would have been slept."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    @property
    def patience(self) -> Patience:
        return Patience(sleep=self.seconds.append)
