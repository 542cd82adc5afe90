"""`signal-assets companies`: the companies found, with the sentences that prove it."""

from typing import Annotated

import typer
from rich.console import Group
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from signal_assets.cli.console import WRONG_USE, out, stop
from signal_assets.cli.running import known_profiles
from signal_assets.domain.deliveries import Delivery, LeftOut, select_deliveries
from signal_assets.settings import Settings

MAX_PROOFS_PER_FIELD = 3


def show_companies(
    profile: Annotated[str, typer.Option("--profile", "-p", help="Search profile.")],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many to print.")] = 10,
    unmatched: Annotated[
        bool, typer.Option("--unmatched", help="Also those without a certain KvK number.")
    ] = False,
) -> None:
    """Print the companies found, best first, each with the sentences that prove it."""
    print_companies(Settings(), profile, limit=limit, include_unmatched=unmatched)


def load_deliveries(
    settings: Settings, profile: str, *, include_unmatched: bool
) -> tuple[list[Delivery], list[LeftOut]]:
    """Return what may be handed over of a profile's merged companies, and what is left out."""
    from signal_assets.clients.profile_files import load_named_profile
    from signal_assets.defs.frames import rows_of
    from signal_assets.defs.storage import TableStore

    if profile not in known_profiles(settings):
        stop(f"There is no search profile {profile!r}.", WRONG_USE)
    frame = TableStore(settings.storage).read("merged_companies", profile)
    if frame is None:
        stop(f"Nothing to show yet: `signal-assets run --profile {profile}` makes the list.")
    options = load_named_profile(settings.profiles, profile).profile
    return select_deliveries(
        rows_of(frame),
        include_unmatched=include_unmatched,
        include_natural_person_businesses=options.include_natural_person_businesses,
    )


def print_companies(
    settings: Settings, profile: str, *, limit: int, include_unmatched: bool = False
) -> None:
    """Print the companies of a profile as a table, and the first ones with their proof."""
    deliveries, left_out = load_deliveries(settings, profile, include_unmatched=include_unmatched)
    table = Table(title=f"{profile}: {len(deliveries)} companies", title_justify="left")
    for name in ("company", "KvK", "quality", "vacancies", "employees", "revenue", "post · phone"):
        table.add_column(name, justify="right" if name in ("quality", "vacancies") else "left")
    for delivery in deliveries:
        table.add_row(
            escape(delivery.name),
            delivery.kvk_number or "–",
            f"{delivery.extraction_quality or 0:.2f}",
            str(delivery.vacancy_count),
            delivery.employee_range or "–",
            delivery.revenue_range or "–",
            f"{delivery.outreach.get('post')} · {delivery.outreach.get('phone')}",
        )
    out.print(table)
    for delivery in deliveries[:limit]:
        out.print(_panel(delivery))
    for reason in dict.fromkeys(item.reason for item in left_out):
        names = [item.company_id for item in left_out if item.reason == reason]
        out.print(
            f"[dim]Left out: {escape(', '.join(names))}. {escape(reason)}[/]",
            highlight=False,
            soft_wrap=True,
        )


def _panel(delivery: Delivery) -> Panel:
    lines: list[Text] = []
    for field in dict.fromkeys(proof.field for proof in delivery.proofs):
        proofs = [proof for proof in delivery.proofs if proof.field == field]
        for proof in proofs[:MAX_PROOFS_PER_FIELD]:
            line = Text(f"{field.replace('_', ' ')}: ", style="bold")
            line.append(proof.value, style="cyan")
            line.append(f"  “{' '.join(proof.quote.split())}”", style="not bold")
            line.append(f"  {proof.url or proof.vacancy_id}", style="dim not bold")
            lines.append(line)
        if len(proofs) > MAX_PROOFS_PER_FIELD:
            lines.append(Text(f"  and {len(proofs) - MAX_PROOFS_PER_FIELD} more", style="dim"))
    number = f" · KvK {delivery.kvk_number}" if delivery.kvk_number else ""
    return Panel(Group(*lines), title=escape(delivery.name + number), title_align="left")
