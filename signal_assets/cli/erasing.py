"""`signal-assets erase`, `retain` and `erasures`: what is stored of somebody, and until when."""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from signal_assets.cli.console import WRONG_USE, err, out, stop
from signal_assets.cli.home import open_instance
from signal_assets.settings import Settings

if TYPE_CHECKING:
    from signal_assets.defs.erasures import Found, Places, Request, What
    from signal_assets.domain.erasure import Subject, Traces

_AGE = re.compile(r"(\d{1,5})\s*d(?:ays?)?")
_Profile = Annotated[
    str | None, typer.Option("--profile", "-p", help="Only the tables of this search profile.")
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be erased.")]
_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
_By = Annotated[
    str | None, typer.Option("--by", help="Who asks, for the log; else the user of the machine.")
]
_Anyway = Annotated[
    bool,
    typer.Option(
        "--anyway", help="Also where Dagster shows a run under way; it must really be dead."
    ),
]


class Kind(StrEnum):
    """What can be too old."""

    VACANCIES = "vacancies"
    ANSWERS = "answers"
    PASSES = "passes"
    RUNS = "runs"


def erase(
    kvk_number: Annotated[
        str | None, typer.Option("--kvk-number", help="Eight digits, with leading zeros.")
    ] = None,
    email: Annotated[str | None, typer.Option("--email", help="A mail address.")] = None,
    company: Annotated[str | None, typer.Option("--company", help="A company's name.")] = None,
    profile: _Profile = None,
    keep_vacancies: Annotated[
        bool,
        typer.Option(
            "--keep-vacancies", help="Keep its vacancies and what was read, without its name."
        ),
    ] = False,
    with_events: Annotated[
        bool,
        typer.Option("--with-events", help="Also delete Dagster's runs whose events name it."),
    ] = False,
    keep_away: Annotated[
        bool,
        typer.Option(
            "--keep-away/--let-return", help="A later harvest does not bring it back, or may."
        ),
    ] = True,
    suppress: Annotated[
        bool | None,
        typer.Option(
            "--suppress/--no-suppress",
            help="Write it into the suppression list; the default where one is set.",
        ),
    ] = None,
    dry_run: _DryRun = False,
    yes: _Yes = False,
    anyway: _Anyway = False,
    by: _By = None,
) -> None:
    """Erase everything stored about a KvK number, a mail address or a company.

    Shows first how much stands where, and asks. Reaches the tables of every search profile, the
    ledger and temporary files; Dagster's own events with `--with-events`. What was paid stays in
    the books; the answer is gone. An erasure that was cut off is simply asked again.
    """
    from signal_assets.defs.erasing import follow_subject
    from signal_assets.defs.erasures import Request, find, user
    from signal_assets.defs.erasures import erase as carry_out

    settings = Settings()
    subject = _subject(kvk_number, email, company)
    with _open(settings) as places:
        request = Request(
            subject=subject,
            profiles=_profiles(places, profile),
            is_everywhere=profile is None,
            keep_vacancies=keep_vacancies,
            with_events=with_events,
            keep_away=keep_away,
        )
        found = find(places, request)
        _print(found)
        _note(settings, places, request, found)
        if dry_run:
            return
        if suppress is None:
            suppress = settings.suppression is not None and subject.kind != "email"
        if suppress:
            _check_suppressible(settings, subject)
        _ask("Erase this?", yes=yes)
        _refuse_if_busy(places, request.profiles, anyway=anyway)
        traces = follow_subject(places.tables, subject, request.profiles).traces
        done = carry_out(places, request, asked_by=by or user(), now=datetime.now(UTC))
        if suppress:
            _suppress(settings, subject)
        if request.is_everywhere:
            _print_remains(settings, places, traces)
        out.print(f"Erased: {sum(done.counts.values())} places.", highlight=False)


def retain(
    older_than: Annotated[str, typer.Option("--older-than", help="An age in days, such as 365d.")],
    what: Annotated[
        list[Kind] | None,
        typer.Option(
            "--what",
            help="Can be given more than once. vacancies: those no harvest brought since, what was "
            "read in them, companies left without any. answers: of paid services. passes: what "
            "runs did. runs: Dagster's runs with their events. Without it: all but runs.",
        ),
    ] = None,
    profile: _Profile = None,
    dry_run: _DryRun = False,
    yes: _Yes = False,
    anyway: _Anyway = False,
    by: _By = None,
) -> None:
    """Erase what is older than an age, and keep the rest.

    Shows first how much that is, and asks. What was paid stays in the books. `retention_job` does
    the same every night, where SIGNAL_ASSETS_RETENTION_DAYS is set and its schedule is on.
    """
    from signal_assets.defs.erasures import find_old, user
    from signal_assets.defs.erasures import retain as carry_out
    from signal_assets.defs.retention import USUALLY

    age = _AGE.fullmatch(older_than.strip())
    if age is None or int(age[1]) < 1:
        stop(f"{older_than!r} is not an age in days, such as 365d.", WRONG_USE)
    now = datetime.now(UTC)
    before = now - timedelta(days=int(age[1]))
    kinds: tuple[What, ...] = tuple(kind.value for kind in what) if what else USUALLY
    if profile is not None and set(kinds) != {"vacancies"}:
        stop("With --profile only vacancies can be chosen: --what vacancies.", WRONG_USE)
    with _open(Settings()) as places:
        profiles = _profiles(places, profile)
        found = find_old(places, kinds, profiles, before)
        _print(found)
        if dry_run or not found.counts:
            return
        _ask(f"Erase what is older than {before:%Y-%m-%d}?", yes=yes)
        _refuse_if_busy(places, profiles, anyway=anyway)
        done = carry_out(places, kinds, profiles, before, asked_by=by or user(), now=now)
        out.print(f"Erased: {sum(done.counts.values())} places.", highlight=False)


def erasures(
    lift: Annotated[
        int | None, typer.Option("--lift", help="Let the subject of this erasure be stored again.")
    ] = None,
    is_of: Annotated[
        str | None,
        typer.Option("--of", help="Only those of this KvK number, mail address or company."),
    ] = None,
) -> None:
    """List erasures: when, by whom, how much; what was erased is not in the log.

    `--of` proves that an erasure was of somebody: whoever names it finds it again.
    """
    from signal_assets.clients.database import Database
    from signal_assets.clients.erasure_rows import lift as lift_erasure
    from signal_assets.clients.erasure_rows import read_erasures
    from signal_assets.domain.erasure import make_mark, possible_subjects

    database = Database.open(Settings().resolved_database_url)
    if lift is not None and not database.write(lambda db: lift_erasure(db, lift)):
        stop(f"There is no erasure {lift}.", WRONG_USE)
    records = database.read(read_erasures)
    database.close()
    if is_of is not None:
        subjects = possible_subjects(is_of)
        records = [
            record
            for record in records
            if any(
                make_mark(*subject.mark, record.salt).digest == record.digest
                for subject in subjects
                if subject.kind == record.kind
            )
        ]
    if not records:
        out.print("No erasure.")
        return
    table = Table(box=SIMPLE_HEAD)
    for column in ("number", "started (UTC)", "kind", "by", "state", "kept away", "erased"):
        table.add_column(column, overflow="fold")
    for record in records:
        table.add_row(
            str(record.erasure_id),
            f"{record.started_at:%Y-%m-%d %H:%M}",
            record.kind,
            escape(record.asked_by),
            "done" if record.finished_at else "cut off",
            "yes" if record.keeps_away else "no",
            ", ".join(f"{place} {count}" for place, count in record.counts.items()),
        )
    out.print(table)


@contextmanager
def _open(settings: Settings) -> "Iterator[Places]":
    from signal_assets.clients.database import Database
    from signal_assets.defs.erasures import Places
    from signal_assets.defs.storage import TableStore

    database = Database.open(settings.resolved_database_url)
    try:
        with open_instance(settings) as instance:
            tables = TableStore(settings.storage)
            yield Places(tables, database, instance, settings.non_mailing_policy)
    finally:
        database.close()


def _subject(kvk_number: str | None, email: str | None, company: str | None) -> "Subject":
    from signal_assets.domain.erasure import SubjectKind, parse_subject

    named: dict[SubjectKind, str | None] = {
        "kvk_number": kvk_number,
        "email": email,
        "company": company,
    }
    given = [(kind, text) for kind, text in named.items() if text is not None]
    if len(given) != 1:
        stop("Name one: --kvk-number, --email or --company.", WRONG_USE)
    ((kind, text),) = given
    try:
        return parse_subject(kind, text)
    except ValueError as error:
        stop(f"{error}.", WRONG_USE)


def _profiles(places: "Places", profile: str | None) -> tuple[str, ...]:
    from signal_assets.defs.erasing import profiles_with_tables

    known = profiles_with_tables(places.tables)
    if profile is None:
        return tuple(known)
    if profile not in known:
        stop(f"No table of a search profile {profile!r}. Known: {', '.join(known)}.", WRONG_USE)
    return (profile,)


def _print(found: "Found") -> None:
    if not found.counts:
        out.print("Nothing is stored that would go.")
    else:
        table = Table("place", box=SIMPLE_HEAD)
        table.add_column("how many", justify="right")
        for place, count in found.counts.items():
            table.add_row(place, str(count))
        out.print(table)
    for note in found.notes:
        err.print(f"[yellow]![/] {escape(note)}.", highlight=False, soft_wrap=True)


def _note(settings: Settings, places: "Places", request: "Request", found: "Found") -> None:
    """Say what stays, and what only a person can do."""
    from signal_assets.defs.erasing import follow_subject
    from signal_assets.defs.erasures import remaining_in_files

    notes = []
    if not request.is_everywhere:
        notes.append("Only tables: ledger and runs belong to no single search profile")
    if found.runs and not request.with_events:
        shown = ", ".join(run_id[:8] for run_id in found.runs[:5])
        notes.append(
            f"Events of {len(found.runs)} Dagster runs name it ({shown}): --with-events deletes "
            "these runs"
        )
    traces = follow_subject(places.tables, request.subject, request.profiles).traces
    own = [settings.profiles, settings.overrides, settings.employers, settings.suppression]
    for path in remaining_in_files([path for path in own if path is not None], traces):
        notes.append(f"{path} names it: a file of yours, left as it is")
    if settings.suppression is None and request.subject.kind != "email":
        notes.append("SIGNAL_ASSETS_SUPPRESSION is not set: it is not put on a suppression list")
    for note in notes:
        err.print(f"[yellow]![/] {escape(note)}.", highlight=False, soft_wrap=True)


def _print_remains(settings: Settings, places: "Places", traces: "Traces") -> None:
    """Look through the bytes of the files that are ours, and say where it still stands."""
    from signal_assets.defs.erasures import remaining_in_files, storage_folder

    folders = [settings.dagster_home, storage_folder(places.tables), Path(places.database.name)]
    there = [folder for folder in folders if folder is not None and folder.exists()]
    for path in remaining_in_files(there, traces):
        err.print(f"[yellow]![/] {escape(str(path))} still names it.", soft_wrap=True)


def _ask(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        stop("Nothing was erased: say --yes where nobody can be asked.", WRONG_USE)
    typer.confirm(question, abort=True)


def _refuse_if_busy(places: "Places", profiles: Sequence[str], *, anyway: bool) -> None:
    from signal_assets.defs.erasing_runs import runs_in_progress

    busy = [] if anyway else runs_in_progress(places.instance, profiles)
    if busy:
        shown = ", ".join(run_id[:8] for run_id in busy[:5])
        stop(
            f"Nothing was erased: runs are under way ({shown}) and would write it again. Wait for "
            "them, or end them in the Dagster UI; --anyway where they are dead."
        )


def _check_suppressible(settings: Settings, subject: "Subject") -> None:
    if settings.suppression is None:
        stop("SIGNAL_ASSETS_SUPPRESSION names no list to write into.", WRONG_USE)
    if subject.kind == "email":
        stop("The suppression list is of companies; a mail address is kept away.", WRONG_USE)


def _suppress(settings: Settings, subject: "Subject") -> None:
    from signal_assets.clients.suppression_files import add_suppressed, read_suppression

    path = Path(str(settings.suppression))
    known = read_suppression(path) if path.exists() else None
    column = "kvk_number" if subject.kind == "kvk_number" else "name"
    if known is not None and (
        known.find(kvk_number=subject.value)
        if column == "kvk_number"
        else known.find(names=[subject.value])
    ):
        return
    add_suppressed(path, column, subject.value, f"erased {datetime.now(UTC):%Y-%m-%d}")
    out.print(f"Added to {path}.", highlight=False, markup=False)
