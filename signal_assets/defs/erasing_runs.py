"""Erasing in Dagster: runs whose events or printed words name somebody, or that are too old."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from pathlib import Path

import dagster as dg
from dagster._core.storage.compute_log_manager import ComputeIOType
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

from signal_assets.clients.database import DatabaseUnavailable, scrub_file
from signal_assets.defs.partitions import PARTITION_TAG
from signal_assets.domain.erasure import Traces

_RUNS_PER_QUERY = 100


def runs_in_progress(
    instance: dg.DagsterInstance, profiles: Collection[str], *, but_not: str | None = None
) -> list[str]:
    """Return the ids of runs that may write tables of these search profiles, or of all."""
    runs = instance.get_runs(dg.RunsFilter(statuses=list(NOT_FINISHED_STATUSES)))
    return [
        run.run_id
        for run in runs
        if run.run_id != but_not
        and (PARTITION_TAG not in run.tags or run.tags[PARTITION_TAG] in profiles)
    ]


def runs_that_name(instance: dg.DagsterInstance, traces: Traces) -> list[str]:
    """Return the ids of runs of which an event, or what they printed, names the subject."""
    return [
        run_id
        for run_id in _all_runs(instance)
        if any(traces.stand_in(dg.serialize_value(entry)) for entry in instance.all_logs(run_id))
        or any(map(traces.stand_in, _printed(instance, run_id)))
    ]


def runs_before(instance: dg.DagsterInstance, before: datetime) -> list[str]:
    """Return the ids of ended runs that were made before a moment."""
    return [
        run.run_id
        for run in instance.get_runs(dg.RunsFilter(created_before=before))
        if run.is_finished
    ]


def erase_runs(instance: dg.DagsterInstance, run_ids: Iterable[str]) -> None:
    """Delete runs with their events and what they printed.

    What they made is noted again as made, without metadata, so that Dagster goes on knowing that
    the tables are there, and keeps no copy of the last event. A check that only they made counts
    as not made.

    Raises:
        DatabaseUnavailable: a file of Dagster's is in use; run the erasure again.
    """
    run_ids = list(run_ids)
    made: set[tuple[dg.AssetKey, str | None]] = set()
    for run_id in run_ids:
        made |= set(_made(instance, run_id))
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        instance.delete_run(run_id)
    for asset_key, partition in sorted(made, key=str):
        instance.report_runless_asset_event(
            dg.AssetMaterialization(
                asset_key=asset_key,
                partition=partition,
                description="The runs that made this were erased.",
            )
        )
    _scrub(instance, run_ids)


def _all_runs(instance: dg.DagsterInstance) -> Iterator[str]:
    cursor = None
    while True:
        runs = instance.get_runs(cursor=cursor, limit=_RUNS_PER_QUERY)
        yield from (run.run_id for run in runs)
        if len(runs) < _RUNS_PER_QUERY:
            return
        cursor = runs[-1].run_id


def _printed(instance: dg.DagsterInstance, run_id: str) -> Iterator[str]:
    manager = instance.compute_log_manager
    for stream in (ComputeIOType.STDOUT, ComputeIOType.STDERR):
        try:
            keys = manager.get_log_keys_for_log_key_prefix([run_id, "compute_logs"], stream)
        except FileNotFoundError:  # it never printed anything, or what it printed was removed
            continue
        for key in keys:
            data = manager.get_log_data(key)
            for words in (data.stdout, data.stderr):
                if words:
                    yield words.decode("utf-8", "replace")


def _made(instance: dg.DagsterInstance, run_id: str) -> Iterator[tuple[dg.AssetKey, str | None]]:
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
        event = entry.dagster_event
        if event is not None and event.asset_key is not None:
            yield event.asset_key, event.partition


def _scrub(instance: dg.DagsterInstance, run_ids: Iterable[str]) -> None:
    """Write Dagster's SQLite files anew, where it has any: what is deleted stays in them else."""
    if instance.is_ephemeral:
        return
    names = {"index.db", "runs.db", *(f"{run_id}.db" for run_id in run_ids)}
    for path in sorted(Path(instance.root_directory).rglob("*.db")):
        if path.name in names:
            try:
                scrub_file(path)
            except sqlite3.Error as error:
                raise DatabaseUnavailable(f"{path} cannot be written anew: {error}") from error
