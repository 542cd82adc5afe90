"""The product's clients with less patience: the same retries, with shorter pauses between them."""

import time
from collections.abc import Iterator
from decimal import Decimal

import dagster as dg

from signal_assets.clients.claude import ClaudeReader
from signal_assets.clients.claude_run import ClaudeLimits
from signal_assets.clients.company_info import CompanyInfoClient, open_company_info
from signal_assets.clients.http import Patience
from signal_assets.clients.kvk import KvkClient, open_kvk
from signal_assets.clients.ledger import Budgets, Caller, LedgerSession
from signal_assets.clients.pacing import PacingRules
from signal_assets.clients.rate_limit import RateLimit
from signal_assets.clients.sources import VacancySource
from signal_assets.clients.sources.file import FileSource
from signal_assets.clients.sources.serpapi import SerpApiSource, open_serpapi
from signal_assets.definitions import defs
from signal_assets.defs.resources import RESOURCES
from signal_assets.domain.search_profiles import FileSourceOptions, SerpApiSourceOptions
from signal_assets.settings import Settings

PATIENCE = Patience(sleep=lambda seconds: time.sleep(min(seconds, 0.005)))
LIMITS = ClaudeLimits(
    attempt_seconds=0.4,
    pacing=PacingRules(first_wait_seconds=0.01, longest_wait_seconds=0.02, rounds=4),
)
RATE = RateLimit(1_000, 8)


def _session(context: dg.InitResourceContext, asset: str) -> LedgerSession:
    assert context.run is not None
    profile = context.run.tags["dagster/partition"]
    caller = Caller(run_id=context.run.run_id, asset=asset, search_profile=profile)
    session: LedgerSession = context.resources.ledger.session(caller, Budgets(run=Decimal(1_000)))
    return session


@dg.resource(required_resource_keys={"ledger", "prompt"})
def reader(context: dg.InitResourceContext) -> Iterator[ClaudeReader]:
    known = Settings()
    assert known.anthropic_api_key is not None
    with _session(context, "extracted_vacancies") as session:
        yield ClaudeReader(
            session,
            context.resources.prompt,
            model=known.model,
            api_key=known.anthropic_api_key.get_secret_value(),
            base_url=known.anthropic_base_url,
            limits=LIMITS,
        )


@dg.resource(required_resource_keys={"ledger"})
def kvk(context: dg.InitResourceContext) -> Iterator[KvkClient]:
    known = Settings()
    assert known.kvk_api_key is not None
    key, url = known.kvk_api_key.get_secret_value(), known.kvk_base_url
    with _session(context, "kvk_profiles") as session, open_kvk(key, url) as http:
        yield KvkClient(http, session, patience=PATIENCE, rate_limit=RATE)


@dg.resource(required_resource_keys={"ledger"})
def company_info(context: dg.InitResourceContext) -> Iterator[CompanyInfoClient]:
    known = Settings()
    assert known.company_info_api_key is not None
    key, url = known.company_info_api_key.get_secret_value(), known.company_info_base_url
    with _session(context, "company_financials") as session, open_company_info(key, url) as http:
        yield CompanyInfoClient(http, session, patience=PATIENCE, rate_limit=RATE)


@dg.resource(required_resource_keys={"ledger", "profile_file"})
def sources(context: dg.InitResourceContext) -> Iterator[tuple[VacancySource, ...]]:
    known = Settings()
    assert known.serpapi_api_key is not None
    file = context.resources.profile_file
    opened: list[VacancySource] = []
    key, url = known.serpapi_api_key.get_secret_value(), known.serpapi_base_url
    with _session(context, "raw_vacancies") as session, open_serpapi(key, url) as http:
        for options in file.profile.sources:
            if isinstance(options, FileSourceOptions):
                opened.append(FileSource(options, file.folder))
            elif isinstance(options, SerpApiSourceOptions):
                opened.append(SerpApiSource(http, session, options, patience=PATIENCE))
        yield tuple(opened)


def make_job(*assets: str) -> dg.JobDefinition:
    """Return a job that makes these tables, with their checks, through the hasty clients."""
    hasty = {"reader": reader, "kvk": kvk, "company_info": company_info, "sources": sources}
    job = dg.define_asset_job("hasty_job", selection=list(assets))
    return dg.Definitions(
        assets=defs.assets,
        asset_checks=defs.asset_checks,
        jobs=[job],
        resources={**RESOURCES, **hasty},
        executor=dg.in_process_executor,
    ).resolve_job_def("hasty_job")
