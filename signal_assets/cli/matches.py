"""`signal-assets matches`: which company is which KvK number, why, and a person's word on it."""

import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

import click
import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from signal_assets.cli.console import WRONG_USE, out, stop
from signal_assets.cli.running import known_profiles
from signal_assets.clients.decision_tables import TableRefused
from signal_assets.clients.override_files import OverrideFile, read_overrides
from signal_assets.domain.companies import Candidate
from signal_assets.domain.company_finding import Finding, Sources, find_company
from signal_assets.domain.company_names import company_key, normalize_company_name
from signal_assets.domain.explanations import SOURCE_NAMES, explain
from signal_assets.domain.overrides import Override, Overrides, Verdict, parse_override
from signal_assets.domain.register_evidence import AdvertisedCompany
from signal_assets.settings import Settings

app = typer.Typer(
    no_args_is_help=True, help="Which company is which KvK number, why, and your word on it."
)

MAX_SHOWN = 9
"""Candidates side by side; each has a key of one digit."""
MAX_QUOTES = 3

_KEYS = (
    "[bold]1-9[/] this one   [bold]a[/] the first   [bold]x[/]+[bold]1-9[/] not that one   "
    "[bold]r[/] none of them   [bold]s[/] skip   [bold]u[/] undo   [bold]q[/] stop"
)


class Which(StrEnum):
    """Which decisions are listed."""

    REVIEW = "review"
    AUTO = "auto"
    NONE = "none"
    ALL = "all"


class Undecided(NamedTuple):
    """A company that waits for a person."""

    company_id: str
    name: str
    finding: Finding
    quotes: tuple[str, ...]


@app.command("list")
def list_(
    profile: Annotated[str, typer.Option("--profile", "-p", help="Search profile.")],
    which: Annotated[
        Which, typer.Option("--decision", "-d", help="Only these decisions.")
    ] = Which.ALL,
) -> None:
    """List the companies that were looked up, with their KvK number or the reason for none."""
    rows = [
        row
        for row in _read_rows(Settings(), profile)
        if which is Which.ALL or row["match_decision"] == which.value
    ]
    table = Table(title=f"{profile}: {len(rows)} companies", title_justify="left", box=SIMPLE_HEAD)
    for column in ("company", "decision", "KvK", "points", "by", "why"):
        table.add_column(column, justify="right" if column == "points" else "left")
    for row in rows:
        table.add_row(
            escape(row["company_id"]),
            row["match_decision"] or row["enrichment_status"],
            row["kvk_number"] or "–",
            "–" if row["match_score"] is None else f"{row['match_score']:g}",
            row["decided_by"] or "–",
            escape(_why(row)),
        )
    out.print(table)


@app.command("explain")
def explain_(
    name: Annotated[str, typer.Argument(help="A company, as it advertises.")],
    profile: Annotated[
        str | None, typer.Option("--profile", "-p", help="Only this search profile.")
    ] = None,
) -> None:
    """Print step by step how the decision on a company came about; asks no service.

    A company that no search profile has looked up is decided now, from your overrides and your
    list of employers alone.
    """
    settings = Settings()
    findings = list(_stored_findings(settings, name, profile))
    for search_profile, finding in findings:
        _print_steps(f"{finding.company.name.clean_name} in {search_profile}", finding)
    if not findings:
        finding = _find_now(settings, name)
        out.print("[dim]No search profile has looked it up; decided now, without any service.[/]")
        _print_steps(finding.company.name.clean_name, finding)


@app.command()
def review(
    profile: Annotated[str, typer.Option("--profile", "-p", help="Search profile.")],
) -> None:
    """Go through the undecided companies, and write your word into the overrides file.

    Each decision is written at once. It holds from the next run of pass 2 on.
    """
    settings = Settings()
    file = OverrideFile(settings.overrides)
    try:
        waiting = list(_undecided(settings, profile, file.read()))
        if not waiting:
            out.print(f"Nothing to decide in {escape(profile)}.")
            return
        decided = _Review(file, waiting).run()
    except TableRefused as error:
        stop(str(error), WRONG_USE)
    out.print(
        f"{decided} decided, in {escape(str(file.path))}. "
        f"`signal-assets run --profile {escape(profile)} --pass external` takes them up.",
        highlight=False,
        soft_wrap=True,
    )


@app.command()
def same(
    name: Annotated[str, typer.Argument(help="A company, as it advertises.")],
    other: Annotated[str, typer.Argument(help="The other one.")],
    note: Annotated[str, typer.Option(help="Why; kept beside the decision.")] = "",
) -> None:
    """Say that two advertised names are one company, whatever their numbers."""
    _decide_pair(name, other, "same_as", note)


@app.command()
def differ(
    name: Annotated[str, typer.Argument(help="A company, as it advertises.")],
    other: Annotated[str, typer.Argument(help="The other one.")],
    note: Annotated[str, typer.Option(help="Why; kept beside the decision.")] = "",
) -> None:
    """Say that two advertised names are not one company, even with the same number."""
    _decide_pair(name, other, "not_same_as", note)


