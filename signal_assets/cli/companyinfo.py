"""`signal-assets companyinfo`: what a key for Company.info sees, to fill a field mapping from."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from signal_assets.cli.console import WRONG_USE, out, stop
from signal_assets.settings import Settings

if TYPE_CHECKING:
    from signal_assets.clients.company_info import CompanyInfoProvider
    from signal_assets.clients.paid_calls import Caller
    from signal_assets.domain.answer_shapes import AnswerShape, FieldCheck
    from signal_assets.domain.companies import Spend

app = typer.Typer(no_args_is_help=True, help="Look at what Company.info answers to your key.")

_NO_PROFILE = "-"
"""Stands in the ledger where a search profile would be."""


@app.callback()
def _companyinfo() -> None:
    """Keep `probe` a command of its own, also while it is the only one."""


@app.command()
def probe(
    kvk: Annotated[str, typer.Option("--kvk", help="KvK number of a company, eight digits.")],
) -> None:
    """Ask for one company; print the paths and kinds of the answer, and check the mapping.

    No value of the answer is printed. It is one paid call (two where the mapping of the hub says
    `search_then_get`); what was paid for is kept, so asking again costs nothing.

    Exit code 0: asked, also when there is no such company. 1: could not be asked. 2: wrong use.
    """
    import re

    from signal_assets.clients.company_info import make_provider

    settings = Settings()
    if not re.fullmatch(r"[0-9]{8}", kvk):
        stop(f"{kvk[:50]!r} is not a KvK number of eight digits.", WRONG_USE)
    if settings.company_info_api_key is None:
        stop("There is no key for Company.info (COMPANY_INFO_API_KEY).", WRONG_USE)
    try:
        provider = make_provider(
            settings.company_info_provider,
            mapping=settings.company_info_mapping,
            user_name=settings.company_info_username,
        )
    except ValueError as error:
        stop(str(error), WRONG_USE)
    shape, spend = _ask(settings, provider, kvk)
    out.print(
        f"Provider {settings.company_info_provider}: calls {spend.calls}, "
        f"from the ledger {spend.from_ledger}, USD {spend.cost_usd}.",
        highlight=False,
    )
    if shape is None:
        out.print(f"Company.info does not have {kvk}; try another company.", highlight=False)
        return
    print_shape(shape)


def print_shape(shape: "AnswerShape") -> None:
    """Print what is where, then what each of our fields finds; never a value."""
    if shape.row_count > 1:
        out.print(
            f"{shape.row_count} companies in the answer: set kvk_number in the mapping, so that the"
            " right one is chosen. The first one is shown.",
            highlight=False,
        )
    paths = Table("path", "kind", box=SIMPLE_HEAD)
    for path, kind in shape.paths.items():
        paths.add_row(escape(path), kind)
    out.print(paths)
    fields = Table("our field", "where", "", box=SIMPLE_HEAD)
    for check in shape.checks:
        where = check.found_at or ", ".join(check.pointers)
        fields.add_row(check.field, escape(where), _say(check))
    out.print(fields)
    unmapped = [check.field for check in shape.checks if check.outcome == "unmapped"]
    if unmapped:
        out.print(f"Not mapped, so null: {', '.join(unmapped)}", highlight=False, soft_wrap=True)


def _say(check: "FieldCheck") -> str:
    if check.outcome == "read":
        return "read"
    if check.outcome == "absent":
        return "nothing there, null"
    if check.outcome == "unreadable":
        return f"found, but no {check.convert}" if check.convert else "found, but cannot be read"
    return "not mapped, null"


def _ask(
    settings: Settings, provider: "CompanyInfoProvider", kvk: str
) -> "tuple[AnswerShape | None, Spend]":
    from signal_assets.clients.company_info import CompanyInfoClient, open_company_info
    from signal_assets.clients.ledger import Budgets, Ledger
    from signal_assets.clients.limits_file import load_limits
    from signal_assets.clients.price_file import load_prices
    from signal_assets.domain.prices import PriceTable

    assert settings.company_info_api_key is not None  # noqa: S101 - the command looked
    key = settings.company_info_api_key.get_secret_value()
    prices = PriceTable.shipped() if settings.prices is None else load_prices(settings.prices)
    ledger = Ledger.open(settings.resolved_database_url, load_limits(settings.limits))
    try:
        with (
            ledger.session(_caller(), Budgets(run=settings.run_budget_usd)) as session,
            open_company_info(key, settings.company_info_base_url, provider=provider) as http,
        ):
            client = CompanyInfoClient(http, session, provider, prices)
            return client.probe(kvk), client.spend
    finally:
        ledger.close()


def _caller() -> "Caller":
    import uuid

    from signal_assets.clients.paid_calls import Caller

    return Caller(
        run_id=f"probe-{uuid.uuid4()}", asset="companyinfo probe", search_profile=_NO_PROFILE
    )
