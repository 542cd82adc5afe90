"""The asset `kvk_profiles`, and its checks."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import dagster as dg
import pandas as pd

from signal_assets.clients.errors import LookupFailed, SourceUnavailable
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
from signal_assets.defs.storage import some_columns
from signal_assets.defs.tables import KVK_PROFILES
from signal_assets.defs.watching import watched
from signal_assets.domain.business_register import Establishments
from signal_assets.domain.companies import KvkProfile, RegisterSearch, Spend
from signal_assets.domain.company_finding import Finding, NotAnswered, Sources, find_company
from signal_assets.domain.company_names import normalize_company_name, register_keys
from signal_assets.domain.company_quality import GateRules
from signal_assets.domain.employer_lists import EmployerList
from signal_assets.domain.legal_forms import is_natural_person_form
from signal_assets.domain.overrides import Overrides
from signal_assets.domain.printed_numbers import (
    PrintedFact,
    find_kvk_numbers,
    find_website_hosts,
    is_host_of_others,
    speaks_of_team,
)
from signal_assets.domain.register_evidence import AdvertisedCompany, is_holding, normalize_host
from signal_assets.domain.register_search import RegisterQuery
from signal_assets.domain.sbi import note_unknown_codes
from signal_assets.domain.search_profiles import SearchProfile
from signal_assets.domain.suppression import SuppressionList
from signal_assets.logs import about
from signal_assets.progress import Progress


class Register(Protocol):
    """What the asset asks of the Business Register; `KvkClient` is one."""

    @property
    def spend(self) -> Spend: ...

    @property
    def version_warning(self) -> str | None: ...

    def search(self, *, name: str | None = None, place: str | None = None) -> RegisterSearch: ...

    def get_profile(self, kvk_number: str) -> KvkProfile | None: ...

    def get_establishments(self, kvk_number: str) -> Establishments | None: ...


class LeiRegister(Protocol):
    """What the asset asks of the LEI register; `GleifClient` is one."""

    @property
    def spend(self) -> Spend: ...

    def search(self, name: str) -> RegisterSearch: ...


class FoundCompany(NamedTuple):
    """A decision with what it rests on, and the count of establishments where it was asked for."""

    finding: Finding
    establishment_count: int | None = None


_PUBLISHED = ("vacancy_id", "description", "url")


@dg.asset(
    ins={"raw_vacancies": some_columns("raw_vacancies", *_PUBLISHED)},
    partitions_def=search_profiles,
    group_name="pass_2",
    kinds={"api", "parquet"},
    owners=["team:signal-assets"],
    code_version="1",
    metadata={"dagster/column_schema": KVK_PROFILES.column_schema},
)
@watched
def kvk_profiles(
    context: dg.AssetExecutionContext,
    raw_vacancies: pd.DataFrame,
    company_quality: pd.DataFrame,
    search_profile: dg.ResourceParam[SearchProfile],
    gate_rules: dg.ResourceParam[GateRules],
    kvk: dg.ResourceParam[Register | None],
    gleif: dg.ResourceParam[LeiRegister | None],
    employers: dg.ResourceParam[EmployerList | None],
    overrides: dg.ResourceParam[Overrides],
    suppression: dg.ResourceParam[SuppressionList],
    ledger: dg.ResourceParam[Ledger],
    gate: dg.ResourceParam[Gate],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[pd.DataFrame]:
    """One qualifying company after the Business Register, with the evidence for its KvK number.

    Asked one after another: a person's decision, a number printed in the vacancy, the user's own
    list of employers, the Business Register, the LEI register. Searching is free, a base profile is
    paid and kept for 30 days. `auto` has a number; `review` has candidates that a person must
    choose from; `none` is an answer too: no source has anything like it.
    """
    refuse_to_spend(gate, context.partition_key, UPSTREAM_CHECKS)
    started_at = datetime.now(UTC)
    facts = facts_of_vacancies(raw_vacancies, company_quality)
    companies = companies_to_find(company_quality, gate_rules, facts)
    suppressed = find_suppressed(companies, suppression)
    wanted = {key: company for key, company in companies.items() if key not in suppressed}
    sources = _sources(kvk, gleif, employers, overrides)
    count = kvk.get_establishments if kvk and search_profile.count_establishments else None
    lookups: Lookups[str, FoundCompany] = Lookups()
    if sources.has_any or overrides.rows:
        with progress.steps("Asking the registers", len(wanted)) as step:

            def ask(company_id: str) -> FoundCompany:
                with about(company_id=company_id):
                    return look_up(wanted[company_id], sources, count)

            lookups = look_up_all(wanted, ask, on_done=step)
    skipped = suppressed | _unasked(wanted, lookups, sources)
    rows = [
        _skipped(company_id, skipped[company_id])
        if company_id in skipped
        else _row(company_id, lookups)
        for company_id in companies
    ]
    spend = _together(kvk, gleif)
    for company_id, reason in lookups.failed.items():
        with about(company_id=company_id):
            context.log.warning(f"{company_id} could not be looked up: {reason}")
    answered = {key: found for key, found in lookups.found.items() if key not in skipped}
    decisions = Counter(found.finding.match.decision for found in answered.values())
    decided_by = Counter(found.finding.decided_by for found in answered.values())
    unknown_activities = _unknown_activities(answered.values())
    for note in unknown_activities:
        context.log.warning(f"The register writes an activity that we do not know: {note}")
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
            "by_a_person": decided_by["override"],
            "suppressed": len(suppressed),
            "skipped": len(skipped),
            **({"unknown_activities": unknown_activities} if unknown_activities else {}),
            **({"kvk_warns": kvk.version_warning} if kvk and kvk.version_warning else {}),
            "preview": preview(
                frame, ["company_id", "match_decision", "kvk_number", "statutory_name", "place"]
            ),
        },
    )


class VacancyFacts(NamedTuple):
    """What the vacancies of one company state that tells it from others."""

    printed: tuple[PrintedFact, ...] = ()
    speaks_of_team: bool = False


def facts_of_vacancies(
    raw_vacancies: pd.DataFrame, company_quality: pd.DataFrame
) -> dict[str, VacancyFacts]:
    """Return the numbers and websites printed in the vacancies of each company that qualified."""
    company_of = {
        vacancy_id: row["company_id"]
        for row in rows_of(
            company_quality[company_quality["qualifies"]], ["company_id", "vacancy_ids"]
        )
        for vacancy_id in row["vacancy_ids"]
    }
    printed: dict[str, list[PrintedFact]] = defaultdict(list)
    team: set[str] = set()
    for row in rows_of(raw_vacancies, _PUBLISHED):
        company_id = company_of.get(row["vacancy_id"])
        if company_id is None:
            continue
        text = row["description"] or ""
        facts = [*find_kvk_numbers(text), *find_website_hosts(text), *_host_of_link(row["url"])]
        printed[company_id] += [
            fact.model_copy(update={"vacancy_id": row["vacancy_id"]}) for fact in facts
        ]
        if speaks_of_team(text):
            team.add(company_id)
    return {
        company_id: VacancyFacts(_distinct(facts), company_id in team)
        for company_id, facts in printed.items()
    }


def companies_to_find(
    company_quality: pd.DataFrame, rules: GateRules, facts: Mapping[str, VacancyFacts]
) -> dict[str, AdvertisedCompany]:
    """Return what is known of each company that is worth the register.

    `qualifies` was decided with the rules of that moment; they are looked at again, since they may
    have become stricter before money is spent.
    """
    columns = ["company_id", "name", "places", "qualifies", "extraction_quality"]
    companies = {}
    for row in rows_of(company_quality, columns):
        if not row["qualifies"] or (row["extraction_quality"] or 0.0) < rules.quality_threshold:
            continue
        name = normalize_company_name(row["name"])
        if name is None:
            continue
        known = facts.get(row["company_id"], VacancyFacts())
        companies[row["company_id"]] = AdvertisedCompany(
            name=name,
            places=tuple(row["places"] or ()),
            website_hosts=_values(known.printed, "website"),
            kvk_numbers=_values(known.printed, "kvk_number"),
            speaks_of_team=known.speaks_of_team,
            printed=known.printed,
        )
    return companies


def find_suppressed(
    companies: Mapping[str, AdvertisedCompany], suppression: SuppressionList
) -> dict[str, str]:
    """Return the companies that must not be approached, each with the line that says so."""
    hits = {
        company_id: suppression.find(
            hosts=company.website_hosts, names=(company.name.raw_name, company.name.clean_name)
        )
        for company_id, company in companies.items()
    }
    return {company_id: hit.reason for company_id, hit in hits.items() if hit is not None}


def look_up(
    company: AdvertisedCompany,
    sources: Sources,
    get_establishments: Callable[[str], Establishments | None] | None = None,
) -> FoundCompany:
    """Find one company and, where the profile asks for it, count its establishments.

    Raises what the clients raise, and LookupFailed where a source could not answer now.
    """
    try:
        finding = find_company(company, sources)
    except NotAnswered as error:
        raise LookupFailed(str(error)) from error
    number = finding.match.kvk_number
    if number is None or get_establishments is None:
        return FoundCompany(finding)
    establishments = get_establishments(number)
    return FoundCompany(finding, establishments.total if establishments else None)


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


NO_SOURCE = (
    "no key for the Business Register (KVK_API_KEY), no list of employers "
    "(SIGNAL_ASSETS_EMPLOYERS), and the LEI register is off (SIGNAL_ASSETS_GLEIF)"
)


def _sources(
    kvk: Register | None,
    gleif: LeiRegister | None,
    employers: EmployerList | None,
    overrides: Overrides,
) -> Sources:
    def search(query: RegisterQuery) -> RegisterSearch:
        assert kvk is not None  # noqa: S101 - handed over only where there is one
        return kvk.search(name=query.name, place=query.place)

    def search_lei(name: str) -> RegisterSearch | None:
        assert gleif is not None  # noqa: S101 - handed over only where there is one
        try:
            return gleif.search(name)
        except (LookupFailed, SourceUnavailable):
            return None

    return Sources(
        overrides=overrides,
        employers=employers,
        search=None if kvk is None else search,
        get_profile=None if kvk is None else kvk.get_profile,
        search_lei=None if gleif is None else search_lei,
    )


def _unasked(
    wanted: Mapping[str, AdvertisedCompany], lookups: Lookups[str, FoundCompany], sources: Sources
) -> dict[str, str]:
    """Return the companies that nobody could be asked about, where there is no source at all."""
    if sources.has_any:
        return {}
    return {
        company_id: NO_SOURCE
        for company_id in wanted
        if company_id not in lookups.found
        or lookups.found[company_id].finding.decided_by != "override"
    }


def _together(kvk: Register | None, gleif: LeiRegister | None) -> Spend:
    spends = [register.spend for register in (kvk, gleif) if register is not None]
    return Spend(
        calls=sum(spend.calls for spend in spends),
        from_ledger=sum(spend.from_ledger for spend in spends),
        cost_usd=sum((spend.cost_usd for spend in spends), Decimal(0)),
    )


def _host_of_link(url: str | None) -> list[PrintedFact]:
    """Return the host of the vacancy's own link, unless it is a job board or the like."""
    host = normalize_host(urlsplit(url or "").netloc)
    if "." not in host or is_host_of_others(host):
        return []
    return [PrintedFact(kind="website", value=host, quote=url or "", start=0, end=len(url or ""))]


