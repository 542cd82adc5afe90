"""Sensors: what follows a harvest that brought something new, and who helps to read much of it."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import dagster as dg

from signal_assets.clients.database import Database
from signal_assets.clients.reading_slices import ReadingSlices, ReadingState
from signal_assets.defs.extracted_vacancies import extracted_vacancies
from signal_assets.defs.jobs import PASS_ONE, PASS_TWO, full_job
from signal_assets.defs.partitions import HELPED_RUN_TAG, PROFILE_TAG
from signal_assets.defs.raw_vacancies import raw_vacancies
from signal_assets.defs.reading_help import reading_help_job
from signal_assets.settings import Settings

MAX_HARVESTS_PER_TICK = 500
ASKED_AGAIN = 3
"""Helpers are asked for this many times over for one run, should they die."""


class Harvest(NamedTuple):
    """One materialization of `raw_vacancies`."""

    storage_id: int
    search_profile: str
    new_vacancies: int
    is_followed_up: bool
    """The run that harvested goes on to the passes itself."""


def newest_to_follow_up(harvests: Iterable[Harvest]) -> list[Harvest]:
    """Return the newest harvest with news of each search profile that no run follows up.

    Several harvests of one search profile since the last look need one run: it reads all they
    brought.
    """
    newest: dict[str, Harvest] = {}
    for harvest in harvests:
        if harvest.new_vacancies > 0 and not harvest.is_followed_up:
            newest[harvest.search_profile] = harvest
    return sorted(newest.values())


@dg.sensor(
    job=full_job,
    minimum_interval_seconds=30,
    description="Starts pass 1 and pass 2 of a search profile after a harvest with new vacancies.",
)
def enrichment_after_harvest(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Ask for one run per search profile harvested since the last tick.

    A plain sensor with a cursor, since `@asset_sensor` sees only the newest of several harvests.
    """
    cursor = int(context.cursor or 0)
    records = context.instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=raw_vacancies.key, after_storage_id=cursor),
        limit=MAX_HARVESTS_PER_TICK,
        ascending=True,
    ).records
    reads_on = _runs_that_read_on(context.instance, records)
    harvests = newest_to_follow_up(_harvest(record, reads_on) for record in records)
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                run_key=f"{harvest.search_profile}:{harvest.storage_id}",
                partition_key=harvest.search_profile,
                asset_selection=[*PASS_ONE, *PASS_TWO],
            )
            for harvest in harvests
        ],
        cursor=str(max((record.storage_id for record in records), default=cursor)),
        skip_reason=None if harvests else "No harvest brought new vacancies.",
    )


def count_helpers(reading: ReadingState, *, running: int, asked: int, at_most: int) -> int:
    """Return how many more runs to ask for help with a reading.

    `running` are at it or wait in the queue, `asked` were asked for in all.
    """
    if not reading.is_led:
        return 0
    return max(0, min(at_most - running, reading.open, ASKED_AGAIN * at_most - asked))


@dg.sensor(
    job=reading_help_job,
    minimum_interval_seconds=30,
    description="Asks other runs to help a run that reads a big search profile in slices.",
)
def help_with_reading(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Ask for as many helpers as the settings say while a reading has slices that nobody has.

    They have no partition: Dagster's queue keeps two runs of one partition apart, and a helper
    makes no table.
    """
    settings = Settings()
    database = Database.open(settings.resolved_database_url)
    try:
        readings = ReadingSlices(database).readings()
    finally:
        database.close()
    requests = [
        request
        for reading in readings
        for request in _ask_for_help(context.instance, reading, settings.reading_helpers)
    ]
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else "No reading needs more help.",
    )


def _ask_for_help(
    instance: dg.DagsterInstance, reading: ReadingState, at_most: int
) -> Iterable[dg.RunRequest]:
    tags = {HELPED_RUN_TAG: reading.run_id}
    runs = instance.get_runs(dg.RunsFilter(tags=tags))
    running = sum(not run.is_finished for run in runs)
    more = count_helpers(reading, running=running, asked=len(runs), at_most=at_most)
    for number in range(len(runs), len(runs) + more):
        yield dg.RunRequest(
            run_key=f"{reading.run_id}:{number}",
            tags={**tags, PROFILE_TAG: reading.search_profile},
        )


def _harvest(record: dg.EventLogRecord, reads_on: Collection[str]) -> Harvest:
    materialization = record.asset_materialization
    assert materialization is not None  # noqa: S101 - only materializations were fetched
    new = materialization.metadata.get("new_vacancies")
    return Harvest(
        record.storage_id,
        materialization.partition or "",
        int(str(new.value)) if new is not None else 0,
        record.run_id in reads_on,
    )


def _runs_that_read_on(
    instance: dg.DagsterInstance, records: Sequence[dg.EventLogRecord]
) -> set[str]:
    """Return the runs that go on to pass 1 themselves; all are asked for in one query."""
    run_ids = sorted({record.run_id for record in records})
    runs = instance.get_runs(dg.RunsFilter(run_ids=run_ids)) if run_ids else ()
    return {run.run_id for run in runs if _reads_on(run)}


def _reads_on(run: dg.DagsterRun) -> bool:
    if not run.asset_selection:  # a whole job: none or an empty selection is recorded
        return run.job_name == full_job.name
    return extracted_vacancies.key in run.asset_selection
