"""Accounts: one company over all search profiles, with its signals in each of them.

Two KvK numbers are never one account. A holding and its operating company are linked as siblings.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import Field

from signal_assets.domain.company_names import register_keys
from signal_assets.domain.merging import Signal
from signal_assets.domain.outreach import ChannelVerdict, NonMailingPolicy, assess_outreach
from signal_assets.domain.records import Record


class ProfileCompany(Record):
    """A merged company of one search profile that has a KvK number."""

    search_profile: str
    company_id: str
    kvk_number: str
    name: str
    vacancy_ids: tuple[str, ...]
    extraction_quality: float | None = None
    legal_form: str | None = None
    employee_count: int | None = None
    employee_range: str | None = None
    revenue_range: str | None = None
    sbi_codes: tuple[str, ...] = ()
    establishment_count: int | None = None
    is_active: bool | None = None
    non_mailing: bool | None = None
    company_info_non_mailing: bool | None = None
    is_natural_person_business: bool | None = None
    is_holding: bool | None = None
    websites: tuple[str, ...] = ()
    siblings: tuple[str, ...] = ()
    signals: dict[str, tuple[Signal, ...]] = Field(default_factory=dict)
    first_seen_at: dt.datetime


class Sibling(Record):
    """Another KvK number of the same group, as far as the names say."""

    kvk_number: str
    name: str | None = None
    """None when it is no account itself."""
    is_holding: bool | None = None
    reason: str


class Account(Record):
    """One KvK number, with what each search profile found of it."""

    kvk_number: str
    name: str
    search_profiles: tuple[str, ...]
    company_ids: dict[str, str]
    """Search profile → our id of the company in it; so for the other mappings."""
    vacancy_ids: dict[str, tuple[str, ...]]
    vacancy_count: int
    """Vacancies of all profiles; one that two profiles found counts once."""
    extraction_quality: dict[str, float | None]
    signals: dict[str, dict[str, tuple[Signal, ...]]]
    legal_form: str | None
    employee_count: int | None
    employee_range: str | None
    revenue_range: str | None
    sbi_codes: tuple[str, ...]
    establishment_count: int | None
    is_active: bool | None
    non_mailing: bool | None
    company_info_non_mailing: bool | None
    is_natural_person_business: bool | None
    is_holding: bool | None
    websites: tuple[str, ...]
    siblings: tuple[Sibling, ...]
    outreach: dict[str, ChannelVerdict]
    outreach_rules: dict[str, str]
    first_seen_at: dt.datetime


_FACTS = (
    "legal_form",
    "employee_count",
    "employee_range",
    "revenue_range",
    "sbi_codes",
    "establishment_count",
    "is_active",
    "websites",
)
_WARNINGS = (
    "non_mailing",
    "company_info_non_mailing",
    "is_natural_person_business",
    "is_holding",
)


def gather_accounts(
    rows: Iterable[ProfileCompany], *, non_mailing_policy: NonMailingPolicy = "post_only"
) -> tuple[Account, ...]:
    """Return one account for each KvK number, by number; the order of the rows does not matter.

    A fact comes from the row seen first that states it. A flag that asks for care (non-mailing,
    natural person, holding) is set as soon as one row sets it.
    """
    groups: dict[str, list[ProfileCompany]] = defaultdict(list)
    for row in rows:
        groups[row.kvk_number].append(row)
    for group in groups.values():
        group.sort(key=lambda row: (row.first_seen_at, row.search_profile, row.company_id))
    siblings = _find_siblings(groups)
    return tuple(
        _gather(groups[number], siblings[number], non_mailing_policy) for number in sorted(groups)
    )


def _gather(
    rows: Sequence[ProfileCompany],
    siblings: tuple[Sibling, ...],
    non_mailing_policy: NonMailingPolicy,
) -> Account:
    oldest = rows[0]
    facts: dict[str, Any] = {field: _first_stated(rows, field) for field in _FACTS}
    flags: dict[str, Any] = {
        field: _any_set([getattr(row, field) for row in rows]) for field in _WARNINGS
    }
    outreach = assess_outreach(
        flags["non_mailing"],
        facts["legal_form"],
        non_mailing_policy=non_mailing_policy,
        company_info_non_mailing=flags["company_info_non_mailing"],
    )
    by_profile = {row.search_profile: row for row in reversed(rows)}
    profiles = tuple(sorted(by_profile))
    return Account(
        kvk_number=oldest.kvk_number,
        name=oldest.name,
        search_profiles=profiles,
        company_ids={name: by_profile[name].company_id for name in profiles},
        vacancy_ids={name: by_profile[name].vacancy_ids for name in profiles},
        vacancy_count=len({vacancy_id for row in rows for vacancy_id in row.vacancy_ids}),
        extraction_quality={name: by_profile[name].extraction_quality for name in profiles},
        signals={name: by_profile[name].signals for name in profiles},
        **facts,
        **flags,
        siblings=siblings,
        outreach=outreach.verdicts,
        outreach_rules=outreach.rules,
        first_seen_at=oldest.first_seen_at,
    )


def _first_stated(rows: Sequence[ProfileCompany], field: str) -> Any:
    values = [getattr(row, field) for row in rows]
    return next((value for value in values if value not in (None, ())), values[0])


def _any_set(values: Sequence[bool | None]) -> bool | None:
    if any(values):
        return True
    return None if all(value is None for value in values) else False


def _find_siblings(
    groups: Mapping[str, Sequence[ProfileCompany]],
) -> dict[str, tuple[Sibling, ...]]:
    """Return the siblings of each number; among accounts, each is the other's."""
    links: dict[str, dict[str, str]] = defaultdict(dict)
    by_core: dict[str, list[str]] = defaultdict(list)
    for number, rows in sorted(groups.items()):
        for sibling in sorted({sibling for row in rows for sibling in row.siblings}):
            _link(links, number, sibling, "Found under the same name, group words aside.")
        for core in sorted({keys.key_t2 for row in rows if (keys := register_keys(row.name))}):
            by_core[core].append(number)
    for core, numbers in sorted(by_core.items()):
        for number in numbers:
            for other in numbers:
                _link(links, number, other, f"Both are called “{core}”, group words aside.")
    return {
        number: tuple(
            Sibling(
                kvk_number=other,
                name=groups[other][0].name if other in groups else None,
                is_holding=_any_set([row.is_holding for row in groups.get(other, ())]),
                reason=reason,
            )
            for other, reason in sorted(links[number].items())
        )
        for number in groups
    }


def _link(links: dict[str, dict[str, str]], left: str, right: str, reason: str) -> None:
    if left == right:
        return
    links[left].setdefault(right, reason)
    links[right].setdefault(left, reason)
