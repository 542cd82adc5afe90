"""`signal-assets help-reading`: help a run that reads a big search profile, from any machine."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from signal_assets.cli.console import FAILED, WRONG_USE, TerminalProgress, err, out, stop
from signal_assets.cli.home import open_instance
from signal_assets.cli.run_report import print_failures
from signal_assets.cli.running import known_profiles
from signal_assets.settings import Settings

if TYPE_CHECKING:
    from signal_assets.clients.reading_slices import ReadingState

SECONDS_BETWEEN_LOOKS = 0.5


def help_reading(
    profile: Annotated[
        str, typer.Option("--profile", "-p", help="Search profile that is being read.")
    ],
    wait: Annotated[
        float,
        typer.Option("--wait", min=0, help="Seconds to wait for a run that can be helped."),
    ] = 0,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show Dagster's log.")] = False,
) -> None:
    """Help a run that reads a big search profile: read some of its slices, until none is left.

    The run that is helped pays, within its budget, and makes the tables. Tables and databases must
    be the ones it uses: a shared folder or S3, and PostgreSQL where it is another machine.

    Exit code 0: helped, or there was nothing to help with. 1: the help failed. 2: wrong use.
    """
    settings = Settings()
    names = known_profiles(settings)
    if profile not in names:
        stop(f"There is no search profile {profile!r}. Known: {', '.join(names)}.", WRONG_USE)
    reading = _find_reading(settings, profile, wait)
    if reading is None:
        out.print(f"No run reads {profile} in slices now.", markup=False)
        return
    if not _help(settings, reading, verbose=verbose):
        raise typer.Exit(FAILED)


def _find_reading(settings: Settings, profile: str, wait: float) -> "ReadingState | None":
    """Return what a living run of the profile reads and has open slices of."""
    from signal_assets.clients.database import Database
    from signal_assets.clients.reading_slices import ReadingSlices

    database = Database.open(settings.resolved_database_url)
    give_up_at = time.monotonic() + wait
    try:
        while True:
            for each in ReadingSlices(database).readings(profile):
                if each.is_led and each.open:
                    return each
            if time.monotonic() >= give_up_at:
                return None
            time.sleep(SECONDS_BETWEEN_LOOKS)
    finally:
        database.close()


def _help(settings: Settings, reading: "ReadingState", *, verbose: bool) -> bool:
    from signal_assets.definitions import defs
    from signal_assets.defs.partitions import HELPED_RUN_TAG, PROFILE_TAG

    level = "INFO" if verbose else "CRITICAL"
    with open_instance(settings) as instance:
        result = defs.resolve_job_def("reading_help_job").execute_in_process(
            instance=instance,
            run_config={"loggers": {"console": {"config": {"log_level": level}}}},
            raise_on_error=False,
            tags={PROFILE_TAG: reading.search_profile, HELPED_RUN_TAG: reading.run_id},
            resources={"progress": TerminalProgress(err)},
        )
    print_failures(result)
    if result.success:
        out.print(f"No slice is open any more in run {reading.run_id}.", markup=False)
    return result.success
