"""Reports of the ledger: what was spent, what is still held, and what each run did."""

from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from pydantic import Field
from sqlalchemy import Connection, and_, case, delete, func, insert, select

from signal_assets.clients.database_tables import attempts, passes, totals
from signal_assets.clients.ledger_rows import scopes_of
from signal_assets.domain.records import Record

Dimension = Literal["service", "search_profile", "day", "run_id", "asset"]
PassName = Literal["llm", "external"]


class PassRecord(Record):
    """What one run did in one asset."""

    run_id: str
    search_profile: str
    pass_name: PassName
    asset: str
    started_at: datetime
    finished_at: datetime | None = None
    processed: int = 0
    succeeded: int = 0
    failed: int = 0
    tokens_input: int = 0
    tokens_output: int = 0
    cost_usd: Decimal = Decimal(0)
    outcome: str = ""
    """How it ended, in a word or a sentence."""
    failures: dict[str, int] = Field(default_factory=dict)
    """Kind (refused, truncated, invalid, unsupported, service, budget …) → rows."""
    answers_from_ledger: int = 0
    """Answers that stood in the ledger already and were not paid for again."""


class Spending(Record):
    """What calls cost; a dimension that was not asked for is None."""

    service: str | None = None
    search_profile: str | None = None
    day: date | None = None
    """In UTC, when the call was made."""
    run_id: str | None = None
    asset: str | None = None
    calls: int
    """Made and perhaps billed."""
    answers: int
    tokens_input: int
    tokens_output: int
    cost_usd: Decimal
    without_outcome: int
    """Calls that are under way, or of which nobody knows whether they were billed."""
    held_usd: Decimal
    """What these can cost, which counts against the budgets."""
    held_since: datetime | None
    started_at: datetime
    finished_at: datetime | None
    """Of the last call that has its outcome."""


class UnknownOutcome(Record):
    """A call that may have been billed."""

    attempt_id: int
    key: str
    service: str
    summary: str
    run_id: str
    asset: str
    search_profile: str
    started_at: datetime
    held_usd: Decimal
    reason: str | None


class Drift(Record):
    """A budget sum that is not what its attempts add up to."""

    scope: str
    spent_usd: Decimal
    held_usd: Decimal
    attempts_spent_usd: Decimal
    attempts_held_usd: Decimal


_Sums = dict[str, tuple[Decimal, Decimal]]
_NOTHING = (Decimal(0), Decimal(0))


def put_pass(db: Connection, record: PassRecord) -> None:
    db.execute(
        delete(passes).where(
            passes.c.run_id == record.run_id,
            passes.c.search_profile == record.search_profile,
            passes.c.asset == record.asset,
        )
    )
    db.execute(insert(passes), record.model_dump())


def read_passes(
    db: Connection, search_profile: str | None, pass_name: PassName | None, limit: int
) -> list[PassRecord]:
    wanted = select(passes).order_by(passes.c.started_at.desc(), passes.c.asset).limit(limit)
    if search_profile is not None:
        wanted = wanted.where(passes.c.search_profile == search_profile)
    if pass_name is not None:
        wanted = wanted.where(passes.c.pass_name == pass_name)
    return [PassRecord.model_validate(dict(row)) for row in db.execute(wanted).mappings()]


def read_spending(
    db: Connection,
    by: tuple[Dimension, ...],
    search_profile: str | None,
    since: date | None,
    until: date | None,
) -> list[Spending]:
    groups = [attempts.c[name] for name in by]
    is_open = attempts.c.status.in_(("asking", "unknown"))
    wanted = (
        select(
            *groups,
            func.count().label("calls"),
            func.count(case((attempts.c.status == "completed", 1))).label("answers"),
            func.sum(attempts.c.tokens_input).label("tokens_input"),
            func.sum(attempts.c.tokens_output).label("tokens_output"),
            func.sum(attempts.c.cost_usd).label("cost_usd"),
            func.count(case((is_open, 1))).label("without_outcome"),
            func.sum(attempts.c.held_usd).label("held_usd"),
            func.min(case((is_open, attempts.c.started_at))).label("held_since"),
            func.min(attempts.c.started_at).label("started_at"),
            func.max(attempts.c.finished_at).label("finished_at"),
        )
        .where(attempts.c.status != "released")
        .group_by(*groups)
        .having(func.count() > 0)
        .order_by(*groups)
    )
    conditions = [
        attempts.c.search_profile == search_profile if search_profile is not None else None,
        attempts.c.day >= since.isoformat() if since is not None else None,
        attempts.c.day <= until.isoformat() if until is not None else None,
    ]
    given = [condition for condition in conditions if condition is not None]
    if given:
        wanted = wanted.where(and_(*given))
    return [Spending.model_validate(dict(row)) for row in db.execute(wanted).mappings()]


def read_call_seconds(db: Connection, run_id: str) -> list[float]:
    rows = db.execute(
        select(attempts.c.started_at, attempts.c.finished_at).where(
            attempts.c.run_id == run_id, attempts.c.status == "completed"
        )
    )
    return [(row.finished_at - row.started_at).total_seconds() for row in rows]


def read_unknown_outcomes(db: Connection, search_profile: str | None) -> list[UnknownOutcome]:
    columns = [attempts.c[name] for name in UnknownOutcome.model_fields]
    wanted = select(*columns).where(attempts.c.status == "unknown").order_by(attempts.c.attempt_id)
    if search_profile is not None:
        wanted = wanted.where(attempts.c.search_profile == search_profile)
    return [UnknownOutcome.model_validate(dict(row)) for row in db.execute(wanted).mappings()]


def find_drift(db: Connection) -> list[Drift]:
    kept = {row.scope: (row.spent_usd, row.held_usd) for row in db.execute(select(totals))}
    summed = _sum_attempts(db)
    return [
        Drift(
            scope=scope,
            spent_usd=kept.get(scope, _NOTHING)[0],
            held_usd=kept.get(scope, _NOTHING)[1],
            attempts_spent_usd=summed.get(scope, _NOTHING)[0],
            attempts_held_usd=summed.get(scope, _NOTHING)[1],
        )
        for scope in sorted(kept.keys() | summed.keys())
        if kept.get(scope, _NOTHING) != summed.get(scope, _NOTHING)
    ]


def recompute_totals(db: Connection) -> None:
    db.execute(select(totals.c.scope).order_by(totals.c.scope).with_for_update()).all()
    summed = _sum_attempts(db)
    db.execute(delete(totals))
    if summed:
        db.execute(
            insert(totals),
            [
                {"scope": scope, "spent_usd": spent, "held_usd": held}
                for scope, (spent, held) in sorted(summed.items())
            ],
        )


def _sum_attempts(db: Connection) -> _Sums:
    groups = (attempts.c.run_id, attempts.c.search_profile, attempts.c.service, attempts.c.day)
    rows = db.execute(
        select(
            *groups,
            func.sum(attempts.c.cost_usd).label("spent_usd"),
            func.sum(attempts.c.held_usd).label("held_usd"),
        ).group_by(*groups)
    )
    sums: defaultdict[str, tuple[Decimal, Decimal]] = defaultdict(lambda: _NOTHING)
    for row in rows:
        scopes = scopes_of(row.run_id, row.search_profile, row.service, row.day)
        for scope in scopes.each:
            spent, held = sums[scope]
            sums[scope] = (spent + row.spent_usd, held + row.held_usd)
    return dict(sums)
