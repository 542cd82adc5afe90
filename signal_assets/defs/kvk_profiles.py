"""The asset `kvk_profiles`, and its checks."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

import dagster as dg
import pandas as pd

from signal_assets.clients.ledger import Ledger
from signal_assets.clients.lookups import Lookups, look_up_all
from signal_assets.defs import company_quality as quality
from signal_assets.defs import extracted_vacancies as extraction
from signal_assets.defs import raw_vacancies as harvest
from signal_assets.defs.frames import preview, rows_of, to_frame
from signal_assets.defs.gate import Gate, refuse_to_spend
from signal_assets.defs.partitions import search_profiles
from signal_assets.defs.passes import pass_record
from signal_assets.defs.stops import lookup_numbers, paid_checks, without_answer
from signal_assets.defs.tables import KVK_PROFILES
from signal_assets.domain.companies import KvkProfile, Match, RegisterSearch, Spend
from signal_assets.domain.company_names import normalize_company_name
from signal_assets.domain.company_quality import GateRules
from signal_assets.domain.register_evidence import AdvertisedCompany
from signal_assets.domain.register_matching import match_company
from signal_assets.domain.register_search import RegisterQuery
from signal_assets.progress import Progress


class Register(Protocol):
    """What the asset asks of the Business Register; `KvkClient` is one."""

    @property
    def spend(self) -> Spend: ...

    def search(self, *, name: str | None = None, place: str | None = None) -> RegisterSearch: ...

    def get_profile(self, kvk_number: str) -> KvkProfile | None: ...


class FoundCompany(NamedTuple):
    """A match, and the base profile where it is without doubt."""

    match: Match
    profile: KvkProfile | None


@dg.asset(
    partitions_def=search_profiles,
    group_name="pass_2",
    kinds={"api", "parquet"},
    owners=["team:signal-assets"],
    code_version="1",
    metadata={"dagster/column_schema": KVK_PROFILES.column_schema},
)
def kvk_profiles(
    context: dg.AssetExecutionContext,
    company_quality: pd.DataFrame,
    gate_rules: dg.ResourceParam[GateRules],
    kvk: dg.ResourceParam[Register | None],
    ledger: dg.ResourceParam[Ledger],
    gate: dg.ResourceParam[Gate],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[pd.DataFrame]:
    """One qualifying company after the Business Register, with the evidence for its KvK number.

    Searching is free, a base profile is paid and kept for 30 days. `auto` has a number; `review`
    has candidates that a person must choose from; `none` is an answer too: the register has
    nothing like it.
    """
    refuse_to_spend(gate, context.partition_key, UPSTREAM_CHECKS)
    started_at = datetime.now(UTC)
    companies = companies_to_find(company_quality, gate_rules)
    if kvk is None:
        lookups: Lookups[str, FoundCompany] = Lookups()
        rows = [_skipped(company_id) for company_id in companies]
        spend = Spend()
    else:
        with progress.steps("Asking the Business Register", len(companies)) as step:
            lookups = look_up_all(
                companies, lambda company_id: find_company(companies[company_id], kvk), on_done=step
            )
        rows = [_row(company_id, lookups) for company_id in companies]
        spend = kvk.spend
    for company_id, reason in lookups.failed.items():
        context.log.warning(f"{company_id} could not be looked up: {reason}")
    decisions = Counter(found.match.decision for found in lookups.found.values())
    frame = to_frame(rows, KVK_PROFILES)
    ledger.record_pass(
        pass_record(
            context,
            "external",
            started_at,
            processed=len(lookups.found) + len(lookups.failed),
            succeeded=len(lookups.found),
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
            "found": decisions["auto"],
            "review": decisions["review"],
            "not_found": decisions["none"],
            "skipped": len(rows) if kvk is None else 0,
            "preview": preview(
                frame, ["company_id", "match_decision", "kvk_number", "statutory_name", "place"]
            ),
        },
    )


def companies_to_find(
    company_quality: pd.DataFrame, rules: GateRules
) -> dict[str, AdvertisedCompany]:
    """Return what is known of each company that is worth the register.

    `qualifies` was decided with the rules of that moment; they are looked at again, since they may
    have become stricter before money is spent.
    """
    columns = ["company_id", "name", "places", "qualifies", "extraction_quality"]
    return {
        row["company_id"]: AdvertisedCompany(
            name=name,
            places=tuple(row["places"] or ()),
        )
        for row in rows_of(company_quality, columns)
        if row["qualifies"]
        and (row["extraction_quality"] or 0.0) >= rules.quality_threshold
        and (name := normalize_company_name(row["name"])) is not None
    }


def find_company(company: AdvertisedCompany, kvk: Register) -> FoundCompany:
    """Match one company, and read its base profile when there is no doubt.

    Raises what the register's client raises.
    """

    def search(query: RegisterQuery) -> RegisterSearch:
        return kvk.search(name=query.name, place=query.place)

    match = match_company(company, search, kvk.get_profile)
    profile = kvk.get_profile(match.kvk_number) if match.kvk_number else None
    return FoundCompany(match, profile)


@dg.asset_check(asset=kvk_profiles, blocking=True, partitions_def=search_profiles)
def kvk_numbers_are_eight_digits(kvk_profiles: pd.DataFrame) -> dg.AssetCheckResult:
    """Every KvK number is text of eight digits."""
    numbers = kvk_profiles["kvk_number"].dropna()
    wrong = numbers[~numbers.str.fullmatch(r"[0-9]{8}")]
    return dg.AssetCheckResult(passed=wrong.empty, metadata={"wrong": wrong.head(50).tolist()})


@dg.asset_check(asset=kvk_profiles, blocking=True, partitions_def=search_profiles)
def only_certain_matches_have_a_number(kvk_profiles: pd.DataFrame) -> dg.AssetCheckResult:
    """A KvK number stands only where the match is `auto`, with its reasons."""
    numbered = kvk_profiles[kvk_profiles["kvk_number"].notna()]
    wrong = numbered[(numbered["match_decision"] != "auto").fillna(True)]
    return dg.AssetCheckResult(
        passed=wrong.empty, metadata={"wrong": wrong["company_id"].head(50).tolist()}
    )


UPSTREAM_CHECKS = (
    *harvest.BLOCKING_CHECKS,
    *extraction.BLOCKING_CHECKS,
    *quality.BLOCKING_CHECKS,
)
BLOCKING_CHECKS = (
    kvk_numbers_are_eight_digits,
    only_certain_matches_have_a_number,
    *paid_checks(kvk_profiles, "enrichment_status"),
)
CHECKS = BLOCKING_CHECKS


def _skipped(company_id: str) -> dict[str, Any]:
    return {
        "company_id": company_id,
        "enrichment_status": "skipped",
        "error": "no key for the Business Register (KVK_API_KEY)",
    }


def _row(company_id: str, lookups: Lookups[str, FoundCompany]) -> dict[str, Any]:
    found = lookups.found.get(company_id)
    if found is None:
        return {"company_id": company_id, **without_answer(company_id, lookups)}
    match, profile = found
    row = {
        "company_id": company_id,
        "enrichment_status": "completed",
        "kvk_number": match.kvk_number,
        "match_decision": match.decision,
        "match_score": match.score,
        "match_reasons": list(match.reasons),
        "candidates": [candidate.model_dump() for candidate in match.candidates],
    }
    if profile is None:
        return row
    kept = profile.model_dump(include=set(_PROFILE_COLUMNS))
    main_first = sorted(profile.sbi_activities, key=lambda activity: not activity.is_main)
    return {**row, **kept, "sbi_codes": [activity.sbi_code for activity in main_first]}


_PROFILE_COLUMNS = (
    "statutory_name",
    "trade_names",
    "legal_form",
    "sbi_edition",
    "employee_count",
    "establishment_count",
    "registration_date",
    "is_active",
    "non_mailing",
    "is_natural_person_business",
    "place",
    "fetched_at",
)
