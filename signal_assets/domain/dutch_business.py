"""Dutch business dossiers: Company.info's SOAP answers read as records.

Names of fields are the service's own. What it says of persons (`contact_…`) and their telephones is
taken out before anything is stored, see `strip_persons`.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from signal_assets.domain.companies import CompanyFinancials, SbiActivity
from signal_assets.domain.legal_forms import normalize_legal_form
from signal_assets.domain.soap import WireValue, parse_soap, strip_elements
from signal_assets.domain.wire_fields import UnreadableAnswer

NAMESPACE = "http://www.webservices.nl/soap/"
OPERATION = "dutchBusinessGetDossierV3"

_Reader = Callable[[WireValue], object]

_MAX_COUNT = 10_000_000
"""More people than any company employs."""
_MAX_AMOUNT_EUR = 10**15

_STATEMENT = "annual_financial_statement_summary"
_EUROS = ("EUR", "EURO", "€")


def is_private(name: str) -> bool:
    """Whether an element is about a person, or a line that rings at a person's desk or pocket.

    >>> is_private("contact_surname"), is_private("legal_name")
    (True, False)
    """
    return name.startswith("contact_") or name in ("mobile_number", "telephone_number")


def strip_persons(body: str) -> str:
    """Return an answer without the elements that are about persons, fit to be stored."""
    return strip_elements(body, is_private)


def get_dossier(body: str) -> dict[str, WireValue]:
    """Return the dossier in an answer, names of the wire to texts, lists and parts.

    Raises:
        UnreadableAnswer: the answer is a fault or holds no dossier.
    """
    answer = parse_soap(body)
    if answer.fault is not None:
        raise UnreadableAnswer(f"a fault, not a dossier: {answer.fault.code}")
    response = answer.content.get(f"{OPERATION}Response")
    dossier = response.get("out") if isinstance(response, dict) else None
    if not isinstance(dossier, dict):
        raise UnreadableAnswer("the answer holds no dossier")
    return dossier


def check_number(dossier: Mapping[str, WireValue], kvk_number: str) -> None:
    """Make sure that a dossier is about the company asked for.

    Raises:
        UnreadableAnswer: it is about another one, or does not say.
    """
    found = dossier.get("dossier_number")
    if found != kvk_number:
        raise UnreadableAnswer(f"asked for {kvk_number}, the answer is about {str(found)[:50]!r}")


def parse_dossier(body: str, kvk_number: str, fetched_at: datetime) -> CompanyFinancials:
    """Return what a dossier says of the company.

    Counts of people: Company.info's own (`personnel_ci`), else the register's (`personnel`); the
    service sends 0 for its own where it has none. Classes stay codes, as what they stand for is not
    public. Which edition of SBI a code is from is not said. A value that cannot be read is None,
    and `unread_fields` says why.

    Raises:
        UnreadableAnswer: there is no dossier, or it is about another company.
    """
    dossier = get_dossier(body)
    check_number(dossier, kvk_number)
    reading = _Reading({**dossier, "primary_sbi_code": _own_codes(dossier)})
    for name, readers in _RULES.items():
        reading.take(name, readers)
    reading.take_insolvency()
    return CompanyFinancials(
        kvk_number=kvk_number,
        **reading.record_values(),
        source_fields=reading.sources,
        unread_fields=reading.unread,
        fetched_at=fetched_at,
    )


class _Reading:
    """What was taken from a dossier so far, and where from."""

    def __init__(self, dossier: Mapping[str, WireValue]) -> None:
        self._dossier = dossier
        self.values: dict[str, Any] = {}
        self.sources: dict[str, str] = {}
        self.unread: dict[str, str] = {}

    def take(self, name: str, readers: Mapping[str, _Reader]) -> None:
        """Take the first wire field that holds something that can be read."""
        for field, read in readers.items():
            value = self._read(name, field, read)
            if value is not None:
                self.values[name], self.sources[name] = value, field
                self.unread.pop(name, None)
                return

    def take_insolvency(self) -> None:
        """Bankruptcy or suspension of payments; False only where both are denied."""
        found = {field: self._read("is_insolvent", field, _flag) for field in _INSOLVENCY}
        is_set = [field for field, value in found.items() if value]
        if is_set or None not in found.values():
            self.values["is_insolvent"] = bool(is_set)
            self.sources["is_insolvent"] = ", ".join(is_set or _INSOLVENCY)

    def record_values(self) -> dict[str, Any]:
        """Return the values as the record has them, figures gathered."""
        values = dict(self.values)
        figures = {
            name.removeprefix("financials."): values.pop(name)
            for name in sorted(values)
            if name.startswith("financials.")
        }
        return {**values, "financials": figures or None}

    def _read(self, name: str, field: str, read: _Reader) -> object:
        raw = self._look_up(field)
        if raw in (None, "", [], {}):
            return None
        try:
            return read(raw)
        except ValueError as error:
            self.unread[name] = f"{field} {error}"
            return None

    def _look_up(self, path: str) -> WireValue | None:
        value: WireValue | None = dict(self._dossier)
        for step in path.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        return value


def _own_codes(dossier: Mapping[str, WireValue]) -> WireValue:
    """Return the codes of the dossier itself in the shape of its collections, the main one first.

    Without a main one there are none: the collections then say more.
    """
    names = ("primary_sbi_code", "secondary_sbi_code1", "secondary_sbi_code2")
    if not dossier.get(names[0]):
        return []
    return [
        {"sbi_code": dossier[name], "description": dossier.get(f"{name}_text", "")}
        for name in names
        if dossier.get(name)
    ]


def _text(raw: WireValue) -> str:
    if not isinstance(raw, str):
        raise ValueError(f"is {_kind(raw)}, not text")
    return raw


def _count(raw: WireValue) -> int:
    text = _text(raw)
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) > _MAX_COUNT:
        raise ValueError(f"is no count: {text[:50]!r}")
    return int(text)


def _own_count(raw: WireValue) -> int | None:
    return _count(raw) or None


def _flag(raw: WireValue) -> bool:
    word = _text(raw).lower()
    if word not in ("true", "false", "1", "0"):
        raise ValueError(f"is neither true nor false: {word[:50]!r}")
    return word in ("true", "1")


def _is_active_still(raw: WireValue) -> bool | None:
    """A company with a day on which it stopped is not active."""
    return False if _date_parts(raw)[0] else None


def _day(raw: WireValue) -> date | None:
    """Return the day of a date in three parts; None where one of them is not known."""
    year, month, day = _date_parts(raw)
    if not (year and month and day):
        return None
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError("is not a day of the calendar") from None


def _date_parts(raw: WireValue) -> tuple[int, int, int]:
    if not isinstance(raw, dict):
        raise ValueError(f"is {_kind(raw)}, not year, month and day")
    year, month, day = (_count(raw.get(name) or "0") for name in ("year", "month", "day"))
    return year, month, day


def _year(raw: WireValue) -> int:
    year = _count(raw)
    if not 1800 <= year <= 2200:
        raise ValueError(f"is {year}, not a year")
    return year


def _euros(raw: WireValue) -> int | float:
    if not isinstance(raw, dict):
        raise ValueError(f"is {_kind(raw)}, not an amount with its currency")
    currency = raw.get("currency") or "no currency"
    if not isinstance(currency, str) or currency.upper() not in _EUROS:
        raise ValueError(f"is not in euros: {str(currency)[:50]!r}")
    text = _text(raw.get("amount") or "")
    if not re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,6})?", text):
        raise ValueError(f"is no amount: {text[:50]!r}")
    amount = float(text) if "." in text else int(text)
    if abs(amount) > _MAX_AMOUNT_EUR:
        raise ValueError("is more than any company turns over")
    return amount


def _activities(raw: WireValue) -> tuple[SbiActivity, ...] | None:
    rows = raw if isinstance(raw, list) else [raw]
    found: dict[str, SbiActivity] = {}
    for row in rows:
        if not isinstance(row, dict):
            raise ValueError(f"holds {_kind(row)} where a code and its description must stand")
        code = _text(row.get("sbi_code") or "")
        if not code:
            raise ValueError("holds an empty code")
        description = _text(row.get("description") or "") or None
        found.setdefault(code, SbiActivity(sbi_code=code, description=description))
    return tuple(found.values()) or None


def _main_first(raw: WireValue) -> tuple[SbiActivity, ...]:
    first, *others = _activities(raw) or ()
    return (first.model_copy(update={"is_main": True}), *others)


def _legal_form(raw: WireValue) -> str | None:
    return normalize_legal_form(_text(raw))


def _kind(raw: WireValue) -> str:
    if isinstance(raw, str):
        return "text"
    return "a list" if isinstance(raw, list) else "an element with parts"


_INSOLVENCY = ("indication_bankruptcy", "indication_dip")

_RULES: dict[str, dict[str, _Reader]] = {
    "employee_count": {"personnel_ci": _own_count, "personnel": _count},
    "employee_class": {"class_personnel_ci": _text, "class_personnel": _text},
    "legal_form": {"legal_form_text": _legal_form},
    "founded_date": {"founding_date": _day},
    "is_active": {
        "indication_economically_active": _flag,
        "discontinuation_date": _is_active_still,
    },
    "non_mailing": {"indication_non_mailing": _flag},
    "sbi_activities": {
        "primary_sbi_code": _main_first,
        "sbi_collection.original": _activities,
        "sbi_collection.company_info": _activities,
    },
    "financials.year": {f"{_STATEMENT}.year": _year},
    "financials.revenue": {f"{_STATEMENT}.turnover": _euros},
    "financials.profit": {f"{_STATEMENT}.profit": _euros},
    "financials.assets": {f"{_STATEMENT}.assets": _euros},
}
"""Our field → the wire fields it may come from, the better one first, and how each is read."""

FIELDS: dict[str, tuple[str, ...]] = {
    **{name: tuple(readers) for name, readers in _RULES.items()},
    "is_insolvent": _INSOLVENCY,
}
"""Each field of ours that a dossier can fill → the wire fields it may come from."""
