"""Rows of batches: the statements on open batches and their calls, each inside a transaction."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    CursorResult,
    Select,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)

from signal_assets.clients.database import read_now
from signal_assets.clients.database_tables import (
    answers,
    attempts,
    claude_batch_items,
    claude_batches,
    holders,
)
from signal_assets.clients.holders import Holder, is_dead
from signal_assets.clients.paid_calls import BatchIntent, Busy, Call, Caller, OpenBatch, Ticket
from signal_assets.clients.prepared import Prepared, Row, Transaction

_IS_IN_OPEN_BATCH = Prepared(
    select(claude_batches.c.service_id)
    .select_from(claude_batch_items)
    .join(claude_batches, claude_batches.c.number == claude_batch_items.c.batch_number)
    .where(claude_batch_items.c.key == bindparam("asked_key"))
    .limit(1)
)
_ADD_BATCH = Prepared(
    insert(claude_batches).returning(claude_batches.c.number),
    columns=[
        column.key
        for column in claude_batches.c
        if column.key not in ("number", "service_id", "closed_at", "outcome")
    ],
)
_ADD_ITEM = Prepared(
    insert(claude_batch_items), columns=[column.key for column in claude_batch_items.c]
)
_DROP_ITEM = Prepared(
    delete(claude_batch_items).where(claude_batch_items.c.attempt_id == bindparam("dropped_id"))
)
_OPEN_STATES = ("intent", "submitted")


def find_open_batch(transaction: Transaction, call: Call) -> Busy | None:
    """Return which open batch will bring the answer to `call`."""
    row = transaction.first(_IS_IN_OPEN_BATCH, {"asked_key": call.key})
    if row is None:
        return None
    return Busy(until=f"batch {row.service_id or 'without an id yet'} has ended", in_batch=True)


def add_batch(
    transaction: Transaction,
    intent: BatchIntent,
    caller: Caller,
    holder_id: str,
    tickets: dict[str, Ticket],
    now: datetime,
) -> OpenBatch:
    values = {
        "endpoint": intent.endpoint,
        "asked": intent.asked,
        "fields": list(intent.fields),
        "search_profile": caller.search_profile,
        "run_id": caller.run_id,
        "holder_id": holder_id,
        "state": "intent",
        "request_count": len(tickets),
        "created_at": now,
    }
    (added,) = transaction.rows(_ADD_BATCH, values)
    transaction.execute_each(
        _ADD_ITEM,
        [
            {"attempt_id": ticket.attempt_id, "key": key, "batch_number": added.number}
            for key, ticket in tickets.items()
        ],
    )
    return OpenBatch(added.number, None, intent, len(tickets), now, tickets)


def drop_item(transaction: Transaction, attempt_id: int) -> None:
    transaction.execute(_DROP_ITEM, {"dropped_id": attempt_id})


def has_open(db: Connection, endpoint: str) -> bool:
    return db.execute(_open(endpoint).limit(1)).first() is not None


def adopt(
    db: Connection,
    endpoint: str,
    asked: Iterable[str],
    caller: Caller,
    holder_id: str,
) -> list[OpenBatch]:
    """Make the open batches that nobody looks after ours, with the calls in them.

    Those of the search profile and those that ask the same, whoever sent them. The calls count as
    asked by us from now on; what they cost still counts for the run that sent them.
    """
    of_interest = or_(
        claude_batches.c.search_profile == caller.search_profile,
        claude_batches.c.asked.in_(list(asked)),
    )
    rows = db.execute(_open(endpoint).where(of_interest).with_for_update()).all()
    return [_adopt_one(db, row, holder_id) for row in rows if _is_free(db, row, holder_id)]


def note_submitted(db: Connection, number: int, service_id: str) -> None:
    db.execute(
        update(claude_batches)
        .where(claude_batches.c.number == number)
        .values(service_id=service_id, state="submitted")
    )


def close(db: Connection, number: int, outcome: str, now: datetime) -> int:
    """Close a batch; calls in it that have no outcome are left unknown. Return their number."""
    mine = select(claude_batch_items.c.attempt_id).where(
        claude_batch_items.c.batch_number == number
    )
    left: CursorResult[tuple[int]] = db.execute(
        update(attempts)
        .where(attempts.c.attempt_id.in_(mine), attempts.c.status == "asking")
        .values(status="unknown", finished_at=now, reason=outcome)
    )
    db.execute(delete(claude_batch_items).where(claude_batch_items.c.batch_number == number))
    db.execute(
        update(claude_batches)
        .where(claude_batches.c.number == number)
        .values(state="closed", closed_at=now, outcome=outcome)
    )
    return left.rowcount


def known_service_ids(db: Connection) -> set[str]:
    """Return the ids of all batches that are known to be somebody's."""
    known = select(claude_batches.c.service_id).where(claude_batches.c.service_id.is_not(None))
    return set(db.execute(known).scalars())


def known_keys(db: Connection, keys: list[str]) -> set[str]:
    """Return the keys that have a reusable answer, or will have one from an open batch."""
    stored = select(answers.c.key).where(answers.c.key.in_(keys), answers.c.is_reusable)
    coming = select(claude_batch_items.c.key).where(claude_batch_items.c.key.in_(keys))
    return set(db.execute(stored).scalars()) | set(db.execute(coming).scalars())


def _open(endpoint: str) -> Select[Any]:
    return select(claude_batches).where(
        claude_batches.c.endpoint == endpoint, claude_batches.c.state.in_(_OPEN_STATES)
    )


def _is_free(db: Connection, batch: Row, holder_id: str) -> bool:
    if batch.holder_id == holder_id:
        return False
    columns = [holders.c[name] for name in Holder.model_fields]
    row = db.execute(select(*columns).where(holders.c.holder_id == batch.holder_id)).first()
    return row is None or is_dead(Holder.model_validate(row._mapping), read_now(db))


def _adopt_one(db: Connection, batch: Row, holder_id: str) -> OpenBatch:
    is_mine = claude_batch_items.c.batch_number == batch.number
    is_open = attempts.c.status.in_(("asking", "unknown"))
    db.execute(
        update(claude_batches)
        .where(claude_batches.c.number == batch.number)
        .values(holder_id=holder_id)
    )
    db.execute(
        update(attempts)
        .where(
            attempts.c.attempt_id.in_(select(claude_batch_items.c.attempt_id).where(is_mine)),
            is_open,
        )
        .values(status="asking", holder_id=holder_id, finished_at=None)
    )
    rows = db.execute(
        select(attempts.c.attempt_id, attempts.c.key, attempts.c.service)
        .join(claude_batch_items, claude_batch_items.c.attempt_id == attempts.c.attempt_id)
        .where(is_mine, is_open)
    ).all()
    tickets = {row.key: Ticket(row.attempt_id, row.key, row.service, in_batch=True) for row in rows}
    intent = BatchIntent(endpoint=batch.endpoint, asked=batch.asked, fields=tuple(batch.fields))
    return OpenBatch(
        batch.number, batch.service_id, intent, batch.request_count, batch.created_at, tickets
    )
