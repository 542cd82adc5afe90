"""Reports on limits: how much of each service is in use now, and by whom."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection, func, select

from signal_assets.clients.database import read_now
from signal_assets.clients.database_tables import (
    attempts,
    claude_batch_items,
    claude_batches,
    holders,
    totals,
)
from signal_assets.clients.holders import Holder, is_dead
from signal_assets.clients.ledger_rows import day_of, scope_of_all_profiles
from signal_assets.clients.prepared import Row
from signal_assets.domain.limits import (
    LIMITED_SERVICES,
    LimitedService,
    ServiceLimit,
    ServiceLimits,
    account_of,
)
from signal_assets.domain.records import Record

_MINUTE = timedelta(minutes=1)


class InFlight(Record):
    """The requests one session has in flight to one service."""

    run_id: str
    asset: str
    search_profile: str
    host: str
    """Machine, boot and process namespace; see `this_host`."""
    pid: int
    count: int
    since: datetime
    """Start of the oldest one."""


class LimitUsage(Record):
    """What is in use of one service, whoever uses it, with or without a limit."""

    service: LimitedService
    limit: ServiceLimit
    in_flight: tuple[InFlight, ...]
    """Of living processes; texts in batches do not count."""
    started_last_minute: int
    """Requests in the last 60 seconds; a batch is one."""
    spent_usd: Decimal
    """This calendar month (UTC), all search profiles together."""
    held_usd: Decimal
    """For calls without an outcome; counts against the limit too."""


def read_usage(db: Connection, limits: ServiceLimits, now: datetime) -> list[LimitUsage]:
    living = _read_in_flight(db)
    started = _count_started(db, now - _MINUTE)
    sums = _read_sums(db, day_of(now)[:7])
    return [
        LimitUsage(
            service=service,
            limit=limits.of(service),
            in_flight=tuple(living[service]),
            started_last_minute=started[service],
            spent_usd=sums[service][0],
            held_usd=sums[service][1],
        )
        for service in LIMITED_SERVICES
    ]


def _read_in_flight(db: Connection) -> defaultdict[str, list[InFlight]]:
    rows = db.execute(
        select(
            attempts.c.service,
            attempts.c.started_at.label("attempt_started_at"),
            holders,
        )
        .select_from(attempts)
        .join(holders, holders.c.holder_id == attempts.c.holder_id)
        .outerjoin(claude_batch_items, claude_batch_items.c.attempt_id == attempts.c.attempt_id)
        .where(attempts.c.status == "asking", claude_batch_items.c.attempt_id.is_(None))
        .order_by(attempts.c.attempt_id)
    )
    grouped: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        grouped[account_of(row.service), row.holder_id].append(row)
    found: defaultdict[str, list[InFlight]] = defaultdict(list)
    now = read_now(db)
    for (service, _), asked in grouped.items():
        if not is_dead(_holder(asked[0]), now):
            found[service].append(_summarise(asked))
    return found


def _holder(row: Row) -> Holder:
    return Holder.model_validate({name: getattr(row, name) for name in Holder.model_fields})


def _summarise(asked: Sequence[Row]) -> InFlight:
    first = asked[0]
    return InFlight(
        run_id=first.run_id,
        asset=first.asset,
        search_profile=first.search_profile,
        host=first.host,
        pid=first.pid,
        count=len(asked),
        since=min(row.attempt_started_at for row in asked),
    )


def _count_started(db: Connection, since: datetime) -> defaultdict[str, int]:
    counts: defaultdict[str, int] = defaultdict(int)
    alone = (
        select(attempts.c.service, func.count().label("count"))
        .outerjoin(claude_batch_items, claude_batch_items.c.attempt_id == attempts.c.attempt_id)
        .where(attempts.c.started_at > since, claude_batch_items.c.attempt_id.is_(None))
        .group_by(attempts.c.service)
    )
    for service, count in db.execute(alone):
        counts[account_of(service)] += count
    batches = select(func.count()).where(claude_batches.c.created_at > since)
    counts["claude"] += db.execute(batches).scalar_one()
    return counts


def _read_sums(db: Connection, month: str) -> defaultdict[str, tuple[Decimal, Decimal]]:
    scopes = {scope_of_all_profiles(name, month): name for name in LIMITED_SERVICES}
    rows = db.execute(select(totals).where(totals.c.scope.in_(list(scopes))))
    sums: defaultdict[str, tuple[Decimal, Decimal]] = defaultdict(lambda: (Decimal(0), Decimal(0)))
    sums.update({scopes[row.scope]: (row.spent_usd, row.held_usd) for row in rows})
    return sums
