"""Field mapping: where a provider's answer holds our fields, and how to read what stands there."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from signal_assets.domain.answer_shapes import FieldCheck, FieldOutcome
from signal_assets.domain.business_register import parse_register_date
from signal_assets.domain.companies import CompanyFinancials, SbiActivity
from signal_assets.domain.legal_forms import normalize_legal_form
from signal_assets.domain.records import Record
from signal_assets.domain.wire_fields import UnreadableAnswer, name_kind

Conversion = Literal["text", "count", "money", "date", "flag", "legal_form", "sbi", "year"]

Pointer = Annotated[str, Field(pattern=r"^(/[^/]+)+$")]

MAX_AMOUNT_EUR = 10**15
"""More than any company turns over; what is larger, or no number at all, is a mistake."""

RECORD_FIELDS = frozenset(
    {
        "employee_count",
        "employee_range",
        "revenue_range",
        "legal_form",
        "founded_date",
        "is_active",
        "is_insolvent",
        "non_mailing",
        "sbi_activities",
    }
)
FINANCIAL_FIELDS = frozenset({"revenue", "profit", "assets", "year"})
_FIGURES = frozenset(f"financials.{name}" for name in FINANCIAL_FIELDS)


class FieldRule(Record):
    """Where one of our fields stands: JSON pointers, the first that holds something counts."""

    pointers: tuple[Pointer, ...] = ()
    convert: Conversion
    words_true: tuple[str, ...] = ()
    words_false: tuple[str, ...] = ()
    """For `flag`: texts that mean yes and no, in lower case."""
    code: str = "code"
    description: str = "description"
    """For `sbi`: the names of both in each item of the list."""


class FieldTable(Record):
    """How to log in at a provider, and where its answer holds our fields."""

    provider: str
    header: str = "Authorization"
    prefix: str = "Bearer "
    """What stands before the key in that header."""
    kvk_number: Pointer | None = None
    """Where the answer says which company it is about; checked against the one asked for."""
    absent_is_billed: bool = True
    """Whether the answer that there is no such company counts as paid."""
    fields: dict[str, FieldRule]

    @field_validator("fields")
    @classmethod
    def _fields_are_ours(cls, fields: dict[str, FieldRule]) -> dict[str, FieldRule]:
        ours = RECORD_FIELDS | _FIGURES
        unknown = sorted(set(fields) - ours)
        if unknown:
            raise ValueError(f"{', '.join(unknown)} is not one of {', '.join(sorted(ours))}")
        return fields


class FieldMapping(FieldTable):
    """How `rest_v1` is asked for one company, and how its answer is read."""

    provider: Literal["rest_v1"]
    path: Annotated[str, Field(pattern=r"^/.*\{kvk_number\}")]


class HubMapping(FieldTable):
    """How the hub is asked for one company; a pointer starts at the answer for that company alone.

    `search`: one call; the company is the row of the search. `search_then_get`: the row gives the
    id by which the company is asked for. `direct`: the id is the KvK number.
    """

    provider: Literal["hub"]
    header: str = "X-API-Key"
    prefix: str = ""
    lookup: Literal["search", "search_then_get", "direct"] = "search"
    search_path: Annotated[str, Field(pattern=r"^/")]
    query_param: str = "query"
    path: Annotated[str, Field(pattern=r"^/.*\{organization_id\}")]

    @model_validator(mode="after")
    def _company_is_checked(self) -> "HubMapping":
        is_mapped = any(rule.pointers for rule in self.fields.values())
        if is_mapped and self.kvk_number is None:
            raise ValueError(
                "kvk_number: an answer may be about another company, so say where it holds the "
                "number it is about"
            )
        return self


def apply_mapping(
    mapping: FieldTable, payload: Mapping[str, Any], kvk_number: str, fetched_at: datetime
) -> CompanyFinancials:
    """Return what the answer says of the company; a field that is absent or null is None.

    A value of another kind than its rule says is not taken: the field is None, and
    `unread_fields` says why, as one strange value is no reason to lose the others.

    Raises:
        UnreadableAnswer: the answer is about another company.
    """
    check_subject(mapping, payload, kvk_number)
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    unread: dict[str, str] = {}
    for name, rule in mapping.fields.items():
        pointer, raw = _first_value(payload, rule.pointers)
        if pointer is None:
            continue
        try:
            value = _CONVERTERS[rule.convert](raw, rule)
        except ValueError as error:
            unread[name] = f"{pointer} {error}"
            continue
        if value is not None:
            values[name] = value
            sources[name] = pointer
    financials = {
        name: values.pop(f"financials.{name}")
        for name in sorted(FINANCIAL_FIELDS)
        if f"financials.{name}" in values
    }
    return CompanyFinancials(
        kvk_number=kvk_number,
        **values,
        financials=financials or None,
        source_fields=sources,
        unread_fields=unread,
        fetched_at=fetched_at,
    )


def check_subject(mapping: FieldTable, payload: Mapping[str, Any], kvk_number: str) -> None:
    """Make sure that an answer which says whom it is about is about the company asked for.

    Raises:
        UnreadableAnswer: it is about another one.
    """
    found = None if mapping.kvk_number is None else look_up_pointer(payload, mapping.kvk_number)
    if found is not None and found != kvk_number:
        raise UnreadableAnswer(f"asked for {kvk_number}, the answer is about {str(found)[:50]!r}")


def check_rules(mapping: FieldTable, payload: Mapping[str, Any]) -> tuple[FieldCheck, ...]:
    """Say of each field of ours what its rule finds in an answer; no value is told."""
    checks = []
    for name, rule in mapping.fields.items():
        pointer, raw = _first_value(payload, rule.pointers)
        outcome: FieldOutcome = "absent" if rule.pointers else "unmapped"
        if pointer is not None:
            try:
                outcome = "absent" if _CONVERTERS[rule.convert](raw, rule) is None else "read"
            except ValueError:
                outcome = "unreadable"
        checks.append(
            FieldCheck(
                field=name,
                pointers=rule.pointers,
                found_at=pointer,
                convert=rule.convert,
                outcome=outcome,
            )
        )
    listed = {check.field for check in checks}
    left_out = sorted((RECORD_FIELDS | _FIGURES) - listed)
    return (*checks, *(FieldCheck(field=name, outcome="unmapped") for name in left_out))


def _first_value(payload: Mapping[str, Any], pointers: tuple[str, ...]) -> tuple[str | None, Any]:
    for pointer in pointers:
        value = look_up_pointer(payload, pointer)
        if value is not None:
            return pointer, value
    return None, None


def look_up_pointer(payload: Any, pointer: str) -> Any:
    """Return what a JSON pointer (RFC 6901) points at, None when there is nothing."""
    value = payload
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


def _text(value: Any, rule: FieldRule) -> str | None:
    if not isinstance(value, str):
        raise ValueError(f"is {name_kind(value)}, not text")
    clean = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return clean.replace("\x00", "").strip() or None


def _money(value: Any, rule: FieldRule) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"is {name_kind(value)}, not a number")
    if not abs(value) <= MAX_AMOUNT_EUR:
        raise ValueError("is no amount of money")
    return value


def _count(value: Any, rule: FieldRule) -> int:
    number = _money(value, rule)
    if number != int(number) or number < 0:
        raise ValueError(f"is {number}, not a count")
    return int(number)


def _year(value: Any, rule: FieldRule) -> int:
    year = _count(value, rule)
    if not 1800 <= year <= 2200:
        raise ValueError(f"is {year}, not a year")
    return year


def _date(value: Any, rule: FieldRule) -> date | None:
    text = _text(value, rule)
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{8}", text):
        return parse_register_date(text).day
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise ValueError(f"is no date: {text[:50]!r}") from None


def _flag(value: Any, rule: FieldRule) -> bool:
    if isinstance(value, bool):
        return value
    word = (_text(value, rule) or "").lower()
    if word in rule.words_true:
        return True
    if word in rule.words_false:
        return False
    raise ValueError(f"is a word that is not known: {word[:50]!r}")


def _legal_form(value: Any, rule: FieldRule) -> str | None:
    return normalize_legal_form(_text(value, rule))


def _sbi(value: Any, rule: FieldRule) -> tuple[SbiActivity, ...] | None:
    if not isinstance(value, list):
        raise ValueError(f"is {name_kind(value)}, not a list")
    activities = []
    for item in value:
        if not isinstance(item, dict):
            raise ValueError(f"holds {name_kind(item)} where an object must stand")
        code = _text(item.get(rule.code), rule)
        if code is None:
            raise ValueError("holds an empty code")
        description = item.get(rule.description)
        activities.append(
            SbiActivity(
                sbi_code=code,
                description=None if description is None else _text(description, rule),
            )
        )
    return tuple(activities) or None


_CONVERTERS: dict[Conversion, Callable[[Any, FieldRule], Any]] = {
    "text": _text,
    "count": _count,
    "money": _money,
    "date": _date,
    "flag": _flag,
    "legal_form": _legal_form,
    "sbi": _sbi,
    "year": _year,
}