class _Taken(NamedTuple):
    """One step of a sitting: where, whether it wrote a decision, and the candidate it dropped."""

    position: int
    is_decision: bool
    dropped: str | None = None


class _Review:
    """One sitting: where it is, and how to go back."""

    def __init__(self, file: OverrideFile, waiting: Sequence[Undecided]) -> None:
        self._file = file
        self._waiting = waiting
        self._position = 0
        self._steps: list[_Taken] = []

    def run(self) -> int:
        """Return how many companies were decided, after what was undone."""
        while True:
            if self._position == len(self._waiting):
                if _read_key("That was the last one.   [bold]u[/] undo   [bold]q[/] done") != "u":
                    break
                self._undo()
                continue
            item = self._waiting[self._position]
            candidates = self._candidates(item)
            _show(item, candidates, self._position + 1, len(self._waiting))
            if not self._act(_read_key(), item, candidates):
                break
        return len({step.position for step in self._steps if step.is_decision})

    def _candidates(self, item: Undecided) -> list[Candidate]:
        dropped = {step.dropped for step in self._steps if step.position == self._position}
        return [
            candidate
            for candidate in item.finding.match.candidates
            if candidate.kvk_number not in dropped
        ][:MAX_SHOWN]

    def _act(self, key: str, item: Undecided, candidates: Sequence[Candidate]) -> bool:
        """Do what a key says; False to stop."""
        if key == "q":
            return False
        if key == "s":
            self._go_on(is_decision=False)
        elif key == "u":
            self._undo()
        elif key == "r":
            self._decide(item, "none", None)
        elif key == "x":
            chosen = _pick(_read_key("Which is not the company?"), candidates)
            if chosen is not None:
                self._reject(item, chosen)
        elif (chosen := _pick("1" if key == "a" else key, candidates)) is not None:
            self._decide(item, "is", chosen.kvk_number)
        else:
            out.print("[yellow]That key does nothing here.[/]")
        return True

    def _decide(self, item: Undecided, verdict: Verdict, kvk_number: str | None) -> None:
        self._file.add(_override(item.name, verdict, kvk_number=kvk_number))
        self._go_on(is_decision=True)

    def _reject(self, item: Undecided, candidate: Candidate) -> None:
        self._file.add(_override(item.name, "is_not", kvk_number=candidate.kvk_number))
        self._steps.append(_Taken(self._position, True, candidate.kvk_number))

    def _go_on(self, *, is_decision: bool) -> None:
        self._steps.append(_Taken(self._position, is_decision))
        self._position += 1

    def _undo(self) -> None:
        if not self._steps:
            out.print("[yellow]There is nothing to undo in this sitting.[/]")
            return
        if self._steps[-1].is_decision and not self._file.undo():
            out.print("[yellow]The file was changed since; nothing was taken back.[/]")
            return
        self._position = self._steps.pop().position
        out.print("Taken back.")


def _pick(key: str, candidates: Sequence[Candidate]) -> Candidate | None:
    index = int(key) - 1 if key.isascii() and key.isdigit() else -1
    return candidates[index] if 0 <= index < len(candidates) else None


def _read_key(question: str = "") -> str:
    """Return the key pressed; from a pipe, the first letter of a line, and `q` at its end."""
    out.print(question or _KEYS, highlight=False)
    if sys.stdin.isatty():
        return click.getchar().lower()
    line = sys.stdin.readline()
    return line.strip()[:1].lower() if line else "q"


def _show(item: Undecided, candidates: Sequence[Candidate], number: int, total: int) -> None:
    out.print()
    places = ", ".join(item.finding.company.places).title()
    out.rule(f"[bold]{escape(item.name)}[/] {escape(places)}  ({number} of {total})", align="left")
    for quote in item.quotes:
        out.print(f"  {escape(quote)}", highlight=False)
    table = Table(box=SIMPLE_HEAD)
    table.add_column("")
    for index, _ in enumerate(candidates, start=1):
        table.add_column(f"[bold]{index}[/]", overflow="fold")
    for label, cells in _rows(candidates):
        table.add_row(label, *map(escape, cells))
    out.print(table)
    said = {reason for candidate in candidates for reason in candidate.reasons}
    for reason in item.finding.match.reasons:
        if reason not in said:
            out.print(f"[dim]{escape(reason)}[/]", highlight=False)


def _rows(candidates: Sequence[Candidate]) -> Iterator[tuple[str, list[str]]]:
    yield "KvK", [candidate.kvk_number for candidate in candidates]
    yield "name", [candidate.name for candidate in candidates]
    yield "place", [(candidate.place or "–").title() for candidate in candidates]
    yield "from", [SOURCE_NAMES[candidate.source] for candidate in candidates]
    yield "points", [f"{candidate.score:g}" for candidate in candidates]
    yield "why", ["\n".join(candidate.reasons) or "–" for candidate in candidates]


