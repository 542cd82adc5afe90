"""Freshness: whether each search profile was harvested lately, looked at every hour.

Dagster's own freshness is per asset: one live profile hides nine dead ones.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import dagster as dg

from signal_assets.clients.profile_files import load_profiles
from signal_assets.defs.frames import rows_of
from signal_assets.defs.partitions import search_profiles
from signal_assets.defs.raw_vacancies import raw_vacancies
from signal_assets.defs.storage import TableStore
from signal_assets.defs.tables import SOURCE_ANSWERS
from signal_assets.domain.search_profiles import SearchProfile
from signal_assets.settings import Settings

_TABLES_AT_ONCE = 16
"""A table in an object store takes some hundredths of a second; a thousand must fit in one look."""


@dg.asset_check(asset=raw_vacancies, partitions_def=search_profiles)
def harvested_lately(
    search_profile: dg.ResourceParam[SearchProfile], tables: dg.ResourceParam[TableStore]
) -> dg.AssetCheckResult:
    """The search profile was harvested within the hours it calls recent, and a source answered."""
    last = last_answered_harvest(tables, search_profile.name)
    return judge_freshness(
        last, datetime.now(UTC), timedelta(hours=search_profile.stale_after_hours)
    )


def last_answered_harvest(tables: TableStore, search_profile: str) -> datetime | None:
    """Return when a source last answered, with or without vacancies."""
    answers = tables.read(SOURCE_ANSWERS.asset, search_profile)
    rows = [] if answers is None else list(rows_of(answers, ["harvested_at", "outcome"]))
    return max(
        (row["harvested_at"] for row in rows if row["outcome"] in ("rows", "empty")), default=None
    )


def judge_freshness(
    last: datetime | None, now: datetime, allowed: timedelta
) -> dg.AssetCheckResult:
    """Pass when the last harvest that was answered is not older than allowed."""
    if last is None:
        return dg.AssetCheckResult(
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description="No source has ever answered for this search profile.",
        )
    age = now - last
    hours = age.total_seconds() / 3600
    return dg.AssetCheckResult(
        passed=age <= allowed,
        severity=dg.AssetCheckSeverity.WARN,
        description=None if age <= allowed else f"The last harvest was {hours:.0f} hours ago.",
        metadata={"hours_since_harvest": hours, "last_harvest": last.isoformat()},
    )


@dg.sensor(
    minimum_interval_seconds=3600,
    description="Looks every hour whether each search profile was harvested lately, and reports "
    "the check when that has changed; starts no run and asks no service anything.",
)
def freshness_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Report the check of each search profile whose verdict is another than at the last look."""
    settings = Settings()
    tables = TableStore(settings.storage)
    now = datetime.now(UTC)
    before: dict[str, bool] = json.loads(context.cursor or "{}")
    verdicts: dict[str, bool] = {}
    events = []
    profiles = load_profiles(settings.profiles).profiles
    with ThreadPoolExecutor(_TABLES_AT_ONCE) as pool:
        harvests = list(pool.map(partial(last_answered_harvest, tables), profiles))
    for (name, loaded), last in zip(profiles.items(), harvests, strict=True):
        allowed = timedelta(hours=loaded.profile.stale_after_hours)
        result = judge_freshness(last, now, allowed)
        verdicts[name] = result.passed
        if before.get(name) != result.passed:
            events.append(
                dg.AssetCheckEvaluation(
                    asset_key=raw_vacancies.key,
                    check_name="harvested_lately",
                    passed=result.passed,
                    severity=result.severity,
                    description=result.description,
                    metadata=result.metadata,
                    partition=name,
                )
            )
    return dg.SensorResult(asset_events=events, cursor=json.dumps(verdicts))
