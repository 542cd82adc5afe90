"""Schedules: a harvest at the hour each search profile names, and everything once a week."""

from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg

from signal_assets.clients.profile_files import load_profiles
from signal_assets.defs.jobs import full_job, harvest_job
from signal_assets.defs.partitions import search_profiles
from signal_assets.domain.cron import parse_cron
from signal_assets.settings import Settings

TIME_ZONE = "Europe/Amsterdam"


def due_profiles(crons: dict[str, str], moment: datetime) -> list[str]:
    """Return the search profiles whose `harvest_cron` names the minute of `moment`."""
    return sorted(name for name, cron in crons.items() if parse_cron(cron).matches(moment))


def _crons() -> dict[str, str]:
    profiles = load_profiles(Settings().profiles).profiles
    return {name: loaded.profile.harvest_cron for name, loaded in profiles.items()}


@dg.schedule(
    job=harvest_job,
    cron_schedule=sorted(set(_crons().values())) or ["0 6 * * *"],
    execution_timezone=TIME_ZONE,
    description="Harvests each search profile at the time its `harvest_cron` names.",
)
def harvest_schedule(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest]:
    """Ask for a harvest of every search profile that is due."""
    moment = context.scheduled_execution_time.astimezone(ZoneInfo(TIME_ZONE))
    return [
        dg.RunRequest(run_key=f"{name}:{moment:%Y-%m-%dT%H:%M}", partition_key=name)
        for name in due_profiles(_crons(), moment)
    ]


@dg.schedule(
    job=full_job,
    cron_schedule="0 8 * * 1",
    execution_timezone=TIME_ZONE,
    description="Runs every search profile in full each Monday, whatever the sensor missed.",
)
def weekly_schedule(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest]:
    """Ask for a full run of every search profile."""
    week = f"{context.scheduled_execution_time:%G-W%V}"
    return [
        dg.RunRequest(run_key=f"{name}:{week}", partition_key=name)
        for name in search_profiles.get_partition_keys()
    ]
