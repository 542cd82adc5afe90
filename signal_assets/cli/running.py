"""`signal-assets run`: the passes of one search profile, or of all, as real Dagster runs."""

import logging
import subprocess
import sys
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from signal_assets.cli.console import FAILED, WRONG_USE, TerminalProgress, err, out, stop
from signal_assets.cli.home import open_instance
from signal_assets.cli.run_report import print_result
from signal_assets.logs import about
from signal_assets.progress import LoggedProgress
from signal_assets.settings import Settings

if TYPE_CHECKING:
    import dagster as dg


logger = logging.getLogger(__name__)


class Pass(StrEnum):
    """The parts of the graph that can be run."""

    HARVEST = "harvest"
    LLM = "llm"
    EXTERNAL = "external"
    BOTH = "both"


class TransportChoice(StrEnum):
    """How Claude is asked."""

    LIVE = "live"
    BATCH = "batch"


JOB_OF = {
    Pass.HARVEST: "harvest_job",
    Pass.LLM: "extraction_job",
    Pass.EXTERNAL: "enrichment_job",
    Pass.BOTH: "full_job",
}


def run(
    profile: Annotated[
        str | None, typer.Option("--profile", "-p", help="Search profile to run.")
    ] = None,
    pass_: Annotated[
        Pass,
        typer.Option(
            "--pass",
            help="harvest: ask the sources. llm: read what was harvested (pass 1). external: look "
            "companies up (pass 2). both: all of it.",
        ),
    ] = Pass.BOTH,
    all_: Annotated[bool, typer.Option("--all", help="Run every search profile.")] = False,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, help="With --all: profiles at the same time.")
    ] = 1,
    reread: Annotated[
        bool,
        typer.Option(
            "--reread", help="Read old vacancies again with the active prompt; this costs money."
        ),
    ] = False,
    transport: Annotated[
        TransportChoice | None,
        typer.Option(
            "--transport",
            help="How Claude is asked. live: a call for each vacancy. batch: many in one, for half "
            "the price; answers come within the hour, and a run that is ended goes on with them.",
        ),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show Dagster's log.")] = False,
    run_id: Annotated[
        str | None, typer.Option("--run-id", hidden=True, help="The id the run shall have.")
    ] = None,
) -> None:
    """Run a search profile: harvest, read (pass 1), look up and merge (pass 2).

    What was read or paid for before is not read or paid for again, also after a killed run. The
    runs stand in the Dagster UI afterwards (`signal-assets ui`).

    Exit code 0: done. 1: a run failed, or a blocking check did. 2: wrong use.
    """
    if (profile is None) == (not all_):
        stop("Name one search profile with --profile, or all of them with --all.", WRONG_USE)
    names = known_profiles(Settings())
    options = ReadingOptions(reread, transport)
    if profile is not None:
        if profile not in names:
            stop(f"There is no search profile {profile!r}. Known: {', '.join(names)}.", WRONG_USE)
        if not run_profile(profile, pass_, options, verbose=verbose, run_id=run_id):
            raise typer.Exit(FAILED)
        return
    with open_instance(Settings()):
        failed = _run_all(names, pass_, jobs, options)
    refused = _refused_files(Settings())
    complaints = []
    if failed:
        complaints.append(
            f"{len(failed)} of {len(names)} search profiles failed: {', '.join(failed)}."
        )
    if refused:
        complaints.append(f"Not run, as there are mistakes in them: {', '.join(refused)}.")
    if complaints:
        stop(" ".join(complaints))


def _refused_files(settings: Settings) -> list[str]:
    """Return the profile files that cannot be used."""
    from signal_assets.clients.profile_files import load_profiles

    return sorted({problem.file for problem in load_profiles(settings.profiles).problems})


def known_profiles(settings: Settings) -> list[str]:
    """Return the names of the search profiles that can be used; complain of the others."""
    from signal_assets.clients.profile_files import load_profiles

    loaded = load_profiles(settings.profiles)
    for problem in loaded.problems:
        err.print(f"[yellow]![/] {escape(str(problem))}", highlight=False, soft_wrap=True)
    if not loaded.profiles:
        stop(
            f"No search profile in {settings.profiles}. `signal-assets profiles init` writes two "
            "examples there; SIGNAL_ASSETS_PROFILES names another folder.",
            WRONG_USE,
        )
    return sorted(loaded.profiles)


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """Choices for pass 1."""

    reread: bool = False
    transport: TransportChoice | None = None
    """None: as the settings say."""

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of the asset; empty when nothing was chosen."""
        chosen: dict[str, Any] = {"reread": True} if self.reread else {}
        return chosen | ({"transport": self.transport.name} if self.transport else {})

    @property
    def arguments(self) -> list[str]:
        """The same as words of the command line."""
        words = ["--reread"] if self.reread else []
        return words + (["--transport", self.transport.value] if self.transport else [])


_AS_USUAL = ReadingOptions()


def run_profile(
    profile: str,
    pass_: Pass,
    options: ReadingOptions = _AS_USUAL,
    *,
    verbose: bool = False,
    run_id: str | None = None,
) -> bool:
    """Run the passes of one search profile, print what came of it, return whether it passed."""
    with open_instance(Settings()) as instance:
        result = execute(instance, profile, pass_, options, verbose=verbose, run_id=run_id)
    print_result(profile, result)
    return result.success


def execute(
    instance: "dg.DagsterInstance",
    profile: str,
    pass_: Pass,
    options: ReadingOptions = _AS_USUAL,
    *,
    verbose: bool = False,
    run_id: str | None = None,
) -> "dg.ExecuteInProcessResult":
    """Execute the job of `pass_` for one search profile in this process."""
    from signal_assets.definitions import defs

    speaks_json = Settings().log_format == "json"
    level = "INFO" if verbose or speaks_json else "CRITICAL"
    config: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": level}}}}
    progress = LoggedProgress(logger) if speaks_json else TerminalProgress(err)
    run_id = run_id or str(uuid.uuid4())
    if options.config and pass_ in (Pass.LLM, Pass.BOTH):
        config["ops"] = {"extracted_vacancies": {"config": options.config}}
    with about(run_id=run_id, search_profile=profile):
        return defs.resolve_job_def(JOB_OF[pass_]).execute_in_process(
            instance=instance,
            partition_key=profile,
            run_config=config,
            raise_on_error=False,
            run_id=run_id,
            tags={"signal_assets/pass": pass_.value},
            resources={"progress": progress},
        )


def _run_all(names: Sequence[str], pass_: Pass, jobs: int, reading: ReadingOptions) -> list[str]:
    """Run every profile in a process of its own, `jobs` at a time; return those that failed."""
    failed = []
    options = ["--pass", pass_.value, *reading.arguments]
    with (
        ThreadPoolExecutor(jobs) as pool,
        TerminalProgress(err).steps("Search profiles", len(names)) as step,
    ):
        runs = {pool.submit(_run_apart, name, options): name for name in names}
        for done in as_completed(runs):
            name, finished = runs[done], done.result()
            step()
            out.print(finished.stdout.rstrip(), markup=False, highlight=False, soft_wrap=True)
            if finished.returncode != 0:
                failed.append(name)
            if finished.returncode != 0 and finished.stderr:
                err.print(finished.stderr.rstrip(), markup=False, highlight=False, soft_wrap=True)
    return sorted(failed)


def _run_apart(name: str, options: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "signal_assets", "run", "--profile", name, *options]
    logs = None if Settings().log_format == "json" else subprocess.PIPE
    return subprocess.run(  # noqa: S603 - our own command  # nosec B603
        command, stdout=subprocess.PIPE, stderr=logs, text=True, check=False
    )
