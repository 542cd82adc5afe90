"""`signal-assets accounts`: the companies of all search profiles, one row per KvK number."""

import json
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from signal_assets.cli.console import FAILED, err, out, stop
from signal_assets.cli.home import open_instance
from signal_assets.settings import Settings


def accounts(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many to print.")] = 50,
    several: Annotated[
        bool, typer.Option("--several", help="Only those that several search profiles found.")
    ] = False,
) -> None:
    """Bring the companies of all search profiles together, and print them.

    One row per KvK number, those that most search profiles found first. A holding and its operating
    company are two rows, linked as siblings. Nothing is asked or paid for.
    """
    settings = Settings()
    if not _make(settings):
        stop("The accounts were not made, or a check on them failed.", FAILED)
    rows = [row for row in _read(settings) if not several or len(row["search_profiles"]) > 1]
    rows.sort(key=lambda row: (-len(row["search_profiles"]), -row["vacancy_count"], row["name"]))
    table = Table(title=f"{len(rows)} accounts", title_justify="left", box=SIMPLE_HEAD)
    for column in ("company", "KvK", "search profiles", "ads", "staff", "siblings"):
        table.add_column(column, justify="right" if column == "ads" else "left")
    for row in rows[:limit]:
        siblings = [sibling["kvk_number"] for sibling in json.loads(row["siblings"] or "[]")]
        table.add_row(
            escape(row["name"]),
            row["kvk_number"],
            ", ".join(row["search_profiles"]),
            str(row["vacancy_count"]),
            row["employee_range"] or "–",
            ", ".join(siblings) or "–",
        )
    out.print(table)
    if len(rows) > limit:
        err.print(f"and {len(rows) - limit} more; the table is accounts/data.parquet")


def _make(settings: Settings) -> bool:
    from signal_assets.definitions import defs

    with open_instance(settings) as instance:
        result = defs.resolve_job_def("accounts_job").execute_in_process(
            instance=instance,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )
    return result.success


def _read(settings: Settings) -> list[dict[str, Any]]:
    from signal_assets.defs.frames import rows_of
    from signal_assets.defs.storage import TableStore

    frame = TableStore(settings.storage).read("accounts")
    if frame is None:
        stop("There are no accounts yet.")
    return list(rows_of(frame))
