"""Lost runs: a run whose process died without a word is reported failed, so that it is retried."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import dagster as dg

from signal_assets.clients.holders import Holder, is_dead
from signal_assets.clients.ledger import Ledger
from signal_assets.defs.company_financials import company_financials
from signal_assets.defs.extracted_vacancies import extracted_vacancies
from signal_assets.defs.jobs import JOBS
from signal_assets.defs.kvk_profiles import kvk_profiles
from signal_assets.defs.raw_vacancies import raw_vacancies
from signal_assets.settings import Settings

SEEN_TWICE_AFTER = timedelta(seconds=25)
"""A run is lost when nothing of it stirred between two looks that are this far apart.

Two heartbeats fit in between: after an outage of the database, a live process is heard of first.
"""
UNSEEN_AFTER = timedelta(minutes=5)
"""A run that started this long ago and never opened the ledger is lost."""

_PAYING = frozenset(
    asset.key for asset in (raw_vacancies, extracted_vacancies, kvk_profiles, company_financials)
)
_JOB_NAMES = frozenset(job.name for job in JOBS)


class StartedRun(NamedTuple):
    """A run that Dagster takes to be going."""

    run_id: str
    started_at: datetime
    opens_ledger: bool


class Suspicion(NamedTuple):
    """Since when a run is taken for dead, and the last that was heard of it."""

    since: datetime
    last_heard_at: datetime


class Verdict(NamedTuple):
    """`lost`: run id → why. `suspected`: what to look at again."""

    lost: dict[str, str]
    suspected: dict[str, Suspicion]


def judge(
    runs: Iterable[StartedRun],
    holders: Mapping[str, Iterable[Holder]],
    suspected: Mapping[str, Suspicion],
    now: datetime,
) -> Verdict:
    """Say which runs are lost, and which may be.

    `holders` are the processes that were seen at work on each run, `suspected` what the last look
    found. One live process clears a run of suspicion, and so does a heartbeat since the last look.
    `now` is by the database's clock, as heartbeats are.
    """
    lost: dict[str, str] = {}
    doubtful: dict[str, Suspicion] = {}
    for run in runs:
        seen = list(holders.get(run.run_id, ()))
        if not seen:
            if run.opens_ledger and now - run.started_at > UNSEEN_AFTER:
                lost[run.run_id] = f"it started at {run.started_at:%H:%M} UTC and did nothing since"
            continue
        if not all(is_dead(holder, now) for holder in seen):
            continue
        last_heard_at = max(holder.heartbeat_at for holder in seen)
        before = suspected.get(run.run_id)
        if before is None or before.last_heard_at != last_heard_at:
            doubtful[run.run_id] = Suspicion(now, last_heard_at)
        elif now - before.since < SEEN_TWICE_AFTER:
            doubtful[run.run_id] = before
        else:
            lost[run.run_id] = f"it was last heard of at {last_heard_at:%H:%M:%S} UTC"
    return Verdict(lost, doubtful)


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reports runs failed whose process or machine died, so that they are retried.",
)
def lost_runs(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Report each lost run failed; Dagster's run retries start it again.

    Dagster's own monitoring notices runs that never start, and processes that died under a worker
    that lives; not the loss of a machine. What was paid stays in the ledger.
    """
    instance = context.instance
    records = instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    runs = [_started(record) for record in records]
    if not runs:
        return dg.SensorResult(cursor="", skip_reason="No run is going.")
    ledger = Ledger.open(Settings().resolved_database_url)
    try:
        holders = ledger.holders([run.run_id for run in runs])
        now = ledger.database_now()
    finally:
        ledger.close()
    verdict = judge(runs, holders, read_cursor(context.cursor), now)
    reported = [run_id for run_id, why in verdict.lost.items() if _report(instance, run_id, why)]
    return dg.SensorResult(
        cursor=write_cursor(verdict.suspected),
        skip_reason=f"Lost: {', '.join(reported)}" if reported else f"{len(runs)} going.",
    )


def read_cursor(cursor: str | None) -> dict[str, Suspicion]:
    found = json.loads(cursor or "{}")
    return {
        run_id: Suspicion(*(datetime.fromisoformat(moment) for moment in moments))
        for run_id, moments in found.items()
    }


def write_cursor(suspected: Mapping[str, Suspicion]) -> str:
    return json.dumps(
        {
            run_id: [moment.isoformat() for moment in suspicion]
            for run_id, suspicion in suspected.items()
        }
    )


def _started(record: dg.RunRecord) -> StartedRun:
    run = record.dagster_run
    started = record.start_time or record.update_timestamp.timestamp()
    return StartedRun(run.run_id, datetime.fromtimestamp(started, UTC), opens_ledger(run))


def opens_ledger(run: dg.DagsterRun) -> bool:
    """Whether a run is ours and makes one of the tables that may cost money."""
    if run.step_keys_to_execute:  # a retry of what was left
        names = {key.to_python_identifier() for key in _PAYING}
        return run.job_name in _JOB_NAMES and not names.isdisjoint(run.step_keys_to_execute)
    if run.asset_selection:
        return not _PAYING.isdisjoint(run.asset_selection)
    return run.job_name in _JOB_NAMES


def _report(instance: dg.DagsterInstance, run_id: str, why: str) -> bool:
    """Report the run failed unless it ended, or somebody ended it, since it was looked at."""
    run = instance.get_run_by_id(run_id)
    if run is None or run.status is not dg.DagsterRunStatus.STARTED:
        return False
    instance.report_run_failed(run, f"The run lost its process: {why}.")
    return True
