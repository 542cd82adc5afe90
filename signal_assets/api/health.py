"""Health: whether the service can do its work, and what stands in the way."""

import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy import text

from signal_assets.api.answers import PartHealth, Readiness
from signal_assets.clients.database import Database, DatabaseUnavailable
from signal_assets.defs.storage import TableStore

KEPT_SECONDS = 5.0
WAIT_SECONDS = 5.0
"""Longest wait for a look that somebody else has begun."""

logger = logging.getLogger(__name__)


class Health:
    """Looks at database and table storage, at most every few seconds however many ask.

    Anybody may ask, so an answer names the kind of fault and nothing of addresses; all of it is in
    the log.
    """

    def __init__(
        self,
        database: Database,
        tables: TableStore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._tables = tables
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: Readiness | None = None
        self._looks_again_at = 0.0

    def look(self) -> Readiness:
        """Return what works and what does not."""
        if not self._lock.acquire(timeout=WAIT_SECONDS):
            stuck = PartHealth(part="service", problem="the last look has not ended yet")
            return Readiness(is_ready=False, parts=(stuck,))
        try:
            if self._seen is None or self._clock() >= self._looks_again_at:
                parts = (self._look_at_database(), self._look_at_tables())
                self._seen = Readiness(
                    is_ready=all(part.problem is None for part in parts), parts=parts
                )
                self._looks_again_at = self._clock() + KEPT_SECONDS
            return self._seen
        finally:
            self._lock.release()

    def _look_at_database(self) -> PartHealth:
        try:
            self._database.read(lambda db: db.execute(text("SELECT count(*) FROM ledger_holders")))
        except DatabaseUnavailable as error:
            logger.error("Not ready: %s", error)
            return PartHealth(part="database", problem=f"cannot be read ({_kind_of(error)})")
        return PartHealth(part="database")

    def _look_at_tables(self) -> PartHealth:
        try:
            self._tables.probe()
        except OSError as error:
            logger.error("Not ready: tables: %s", error)
            return PartHealth(part="tables", problem=f"cannot be written ({_kind_of(error)})")
        return PartHealth(part="tables")


def _kind_of(error: BaseException) -> str:
    """Return what kind of fault is at the bottom of an error, without its words."""
    while error.__cause__ is not None:
        error = error.__cause__
    return type(error).__name__
