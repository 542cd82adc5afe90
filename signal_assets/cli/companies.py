"""`signal-assets companies`: the companies found, with the sentences that prove it."""

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from signal_assets.cli.console import WRONG_USE, out, stop
from signal_assets.cli.running import known_profiles
from signal_assets.domain.deliveries import Delivery, LeftOut, Proof, select_deliveries
from signal_assets.domain.suppression import SuppressionList
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
        suppression=load_suppression(settings),
    )


def load_suppression(settings: Settings) -> SuppressionList:
    """Return the user's suppression list; without the whole of it nothing is handed over."""
    from signal_assets.clients.decision_tables import TableRefused
    from signal_assets.clients.suppression_files import read_suppression

    try:
        return read_suppression(settings.suppression)
    except TableRefused as error:
        stop(str(error), WRONG_USE)


def print_companies(
    settings: Settings, profile: str, *, limit: int, include_unmatched: bool = False
) -> None:
    """Print the companies of a profile as a table, and the first ones with their proof."""
    deliveries, left_out = load_deliveries(settings, profile, include_unmatched=include_unmatched)
    table = Table(
        title=f"{profile}: {len(deliveries)} companies", title_justify="left", box=SIMPLE_HEAD
    )
    table.add_column("company", no_wrap=True, overflow="ellipsis", max_width=32)
    table.add_column("KvK", no_wrap=True)
    table.add_column("quality", justify="right", no_wrap=True)
    table.add_column("ads", justify="right", no_wrap=True)
    table.add_column("staff", no_wrap=True)
    table.add_column("revenue", no_wrap=True, overflow="ellipsis")
    for delivery in deliveries:
        table.add_row(
            escape(delivery.name),
            delivery.kvk_number or "–",
            f"{delivery.extraction_quality or 0:.2f}",
            str(delivery.vacancy_count),
            delivery.employee_range or "–",
            delivery.revenue_range or "–",
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


def _distinct(proofs: Iterable[Proof]) -> list[Proof]:
    """Return proofs with other words or another link; two values can share one sentence."""
    by_words = {(proof.quote, proof.url or proof.vacancy_id): proof for proof in proofs}
    return list(by_words.values())


def _panel(delivery: Delivery) -> Panel:
    lines: list[Text] = []
    for field in dict.fromkeys(proof.field for proof in delivery.proofs):
        stated = [proof for proof in delivery.proofs if proof.field == field]
        values = ", ".join(dict.fromkeys(proof.value for proof in stated))
        lines.append(Text.assemble((f"{field.replace('_', ' ')}: ", "bold"), (values, "cyan")))
        proofs = _distinct(stated)
        for proof in proofs[:MAX_PROOFS_PER_FIELD]:
            quote = " ".join(proof.quote.split())
            where = proof.url or proof.vacancy_id
            lines.append(Text.assemble(f"  “{quote}” ", (where, "dim")))
        if len(proofs) > MAX_PROOFS_PER_FIELD:
            lines.append(Text(f"  and {len(proofs) - MAX_PROOFS_PER_FIELD} more", style="dim"))
    channels = " · ".join(f"{channel} {verdict}" for channel, verdict in delivery.outreach.items())
    lines.append(Text(channels.replace("_", " "), style="dim"))
    number = f" · KvK {delivery.kvk_number}" if delivery.kvk_number else ""
    return Panel(Group(*lines), title=escape(delivery.name + number), title_align="left")