def _distinct(facts: list[PrintedFact]) -> tuple[PrintedFact, ...]:
    return tuple({(fact.kind, fact.value): fact for fact in reversed(facts)}.values())[::-1]


def _values(facts: tuple[PrintedFact, ...], kind: str) -> tuple[str, ...]:
    return tuple(sorted(fact.value for fact in facts if fact.kind == kind))


def _skipped(company_id: str, reason: str) -> dict[str, Any]:
    return {"company_id": company_id, "enrichment_status": "skipped", "error": reason}


def _row(company_id: str, lookups: Lookups[str, FoundCompany]) -> dict[str, Any]:
    found = lookups.found.get(company_id)
    if found is None:
        return {"company_id": company_id, **without_answer(company_id, lookups)}
    finding = found.finding
    match = finding.match
    row = {
        "company_id": company_id,
        "enrichment_status": "completed",
        "kvk_number": match.kvk_number,
        "match_decision": match.decision,
        "match_score": match.score,
        "match_lead": match.lead,
        "match_reasons": list(match.reasons),
        "candidates": [candidate.model_dump() for candidate in match.candidates],
        "decided_by": finding.decided_by,
        "found_in": _found_in(finding),
        "siblings": list(match.siblings),
        "decision": finding.model_dump(mode="json", exclude_defaults=True),
    }
    if match.kvk_number is None:
        return row
    if finding.profile is None:
        return row | _facts_of_name(finding)
    profile = finding.profile
    kept = profile.model_dump(include=set(_PROFILE_COLUMNS))
    main_first = sorted(profile.sbi_activities, key=lambda activity: not activity.is_main)
    return {
        **row,
        **kept,
        "sbi_codes": [activity.sbi_code for activity in main_first],
        "is_holding": is_holding(profile),
        "establishment_count": found.establishment_count or profile.establishment_count,
    }


