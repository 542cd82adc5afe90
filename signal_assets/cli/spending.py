"""`signal-assets runs` and `signal-assets costs`: what was done, and what it cost."""

from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from signal_assets.cli.console import out
from signal_assets.settings import Settings

if TYPE_CHECKING:
    from signal_assets.clients.ledger_reports import Dimension, Spending


class PassName(StrEnum):
    """The pass a run belongs to."""

    LLM = "llm"
    EXTERNAL = "external"


class By(StrEnum):
    """What costs can be split by."""

    SERVICE = "service"
    PROFILE = "profile"
    DAY = "day"


def runs(
    profile: Annotated[str | None, typer.Option("--profile", "-p", help="Only this one.")] = None,
    pass_: Annotated[PassName | None, typer.Option("--pass", help="Only this pass.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many lines.")] = 20,
) -> None:
    """List runs, newest first: succeeded of processed, failed, tokens in and out, cost, and why.

    Why not: refused, truncated, invalid (no answer in the form asked for), unsupported (no value
    that the text states), service (it failed), budget (the run stopped before), unavailable (the
    service refuses us).
    """
    from signal_assets.clients.ledger import Ledger

    ledger = Ledger.open(Settings().resolved_database_url)
    passes = ledger.passes(profile, pass_.value if pass_ else None, limit)
    ledger.close()
    if not passes:
        out.print("No run yet.")
        return
    table = Table(box=SIMPLE_HEAD)
    for name in ("started (UTC)", "run", "profile", "pass", "table"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for name in ("done", "failed", "tokens", "USD"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("outcome", no_wrap=True, overflow="ellipsis")
    table.add_column("why not", overflow="fold")
    for record in passes:
        tokens = f"{record.tokens_input}+{record.tokens_output}" if record.tokens_input else "–"
        table.add_row(
            f"{record.started_at:%m-%d %H:%M}",
            record.run_id[:8],
            record.search_profile,
            record.pass_name,
            record.asset,
            f"{record.succeeded}/{record.processed}",
            str(record.failed),
            tokens,
            dollars(record.cost_usd),
            record.outcome,
            ", ".join(f"{count} {kind}" for kind, count in sorted(record.failures.items())),
        )
    out.print(table)


def costs(
    profile: Annotated[str | None, typer.Option("--profile", "-p", help="Only this one.")] = None,
    by: Annotated[
        list[By] | None, typer.Option("--by", help="Split by; can be given more than once.")
    ] = None,
) -> None:
    """Show what was spent, by service and profile or as asked, and per qualified company.

    A call whose outcome nobody knows (a killed run, a lost connection) counts as “held” with the
    most it can have cost, until an equal call has an answer.
    """
    from signal_assets.clients.ledger import Ledger

    settings = Settings()
    dimensions = tuple(by or (By.SERVICE, By.PROFILE))
    names: dict[By, Dimension] = {
        By.SERVICE: "service",
        By.PROFILE: "search_profile",
        By.DAY: "day",
    }
    ledger = Ledger.open(settings.resolved_database_url)
    spent = ledger.spending(tuple(names[item] for item in dimensions), search_profile=profile)
    per_profile = ledger.spending(("search_profile",), search_profile=profile)
    ledger.close()
    if not spent:
        out.print("Nothing was spent yet.")
        return
    table = Table(*(item.value for item in dimensions), box=SIMPLE_HEAD)
    for name in ("calls", "answers", "tokens in", "tokens out", "USD", "held USD"):
        table.add_column(name, justify="right")
    for line in spent:
        table.add_row(*(str(getattr(line, names[item])) for item in dimensions), *_numbers(line))
    if len(spent) > 1:
        table.add_section()
        table.add_row(*_total(spent, len(dimensions)))
    out.print(table)
    for line in per_profile:
        _print_per_company(settings, line)
    out.print(
        "[dim]Prices that are assumed, not published, are marked in the price table: "
        "SIGNAL_ASSETS_PRICES names a file with your own.[/]",
        soft_wrap=True,
    )


def dollars(amount: Decimal) -> str:
    """Return an amount with as many decimals as it takes to see it."""
    return f"{amount:.2f}" if amount == 0 or amount >= 1 else f"{amount:.6f}"


def _numbers(line: "Spending") -> list[str]:
    return [
        str(line.calls),
        str(line.answers),
        str(line.tokens_input),
        str(line.tokens_output),
        dollars(line.cost_usd),
        dollars(line.held_usd),
    ]


def _total(spent: "list[Spending]", width: int) -> list[str]:
    return [
        "total",
        *[""] * (width - 1),
        str(sum(line.calls for line in spent)),
        str(sum(line.answers for line in spent)),
        str(sum(line.tokens_input for line in spent)),
        str(sum(line.tokens_output for line in spent)),
        dollars(sum((line.cost_usd for line in spent), Decimal(0))),
        dollars(sum((line.held_usd for line in spent), Decimal(0))),
    ]


def _print_per_company(settings: Settings, line: "Spending") -> None:
    from signal_assets.defs.storage import TableStore

    name = line.search_profile or ""
    frame = TableStore(settings.storage).read("company_quality", name)
    qualified = 0 if frame is None else int(frame["qualifies"].sum())
    if qualified:
        each = dollars(line.cost_usd / qualified)
        out.print(
            escape(f"{name}: {qualified} companies qualify, USD {each} each."), highlight=False
        )
