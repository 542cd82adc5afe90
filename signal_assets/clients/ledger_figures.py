"""Figures of the ledger: sums over all runs and machines, made in the database."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, func, select

from signal_assets.clients.database_tables import attempts, passes, totals
from signal_assets.domain.records import Record

CLOSED_STATUSES = ("completed", "settled", "released")
"""What an attempt stays for ever; `asking` and `unknown` pass."""


class CallSum(Record):
    """The calls of one service in one status."""

    service: str
    status: str
    calls: int
    tokens_input: int
    tokens_output: int
    cost_usd: Decimal
    held_usd: Decimal


class PassSum(Record):
    """The passes of one asset that ended alike."""

    pass_name: str
    asset: str
    outcome: str
    passes: int
    processed: int
    failed: int
    answers_from_ledger: int


class LastPass(Record):
    """When a pass of a search profile last ended."""

    search_profile: str
    pass_name: str
    finished_at: datetime


class MonthSum(Record):
    """What counts against one budget of a search profile in a calendar month (UTC)."""

    search_profile: str
    service: str | None
    """None: the budget for all services together."""
    spent_usd: Decimal
    held_usd: Decimal
    """For calls without an outcome; it counts like what is spent."""


class LedgerFigures(Record):
    """One look at the ledger; all parts are of the same moment."""

    calls: tuple[CallSum, ...]
    passes: tuple[PassSum, ...]
    last_passes: tuple[LastPass, ...]
    month: tuple[MonthSum, ...]


def read_figures(db: Connection, month: str) -> LedgerFigures:
    return LedgerFigures(
        calls=_read_calls(db),
        passes=_read_passes(db),
        last_passes=_read_last_passes(db),
        month=read_month_sums(db, month),
    )


def read_month_sums(db: Connection, month: str) -> tuple[MonthSum, ...]:
    sums = []
    for kind in ("month", "service"):
        begin = f"{kind}/{month}/"
        rows = db.execute(select(totals).where(totals.c.scope.startswith(begin, autoescape=True)))
        for row in rows:
            search_profile, _, service = row.scope.removeprefix(begin).partition("/")
            sums.append(
                MonthSum(
                    search_profile=search_profile,
                    service=service or None,
                    spent_usd=row.spent_usd,
                    held_usd=row.held_usd,
                )
            )
    return tuple(sums)


def _read_calls(db: Connection) -> tuple[CallSum, ...]:
    groups = (attempts.c.service, attempts.c.status)
    rows = db.execute(
        select(
            *groups,
            func.count().label("calls"),
            func.sum(attempts.c.tokens_input).label("tokens_input"),
            func.sum(attempts.c.tokens_output).label("tokens_output"),
            func.sum(attempts.c.cost_usd).label("cost_usd"),
            func.sum(attempts.c.held_usd).label("held_usd"),
        )
        .group_by(*groups)
        .order_by(*groups)
    )
    return tuple(CallSum.model_validate(dict(row)) for row in rows.mappings())


def _read_passes(db: Connection) -> tuple[PassSum, ...]:
    groups = (passes.c.pass_name, passes.c.asset, passes.c.outcome)
    summed = ("processed", "failed", "answers_from_ledger")
    rows = db.execute(
        select(
            *groups,
            func.count().label("passes"),
            *(func.sum(passes.c[name]).label(name) for name in summed),
        )
        .group_by(*groups)
        .order_by(*groups)
    )
    return tuple(PassSum.model_validate(dict(row)) for row in rows.mappings())


def _read_last_passes(db: Connection) -> tuple[LastPass, ...]:
    groups = (passes.c.search_profile, passes.c.pass_name)
    rows = db.execute(
        select(*groups, func.max(passes.c.finished_at).label("finished_at"))
        .where(passes.c.finished_at.is_not(None))
        .group_by(*groups)
        .order_by(*groups)
    )
    return tuple(LastPass.model_validate(dict(row)) for row in rows.mappings())
