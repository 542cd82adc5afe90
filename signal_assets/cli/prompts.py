"""`signal-assets prompts`: the prompt versions of a search profile."""

import difflib
import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from signal_assets.cli.console import WRONG_USE, TerminalProgress, err, out, stop
from signal_assets.cli.running import known_profiles
from signal_assets.settings import Settings

if TYPE_CHECKING:
    from signal_assets.clients.prompts import PromptStore
    from signal_assets.domain.activations import Activation
    from signal_assets.domain.prompts import PromptVersion

app = typer.Typer(
    no_args_is_help=True,
    help="List, show, compare and activate the prompt versions of a search profile.",
)

Profile = Annotated[str, typer.Option("--profile", "-p", help="Search profile.")]
Force = Annotated[
    bool, typer.Option("--force", help="Activate it also when it reads worse; needs --reason.")
]
Reason = Annotated[
    str | None, typer.Option("--reason", help="Why it is forced; recorded with who and when.")
]


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
    force: Force = False,
    reason: Reason = None,
) -> None:
    """Make a new version from the profile's file as it is now.

    It becomes active only if it may, see `activate`; else it waits.
    """
    from signal_assets.clients.profile_files import load_named_profile

    settings = Settings()
    forced = _force_reason(force, reason)
    with _store(profile) as store:
        extraction = load_named_profile(settings.profiles, profile).profile.extraction
        made = store.create(
            profile,
            extraction.system_prompt,
            extraction.schema_,
            notes,
            datetime.now(UTC),
            activate=False,
        )
        out.print(f"Version {made.version} made.")
        if activate:
            _activate(settings, store, profile, made.version, forced)


@app.command("activate")
def activate_version(
    profile: Profile,
    version: Annotated[int, typer.Argument(help="Version to activate.")],
    force: Force = False,
    reason: Reason = None,
) -> None:
    """Make an earlier or waiting version the active one, with the model of the settings.

    Where the profile names labelled vacancies it is measured first, and refused when it falls below
    the profile's bar or below the active version. `--force --reason "…"` activates it all the same;
    that is recorded with who and when.

    Exit code 0: active. 1: refused. 2: wrong use.
    """
    forced = _force_reason(force, reason)
    with _store(profile) as store:
        _activate(Settings(), store, profile, version, forced)


@app.command()
def history(profile: Profile) -> None:
    """Show when which version became active, with which model, and why it could."""
    with _store(profile) as store:
        activations = store.activations(profile)
    if not activations:
        out.print("The first version is active since it was made; nothing was activated later.")
        return
    table = Table("when (UTC)", "version", "model", "decision", "F1", "before", "bar", "who", "why")
    for one in activations:
        table.add_row(
            f"{one.activated_at:%Y-%m-%d %H:%M}",
            str(one.prompt_version),
            one.model or "keyword",
            one.decision,
            _score(one.accuracy),
            _score(one.active_accuracy),
            _score(one.bar),
            escape(one.activated_by),
            escape(one.reason),
        )
    out.print(table)


def _score(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _force_reason(force: bool, reason: str | None) -> str | None:
    if force and not (reason or "").strip():
        stop('--force needs --reason "…": it is recorded.', WRONG_USE)
    if reason is not None and not force:
        stop("--reason goes with --force.", WRONG_USE)
    return reason if force else None


def _activate(
    settings: Settings, store: "PromptStore", profile: str, version: int, forced: str | None
) -> None:
    from signal_assets.clients.evaluation_files import BadEvaluationFile
    from signal_assets.clients.profile_files import load_named_profile
    from signal_assets.clients.prompts import UnknownPrompt
    from signal_assets.defs.activating import ActivationRefused, activate_prompt

    profile_file = load_named_profile(settings.profiles, profile)
    try:
        with TerminalProgress(err).steps("Reading labelled vacancies", None) as step:
            done = activate_prompt(
                settings,
                profile_file,
                store,
                version,
                activated_by=getpass.getuser(),
                force_reason=forced,
                on_step=step,
            )
    except UnknownPrompt as error:
        stop(str(error), WRONG_USE)
    except BadEvaluationFile as error:
        stop(str(error))
    except ActivationRefused as refused:
        stop(f'{refused} `--force --reason "…"` activates it all the same.')
    _say_why(done.activation)
    out.print(f"Version {version} is active.")
    _say_what_follows(settings, profile, done.prompt)


def _say_why(activation: "Activation") -> None:
    if activation.accuracy is None:
        out.print(f"[yellow]![/] {escape(activation.reason)}.", soft_wrap=True)
        return
    before = activation.active_accuracy
    out.print(
        f"F1 {activation.accuracy:.3f} on the labelled vacancies; the bar is {activation.bar:.3f}"
        + (f", the version before reaches {before:.3f}." if before is not None else "."),
        highlight=False,
        soft_wrap=True,
    )
    if activation.decision == "forced":
        out.print(
            f"[yellow]![/] Forced by {escape(activation.activated_by)}: "
            f"{escape(activation.reason)}",
            soft_wrap=True,
        )


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
