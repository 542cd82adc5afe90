"""Merging: company rows with the same KvK number become one, and nothing of them is lost."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import Field

from signal_assets.domain.companies import MatchDecisionName
from signal_assets.domain.outreach import ChannelVerdict, assess_outreach
from signal_assets.domain.records import Record


class Signal(Record):
    """One value that a vacancy states, with the words that state it."""

    value: str
    quote: str
    vacancy_id: str
    url: str | None = None
    date: dt.date | None = None


class CompanyRow(Record):
    """One company after both registers, before rows of one company are merged."""

    company_id: str
    name: str
    kvk_number: str | None = None
    match_decision: MatchDecisionName | None = None
    """None when the company was not looked up."""
    vacancy_ids: tuple[str, ...]
    extraction_quality: float | None = None
    statutory_name: str | None = None
    legal_form: str | None = None
    employee_count: int | None = None
    employee_range: str | None = None
    revenue_range: str | None = None
    sbi_codes: tuple[str, ...] = ()
    establishment_count: int | None = None
    founded_date: dt.date | None = None
    is_active: bool | None = None
    non_mailing: bool | None = None
    is_natural_person_business: bool | None = None
    signals: dict[str, tuple[Signal, ...]] = Field(default_factory=dict)
    first_seen_at: dt.datetime


class LosingValue(Record):
    """A value that gave way to the survivor's, and the row it came from."""

    field: str
    value: Any
    company_id: str


class MergedCompany(CompanyRow):
    """One company, its registers and all its vacancies."""

    merged_from: tuple[str, ...] = ()
    """The companies that were absorbed, without the survivor."""
    filled_from: dict[str, str] = Field(default_factory=dict)
    """Field that was null in the survivor → the company its value came from."""
    losing_values: tuple[LosingValue, ...] = ()
    outreach: dict[str, ChannelVerdict]
    members: tuple[CompanyRow, ...]
    """The rows it was made of, the survivor first; so that merging again needs nothing else."""


class Merge(Record):
    """The companies after the merge, and how many rows were absorbed by another."""

    companies: tuple[MergedCompany, ...]
    merge_count: int


SURVIVORSHIP_FIELDS = (
    "name",
    "extraction_quality",
    "statutory_name",
    "legal_form",
    "employee_count",
    "employee_range",
    "revenue_range",
    "sbi_codes",
    "establishment_count",
    "founded_date",
    "is_active",
    "non_mailing",
    "is_natural_person_business",
)


def merge_companies(rows: Iterable[CompanyRow]) -> Merge:
    """Make one company of all rows with the same KvK number; a row without one stays by itself.

    The oldest row survives (`first_seen_at`, then `company_id`). What it lacks comes from the
    others, the richest first; a value that gives way is kept in `losing_values`. Merged companies
    may be among the rows: they are taken apart again, so the result does not depend on the order
    or on what was merged before.
    """
    groups: dict[tuple[str, str], list[CompanyRow]] = defaultdict(list)
    for member in _distinct(member for row in rows for member in _members(row)):
        groups[_identity(member)].append(member)
    companies = tuple(sorted(map(_merge_group, groups.values()), key=lambda item: item.company_id))
    return Merge(
        companies=companies,
        merge_count=sum(len(company.members) - 1 for company in companies),
    )


def _identity(row: CompanyRow) -> tuple[str, str]:
    if row.kvk_number:
        return "kvk_number", row.kvk_number
    return "company_id", row.company_id


def _members(row: CompanyRow) -> Sequence[CompanyRow]:
    return row.members if isinstance(row, MergedCompany) else (row,)


def _distinct(rows: Iterable[CompanyRow]) -> list[CompanyRow]:
    by_content = {row.model_dump_json(): row for row in rows}
    return [by_content[content] for content in sorted(by_content)]


def _merge_group(rows: list[CompanyRow]) -> MergedCompany:
    members = sorted(rows, key=lambda row: (row.first_seen_at, row.company_id))
    survivor, others = members[0], members[1:]
    others.sort(key=_richness, reverse=True)
    values = {field: getattr(survivor, field) for field in SURVIVORSHIP_FIELDS}
    filled_from: dict[str, str] = {}
    losing: list[LosingValue] = []
    for other in others:
        for field in SURVIVORSHIP_FIELDS:
            value = getattr(other, field)
            if _is_null(value) or value == values[field]:
                continue
            if _is_null(values[field]):
                values[field] = value
                filled_from[field] = other.company_id
            else:
                losing.append(LosingValue(field=field, value=value, company_id=other.company_id))
    outreach = assess_outreach(values["non_mailing"], values["legal_form"])
    return MergedCompany(
        **values,
        company_id=survivor.company_id,
        kvk_number=survivor.kvk_number,
        match_decision=survivor.match_decision,
        vacancy_ids=tuple(dict.fromkeys(id_ for row in members for id_ in row.vacancy_ids)),
        signals=_merge_signals(members),
        first_seen_at=survivor.first_seen_at,
        merged_from=tuple(row.company_id for row in members[1:]),
        filled_from=filled_from,
        losing_values=tuple(losing),
        outreach=outreach.verdicts,
        members=tuple(members),
    )


def _richness(row: CompanyRow) -> int:
    return sum(not _is_null(getattr(row, field)) for field in SURVIVORSHIP_FIELDS)


def _is_null(value: object) -> bool:
    return value is None or value == ()


def _merge_signals(members: Sequence[CompanyRow]) -> dict[str, tuple[Signal, ...]]:
    fields = dict.fromkeys(field for row in members for field in sorted(row.signals))
    return {
        field: tuple(
            sorted(
                {signal for row in members for signal in row.signals.get(field, ())},
                key=_newest_first,
            )
        )
        for field in fields
    }


def _newest_first(signal: Signal) -> tuple[int, str, str, str]:
    age = -signal.date.toordinal() if signal.date else 0
    return (age, signal.vacancy_id, signal.value, signal.quote)
