"""`signal-assets export`: the list as a file for the CRM."""

import csv
import io
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from signal_assets.cli.companies import load_deliveries
from signal_assets.cli.console import err
from signal_assets.domain.deliveries import Delivery, to_flat_row
from signal_assets.settings import Settings


class Format(StrEnum):
    """How the list is written."""

    CSV = "csv"
    JSONL = "jsonl"


def export(
    profile: Annotated[str, typer.Option("--profile", "-p", help="Search profile.")],
    format_: Annotated[
        Format,
        typer.Option("--format", "-f", help="csv: a row a company. jsonl: with all proof."),
    ] = Format.CSV,
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", help="File or s3:// address to write; else standard output."),
    ] = None,
    unmatched: Annotated[
        bool, typer.Option("--unmatched", help="Also companies without a certain KvK number.")
    ] = False,
) -> None:
    """Write the companies found, each value with a short quote and a link.

    Businesses of natural persons (eenmanszaak, VOF, maatschap, CV) are left out unless the profile
    says otherwise; what is left out is counted on the terminal.
    """
    settings = Settings()
    deliveries, left_out = load_deliveries(settings, profile, include_unmatched=unmatched)
    text = (
        to_csv(deliveries, _fields(settings, profile))
        if format_ is Format.CSV
        else "".join(f"{delivery.model_dump_json()}\n" for delivery in deliveries)
    )
    if out is None:
        sys.stdout.write(text)
    else:
        _write(out, text.encode("utf-8-sig" if format_ is Format.CSV else "utf-8"))
    where = "" if out is None else f" to {out}"
    err.print(
        escape(f"{len(deliveries)} companies written{where}, {len(left_out)} left out."),
        highlight=False,
        soft_wrap=True,
    )
    for reason in dict.fromkeys(item.reason for item in left_out):
        count = sum(item.reason == reason for item in left_out)
        err.print(f"  {count} × {escape(reason)}", highlight=False, soft_wrap=True)


def to_csv(deliveries: list[Delivery], fields: tuple[str, ...]) -> str:
    """Return the deliveries as CSV, with a header even when there are none."""
    rows = [to_flat_row(delivery, fields) for delivery in deliveries]
    columns = list(rows[0]) if rows else ["company_id", "name", "kvk_number", *fields]
    target = io.StringIO(newline="")
    writer = csv.DictWriter(target, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return target.getvalue()


def _write(address: str, content: bytes) -> None:
    if "://" not in address:
        Path(address).write_bytes(content)
        return
    from signal_assets.defs.storage import open_path, replacing

    with replacing(open_path(address)) as file:
        file.write_bytes(content)


def _fields(settings: Settings, profile: str) -> tuple[str, ...]:
    from signal_assets.clients.profile_files import load_named_profile

    return load_named_profile(settings.profiles, profile).profile.fields
