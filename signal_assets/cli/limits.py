"""`signal-assets limits`: how much of each service is in use now, of how much, and by whom."""

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from signal_assets.cli.console import out
from signal_assets.cli.spending import dollars
from signal_assets.settings import Settings

if TYPE_CHECKING:
    from signal_assets.clients.limit_reports import LimitUsage


def limits() -> None:
    """Show how much of each service all runs on all machines use now, and how much they may.

    A limits file holds what may be used; SIGNAL_ASSETS_LIMITS names it, and every machine needs the
    same one:

        claude: {in_flight: 32, per_minute: 1000, usd_per_month: 500}

    - **in flight**: requests that wait for their answer; those of a killed process come free by
      themselves
    - **last minute**: requests that started in the last 60 seconds; a batch is one
    - **USD this month**: all search profiles together, and what calls without an outcome may cost

    Each is followed by its limit, where there is one. Services: claude, kvk, company_info, serpapi,
    gleif. A run that finds no room waits, and says so; one that would pass the dollars stops. More:
    docs/limits.md.
    """
    from signal_assets.clients.ledger import Ledger
    from signal_assets.clients.limits_file import load_limits

    settings = Settings()
    ledger = Ledger.open(settings.resolved_database_url, load_limits(settings.limits))
    usage = ledger.limit_usage()
    ledger.close()
    table = Table("service", box=SIMPLE_HEAD)
    for name in ("in flight", "last minute", "USD this month"):
        table.add_column(name, justify="right", no_wrap=True)
    for line in usage:
        table.add_row(line.service, *_numbers(line))
    out.print(table)
    if any(line.in_flight for line in usage):
        out.print(_who(usage))
    if settings.limits is None:
        out.print("[dim]No limits file: SIGNAL_ASSETS_LIMITS names one.[/]", soft_wrap=True)


def _numbers(line: "LimitUsage") -> list[str]:
    limit, most_usd = line.limit, line.limit.usd_per_month
    in_flight = sum(each.count for each in line.in_flight)
    spent = dollars(line.spent_usd)
    held = f" + {dollars(line.held_usd)} held" if line.held_usd else ""
    return [
        _of(str(in_flight), limit.in_flight),
        _of(str(line.started_last_minute), limit.per_minute),
        _of(f"{spent}{held}", None if most_usd is None else dollars(most_usd)),
    ]


def _of(used: str, most: object | None) -> str:
    return used if most is None else f"{used} of {most}"


def _who(usage: "list[LimitUsage]") -> Table:
    table = Table(box=SIMPLE_HEAD, title="in flight", title_justify="left")
    for name in ("service", "count", "run", "profile", "table", "machine", "pid", "since (UTC)"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for line in usage:
        for each in line.in_flight:
            table.add_row(
                line.service,
                str(each.count),
                escape(each.run_id[:8]),
                escape(each.search_profile),
                escape(each.asset),
                escape(each.host.split("/")[0]),
                str(each.pid),
                f"{each.since:%m-%d %H:%M:%S}",
            )
    return table
