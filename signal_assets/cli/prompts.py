"""`signal-assets prompts`: the prompt versions of a search profile."""

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from signal_assets.cli.console import WRONG_USE, err, out, stop
from signal_assets.cli.running import known_profiles
from signal_assets.settings import Settings

if TYPE_CHECKING:
    from signal_assets.clients.prompts import PromptStore
    from signal_assets.domain.prompts import PromptVersion

app = typer.Typer(
    no_args_is_help=True,
    help="List, show, compare and activate the prompt versions of a search profile.",
)

Profile = Annotated[str, typer.Option("--profile", "-p", help="Search profile.")]


@app.command("list")
def list_prompts(profile: Profile) -> None:
    """Show the versions of a profile's prompt; version 1 is made from the profile's file."""
    with _store(profile) as store:
        table = Table("version", "active", "made (UTC)", "fields", "notes")
        for version in store.versions(profile):
            table.add_row(
                str(version.version),
                "●" if version.is_active else "",
                f"{version.created_at:%Y-%m-%d %H:%M}",
                ", ".join(version.schema_),
                escape(version.notes),
            )
    out.print(table)


@app.command()
def show(
    profile: Profile,
    version: Annotated[int | None, typer.Option("--version", help="Else the active one.")] = None,
) -> None:
    """Print one version in full: what the reader is told, and the question for each field."""
    with _store(profile) as store:
        prompt = _get(store, profile, version)
    out.print("\n".join(_lines(prompt)), markup=False, highlight=False, soft_wrap=True)


@app.command()
def diff(
    profile: Profile,
    old: Annotated[int, typer.Argument(help="The older version.")],
    new: Annotated[int, typer.Argument(help="The newer version.")],
) -> None:
    """Compare two versions line by line."""
    with _store(profile) as store:
        before, after = _get(store, profile, old), _get(store, profile, new)
    for line in difflib.unified_diff(
        _lines(before), _lines(after), f"version {old}", f"version {new}", lineterm=""
    ):
        colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
        out.print(line, style=colour, markup=False, highlight=False, soft_wrap=True)


@app.command()
def create(
    profile: Profile,
    notes: Annotated[str, typer.Option("--notes", help="What is different, and why.")],
    activate: Annotated[
        bool, typer.Option(help="Make it the active version, or let it wait.")
    ] = True,
) -> None:
    """Make a new version from the profile's file as it is now."""
    from signal_assets.clients.profile_files import load_named_profile

    settings = Settings()
    with _store(profile) as store:
        extraction = load_named_profile(settings.profiles, profile).profile.extraction
        made = store.create(
            profile,
            extraction.system_prompt,
            extraction.schema_,
            notes,
            datetime.now(UTC),
            activate=activate,
        )
    out.print(f"Version {made.version} made{', and active' if made.is_active else ''}.")
    _say_what_follows(settings, profile, made)


@app.command("activate")
def activate_version(
    profile: Profile, version: Annotated[int, typer.Argument(help="Version to activate.")]
) -> None:
    """Make an earlier or waiting version the active one."""
    from signal_assets.clients.prompts import UnknownPrompt

    with _store(profile) as store:
        try:
            active = store.activate(profile, version)
        except UnknownPrompt as error:
            stop(str(error), WRONG_USE)
    out.print(f"Version {version} is active.")
    _say_what_follows(Settings(), profile, active)


@contextmanager
def _store(profile: str) -> "Iterator[PromptStore]":
    """Yield the prompt store, with version 1 of the profile in it."""
    from signal_assets.clients.profile_files import load_named_profile
    from signal_assets.clients.prompts import PromptStore

    settings = Settings()
    if profile not in known_profiles(settings):
        stop(f"There is no search profile {profile!r}.", WRONG_USE)
    extraction = load_named_profile(settings.profiles, profile).profile.extraction
    store = PromptStore.open(settings.resolved_database_url)
    try:
        seeded = store.seed(
            profile, extraction.system_prompt, extraction.schema_, datetime.now(UTC)
        )
        if seeded.drifted:
            err.print(
                f"[yellow]![/] The prompt in the file of {profile} is none of these versions; "
                "`signal-assets prompts create` makes it one.",
                soft_wrap=True,
            )
        yield store
    finally:
        store.close()


def _get(store: "PromptStore", profile: str, version: int | None) -> "PromptVersion":
    from signal_assets.clients.prompts import UnknownPrompt

    try:
        return store.active(profile) if version is None else store.get(profile, version)
    except UnknownPrompt as error:
        stop(str(error), WRONG_USE)


def _lines(prompt: "PromptVersion") -> list[str]:
    fields = [f"{field}: {question}" for field, question in prompt.schema_.items()]
    return [*prompt.system_prompt.splitlines(), "", *fields]


def _say_what_follows(settings: Settings, profile: str, prompt: "PromptVersion") -> None:
    """Tell Dagster, so that the tables after it show as stale, and the person, what it means."""
    if not prompt.is_active:
        return
    from signal_assets.cli.home import open_instance
    from signal_assets.defs.extraction_prompts import report_active_prompt

    with open_instance(settings) as instance:
        report_active_prompt(instance, profile, prompt)
    out.print(
        "New vacancies are read with it. Vacancies that Claude read before are read again only "
        f"when asked: `signal-assets run --profile {profile} --pass llm --reread` (this costs).",
        soft_wrap=True,
    )
