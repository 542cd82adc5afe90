"""Rows that are erased: the statements on answers, calls, passes and the log of erasures.

What a call cost stays: its attempt and its price are not touched, only the words beside them.
"""

import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, false, insert, or_, select, update
from sqlalchemy.sql import func

from signal_assets.clients.database_tables import (
    answers,
    attempts,
    claude_batch_items,
    claude_batches,
    erasure_marks,
    erasures,
    passes,
    prompt_activations,
    prompts,
)
from signal_assets.clients.ledger_rows import readable
from signal_assets.clients.prepared import Row
from signal_assets.domain.erasure import ERASED, Mark, MarkKind, Traces, make_mark
from signal_assets.domain.records import Record

_ROWS_PER_QUERY = 500

MASKED_COLUMNS = (
    (attempts, ("summary", "reason")),
    (claude_batches, ("outcome",)),
)
"""Words of ours beside a call, in which a subject can be named."""

PERSONS_COLUMNS = (
    (prompts, ("system_prompt", "schema", "notes")),
    (prompt_activations, ("reason", "activated_by")),
)
"""Words of the user's own, which only the user changes."""

IsAbout = Callable[[str, str, str], bool]
"""Service, summary of the call, body → whether the answer is about the subject."""


class ErasureRecord(Record):
    """One line of the log: what was erased, without what it was."""

    erasure_id: int
    kind: str
    digest: str | None
    salt: str
    search_profile: str | None
    asked_by: str
    started_at: datetime
    finished_at: datetime | None
    keeps_away: bool
    counts: dict[str, int]


def find_answers(db: Connection, is_about: IsAbout) -> list[int]:
    """Return the ids of the answers that still have a body and are about the subject."""
    columns = (
        answers.c.answer_id,
        answers.c.body,
        answers.c.is_body_escaped,
        attempts.c.summary,
        attempts.c.service,
    )
    query = (
        select(*columns)
        .select_from(answers)
        .join(attempts, attempts.c.attempt_id == answers.c.attempt_id)
        .where(answers.c.erased_at.is_(None))
    )
    return [
        row.answer_id
        for row in _in_parts(db, query, answers.c.answer_id)
        if is_about(row.service, row.summary, readable(row.body, row.is_body_escaped))
    ]


def find_old_answers(db: Connection, before: datetime) -> list[int]:
    query = select(answers.c.answer_id).where(
        answers.c.erased_at.is_(None), answers.c.received_at < before
    )
    return list(db.execute(query).scalars())


def erase_answers(db: Connection, answer_ids: Iterable[int], now: datetime) -> None:
    """Put a tombstone in the place of each body; it is never handed out again."""
    if db.dialect.name == "sqlite":
        db.exec_driver_sql("PRAGMA secure_delete=ON")
    ids = list(answer_ids)
    for start in range(0, len(ids), _ROWS_PER_QUERY):
        some = ids[start : start + _ROWS_PER_QUERY]
        db.execute(
            update(answers)
            .where(answers.c.answer_id.in_(some))
            .values(body="", is_body_escaped=False, is_reusable=False, erased_at=now)
        )


def erase_old_summaries(db: Connection, before: datetime, *, write: bool) -> int:
    """Take the words away beside calls that ended before; return how many had any."""
    has_words = or_(attempts.c.summary != ERASED, attempts.c.reason.is_not(None))
    is_old = (attempts.c.finished_at < before) & has_words & (attempts.c.status != "asking")
    count = db.execute(select(func.count()).select_from(attempts).where(is_old)).scalar_one()
    if write:
        db.execute(update(attempts).where(is_old).values(summary=ERASED, reason=None))
    return int(count)


def mask_words(db: Connection, traces: Traces, *, write: bool) -> dict[str, int]:
    """Mask the subject in the words beside calls; return the rows changed, by table."""
    changed: dict[str, int] = {}
    for table, names in MASKED_COLUMNS:
        (key,) = table.primary_key.columns
        columns = [table.c[name] for name in names]
        for row in _in_parts(db, select(key, *columns), key):
            words = {name: value for name in names if (value := getattr(row, name))}
            masked = {name: traces.mask(value) for name, value in words.items()}
            if masked == words:
                continue
            changed[table.name] = changed.get(table.name, 0) + 1
            if write:
                db.execute(update(table).where(key == row[0]).values(masked))
    return changed


