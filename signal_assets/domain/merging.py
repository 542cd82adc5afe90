"""Merging: company rows with the same KvK number become one, and nothing of them is lost.

A person's "same" or "not the same" outranks the numbers.
"""

import datetime as dt
import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import Field

from signal_assets.domain.companies import MatchDecisionName
from signal_assets.domain.outreach import ChannelVerdict, NonMailingPolicy, assess_outreach
from signal_assets.domain.overrides import Sameness, in_order
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
    advertised_name: str | None = None
    """The name it advertises under, where `name` is the register's."""
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
    company_info_non_mailing: bool | None = None
    """The indicator as Company.info states it; its terms extend it to every channel."""
    is_natural_person_business: bool | None = None
    is_holding: bool | None = None
    websites: tuple[str, ...] = ()
    siblings: tuple[str, ...] = ()
    """KvK numbers of the same name, group words aside; never merged."""
    decided_by_person: bool = False
    """A person gave its KvK number, or said that it has none."""
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
    outreach_rules: dict[str, str]
    """Channel → the rule that says so."""
    merge_reasons: tuple[str, ...] = ()
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
    "company_info_non_mailing",
    "is_natural_person_business",
    "is_holding",
    "websites",
)

_REGISTER_FIELDS = frozenset(SURVIVORSHIP_FIELDS) - {"name", "extraction_quality"}

NO_DECISIONS = Sameness()


def merge_companies(
    rows: Iterable[CompanyRow],
    sameness: Sameness = NO_DECISIONS,
    *,
    non_mailing_policy: NonMailingPolicy = "post_only",
) -> Merge:
    """Make one company of all rows with the same KvK number; a row without one stays by itself.

    The oldest row survives (`first_seen_at`, then `company_id`). What it lacks comes from the
    others, the richest first; a value that gives way is kept in `losing_values`. Merged companies
    may be among the rows: they are taken apart again, so the result does not depend on the order
    or on what was merged before, and without a decision in `sameness` all is as it was before it.

    What a person calls the same becomes one, whatever the numbers; the survivor's number holds.
    Of rows with one number that a person calls not the same, the one whose number a person gave
    keeps it, else the oldest; the others are left without, for a person to look at.
    """
    members = sorted(
        _distinct(member for row in rows for member in _members(row)),
        key=lambda row: (row.first_seen_at, row.company_id),
    )
    groups = _Groups(members, sameness)
    for left, right in sameness.same:
        groups.join(left, right, "A person called {left} and {right} the same.")
    by_number: dict[str, list[CompanyRow]] = defaultdict(list)
    for member in members:
        if member.kvk_number:
            by_number[member.kvk_number].append(member)
    for number, sharing in sorted(by_number.items()):
        for earlier, later in itertools.combinations(sharing, 2):
            reason = f"{{left}} and {{right}} have the KvK number {number}."
            groups.join(earlier.company_id, later.company_id, reason)
    taken = _numbers_in_order(groups.groups())
    companies = tuple(
        sorted(
            (
                _merge_group(group, reasons, taken[survivor], non_mailing_policy)
                for survivor, (group, reasons) in groups.groups().items()
            ),
            key=lambda item: item.company_id,
        )
    )
    return Merge(
        companies=companies,
        merge_count=sum(len(company.members) - 1 for company in companies),
    )


class _Groups:
    """Rows gathered into companies, never against a person's "not the same"."""

    def __init__(self, rows: Sequence[CompanyRow], sameness: Sameness) -> None:
        self._rows = rows
        self._sameness = sameness
        self._group_of = {row.company_id: {row.company_id} for row in rows}
        self._reasons: dict[str, list[str]] = defaultdict(list)

    def join(self, left: str, right: str, reason: str) -> None:
        if left not in self._group_of or right not in self._group_of:
            return
        ours, theirs = self._group_of[left], self._group_of[right]
        if ours is theirs:
            return
        apart = [
            in_order(one, other)
            for one in ours
            for other in theirs
            if self._sameness.is_apart(one, other)
        ]
        if apart:
            one, other = min(apart)
            for company_id in (left, right):
                self._reasons[company_id].append(f"A person called {one} and {other} not the same.")
            return
        ours |= theirs
        for company_id in theirs:
            self._group_of[company_id] = ours
        self._reasons[left].append(reason.format(left=left, right=right))

    def groups(self) -> dict[str, tuple[list[CompanyRow], tuple[str, ...]]]:
        """Return the rows of each company, oldest first, and why; by the id of the oldest."""
        found: dict[int, list[CompanyRow]] = defaultdict(list)
        for row in self._rows:
            found[id(self._group_of[row.company_id])].append(row)
        return {
            rows[0].company_id: (
                rows,
                tuple(sorted({reason for row in rows for reason in self._reasons[row.company_id]})),
            )
            for rows in found.values()
        }


