"""Retention: a job that erases what is older than the settings keep, and its schedule."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from signal_assets.clients.ledger import Ledger
from signal_assets.defs.erasing import profiles_with_tables
from signal_assets.defs.erasing_runs import runs_in_progress
from signal_assets.defs.erasures import Places, What, retain
from signal_assets.defs.storage import TableStore
from signal_assets.settings import Settings

EVERYTHING: tuple[What, ...] = ("vacancies", "answers", "passes", "runs")
USUALLY: tuple[What, ...] = ("vacancies", "answers", "passes")
"""Runs are left to who asks for them: their history is what Dagster shows."""


@dg.op(description="Erases vacancies, answers and passes older than SIGNAL_ASSETS_RETENTION_DAYS.")
def erase_what_is_old(
    context: dg.OpExecutionContext,
    settings: dg.ResourceParam[Settings],
    tables: dg.ResourceParam[TableStore],
    ledger: dg.ResourceParam[Ledger],
) -> None:
    """Erase, and say how much; without the setting nothing is too old.

    Raises:
        dagster.Failure: another run may be writing; the next tick tries again.
    """
    if settings.retention_days is None:
        context.log.info("SIGNAL_ASSETS_RETENTION_DAYS is not set: everything is kept.")
        return
    profiles = profiles_with_tables(tables)
    busy = runs_in_progress(context.instance, profiles, but_not=context.run_id)
    if busy:
        raise dg.Failure(f"{len(busy)} runs are under way; nothing was erased")
    now = datetime.now(UTC)
    found = retain(
        Places(tables, ledger.database, context.instance, settings.non_mailing_policy),
        USUALLY,
        profiles,
        now - timedelta(days=settings.retention_days),
        asked_by="retention_job",
        now=now,
    )
    context.add_output_metadata(dict(found.counts))


@dg.job(description="Erase what is older than SIGNAL_ASSETS_RETENTION_DAYS.")
def retention_job() -> None:
    erase_what_is_old()


retention_schedule = dg.ScheduleDefinition(
    job=retention_job,
    cron_schedule="30 3 * * *",
    execution_timezone="Europe/Amsterdam",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every night, when no harvest is due.",
)
