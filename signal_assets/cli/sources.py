"""`signal-assets sources`: whether the sources answer, and which search terms are worth it."""

from datetime import datetime
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from signal_assets.cli.console import WRONG_USE, err, out, stop
from signal_assets.settings import Settings

app = typer.Typer(no_args_is_help=True, help="See what the sources of a profile answer.")

_STYLES = {"rows": "green", "empty": "yellow", "refused": "red", "broken": "red"}


@app.command()
def status(
    profile: Annotated[str, typer.Option("--profile", "-p", help="Search profile.")],
) -> None:
    """Show the newest answer of every source and term, and what each term has brought so far.

    `rows`: vacancies came. `empty`: the source says that there are none. `refused`: it will not
    serve us. `broken`: no answer, or one that nobody can read. Below it, per term: found, new in
    the newest harvest, kept (no duplicates) and qualified (of companies worth the registers).
    """
    from signal_assets.clients.profile_files import ProfileRefused, load_named_profile
    from signal_assets.defs.frames import rows_of
    from signal_assets.defs.storage import TableStore
    from signal_assets.domain.search_profiles import JobSpySourceOptions
    from signal_assets.domain.source_reports import pick_latest

    settings = Settings()
    try:
        options = load_named_profile(settings.profiles, profile).profile
    except ProfileRefused as error:
        stop(str(error), WRONG_USE)
    for source in options.sources:
        if isinstance(source, JobSpySourceOptions):
            err.print(f"[yellow]![/] {escape(source.notice)}", highlight=False, soft_wrap=True)
    tables = TableStore(settings.storage)
    history = tables.read("source_answers", profile)
    if history is None:
        stop(f"No source was asked yet: `signal-assets run --profile {profile}` does.")
    answers = list(rows_of(history))
    latest = pick_latest(answers)
    out.print(_answers_table(profile, latest))
    for row in latest:
        if row["message"]:
            asked_for = (row["source"], row.get("board"), row["search_term"])
            line = f"{' · '.join(filter(None, asked_for))}: {row['message']}"
            out.print(f"[dim]{escape(line)}[/]", highlight=False, soft_wrap=True)
    out.print()
    terms = [term.term for term in options.search_terms]
    asked = [(row["source"], term) for row in answers for term in terms]
    newest = max((row["harvested_at"] for row in answers), default=None)
    out.print(_yields_table(profile, tables, asked, newest))


def _answers_table(profile: str, answers: list[Any]) -> Table:
    table = Table(
        title=f"{profile}: newest answers", title_justify="left", box=SIMPLE_HEAD, show_edge=False
    )
    table.add_column("source", no_wrap=True)
    for name in ("board", "term"):
        table.add_column(name, overflow="fold")
    table.add_column("outcome", no_wrap=True)
    for name in ("found", "new", "calls"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("asked", no_wrap=True)
    for row in answers:
        style = _STYLES.get(row["outcome"], "")
        table.add_row(
            row["source"],
            escape(row.get("board") or "–"),
            escape(row["search_term"] or "–"),
            f"[{style}]{row['outcome']}[/]" if style else row["outcome"],
            str(row["found"]),
            str(row["new"]),
            str(row["calls"]),
            row["harvested_at"].strftime("%Y-%m-%d %H:%M"),
        )
    return table


def _yields_table(
    profile: str, tables: Any, asked: list[tuple[str, str]], newest: datetime | None
) -> Table:
    from signal_assets.defs.frames import rows_of
    from signal_assets.domain.source_reports import count_term_yields

    vacancies, companies = (
        tables.read(asset, profile) for asset in ("raw_vacancies", "company_quality")
    )
    columns = ("vacancy_id", "source", "search_term", "first_seen_at", "duplicate_of", "closed_at")
    rows = (
        []
        if vacancies is None
        else rows_of(vacancies, [name for name in columns if name in vacancies])
    )
    qualified = set()
    if companies is not None:
        for company in rows_of(companies, ["vacancy_ids", "qualifies"]):
            if company["qualifies"]:
                qualified.update(company["vacancy_ids"])
    table = Table(
        title=f"{profile}: yield per term, all harvests",
        title_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
    )
    for name in ("source", "term"):
        table.add_column(name, overflow="fold")
    for name in ("found", "new", "kept", "qualified", "closed"):
        table.add_column(name, justify="right", no_wrap=True)
    for line in count_term_yields(rows, qualified, newest, asked):
        counts = (line.found, line.new, line.kept, line.qualified, line.closed)
        table.add_row(line.source, escape(line.search_term or "–"), *map(str, counts))
    return table