def _numbers_in_order(
    groups: Mapping[str, tuple[list[CompanyRow], tuple[str, ...]]],
) -> dict[str, str | None]:
    """Return the KvK number each company keeps, so that no two have the same."""
    kept: dict[str, str | None] = dict.fromkeys(groups)
    taken: set[str] = set()
    wanted = []
    for survivor, (rows, _) in groups.items():
        numbered = [row for row in rows if row.kvk_number]
        numbered.sort(
            key=lambda row: (not row.decided_by_person, row.first_seen_at, row.company_id)
        )
        if numbered:
            first = numbered[0]
            order = (not first.decided_by_person, first.first_seen_at, first.company_id)
            wanted.append((order, survivor, first.kvk_number))
    for _, survivor, number in sorted(wanted):
        if number is not None and number not in taken:
            kept[survivor] = number
            taken.add(number)
    return kept


def _members(row: CompanyRow) -> Sequence[CompanyRow]:
    return row.members if isinstance(row, MergedCompany) else (row,)


def _distinct(rows: Iterable[CompanyRow]) -> list[CompanyRow]:
    by_content = {row.model_dump_json(): row for row in rows}
    return [by_content[content] for content in sorted(by_content)]


def _merge_group(
    members: list[CompanyRow],
    reasons: tuple[str, ...],
    kvk_number: str | None,
    non_mailing_policy: NonMailingPolicy,
) -> MergedCompany:
    has_lost_number = kvk_number is None and any(row.kvk_number for row in members)
    stated = [_without_register(row) for row in members] if has_lost_number else members
    survivor, others = stated[0], stated[1:]
    others.sort(key=_richness, reverse=True)
    values = {field: getattr(survivor, field) for field in SURVIVORSHIP_FIELDS}
    filled_from: dict[str, str] = {}
    losing: list[LosingValue] = []
    for row, bare in zip(members, stated, strict=True):
        losing += [
            LosingValue(field=field, value=getattr(row, field), company_id=row.company_id)
            for field in SURVIVORSHIP_FIELDS
            if getattr(row, field) != getattr(bare, field)
        ]
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
    losing += [
        LosingValue(field="kvk_number", value=row.kvk_number, company_id=row.company_id)
        for row in members
        if row.kvk_number and row.kvk_number != kvk_number
    ]
    outreach = assess_outreach(
        values["non_mailing"],
        values["legal_form"],
        non_mailing_policy=non_mailing_policy,
        company_info_non_mailing=any(row.company_info_non_mailing for row in stated),
    )
    return MergedCompany(
        **values,
        company_id=survivor.company_id,
        advertised_name=survivor.advertised_name,
        kvk_number=kvk_number,
        match_decision=_decision(members, kvk_number),
        siblings=_siblings(members, kvk_number),
        decided_by_person=any(row.decided_by_person for row in members),
        vacancy_ids=tuple(dict.fromkeys(id_ for row in members for id_ in row.vacancy_ids)),
        signals=_merge_signals(members),
        first_seen_at=survivor.first_seen_at,
        merged_from=tuple(row.company_id for row in members[1:]),
        filled_from=filled_from,
        losing_values=tuple(losing),
        outreach=outreach.verdicts,
        outreach_rules=outreach.rules,
        merge_reasons=reasons,
        members=tuple(members),
    )


def _decision(members: Sequence[CompanyRow], kvk_number: str | None) -> MatchDecisionName | None:
    """Return the decision of the row the number came from; `review` where its number was taken."""
    if kvk_number is not None:
        return next(row.match_decision for row in members if row.kvk_number == kvk_number)
    if any(row.kvk_number for row in members):
        return "review"
    return members[0].match_decision


def _siblings(members: Sequence[CompanyRow], kvk_number: str | None) -> tuple[str, ...]:
    numbers = {number for row in members for number in row.siblings}
    return tuple(sorted(numbers - {kvk_number}))


def _without_register(row: CompanyRow) -> CompanyRow:
    """Return a row without what the register says under a number that is not its own after all."""
    if row.kvk_number is None:
        return row
    blank = dict.fromkeys(_REGISTER_FIELDS) | {"sbi_codes": (), "websites": ()}
    return row.model_copy(update={**blank, "name": row.advertised_name or row.name})


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