def _unknown_activities(found: Iterable[FoundCompany]) -> list[str]:
    """Return what to note of activity codes that the shipped list of their edition lacks."""
    profiles = [one.finding.profile for one in found if one.finding.profile]
    notes = [
        note_unknown_codes((item.sbi_code for item in profile.sbi_activities), profile.sbi_edition)
        for profile in profiles
    ]
    return sorted({note for of_one in notes for note in of_one})


def _found_in(finding: Finding) -> str | None:
    if finding.match.kvk_number is None:
        return None
    if finding.decided_by == "override":
        return "override"
    return finding.match.candidates[0].source


def _facts_of_name(finding: Finding) -> dict[str, Any]:
    """Return what the name in a list or the LEI register says, where no base profile was read."""
    chosen = finding.match.kvk_number
    rows = [row for row in finding.rows if row.kvk_number == chosen]
    forms = [row.legal_form for row in rows]
    forms += [keys.legal_form_hint for row in rows if (keys := register_keys(row.name))]
    legal_form = next((form for form in forms if form and form != "foreign"), None)
    return {
        "legal_form": legal_form,
        "is_natural_person_business": is_natural_person_form(legal_form),
        "place": next((row.place for row in rows if row.place), None),
    }


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
    "websites",
    "fetched_at",
)