def _undecided(settings: Settings, profile: str, overrides: Overrides) -> Iterator[Undecided]:
    """Yield the companies in review that no decision in the file settles by now."""
    quotes = _quotes(settings, profile)
    for row in _read_rows(settings, profile):
        if row["match_decision"] != "review" or not row["decision"]:
            continue
        finding = Finding.model_validate_json(row["decision"])
        ruling = overrides.find(finding.company.name, finding.company.places)
        if ruling.decided is not None:
            continue
        left = tuple(
            candidate
            for candidate in finding.match.candidates
            if candidate.kvk_number not in ruling.rejected
        )
        match = finding.match.model_copy(update={"candidates": left})
        company_id = row["company_id"]
        yield Undecided(
            company_id=company_id,
            name=finding.company.name.clean_name,
            finding=finding.model_copy(update={"match": match}),
            quotes=quotes.get(company_id, ()),
        )


def _quotes(settings: Settings, profile: str) -> dict[str, tuple[str, ...]]:
    """Return what the vacancies of each company state, with the link."""
    from signal_assets.defs.frames import rows_of
    from signal_assets.defs.storage import TableStore

    frame = TableStore(settings.storage).read("merged_companies", profile)
    if frame is None:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for row in rows_of(frame, ["company_id", "merged_from", "signals"]):
        signals = json.loads(row["signals"] or "{}")
        lines = dict.fromkeys(
            f"“{' '.join(signal['quote'].split())}” {signal['url'] or signal['vacancy_id']}"
            for of_field in signals.values()
            for signal in of_field
        )
        for company_id in (row["company_id"], *(row["merged_from"] or ())):
            found[company_id] = tuple(lines)[:MAX_QUOTES]
    return found


def _read_rows(settings: Settings, profile: str) -> list[dict[str, Any]]:
    from signal_assets.defs.frames import rows_of
    from signal_assets.defs.storage import TableStore

    if profile not in known_profiles(settings):
        stop(f"There is no search profile {profile!r}.", WRONG_USE)
    frame = TableStore(settings.storage).read("kvk_profiles", profile)
    if frame is None:
        stop(f"Nothing was looked up yet: `signal-assets run --profile {profile}` does it.")
    if "decision" not in frame.columns:
        stop(f"The table is of an earlier version: `signal-assets run --profile {profile}`.")
    return list(rows_of(frame))


def _stored_findings(
    settings: Settings, name: str, profile: str | None
) -> Iterator[tuple[str, Finding]]:
    from signal_assets.clients.profile_files import load_profiles
    from signal_assets.defs.frames import rows_of
    from signal_assets.defs.storage import TableStore

    key = company_key(name)
    store = TableStore(settings.storage)
    names = [profile] if profile else sorted(load_profiles(settings.profiles).profiles)
    for search_profile in names:
        frame = store.read("kvk_profiles", search_profile)
        if frame is None or "decision" not in frame.columns:
            continue
        for row in rows_of(frame, ["company_id", "decision"]):
            if row["company_id"] == key and row["decision"]:
                yield search_profile, Finding.model_validate_json(row["decision"])


def _find_now(settings: Settings, name: str) -> Finding:
    from signal_assets.clients.employer_files import read_employers

    normalized = normalize_company_name(name)
    if normalized is None:
        stop(f"{name!r} holds no letter or digit.", WRONG_USE)
    try:
        employers = read_employers(settings.employers).employers if settings.employers else None
        sources = Sources(overrides=read_overrides(settings.overrides), employers=employers)
    except TableRefused as error:
        stop(str(error), WRONG_USE)
    return find_company(AdvertisedCompany(name=normalized), sources)


def _print_steps(title: str, finding: Finding) -> None:
    out.rule(f"[bold]{escape(title)}[/]", align="left")
    for number, step in enumerate(explain(finding), start=1):
        out.print(f"[bold]{number}. {step.title}[/]", highlight=False)
        for line in step.lines:
            out.print(f"   {escape(line)}", highlight=False, soft_wrap=True)


def _decide_pair(name: str, other: str, verdict: Verdict, note: str) -> None:
    file = OverrideFile(Settings().overrides)
    override = _override(name, verdict, other_name=other, note=note or None)
    try:
        parse_override(
            {"name": name, "other_name": other, "verdict": verdict, "note": note}, line=0
        )
        file.read()
        file.add(override)
    except (TableRefused, ValueError) as error:
        stop(str(error), WRONG_USE)
    out.print(
        f"Written to {escape(str(file.path))}; the next run of pass 2 takes it up.",
        highlight=False,
        soft_wrap=True,
    )


def _override(
    name: str,
    verdict: Verdict,
    *,
    kvk_number: str | None = None,
    other_name: str | None = None,
    note: str | None = None,
) -> Override:
    return Override(
        name=name,
        kvk_number=kvk_number,
        verdict=verdict,
        other_name=other_name,
        note=note,
        decided_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _why(row: dict[str, Any]) -> str:
    reasons: list[str] = list(row["match_reasons"] or [])
    if row["error"]:
        return str(row["error"])
    if not reasons:
        return ""
    return reasons[-1] if row["match_decision"] == "review" else reasons[0]
