"""The asset `company_quality`, and its checks."""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from signal_assets.defs.frames import preview, rows_of, to_frame
from signal_assets.defs.partitions import search_profiles
from signal_assets.defs.storage import some_columns
from signal_assets.defs.tables import COMPANY_QUALITY
from signal_assets.defs.watching import watched
from signal_assets.domain.company_quality import (
    GateRules,
    ReadVacancy,
    assess_companies,
    count_once,
    vacancies_without_company,
)
from signal_assets.domain.search_profiles import SearchProfile

_ADVERTISED = (
    "vacancy_id",
    "company_name",
    "location",
    "first_seen_at",
    "duplicate_of",
    "is_intermediary",
    "intermediary_reason",
)
_READ = ("vacancy_id", "extraction_status", "extraction_quality", "negative_signals")


@dg.asset(
    ins={
        "raw_vacancies": some_columns("raw_vacancies", *_ADVERTISED),
        "extracted_vacancies": some_columns("extracted_vacancies", *_READ),
    },
    partitions_def=search_profiles,
    group_name="pass_1",
    kinds={"parquet"},
    owners=["team:signal-assets"],
    code_version="1",
    metadata={"dagster/column_schema": COMPANY_QUALITY.column_schema},
)
@watched
def company_quality(
    raw_vacancies: pd.DataFrame,
    extracted_vacancies: pd.DataFrame,
    search_profile: dg.ResourceParam[SearchProfile],
    gate_rules: dg.ResourceParam[GateRules],
) -> dg.MaterializeResult[pd.DataFrame]:
    """One company that advertises, with the decision whether it is worth the paid registers.

    Names that differ in legal form or spelling are one company. A copy of a vacancy counts once.
    What an agency posts for a client it does not name is no company's: it is kept and shown, under
    the agency where that posts nothing else, but not scored.
    Companies that do not qualify stay in the table, with the reason.
    """
    published = list(_read_vacancies(raw_vacancies, extracted_vacancies))
    vacancies = count_once(published)
    companies = assess_companies(vacancies, gate_rules)
    frame = to_frame((company.model_dump() for company in companies), COMPANY_QUALITY)
    return dg.MaterializeResult(
        value=frame,
        metadata={
            "dagster/partition_row_count": len(frame),
            "companies": len(frame),
            "qualified": sum(company.qualifies for company in companies),
            "intermediaries": sum(company.is_intermediary for company in companies),
            "with_negative_signals": sum(bool(company.negative_signals) for company in companies),
            "duplicates_left_out": len(published) - len(vacancies),
            "vacancies_of_unnamed_clients": sum(
                len(company.client_vacancy_ids) for company in companies
            ),
            "vacancies_without_company": len(vacancies_without_company(vacancies)),
            "quality_threshold": gate_rules.quality_threshold,
            "preview": preview(
                frame.sort_values(["qualifies", "extraction_quality"], ascending=False),
                ["name", "extraction_quality", "vacancy_count", "qualifies", "reason"],
            ),
        },
    )


@dg.asset_check(asset=company_quality, blocking=True, partitions_def=search_profiles)
def company_quality_is_a_share(company_quality: pd.DataFrame) -> dg.AssetCheckResult:
    """The quality of every company lies in 0..1, or is null where nothing was read."""
    quality = company_quality["extraction_quality"]
    outside = company_quality[quality.notna() & ~quality.between(0, 1).fillna(True)]
    return dg.AssetCheckResult(
        passed=outside.empty, metadata={"outside": outside["company_id"].head(50).tolist()}
    )


@dg.asset_check(asset=company_quality, blocking=True, partitions_def=search_profiles)
def only_worthy_companies_qualify(
    company_quality: pd.DataFrame, gate_rules: dg.ResourceParam[GateRules]
) -> dg.AssetCheckResult:
    """Every company that qualifies reaches the threshold and is no agency."""
    qualifying = company_quality[company_quality["qualifies"]]
    worthy = (qualifying["extraction_quality"] >= gate_rules.quality_threshold).fillna(False)
    wrong = qualifying[~worthy | qualifying["is_intermediary"]]
    return dg.AssetCheckResult(
        passed=wrong.empty, metadata={"wrong": wrong["company_id"].head(50).tolist()}
    )


BLOCKING_CHECKS = (company_quality_is_a_share, only_worthy_companies_qualify)
CHECKS = BLOCKING_CHECKS


def _read_vacancies(raw: pd.DataFrame, extracted: pd.DataFrame) -> Iterator[ReadVacancy]:
    readings = {row["vacancy_id"]: row for row in rows_of(extracted, _READ)}
    columns = [name for name in _ADVERTISED if name in raw]
    for row in rows_of(raw, columns):
        reading = readings.get(row["vacancy_id"])
        if reading is None:
            continue
        completed = reading["extraction_status"] == "completed"
        yield ReadVacancy.model_construct(
            **row,
            quality=reading["extraction_quality"] if completed else None,
            negative_signals=tuple(reading["negative_signals"] or ()),
        )
