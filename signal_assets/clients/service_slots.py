"""Service slots: whether a request may start, over all runs and machines that share the database.

A slot in flight belongs to the attempt it was taken for and to the holder that made it: it goes
when the attempt has its outcome, or when nobody is behind the holder any more. Starts are given out
evenly spaced, a little ahead of time. The row of a service in `service_paces` is the lock under
which both are decided; it is taken before any other.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql import func

from signal_assets.clients.database import DatabaseNow
from signal_assets.clients.database_tables import (
    holders,
    service_paces,
    service_slots,
    service_waits,
)
from signal_assets.clients.holders import Holder, is_dead
from signal_assets.clients.paid_calls import NoSlot
from signal_assets.clients.prepared import Prepared, Row, Transaction
from signal_assets.domain.limits import ServiceLimit
from signal_assets.domain.records import Record

AHEAD = timedelta(seconds=2)
"""A start is given out at most this long before its time."""

LONGEST_LEASE = timedelta(minutes=10)
"""No request takes as long; a slot that is older is free, whatever its holder says."""

POLL_SECONDS = 0.1
"""Who found no slot free asks again after this."""

SILENT_AFTER = timedelta(seconds=5)
"""Who has not asked again for this long does not wait any more."""

_MINUTE_MICROSECONDS = 60_000_000

_OF_SERVICE = service_slots.c.service == bindparam("asked_service")
_WAITS_FOR_SERVICE = service_waits.c.service == bindparam("asked_service")
_LOCK_PACE = Prepared(
    select(service_paces.c.service, service_paces.c.next_start_at)
    .where(service_paces.c.service == bindparam("asked_service"))
    .with_for_update()
)
_ADD_PACE = Prepared(
    # Postgres' insert is compiled by SQLite as well: they share this clause.
    postgresql.insert(service_paces).on_conflict_do_nothing(),
    columns=["service"],
)
_SET_NEXT_START = Prepared(
    update(service_paces)
    .where(service_paces.c.service == bindparam("asked_service"))
    .values(next_start_at=bindparam("next_start_at"))
)
_STANDING = Prepared(
    # A statement of its own, after the lock: what it counts is then what the others left.
    select(
        select(func.count()).where(_OF_SERVICE).scalar_subquery().label("taken"),
        select(func.count()).where(_WAITS_FOR_SERVICE).scalar_subquery().label("waiting"),
        DatabaseNow().label("now"),
    )
)
_LEASES = Prepared(
    select(
        service_slots.c.attempt_id,
        service_slots.c.holder_id.label("held_by"),
        service_slots.c.taken_at,
        *(holders.c[name] for name in Holder.model_fields),
    )
    .select_from(service_slots)
    .outerjoin(holders, service_slots.c.holder_id == holders.c.holder_id)
    .where(_OF_SERVICE)
)
_WAITS = Prepared(
    select(service_waits.c.holder_id, service_waits.c.since, service_waits.c.asked_at).where(
        _WAITS_FOR_SERVICE
    )
)
_ADD_SLOT = Prepared(
    insert(service_slots), columns=["attempt_id", "service", "holder_id", "taken_at"]
)
_DROP_SLOT = Prepared(
    delete(service_slots).where(service_slots.c.attempt_id == bindparam("dropped_id"))
)
_DROP_WAIT = Prepared(
    delete(service_waits).where(
        _WAITS_FOR_SERVICE,
        service_waits.c.holder_id == bindparam("dropped_holder"),
    )
)
_ADD_WAIT = Prepared(insert(service_waits), columns=["service", "holder_id", "since", "asked_at"])
_DROP_ALL_SLOTS = Prepared(
    delete(service_slots).where(service_slots.c.holder_id == bindparam("left_by"))
)
_DROP_ALL_WAITS = Prepared(
    delete(service_waits).where(service_waits.c.holder_id == bindparam("left_by"))
)


class Turn(Record):
    """A request may start."""

    starts_in: float
    """Seconds to wait before it is sent."""
    has_slot: bool
    """It counts among the requests in flight: `keep` has to say for which attempt."""
    taken_at: datetime


def take(
    transaction: Transaction,
    account: str,
    limit: ServiceLimit,
    holder_id: str,
    *,
    in_batch: bool = False,
    clock: Callable[[], datetime] | None = None,
) -> Turn | NoSlot:
    """Give `holder_id` a turn if the limits of the service allow one.

    A batch takes a start and no slot. All goes by the database's clock; `clock` stands in for it,
    but not where it tells who is dead.
    """
    pace = _lock(transaction, account)
    (standing,) = transaction.rows(_STANDING, {"asked_service": account})
    at = standing.now if clock is None else clock()
    needs_slot = False
    if limit.in_flight is not None and not in_batch:
        needs_slot = True
        is_free = standing.taken < limit.in_flight and not standing.waiting
        if not is_free and not _is_our_turn(
            transaction, account, limit.in_flight, holder_id, standing.now, at
        ):
            reason = f"{account}: all {limit.in_flight} requests in flight are taken"
            return NoSlot(reason=reason, wait_seconds=POLL_SECONDS)
    starts_at = at
    if limit.per_minute is not None:
        interval = interval_of(limit.per_minute)
        starts_at = due_start(pace.next_start_at, at, interval)
        if starts_at - at > AHEAD:
            _set_next_start(transaction, account, starts_at)
            reason = f"{account}: {limit.per_minute} requests a minute have started"
            return NoSlot(reason=reason, wait_seconds=(starts_at - at - AHEAD).total_seconds())
        _set_next_start(transaction, account, starts_at + interval)
    starts_in = (starts_at - at).total_seconds()
    return Turn(starts_in=starts_in, has_slot=needs_slot, taken_at=at)


def keep(
    transaction: Transaction, account: str, holder_id: str, attempt_id: int, turn: Turn
) -> None:
    """Count the attempt among the requests in flight."""
    transaction.execute(
        _ADD_SLOT,
        {
            "attempt_id": attempt_id,
            "service": account,
            "holder_id": holder_id,
            "taken_at": turn.taken_at,
        },
    )


def give_back(transaction: Transaction, attempt_id: int) -> None:
    transaction.execute(_DROP_SLOT, {"dropped_id": attempt_id})


def give_all_back(transaction: Transaction, holder_id: str) -> None:
    transaction.execute(_DROP_ALL_SLOTS, {"left_by": holder_id})
    transaction.execute(_DROP_ALL_WAITS, {"left_by": holder_id})


def interval_of(per_minute: int) -> timedelta:
    """Return the pause between two starts, rounded up: `per_minute` of them fill the minute.

    >>> interval_of(7)
    datetime.timedelta(seconds=8, microseconds=571429)
    """
    return timedelta(microseconds=-(-_MINUTE_MICROSECONDS // per_minute))


def due_start(next_start_at: datetime | None, now: datetime, interval: timedelta) -> datetime:
    """Return when the next request may start; never later than a start can be given out.

    A pending start that lies further ahead was written before the clock was set back. What was
    given out then may still be under way, so the next one comes after it.
    """
    if next_start_at is None or next_start_at <= now:
        return now
    return min(next_start_at, now + AHEAD + interval)


def is_expired(taken_at: datetime, now: datetime) -> bool:
    """Whether a slot is older than any request, or was taken before the clock was set back."""
    return abs(now - taken_at) > LONGEST_LEASE


def _lock(transaction: Transaction, account: str) -> Row:
    pace = transaction.first(_LOCK_PACE, {"asked_service": account})
    if pace is None:
        transaction.execute(_ADD_PACE, {"service": account})
        (pace,) = transaction.rows(_LOCK_PACE, {"asked_service": account})
    return pace


def _set_next_start(transaction: Transaction, account: str, at: datetime) -> None:
    transaction.execute(_SET_NEXT_START, {"asked_service": account, "next_start_at": at})


def _is_our_turn(
    transaction: Transaction, account: str, most: int, holder_id: str, now: datetime, at: datetime
) -> bool:
    """Whether there is a slot for us when those who come first have taken theirs.

    First comes who holds the fewest slots, and of those who has waited longest. Who is told to
    wait is written down, and is no longer once it has its turn.
    """
    names = {"asked_service": account}
    leases = transaction.rows(_LEASES, names)
    held = Counter(each.held_by for each in _living(transaction, leases, now, at))
    waits = {each.holder_id: each for each in transaction.rows(_WAITS, names)}
    own = waits.pop(holder_id, None)
    gone = [name for name, each in waits.items() if abs(at - each.asked_at) > SILENT_AFTER]
    for name in gone:
        del waits[name]
    dropped = [*gone, *([holder_id] if own is not None else [])]
    transaction.execute_each(_DROP_WAIT, [{**names, "dropped_holder": name} for name in dropped])
    since = at if own is None else own.since
    rank = (held[holder_id], since, holder_id)
    first = [name for name, each in waits.items() if (held[name], each.since, name) < rank]
    if most - held.total() > len(first):
        return True
    transaction.execute(
        _ADD_WAIT,
        {"service": account, "holder_id": holder_id, "since": since, "asked_at": at},
    )
    return False


def _living(
    transaction: Transaction, leases: Iterable[Row], now: datetime, at: datetime
) -> list[Row]:
    """Return the slots somebody is behind; the others are free from now on."""
    found = list(leases)
    dead = {
        name for name, each in {each.held_by: each for each in found}.items() if _died(each, now)
    }
    freed = [each for each in found if each.held_by in dead or is_expired(each.taken_at, at)]
    transaction.execute_each(_DROP_SLOT, [{"dropped_id": each.attempt_id} for each in freed])
    gone = {each.attempt_id for each in freed}
    return [each for each in found if each.attempt_id not in gone]


def _died(lease: Row, now: datetime) -> bool:
    if lease.holder_id is None:
        return True
    fields = {name: getattr(lease, name) for name in Holder.model_fields}
    return is_dead(Holder.model_validate(fields), now)
