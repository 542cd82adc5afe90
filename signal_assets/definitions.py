"""The code location: everything Dagster loads."""

import dagster as dg

from signal_assets.clients.tracing import start_tracing
from signal_assets.defs import (
    accounts,
    alerts,
    company_financials,
    company_quality,
    extracted_vacancies,
    extraction_evaluation,
    extraction_prompts,
    freshness,
    jobs,
    kvk_profiles,
    lost_runs,
    merged_companies,
    raw_vacancies,
    reading_help,
    retention,
    schedules,
    sensors,
)
from signal_assets.defs.resources import RESOURCES
from signal_assets.defs.watching import with_code_references
from signal_assets.logs import start_logs
from signal_assets.settings import Settings

start_logs(Settings().log_format)
start_tracing()

_ASSETS = (
    raw_vacancies,
    extracted_vacancies,
    company_quality,
    kvk_profiles,
    company_financials,
    merged_companies,
    accounts,
    extraction_evaluation,
)

defs = dg.Definitions(
    assets=[
        *dg.with_source_code_references([extraction_prompts.extraction_prompts]),
        *with_code_references(
            [
                raw_vacancies.raw_vacancies,
                extracted_vacancies.extracted_vacancies,
                company_quality.company_quality,
                kvk_profiles.kvk_profiles,
                company_financials.company_financials,
                merged_companies.merged_companies,
                accounts.accounts,
                extraction_evaluation.extraction_evaluation,
            ]
        ),
    ],
    asset_checks=[
        *(check for module in _ASSETS for check in module.CHECKS),
        freshness.harvested_lately,
    ],
    jobs=[
        *jobs.JOBS,
        accounts.accounts_job,
        extraction_evaluation.evaluation_job,
        reading_help.reading_help_job,
        retention.retention_job,
    ],
    sensors=[
        sensors.enrichment_after_harvest,
        sensors.help_with_reading,
        freshness.freshness_sensor,
        *alerts.ALERTS,
        lost_runs.lost_runs,
    ],
    schedules=[
        schedules.harvest_schedule,
        schedules.weekly_schedule,
        accounts.accounts_schedule,
        retention.retention_schedule,
    ],
    resources=RESOURCES,
    executor=dg.in_process_executor,
)
