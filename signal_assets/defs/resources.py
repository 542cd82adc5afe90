"""Resources: what an asset needs of the outside, opened for a run and closed after it.

No resource has a configuration of its own: settings are read when a run starts, so no key is ever
part of Dagster's snapshot of the code. Each asset receives the opened thing itself, so a test
passes any object with the same methods.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import dagster as dg
import httpx

from signal_assets.clients.budget_use import service_budgets
from signal_assets.clients.claude import ClaudeReader
from signal_assets.clients.claude_batches import BatchLimits
from signal_assets.clients.claude_ladder import StepUp
from signal_assets.clients.company_info import (
    CompanyInfoClient,
    make_provider,
    open_company_info,
)
from signal_assets.clients.decision_tables import MAX_PROBLEMS_SHOWN, TableRefused
from signal_assets.clients.employer_files import read_employers
from signal_assets.clients.gleif import GleifClient, open_gleif
from signal_assets.clients.keyword import KeywordVacancyReader
from signal_assets.clients.kvk import KvkClient, open_kvk
from signal_assets.clients.ledger import Ledger, LedgerSession
from signal_assets.clients.limits_file import load_limits
from signal_assets.clients.open_web import OpenWeb
from signal_assets.clients.override_files import read_overrides
from signal_assets.clients.paid_calls import Budgets, Caller
from signal_assets.clients.price_file import load_prices
from signal_assets.clients.profile_files import LoadedProfile, ProfileRefused, load_named_profile
from signal_assets.clients.prompts import PromptStore
from signal_assets.clients.rate_limit import RateLimit
from signal_assets.clients.readers import VacancyReader
from signal_assets.clients.sources import VacancySource
from signal_assets.clients.sources.boards import BoardSource
from signal_assets.clients.sources.file import FileSource
from signal_assets.clients.sources.jobposting import JobPostingSource
from signal_assets.clients.sources.jobspy import JobSpySource, find_jobspy
from signal_assets.clients.sources.serpapi import SerpApiSource, open_serpapi
from signal_assets.clients.sources.unconfigured import UnconfiguredSource
from signal_assets.clients.suppression_files import read_suppression
from signal_assets.defs.activating import ActivationRefused, check_model
from signal_assets.defs.extraction_prompts import active_prompt
from signal_assets.defs.gate import Gate
from signal_assets.defs.partitions import HELPED_RUN_TAG, MAX_RETRIES_TAG, profile_of
from signal_assets.defs.storage import ParquetIOManager, TableStore
from signal_assets.domain.boards import BOARD_KINDS
from signal_assets.domain.company_quality import GateRules
from signal_assets.domain.employer_lists import EmployerList
from signal_assets.domain.erasure import Marks
from signal_assets.domain.gazetteers import Gazetteer
from signal_assets.domain.keyword_reader import KeywordReader, gazetteer_for
from signal_assets.domain.overrides import Overrides
from signal_assets.domain.prices import PriceTable
from signal_assets.domain.prompts import PromptVersion
from signal_assets.domain.search_profiles import (
    BoardSourceOptions,
    FileSourceOptions,
    JobPostingSourceOptions,
    JobSpySourceOptions,
    SearchProfile,
    SourceOptions,
)
from signal_assets.domain.suppression import SuppressionList
from signal_assets.progress import LoggedProgress, Progress
from signal_assets.settings import Settings

T = TypeVar("T")

WHOLE_RUN = ""
"""Stands where a session of the ledger names its asset."""


@dg.resource(description="Everything the environment says.")
def settings(context: dg.InitResourceContext) -> Settings:
    return Settings()


@dg.resource(
    description="The profile file of the run's partition, or of the run it helps.",
    required_resource_keys={"settings"},
)
def profile_file(context: dg.InitResourceContext) -> LoadedProfile:
    tags = context.run.tags if context.run else {}
    name = profile_of(tags)
    if name is None:
        raise dg.Failure("Choose a search profile: these tables are made for one at a time.")
    try:
        return load_named_profile(context.resources.settings.profiles, name)
    except ProfileRefused as error:
        raise _failure(context, error) from error


@dg.resource(description="The run's search profile.", required_resource_keys={"profile_file"})
def search_profile(context: dg.InitResourceContext) -> SearchProfile:
    profile: SearchProfile = context.resources.profile_file.profile
    return profile


@dg.resource(
    description="What the profile asks of a company before money is spent on it.",
    required_resource_keys={"settings", "search_profile"},
)
def gate_rules(context: dg.InitResourceContext) -> GateRules:
    profile = context.resources.search_profile
    threshold = profile.quality_threshold
    return GateRules(
        quality_threshold=context.resources.settings.min_quality
        if threshold is None
        else threshold,
        enrich_negative_companies=profile.enrich_negative_companies,
    )


@dg.resource(description="The tables of earlier runs.", required_resource_keys={"settings"})
def tables(context: dg.InitResourceContext) -> TableStore:
    return TableStore(context.resources.settings.storage, is_patient=True)


@dg.io_manager(
    description="Parquet, one file per asset and profile.", required_resource_keys={"tables"}
)
def io_manager(context: dg.InitResourceContext) -> ParquetIOManager:
    return ParquetIOManager(context.resources.tables)


@dg.resource(description="The ledger of paid calls.", required_resource_keys={"settings"})
def ledger(context: dg.InitResourceContext) -> Iterator[Ledger]:
    """The run shows its life in the database while the ledger is open; see `lost_runs`."""
    known: Settings = context.resources.settings
    opened = Ledger.open(known.resolved_database_url, load_limits(known.limits))
    try:
        if context.run is None:
            yield opened
            return
        profile = profile_of(context.run.tags) or ""
        with opened.presence(
            Caller(run_id=context.run.run_id, asset=WHOLE_RUN, search_profile=profile)
        ):
            yield opened
    finally:
        opened.close()


@dg.resource(
    description="By what those are known who were erased and shall not come back.",
    required_resource_keys={"ledger"},
)
def erased(context: dg.InitResourceContext) -> Marks:
    opened: Ledger = context.resources.ledger
    return opened.erased_marks()


@dg.resource(
    description="The prompt versions of all profiles.", required_resource_keys={"settings"}
)
def prompts(context: dg.InitResourceContext) -> Iterator[PromptStore]:
    opened = PromptStore.open(context.resources.settings.resolved_database_url)
    yield opened
    opened.close()


@dg.resource(
    description="The active prompt version of the run's profile.",
    required_resource_keys={"prompts", "search_profile"},
)
def prompt(context: dg.InitResourceContext) -> PromptVersion:
    return active_prompt(context.resources.prompts, context.resources.search_profile)


@dg.resource(
    description="Where the profile's vacancies come from.",
    required_resource_keys={"settings", "profile_file", "ledger", "progress"},
)
def sources(context: dg.InitResourceContext) -> Iterator[tuple[VacancySource, ...]]:
    known: Settings = context.resources.settings
    profile_file: LoadedProfile = context.resources.profile_file
    for options in profile_file.profile.sources:
        if isinstance(options, JobSpySourceOptions):
            _log(context).warning(options.notice)
    with (
        _session(context, "raw_vacancies") as session,
        ExitStack() as opened,
        OpenWeb() as web,
    ):
        yield tuple(
            _open_source(options, profile_file, session, known, opened, web)
            for options in profile_file.profile.sources
        )


@dg.resource(
    description="Claude where there is a key, else the keyword reader.",
    required_resource_keys={
        "settings",
        "profile_file",
        "search_profile",
        "prompt",
        "prompts",
        "ledger",
        "progress",
    },
)
def reader(context: dg.InitResourceContext) -> Iterator[VacancyReader]:
    known: Settings = context.resources.settings
    if known.anthropic_api_key is None:
        extraction = context.resources.search_profile.extraction
        yield KeywordVacancyReader(KeywordReader(extraction))
        return
    try:
        check_model(
            context.resources.prompts,
            context.resources.profile_file,
            context.resources.prompt,
            known.model,
        )
    except ActivationRefused as refused:
        raise _failure(context, refused) from refused
    with _session(context, "extracted_vacancies") as session:
        yield ClaudeReader(
            session,
            context.resources.prompt,
            model=known.model,
            api_key=known.anthropic_api_key.get_secret_value(),
            base_url=known.anthropic_base_url,
            concurrency=known.concurrency,
            prices=_prices(known),
            batch_limits=BatchLimits(wait_seconds=60 * known.batch_wait_minutes),
            step_up=_step_up(context.resources.search_profile),
            transport_name=known.transport,
            say=context.resources.progress.say,
        )


@dg.resource(
    description="The products the profile knows, in their usual spelling.",
    required_resource_keys={"search_profile"},
)
def gazetteer(context: dg.InitResourceContext) -> Gazetteer:
    return gazetteer_for(context.resources.search_profile.extraction)


@dg.resource(
    description="The Business Register, or None without a key.",
    required_resource_keys={"settings", "profile_file", "ledger", "progress"},
)
def kvk(context: dg.InitResourceContext) -> Iterator[KvkClient | None]:
    known: Settings = context.resources.settings
    if known.kvk_api_key is None:
        yield None
        return
    key, url = known.kvk_api_key.get_secret_value(), known.kvk_base_url
    with _session(context, "kvk_profiles") as session, open_kvk(key, url) as http:
        yield KvkClient(http, session, _prices(known), rate_limit=_rate_limit(url))


@dg.resource(
    description="The LEI register, or None where it is not switched on.",
    required_resource_keys={"settings", "profile_file", "ledger", "progress"},
)
def gleif(context: dg.InitResourceContext) -> Iterator[GleifClient | None]:
    known: Settings = context.resources.settings
    if not known.gleif:
        yield None
        return
    url = known.gleif_base_url
    with _session(context, "kvk_profiles") as session, open_gleif(url) as http:
        yield GleifClient(http, session, _prices(known), rate_limit=_rate_limit(url))


@dg.resource(
    description="The user's own list of employers, or None.", required_resource_keys={"settings"}
)
def employers(context: dg.InitResourceContext) -> EmployerList | None:
    path = context.resources.settings.employers
    if path is None:
        return None
    file = _read_or_fail(context, read_employers, path)
    for problem in file.problems[:MAX_PROBLEMS_SHOWN]:
        _log(context).warning(f"Employer left out: {problem}")
    return file.employers


@dg.resource(
    description="What a person decided about companies.", required_resource_keys={"settings"}
)
def overrides(context: dg.InitResourceContext) -> Overrides:
    return _read_or_fail(context, read_overrides, context.resources.settings.overrides)


@dg.resource(
    description="The companies that must not be approached.", required_resource_keys={"settings"}
)
def suppression(context: dg.InitResourceContext) -> SuppressionList:
    return _read_or_fail(context, read_suppression, context.resources.settings.suppression)


@dg.resource(
    description="Company.info, or None without a key.",
    required_resource_keys={"settings", "profile_file", "ledger", "progress"},
)
def company_info(context: dg.InitResourceContext) -> Iterator[CompanyInfoClient | None]:
    known: Settings = context.resources.settings
    if known.company_info_api_key is None:
        yield None
        return
    with _session(context, "company_financials") as session:
        try:
            provider = make_provider(
                known.company_info_provider,
                mapping=known.company_info_mapping,
                user_name=known.company_info_username,
            )
        except ValueError as error:
            raise _failure(context, error) from error
        key = known.company_info_api_key.get_secret_value()
        url = known.company_info_base_url or provider.base_url
        with open_company_info(key, url, provider=provider) as http:
            yield CompanyInfoClient(
                http, session, provider, _prices(known), rate_limit=_rate_limit(url)
            )


@dg.resource(description="The gate's second layer.")
def gate(context: dg.InitResourceContext) -> Gate:
    assert context.instance is not None  # noqa: S101 - a run has one
    return Gate(context.instance, context.run.run_id if context.run else None)


@dg.resource(description="How long work shows that it moves.")
def progress(context: dg.InitResourceContext) -> Progress:
    return LoggedProgress(_log(context))


RESOURCES = {
    "settings": settings,
    "profile_file": profile_file,
    "search_profile": search_profile,
    "gate_rules": gate_rules,
    "tables": tables,
    "io_manager": io_manager,
    "ledger": ledger,
    "erased": erased,
    "prompts": prompts,
    "prompt": prompt,
    "sources": sources,
    "reader": reader,
    "gazetteer": gazetteer,
    "kvk": kvk,
    "gleif": gleif,
    "employers": employers,
    "overrides": overrides,
    "suppression": suppression,
    "company_info": company_info,
    "gate": gate,
    "progress": progress,
}


def _open_source(
    options: SourceOptions,
    profile_file: LoadedProfile,
    session: LedgerSession,
    known: Settings,
    opened: ExitStack,
    web: OpenWeb,
) -> VacancySource:
    """Return one source of a profile; what it opens is closed with `opened`."""
    if isinstance(options, FileSourceOptions):
        return FileSource(options, profile_file.folder)
    if isinstance(options, BoardSourceOptions):
        kind = BOARD_KINDS[options.type]
        return BoardSource(kind, options, web, base_url=known.boards_base_url)
    if isinstance(options, JobPostingSourceOptions):
        return JobPostingSource(options, web)
    if isinstance(options, JobSpySourceOptions):
        return JobSpySource(options, find_jobspy())
    if known.serpapi_api_key is None:
        return UnconfiguredSource("serpapi", "no key (SERPAPI_API_KEY)")
    url = known.serpapi_base_url
    http = opened.enter_context(open_serpapi(known.serpapi_api_key.get_secret_value(), url))
    return SerpApiSource(http, session, options, _prices(known))


def _log(context: dg.InitResourceContext) -> dg.DagsterLogManager | logging.Logger:
    return context.log or logging.getLogger(__name__)


def _failure(context: dg.InitResourceContext, why: Exception) -> dg.Failure:
    """Return the failure of a run that would fail again, so that nobody tries it again."""
    if context.run is not None and context.instance is not None:
        context.instance.add_run_tags(context.run.run_id, {MAX_RETRIES_TAG: "0"})
    return dg.Failure(str(why), allow_retries=False)


def _read_or_fail(context: dg.InitResourceContext, read: Callable[[Path], T], path: Path) -> T:
    """Return what a file of the user's holds, or fail the run naming the lines that are wrong."""
    try:
        return read(path)
    except TableRefused as error:
        raise _failure(context, error) from error


