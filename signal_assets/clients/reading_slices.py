"""Reading slices in the database: which are open, who reads them, and what came of them."""

from collections.abc import Sequence
from functools import partial

from sqlalchemy import ColumnElement, Connection, and_, case, delete, func, insert, select, update

from signal_assets.clients.database import Database, read_now
from signal_assets.clients.database_tables import holders, reading_slices
from signal_assets.clients.holders import Holder, is_dead
from signal_assets.clients.ledger import LedgerSession
from signal_assets.domain.reading_slices import ReadingSlice, Tally
from signal_assets.domain.records import Record

_HOLDER_COLUMNS = tuple(holders.c[name] for name in Holder.model_fields)


class Reading(Record):
    """Some texts of a search profile, asked in one way, that a run reads in slices."""

    reading: str
    """Its name, see `name_reading`."""
    search_profile: str
    asked: str
    """Digest of what is asked of the texts; only who asks the same can help."""
    run_id: str
    """The run that leads it; its budget pays, also for what helpers ask."""


class ReadingState(Reading):
    """How far a reading is, in slices."""

    is_led: bool
    """The process of the run that leads it lives."""
    open: int
    claimed: int
    done: int

    @property
    def slices(self) -> int:
        return self.open + self.claimed + self.done


class ReadingSlices:
    """The slices of all readings in one database; safe for any number of processes.

    Who claims or leads is a ledger session: while its process lives, nobody else gets its slice.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def lead(
        self, reading: Reading, slices: Sequence[ReadingSlice], session: LedgerSession
    ) -> None:
        """Make `session` the leader of `reading`; it goes on with slices that stand there."""

        def work(db: Connection) -> None:
            leader = {"run_id": reading.run_id, "led_by": session.holder_id}
            db.execute(update(reading_slices).where(_is(reading.reading)).values(**leader))
            there = set(
                db.execute(select(reading_slices.c.number).where(_is(reading.reading))).scalars()
            )
            shared = {**reading.model_dump(), **leader, "state": "open"}
            missing = [each for each in slices if each.number not in there]
            if missing:
                db.execute(
                    insert(reading_slices),
                    [{**each.model_dump(mode="json"), **shared} for each in missing],
                )

        self._database.write(work)

    def readings(self, search_profile: str | None = None) -> list[ReadingState]:
        """Return the readings that are under way or were left, in the order of their profiles."""
        return self._database.read(partial(_read_states, search_profile=search_profile))

    def claim(
        self, reading: str, session: LedgerSession, *, led_by_run: str | None = None
    ) -> ReadingSlice | None:
        """Give `session` the next slice that is open or that a dead holder has, else None.

        `led_by_run` gives it only while that run leads the reading.
        """
        wanted = [_is(reading)]
        if led_by_run is not None:
            wanted.append(reading_slices.c.run_id == led_by_run)
        return self._database.write(
            partial(_claim, wanted=and_(*wanted), holder_id=session.holder_id)
        )

    def finish(self, reading: str, number: int, tally: Tally, session: LedgerSession) -> bool:
        """Note that the part of a slice is written; False if somebody else took the slice over."""
        return self._change_own(
            reading, number, session, state="done", tally=tally.model_dump(mode="json")
        )

    def release(self, reading: str, number: int, session: LedgerSession) -> None:
        """Leave a slice of `session` to others."""
        self._change_own(reading, number, session, state="open", holder_id=None)

    def reopen(self, reading: str, number: int) -> None:
        """Have a slice read again whose part is of no use."""

        def work(db: Connection) -> None:
            db.execute(
                update(reading_slices)
                .where(_is(reading), reading_slices.c.number == number, _has_state("done"))
                .values(state="open", holder_id=None, tally=None)
            )

        self._database.write(work)

    def tallies(self, reading: str) -> dict[int, Tally | None]:
        """Return what came of each slice by its number; None where it is not done."""
        columns = (reading_slices.c.number, reading_slices.c.state, reading_slices.c.tally)
        rows = self._database.read(
            lambda db: db.execute(
                select(*columns).where(_is(reading)).order_by(reading_slices.c.number)
            ).all()
        )
        return {
            row.number: Tally.model_validate(row.tally) if row.state == "done" else None
            for row in rows
        }

    def drop(self, reading: str, session: LedgerSession) -> list[int]:
        """Forget a reading that `session` leads; return the numbers of its slices."""
        return self._database.write(
            partial(
                _delete, wanted=and_(_is(reading), reading_slices.c.led_by == session.holder_id)
            )
        )

    def drop_left(self, search_profile: str, *, but: str | None = None) -> dict[str, list[int]]:
        """Forget the readings of a search profile whose leader is dead, but one of them.

        Return the numbers of the slices of each.
        """
        left = [
            state.reading
            for state in self.readings(search_profile)
            if not state.is_led and state.reading != but
        ]
        return {
            reading: self._database.write(partial(_delete, wanted=_is(reading))) for reading in left
        }

    def _change_own(
        self, reading: str, number: int, session: LedgerSession, **values: object
    ) -> bool:
        changed = self._database.write(
            lambda db: (
                db.execute(
                    update(reading_slices)
                    .where(
                        _is(reading),
                        reading_slices.c.number == number,
                        reading_slices.c.holder_id == session.holder_id,
                        _has_state("claimed"),
                    )
                    .values(**values)
                ).rowcount
            )
        )
        return changed == 1


def _is(reading: str) -> ColumnElement[bool]:
    return reading_slices.c.reading == reading


def _has_state(state: str) -> ColumnElement[bool]:
    return reading_slices.c.state == state


def _read_states(db: Connection, search_profile: str | None) -> list[ReadingState]:
    names = [reading_slices.c[name] for name in Reading.model_fields]
    counts = [
        func.count(case((_has_state(state), 1))).label(state)
        for state in ("open", "claimed", "done")
    ]
    wanted = (
        select(*names, reading_slices.c.led_by, *counts)
        .group_by(*names, reading_slices.c.led_by)
        .order_by(reading_slices.c.search_profile, reading_slices.c.reading)
    )
    if search_profile is not None:
        wanted = wanted.where(reading_slices.c.search_profile == search_profile)
    rows = db.execute(wanted).mappings().all()
    dead = _dead_holders(db, [row["led_by"] for row in rows])
    return [
        ReadingState(
            **{name: value for name, value in row.items() if name != "led_by"},
            is_led=row["led_by"] not in dead,
        )
        for row in rows
    ]


def _claim(db: Connection, wanted: ColumnElement[bool], holder_id: str) -> ReadingSlice | None:
    """Claim by changing a row that is still as it was seen: of several that try, one succeeds."""
    rows = db.execute(
        select(
            reading_slices.c.reading,
            reading_slices.c.number,
            reading_slices.c.state,
            reading_slices.c.holder_id,
        )
        .where(wanted, reading_slices.c.state != "done")
        .order_by(reading_slices.c.number)
    ).all()
    dead = _dead_holders(db, [row.holder_id for row in rows if row.state == "claimed"])
    for row in rows:
        if row.state == "claimed" and row.holder_id not in dead:
            continue
        this = (_is(row.reading), reading_slices.c.number == row.number)
        as_seen = _has_state(row.state)
        if row.state == "claimed":
            as_seen = and_(as_seen, reading_slices.c.holder_id == row.holder_id)
        claimed = db.execute(
            update(reading_slices)
            .where(wanted, *this, as_seen)
            .values(state="claimed", holder_id=holder_id)
        )
        if claimed.rowcount == 1:
            columns = [reading_slices.c[name] for name in ReadingSlice.model_fields]
            found = db.execute(select(*columns).where(*this)).mappings().one()
            return ReadingSlice.model_validate(dict(found))
    return None


def _dead_holders(db: Connection, holder_ids: Sequence[str]) -> set[str]:
    """Return those of `holder_ids` behind whom nobody is any more."""
    wanted = set(holder_ids)
    rows = db.execute(select(*_HOLDER_COLUMNS).where(holders.c.holder_id.in_(wanted))).mappings()
    known = [Holder.model_validate(dict(row)) for row in rows]
    now = read_now(db)
    return wanted - {holder.holder_id for holder in known if not is_dead(holder, now)}


def _delete(db: Connection, wanted: ColumnElement[bool]) -> list[int]:
    numbers = db.execute(select(reading_slices.c.number).where(wanted)).scalars().all()
    db.execute(delete(reading_slices).where(wanted))
    return sorted(numbers)
