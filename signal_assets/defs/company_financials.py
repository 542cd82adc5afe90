"""The asset `company_financials`, and its checks."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pandas as pd

from signal_assets.clients.company_info import CompanyInfoClient
from signal_assets.clients.ledger import Ledger
from signal_assets.clients.lookups import Lookups, look_up_all
from signal_assets.defs import company_quality as quality
from signal_assets.defs import extracted_vacancies as extraction
from signal_assets.defs import kvk_profiles as register
from signal_assets.defs import raw_vacancies as harvest
from signal_assets.defs.frames import preview, rows_of, to_frame
from signal_assets.defs.gate import Gate, refuse_to_spend
from signal_assets.defs.partitions import search_profiles
from signal_assets.defs.passes import pass_record
from signal_assets.defs.stops import lookup_numbers, paid_checks, without_answer
from signal_assets.defs.tables import COMPANY_FINANCIALS
from signal_assets.defs.watching import watched
from signal_assets.domain.companies import CompanyFinancials, Spend
from signal_assets.domain.search_profiles import SearchProfile
from signal_assets.domain.suppression import SuppressionList
from signal_assets.logs import about
from signal_assets.progress import Progress


@dg.asset(
    partitions_def=search_profiles,
    group_name="pass_2",
    kinds={"api", "parquet"},
    owners=["team:signal-assets"],
    code_version="1",
    metadata={"dagster/column_schema": COMPANY_FINANCIALS.column_schema},
)
@watched
def company_financials(
    context: dg.AssetExecutionContext,
    kvk_profiles: pd.DataFrame,
    search_profile: dg.ResourceParam[SearchProfile],
    company_info: dg.ResourceParam[CompanyInfoClient | None],
    suppression: dg.ResourceParam[SuppressionList],
    ledger: dg.ResourceParam[Ledger],
    gate: dg.ResourceParam[Gate],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[pd.DataFrame]:
    """One KvK number after Company.info: size, revenue and figures, as far as filed.

    Only numbers that were matched without doubt are asked for. One that Company.info does not know
    is `completed` with nothing but its number. Paid per number; answers are kept for 90 days.
    """
    refuse_to_spend(gate, context.partition_key, UPSTREAM_CHECKS)
    started_at = datetime.now(UTC)
    numbers = numbers_to_ask(
        kvk_profiles,
        suppression,
        include_natural_persons=search_profile.include_natural_person_businesses,
    )
    if company_info is None:
        rows = [_skipped(number) for number in numbers]
        lookups: Lookups[str, CompanyFinancials] = Lookups()
        spend = Spend()
    else:
        with progress.steps("Asking Company.info", len(numbers)) as step:
            get_financials = company_info.get_financials

            def ask(kvk_number: str) -> CompanyFinancials | None:
                with about(kvk_number=kvk_number):
                    return get_financials(kvk_number)

            lookups = look_up_all(numbers, ask, on_done=step)
        rows = [_row(number, lookups) for number in numbers]
        spend = company_info.spend
    for number, reason in lookups.failed.items():
        with about(kvk_number=number):
            context.log.warning(f"No figures for {number}: {reason}")
    frame = to_frame(rows, COMPANY_FINANCIALS)
    ledger.record_pass(
        pass_record(
            context,
            "external",
            started_at,
            processed=len(lookups.found) + len(lookups.absent) + len(lookups.failed),
            succeeded=len(lookups.found) + len(lookups.absent),
            failed=len(lookups.failed),
            waiting=len(lookups.waiting),
            spend=spend,
        )
    )
    return dg.MaterializeResult(
        value=frame,
        metadata={
            "dagster/partition_row_count": len(frame),
            **lookup_numbers(lookups, spend),
            "skipped": len(rows) if company_info is None else 0,
            "preview": preview(
                frame, ["kvk_number", "employee_range", "revenue_range", "enrichment_status"]
            ),
        },
    )


def numbers_to_ask(
    kvk_profiles: pd.DataFrame, suppression: SuppressionList, *, include_natural_persons: bool
) -> list[str]:
    """Return the KvK numbers worth a paid call, each once.

    Those of natural persons are left out of what is delivered, so they are not paid for either,
    unless the profile wants them. Nor is anything on the suppression list.
    """
    columns = ["kvk_number", "match_decision", "is_natural_person_business"]
    numbers = [
        row["kvk_number"]
        for row in rows_of(kvk_profiles, [*columns, "statutory_name", "trade_names", "websites"])
        if row["match_decision"] == "auto"
        and row["kvk_number"]
        and (include_natural_persons or not row["is_natural_person_business"])
        and suppression.find(
            kvk_number=row["kvk_number"],
            hosts=row["websites"] or (),
            names=(row["statutory_name"], *(row["trade_names"] or ())),
        )
        is None
    ]
    return sorted(set(numbers))


@dg.asset_check(asset=company_financials, blocking=True, partitions_def=search_profiles)
def one_row_per_kvk_number(company_financials: pd.DataFrame) -> dg.AssetCheckResult:
    """No KvK number occurs twice, so joining on it never multiplies a company."""
    numbers = company_financials["kvk_number"]
    repeated = sorted(set(numbers[numbers.duplicated()]))
    return dg.AssetCheckResult(passed=not repeated, metadata={"repeated": repeated[:50]})


UPSTREAM_CHECKS = (
    *harvest.BLOCKING_CHECKS,
    *extraction.BLOCKING_CHECKS,
    *quality.BLOCKING_CHECKS,
    *register.BLOCKING_CHECKS,
)
BLOCKING_CHECKS = (
    one_row_per_kvk_number,
    *paid_checks(company_financials, "enrichment_status"),
)
CHECKS = BLOCKING_CHECKS


def _skipped(kvk_number: str) -> dict[str, Any]:
    return {
        "kvk_number": kvk_number,
        "enrichment_status": "skipped",
        "error": "no key for Company.info (COMPANY_INFO_API_KEY)",
    }


def _row(kvk_number: str, lookups: Lookups[str, CompanyFinancials]) -> dict[str, Any]:
    found = lookups.found.get(kvk_number)
    if found is None:
        return {"kvk_number": kvk_number, **without_answer(kvk_number, lookups)}
    row = found.model_dump(exclude={"sbi_activities"})
    return {
        **row,
        "enrichment_status": "completed",
        "sbi_codes": [activity.sbi_code for activity in found.sbi_activities],
    }
