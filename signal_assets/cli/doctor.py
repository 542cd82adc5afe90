"""`signal-assets doctor`: which services are configured, and whether they answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import httpx
import typer
from pydantic import SecretStr
from rich.markup import escape
from rich.table import Table

from signal_assets.cli.console import FAILED, out
from signal_assets.settings import Settings

SECONDS = 10
State = Literal["ok", "not configured", "problem"]


@dataclass(frozen=True)
class Finding:
    """What one look at one part found."""

    part: str
    state: State
    said: str


def doctor() -> None:
    """Check settings, profiles, storage, database and each service; nothing is paid for.

    Exit code 1 when something that is configured does not work.
    """
    settings = Settings()
    checks: list[Callable[[Settings], Finding]] = [
        _profiles,
        _storage,
        _database,
        _limits,
        _dagster_home,
        _claude,
        _kvk,
        _company_info,
        _serpapi,
        _alerts,
        _tracing,
    ]
    table = Table("part", "state", "what was found")
    findings = [check(settings) for check in checks]
    colours = {"ok": "green", "not configured": "yellow", "problem": "red"}
    for finding in findings:
        state = f"[{colours[finding.state]}]{finding.state}[/]"
        table.add_row(finding.part, state, escape(finding.said))
    out.print(table)
    if settings.llm_kill_switch:
        out.print("[yellow]![/] LLM_KILL_SWITCH is on: no model is called.")
    if any(finding.state == "problem" for finding in findings):
        raise typer.Exit(FAILED)


def _profiles(settings: Settings) -> Finding:
    from signal_assets.clients.profile_files import load_profiles

    loaded = load_profiles(settings.profiles)
    if loaded.problems:
        return Finding("profiles", "problem", "; ".join(map(str, loaded.problems)))
    if not loaded.profiles:
        said = f"none in {settings.profiles}: `signal-assets profiles init` writes two examples"
        return Finding("profiles", "problem", said)
    return Finding("profiles", "ok", ", ".join(sorted(loaded.profiles)))


def _storage(settings: Settings) -> Finding:
    from signal_assets.defs.storage import TableStore

    try:
        where = TableStore(settings.storage).probe()
    except OSError as error:
        return Finding("tables", "problem", f"{settings.storage} cannot be written: {error}")
    return Finding("tables", "ok", where)


def _database(settings: Settings) -> Finding:
    from signal_assets.clients.database import DatabaseUnavailable
    from signal_assets.clients.ledger import Ledger

    try:
        ledger = Ledger.open(settings.resolved_database_url)
        drift = ledger.drift()
        ledger.close()
    except DatabaseUnavailable as error:
        return Finding("ledger", "problem", str(error))
    if drift:
        return Finding("ledger", "problem", f"{len(drift)} budget sums differ from their calls")
    kind = settings.resolved_database_url.split(":", 1)[0]
    return Finding("ledger", "ok", kind)


def _limits(settings: Settings) -> Finding:
    from signal_assets.clients.limits_file import BadLimitsFile, load_limits
    from signal_assets.domain.limits import LIMITED_SERVICES, NO_LIMITS

    if settings.limits is None:
        said = "no limit over all runs; SIGNAL_ASSETS_LIMITS names a file with them"
        return Finding("limits", "not configured", said)
    try:
        limits = load_limits(settings.limits)
    except BadLimitsFile as error:
        return Finding("limits", "problem", f"SIGNAL_ASSETS_LIMITS: {error}")
    named = [name for name in LIMITED_SERVICES if limits.of(name) != NO_LIMITS.of(name)]
    said = ", ".join(named) if named else f"{settings.limits} limits no service"
    return Finding("limits", "ok", said)


def _dagster_home(settings: Settings) -> Finding:
    from signal_assets.cli.home import open_instance

    try:
        instance = open_instance(settings)
        is_on_postgres = "Postgres" in type(instance.run_storage).__name__
        instance.dispose()
    except Exception as error:  # noqa: BLE001 - whatever the storage of Dagster raises is told
        return Finding("dagster", "problem", f"{settings.dagster_home}: {error}")
    if settings.dagster_postgres_url is not None and not is_on_postgres:
        said = f"{settings.dagster_home}/dagster.yaml does not use DAGSTER_POSTGRES_URL"
        return Finding("dagster", "problem", said)
    where = "postgresql" if is_on_postgres else str(settings.dagster_home)
    return Finding("dagster", "ok", where)


def _claude(settings: Settings) -> Finding:
    from signal_assets.domain.claude_models import get_claude_model

    if settings.anthropic_api_key is None:
        said = "the keyword reader reads; set ANTHROPIC_API_KEY"
        return Finding("claude", "not configured", said)
    try:
        get_claude_model(settings.model)
    except ValueError as error:
        return Finding("claude", "problem", str(error))
    base = (settings.anthropic_base_url or "https://api.anthropic.com").rstrip("/")
    return _ask(
        "claude",
        f"{base}/v1/models/{settings.model}",
        settings.anthropic_api_key,
        lambda key: {"Authorization": f"Bearer {key}", "anthropic-version": "2026-10-21"},
        said=f"{settings.model} can be asked",
    )


def _kvk(settings: Settings) -> Finding:
    if settings.kvk_api_key is None:
        said = "companies are not looked up; set KVK_API_KEY"
        return Finding("kvk", "not configured", said)
    return _ask(
        "kvk",
        f"{settings.kvk_base_url.rstrip('/')}/v2/zoeken?naam=kamer%20van%20koophandel",
        settings.kvk_api_key,
        lambda key: {"apikey": key},
        said="searching works (it is free)",
        also_fine=(404,),
    )


def _company_info(settings: Settings) -> Finding:
    if settings.company_info_api_key is None:
        said = "no figures are bought; set COMPANY_INFO_API_KEY"
        return Finding("company.info", "not configured", said)
    from signal_assets.clients.company_info import make_provider

    name = settings.company_info_provider
    try:
        provider = make_provider(
            name,
            mapping=settings.company_info_mapping,
            user_name=settings.company_info_username,
        )
    except ValueError as error:
        return Finding("company.info", "problem", str(error))
    url = settings.company_info_base_url or provider.base_url
    said = f"{name}: a key is set for {url}; not asked, as every call is paid"
    return Finding("company.info", "ok", said)


def _serpapi(settings: Settings) -> Finding:
    if settings.serpapi_api_key is None:
        said = "the source serpapi is refused; set SERPAPI_API_KEY"
        return Finding("serpapi", "not configured", said)
    return _ask(
        "serpapi",
        f"{settings.serpapi_base_url.rstrip('/')}/account.json",
        settings.serpapi_api_key,
        lambda key: {},
        params=lambda key: {"api_key": key},
        said="the account answers",
    )


def _alerts(settings: Settings) -> Finding:
    from signal_assets.clients.alerting import BrokenChannel
    from signal_assets.defs.alert_channels import NO_CHANNEL, open_channels

    with open_channels(settings) as channels:
        if not channels:
            return Finding("alerts", "not configured", NO_CHANNEL)
        broken = [each for each in channels.values() if isinstance(each, BrokenChannel)]
    if broken:
        return Finding("alerts", "problem", "; ".join(map(str, broken)))
    said = f"{', '.join(channels)}: configured; `signal-assets alerts test` sends a message"
    return Finding("alerts", "ok", said)


def _tracing(settings: Settings) -> Finding:
    from signal_assets.clients.tracing import HOW_TO_INSTALL, is_installed, is_wanted

    if not is_wanted():
        return Finding("tracing", "not configured", "set OTEL_EXPORTER_OTLP_ENDPOINT")
    if not is_installed():
        return Finding("tracing", "problem", HOW_TO_INSTALL)
    return Finding("tracing", "ok", "spans are sent by OTLP over HTTP")


def _ask(
    part: str,
    url: str,
    secret: SecretStr,
    headers: Callable[[str], dict[str, str]],
    *,
    said: str,
    params: Callable[[str], dict[str, str]] = lambda key: {},
    also_fine: tuple[int, ...] = (),
) -> Finding:
    from signal_assets.clients.http import USER_AGENT

    key = secret.get_secret_value()
    try:
        response = httpx.get(
            url,
            headers={"User-Agent": USER_AGENT, **headers(key)},
            params=params(key) or None,
            timeout=SECONDS,
        )
    except httpx.HTTPError as error:
        return Finding(part, "problem", f"no answer ({type(error).__name__})")
    if response.status_code == 200 or response.status_code in also_fine:
        return Finding(part, "ok", said)
    if response.status_code in (401, 403):
        return Finding(part, "problem", f"HTTP {response.status_code}: the key is refused")
    return Finding(part, "problem", f"HTTP {response.status_code}")
