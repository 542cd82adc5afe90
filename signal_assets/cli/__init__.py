"""The command `signal-assets`."""

import logging
import sys
import warnings
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.markup import escape

from signal_assets import __version__
from signal_assets.cli import (
    accounts,
    alerts,
    api,
    boards,
    companies,
    companyinfo,
    demo,
    doctor,
    erasing,
    evaluating,
    exporting,
    helping,
    limits,
    matches,
    profiles,
    prompts,
    running,
    serving,
    sources,
    spending,
    worker,
)
from signal_assets.cli.console import FAILED, WRONG_USE, err
from signal_assets.clients.errors import BudgetExhausted, LookupFailed, SourceUnavailable
from signal_assets.clients.profile_files import ProfileRefused
from signal_assets.clients.strict_yaml import BadFile
from signal_assets.clients.tracing import start_tracing
from signal_assets.logs import start_logs
from signal_assets.settings import Settings

app = typer.Typer(
    name="signal-assets",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Find the companies whose vacancies say what they struggle with, each with its proof.

A **search profile** (a YAML file) says what to look for and where. A run harvests vacancies,
reads them (pass 1), looks the companies that qualify up in the Business Register and at
Company.info (pass 2), and merges the rows that are one company.

First steps:

- `signal-assets demo`: everything, on invented companies, without any key
- `signal-assets profiles init`: two example profiles to start from
- `signal-assets doctor`: which services are configured, and answer
- `signal-assets run --profile NAME`: the real thing
- `signal-assets ui`: the Dagster UI""",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _start(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    warnings.filterwarnings("ignore", message=".*is currently in (beta|preview)")
    start_logs(Settings().log_format, logging.ERROR)
    start_tracing()


app.command()(demo.demo)
app.command()(running.run)
app.command("help-reading")(helping.help_reading)
app.command("companies")(companies.show_companies)
app.command("accounts")(accounts.accounts)
app.command("export")(exporting.export)
app.command("runs")(spending.runs)
app.command("costs")(spending.costs)
app.command()(limits.limits)
app.command()(evaluating.evaluate)
app.command()(doctor.doctor)
app.command()(erasing.erase)
app.command()(erasing.retain)
app.command()(erasing.erasures)
app.command("api")(api.serve_api)
app.command()(serving.ui)
app.command()(worker.worker)
app.command()(serving.sandbox)
app.add_typer(alerts.app, name="alerts")
app.add_typer(profiles.app, name="profiles")
app.add_typer(sources.app, name="sources")
app.add_typer(boards.app, name="boards")
app.add_typer(matches.app, name="matches")
app.add_typer(companyinfo.app, name="companyinfo")
app.add_typer(prompts.app, name="prompts")


def main() -> None:
    """Run the command; what a person can mend is one line, not a traceback."""
    try:
        app()
    except ValidationError as error:
        if error.title != Settings.__name__:
            raise
        for problem in error.errors(include_url=False, include_input=False):
            name = ".".join(map(str, problem["loc"]))
            err.print(f"[bold red]✗[/] {escape(name)}: {escape(problem['msg'])}", soft_wrap=True)
        sys.exit(WRONG_USE)
    except (
        SourceUnavailable,
        BudgetExhausted,
        LookupFailed,
        ProfileRefused,
        BadFile,
        OSError,
    ) as error:
        err.print(f"[bold red]✗[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(FAILED)
