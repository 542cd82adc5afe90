"""Presence: a process shows in the database, every few seconds, that it still works on a run."""

import logging
import os
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, insert, select, update

from signal_assets.clients.database import Database, DatabaseNow, DatabaseUnavailable
from signal_assets.clients.database_tables import holders
from signal_assets.clients.holders import Holder, process_started, this_host
from signal_assets.clients.paid_calls import Caller

logger = logging.getLogger(__name__)


class Presence:
    """One row of `ledger_holders`, kept fresh by a thread from `start` to `stop`.

    What is left of it after the process died is its last heartbeat. Used with `with`, it also notes
    its end.
    """

    def __init__(
        self,
        database: Database,
        caller: Caller,
        now: Callable[[], datetime],
        heartbeat_seconds: float,
    ) -> None:
        self.holder_id = uuid.uuid4().hex
        self._database = database
        self._caller = caller
        self._now = now
        self._heartbeat_seconds = heartbeat_seconds
        self._ends = threading.Event()
        self._heart: threading.Thread | None = None

    @property
    def is_shown(self) -> bool:
        return self._heart is not None and not self._ends.is_set()

    def start(self) -> None:
        if self._heart is not None:
            raise RuntimeError("a session is opened once; ask the ledger for another")
        self._database.write(self._register)
        self._heart = threading.Thread(target=self._beat, name="ledger-heartbeat", daemon=True)
        self._heart.start()

    def stop(self) -> None:
        """Show no life any more; that it ended is for the caller to note."""
        self._ends.set()
        if self._heart is not None:
            self._heart.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._database.write(self._note_end)

    def _register(self, db: Connection) -> None:
        db.execute(
            insert(holders).values(
                holder_id=self.holder_id,
                host=this_host(),
                pid=os.getpid(),
                process_started=process_started(),
                **self._caller.model_dump(),
                started_at=self._now(),
                heartbeat_at=DatabaseNow(),
            )
        )

    def _beat(self) -> None:
        while not self._ends.wait(self._heartbeat_seconds):
            try:
                self._database.write(self._show_life)
            except DatabaseUnavailable as error:
                # The next paid call meets the same trouble and stops the run.
                logger.warning("No heartbeat was written: %s", error)

    def _show_life(self, db: Connection) -> None:
        db.execute(
            update(holders)
            .where(holders.c.holder_id == self.holder_id)
            .values(heartbeat_at=DatabaseNow())
        )

    def _note_end(self, db: Connection) -> None:
        self._set(db, ended_at=self._now())

    def _set(self, db: Connection, **values: datetime) -> None:
        db.execute(update(holders).where(holders.c.holder_id == self.holder_id).values(values))


def read_holders(db: Connection, run_ids: Sequence[str]) -> Mapping[str, list[Holder]]:
    """Return who worked or works on each run; a run that nobody ever showed up for has no entry."""
    found: dict[str, list[Holder]] = {}
    columns = [holders.c[name] for name in Holder.model_fields]
    rows = db.execute(select(holders.c.run_id, *columns).where(holders.c.run_id.in_(run_ids)))
    for row in rows:
        fields = {name: getattr(row, name) for name in Holder.model_fields}
        found.setdefault(row.run_id, []).append(Holder.model_validate(fields))
    return found