def count_persons_words(db: Connection, traces: Traces) -> dict[str, int]:
    """Return in how many rows of the user's own words the subject is named, by table."""
    found: dict[str, int] = {}
    for table, names in PERSONS_COLUMNS:
        for row in db.execute(select(*(table.c[name] for name in names))):
            if any(traces.stand_in(_as_text(value)) for value in row):
                found[table.name] = found.get(table.name, 0) + 1
    return found


def count_open_batch_calls(db: Connection) -> int:
    """Return how many answers are still to come from batches under way."""
    query = select(func.count()).select_from(claude_batch_items)
    return int(db.execute(query).scalar_one())


def erase_old_passes(db: Connection, before: datetime, *, write: bool) -> int:
    is_old = passes.c.started_at < before
    count = db.execute(select(func.count()).select_from(passes).where(is_old)).scalar_one()
    if write:
        db.execute(delete(passes).where(is_old))
    return int(count)


def begin_erasure(
    db: Connection,
    *,
    kind: str,
    subject: tuple[MarkKind, str] | None,
    marks: Iterable[tuple[MarkKind, str]],
    search_profile: str | None,
    asked_by: str,
    keeps_away: bool,
    now: datetime,
) -> int:
    """Write what is going to be erased, before anything is; return its number."""
    salt = db.execute(select(erasures.c.salt).limit(1)).scalar() or secrets.token_hex(16)
    erasure_id: int = db.execute(
        insert(erasures)
        .values(
            kind=kind,
            digest=None if subject is None else make_mark(*subject, salt).digest,
            salt=salt,
            search_profile=search_profile,
            asked_by=asked_by,
            started_at=now,
            keeps_away=keeps_away,
            counts={},
        )
        .returning(erasures.c.erasure_id)
    ).scalar_one()
    rows = [
        {"erasure_id": erasure_id, "kind": mark.kind, "digest": mark.digest}
        for mark in (make_mark(*each, salt) for each in sorted(set(marks)))
    ]
    if rows:
        db.execute(insert(erasure_marks), rows)
    return erasure_id


def finish_erasure(
    db: Connection, erasure_id: int, counts: Mapping[str, int], now: datetime
) -> None:
    db.execute(
        update(erasures)
        .where(erasures.c.erasure_id == erasure_id)
        .values(counts=dict(counts), finished_at=now)
    )


def read_erasures(db: Connection) -> list[ErasureRecord]:
    """Return the log, the newest first."""
    rows = db.execute(select(erasures).order_by(erasures.c.erasure_id.desc()))
    return [ErasureRecord.model_validate(row._mapping) for row in rows]


def read_marks(db: Connection) -> list[Mark]:
    """Return the marks of all erasures that keep their subject away."""
    query = (
        select(erasure_marks.c.kind, erasure_marks.c.digest, erasures.c.salt)
        .join(erasures, erasures.c.erasure_id == erasure_marks.c.erasure_id)
        .where(erasures.c.keeps_away)
    )
    return [Mark(row.kind, row.digest, row.salt) for row in db.execute(query)]


def lift(db: Connection, erasure_id: int) -> bool:
    """Let the subject of an erasure be stored again; False where there is no such erasure."""
    changed = db.execute(
        update(erasures)
        .where(erasures.c.erasure_id == erasure_id)
        .values(keeps_away=false())
        .returning(erasures.c.erasure_id)
    )
    return changed.first() is not None


def _in_parts(db: Connection, query: Any, key: ColumnElement[int]) -> Iterator[Row]:
    """Yield the rows of `query` by their key, some hundred in memory at a time."""
    last = None
    while True:
        part = query if last is None else query.where(key > last)
        rows = db.execute(part.order_by(key).limit(_ROWS_PER_QUERY)).all()
        yield from rows
        if len(rows) < _ROWS_PER_QUERY:
            return
        last = rows[-1][0]


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
