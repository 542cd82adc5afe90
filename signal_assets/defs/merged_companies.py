"""The asset `merged_companies`, and its checks."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import dagster as dg
import pandas as pd

from signal_assets.defs.company_quality import company_quality
from signal_assets.defs.frames import preview, rows_of, to_frame
from signal_assets.defs.partitions import search_profiles
from signal_assets.defs.storage import some_columns
from signal_assets.defs.tables import MERGED_COMPANIES
from signal_assets.defs.watching import watched
from signal_assets.domain.employee_ranges import choose_employee_range
from signal_assets.domain.merging import CompanyRow, MergedCompany, Signal, merge_companies
from signal_assets.domain.overrides import Overrides
from signal_assets.domain.posters import is_agency_activity
from signal_assets.settings import Settings

_PUBLISHED = ("vacancy_id", "url", "posted_at", "first_seen_at")
_STATED = ("vacancy_id", "evidence")


@dg.asset(
    ins={
        "raw_vacancies": some_columns("raw_vacancies", *_PUBLISHED),
        "extracted_vacancies": some_columns("extracted_vacancies", *_STATED),
    },
    partitions_def=search_profiles,
    group_name="pass_2",
    kinds={"parquet"},
    owners=["team:signal-assets"],
    code_version="1",
    metadata={"dagster/column_schema": MERGED_COMPANIES.column_schema},
)
@watched
def merged_companies(
    raw_vacancies: pd.DataFrame,
    extracted_vacancies: pd.DataFrame,
    company_quality: pd.DataFrame,
    kvk_profiles: pd.DataFrame,
    company_financials: pd.DataFrame,
    overrides: dg.ResourceParam[Overrides],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[pd.DataFrame]:
    """One company that qualified: its registers, all its vacancies, and what they state with proof.

    Rows with the same KvK number become one; the oldest survives, its gaps are filled from the
    others, and every losing value is kept. What a person called the same, or not the same, in the
    overrides file outranks the numbers.
    """
    vacancies = _vacancies(raw_vacancies, extracted_vacancies, company_quality)
    rows = list(_company_rows(company_quality, kvk_profiles, company_financials, vacancies))
    merge = merge_companies(
        rows, overrides.sameness, non_mailing_policy=settings.non_mailing_policy
    )
    frame = to_frame(map(_row, merge.companies), MERGED_COMPANIES)
    return dg.MaterializeResult(
        value=frame,
        metadata={
            "dagster/partition_row_count": len(frame),
            "companies": len(frame),
            "merged_away": merge.merge_count,
            "agencies_by_activity": int(frame["is_intermediary"].sum()),
            "with_kvk_number": int(frame["kvk_number"].notna().sum()),
            "vacancies": sum(len(company.vacancy_ids) for company in merge.companies),
            "signals": sum(len(found) for row in rows for found in row.signals.values()),
            "preview": preview(
                frame.sort_values("extraction_quality", ascending=False),
                ["name", "kvk_number", "extraction_quality", "employee_range", "revenue_range"],
            ),
        },
    )


@dg.asset_check(asset=merged_companies, blocking=True, partitions_def=search_profiles)
def no_kvk_number_twice(merged_companies: pd.DataFrame) -> dg.AssetCheckResult:
    """No KvK number occurs twice after the merge: one company is one row."""
    numbers = merged_companies["kvk_number"].dropna()
    repeated = sorted(set(numbers[numbers.duplicated()]))
    return dg.AssetCheckResult(passed=not repeated, metadata={"repeated": repeated[:50]})


@dg.asset_check(
    asset=merged_companies,
    blocking=True,
    partitions_def=search_profiles,
    additional_ins={"before": dg.AssetIn(company_quality.key)},
)
def no_vacancy_lost(merged_companies: pd.DataFrame, before: pd.DataFrame) -> dg.AssetCheckResult:
    """Every vacancy of a company that qualified is there after the merge, once."""
    qualified = before[before["qualifies"]]
    ids_before = [id_ for ids in qualified["vacancy_ids"] for id_ in ids]
    ids_after = [id_ for ids in merged_companies["vacancy_ids"] for id_ in ids]
    lost = sorted(set(ids_before) - set(ids_after))
    return dg.AssetCheckResult(
        passed=sorted(ids_before) == sorted(ids_after),
        metadata={"before": len(ids_before), "after": len(ids_after), "lost": lost[:50]},
    )


BLOCKING_CHECKS = (no_kvk_number_twice, no_vacancy_lost)
CHECKS = BLOCKING_CHECKS


def _vacancies(
    raw: pd.DataFrame, extracted: pd.DataFrame, quality: pd.DataFrame
) -> dict[str, dict[str, Any]]:
    """Return evidence, url and date of the vacancies whose company qualified."""
    wanted = {id_ for ids in quality[quality["qualifies"]]["vacancy_ids"] for id_ in ids}
    found = {
        row["vacancy_id"]: row for row in rows_of(raw, _PUBLISHED) if row["vacancy_id"] in wanted
    }
    for row in rows_of(extracted, _STATED):
        if row["vacancy_id"] in found:
            found[row["vacancy_id"]]["evidence"] = json.loads(row["evidence"] or "[]")
    return found


def _company_rows(
    quality: pd.DataFrame,
    register: pd.DataFrame,
    financials: pd.DataFrame,
    vacancies: Mapping[str, Mapping[str, Any]],
) -> Iterator[CompanyRow]:
    profiles = {row["company_id"]: row for row in rows_of(register)}
    figures = {row["kvk_number"]: row for row in rows_of(financials)}
    for company in rows_of(quality[quality["qualifies"]]):
        profile = profiles.get(company["company_id"], {})
        number = profile.get("kvk_number")
        known = figures.get(number, {}) if number else {}
        yield CompanyRow(
            company_id=company["company_id"],
            name=profile.get("statutory_name") or company["name"],
            advertised_name=company["name"],
            kvk_number=number,
            match_decision=profile.get("match_decision"),
            vacancy_ids=tuple(company["vacancy_ids"]),
            extraction_quality=company["extraction_quality"],
            statutory_name=profile.get("statutory_name"),
            legal_form=profile.get("legal_form"),
            employee_count=known.get("employee_count") or profile.get("employee_count"),
            employee_range=choose_employee_range(
                known.get("employee_range"),
                known.get("employee_count"),
                profile.get("employee_count"),
            ),
            revenue_range=known.get("revenue_range"),
            sbi_codes=tuple(profile.get("sbi_codes") or known.get("sbi_codes") or ()),
            establishment_count=profile.get("establishment_count"),
            founded_date=known.get("founded_date") or profile.get("registration_date"),
            is_active=profile.get("is_active"),
            non_mailing=_non_mailing(profile, known),
            company_info_non_mailing=known.get("non_mailing"),
            is_natural_person_business=profile.get("is_natural_person_business"),
            is_holding=profile.get("is_holding"),
            websites=tuple(profile.get("websites") or ()),
            siblings=tuple(profile.get("siblings") or ()) if number else (),
            decided_by_person=profile.get("decided_by") == "override",
            signals=_signals(company["vacancy_ids"], vacancies),
            first_seen_at=company["first_seen_at"],
        )


def _non_mailing(profile: Mapping[str, Any], known: Mapping[str, Any]) -> bool | None:
    """Return the indicator: set where either register sets it, None where neither says."""
    stated = (profile.get("non_mailing"), known.get("non_mailing"))
    return any(stated) if stated != (None, None) else None


def _signals(
    vacancy_ids: Iterable[str], vacancies: Mapping[str, Mapping[str, Any]]
) -> dict[str, tuple[Signal, ...]]:
    signals: dict[str, list[Signal]] = {}
    for vacancy_id in vacancy_ids:
        vacancy = vacancies[vacancy_id]
        seen_at = vacancy["posted_at"] or vacancy["first_seen_at"]
        for proof in vacancy.get("evidence", ()):
            signals.setdefault(proof["field"], []).append(
                Signal(
                    value=proof["value"],
                    quote=proof["quote"],
                    vacancy_id=vacancy_id,
                    url=vacancy["url"],
                    date=seen_at.date(),
                )
            )
    return {field: tuple(found) for field, found in signals.items()}


def _row(company: MergedCompany) -> Mapping[str, Any]:
    row = company.model_dump(exclude={"members", "signals", "losing_values"})
    is_agency = is_agency_activity(company.sbi_codes)
    return {
        **{key: value for key, value in row.items() if key in _COLUMNS},
        "is_intermediary": is_agency,
        "intermediary_reason": f"its activity is SBI {company.sbi_codes[0]}" if is_agency else None,
        "signals": {
            field: [signal.model_dump(mode="json") for signal in found]
            for field, found in company.signals.items()
        },
        "losing_values": [value.model_dump(mode="json") for value in company.losing_values],
    }


_COLUMNS = {column.name for column in MERGED_COMPANIES.columns}