def _step_up(profile: SearchProfile) -> StepUp | None:
    wanted = profile.step_up
    return StepUp(wanted.model, wanted.min_quote_support) if wanted else None


def _prices(known: Settings) -> PriceTable:
    return PriceTable.shipped() if known.prices is None else load_prices(known.prices)


def _rate_limit(base_url: str) -> RateLimit | None:
    """Return None, the service's own limit, unless it is a server on this machine."""
    host = httpx.URL(base_url).host
    return RateLimit(1_000, 8) if host in ("127.0.0.1", "localhost", "::1") else None


def _session(context: dg.InitResourceContext, asset: str) -> LedgerSession:
    """Return the run's own session of the ledger, within the budgets of its profile.

    A run that helps another one spends what that one may.
    """
    known: Settings = context.resources.settings
    profile: SearchProfile = context.resources.profile_file.profile
    wanted = profile.budget_usd
    budgets = Budgets(
        run=known.run_budget_usd if wanted.run is None else wanted.run,
        month=wanted.month,
        services=service_budgets(profile),
    )
    assert context.run is not None  # noqa: S101 - `profile_file` needed its partition
    run_id = context.run.tags.get(HELPED_RUN_TAG, context.run.run_id)
    caller = Caller(run_id=run_id, asset=asset, search_profile=profile.name)
    opened: LedgerSession = context.resources.ledger.session(
        caller,
        budgets,
        kill_switch=known.llm_kill_switch,
        say=context.resources.progress.say,
    )
    return opened
