"""Business Register: KvK's answers read as records. Links are never read; their shape changes."""

import re
from datetime import UTC, date, datetime
from typing import Any, Literal, NamedTuple

from signal_assets.domain.companies import KvkProfile, RegisterRow, RegisterSearch, SbiActivity
from signal_assets.domain.legal_forms import is_natural_person_form, normalize_legal_form
from signal_assets.domain.records import Record
from signal_assets.domain.wire_fields import Fields, UnreadableAnswer

SBI_2025_SINCE = datetime(2025, 9, 7, tzinfo=UTC)
"""KvK moved the whole register to SBI 2025 in the weekend that ended then."""

_KINDS: dict[str, Literal["hoofdvestiging", "nevenvestiging", "rechtspersoon"]] = {
    "hoofdvestiging": "hoofdvestiging",
    "nevenvestiging": "nevenvestiging",
    "rechtspersoon": "rechtspersoon",
}
_PLACE_AFTER_POSTCODE = re.compile(r"\b[0-9]{4} ?[A-Z]{2}\s+(\S.*)")


class RegisterFault(Record):
    """One of the reasons KvK gives for not answering."""

    code: str
    text: str


class Establishment(Record):
    """One place where a company works; the list of them says less than the profile of one."""

    establishment_number: str
    kvk_number: str | None = None
    name: str | None = None
    trade_names: tuple[str, ...] = ()
    place: str | None = None
    is_main: bool | None = None
    employee_count: int | None = None
    websites: tuple[str, ...] = ()


class Establishments(Record):
    """The establishments of one KvK number; `total` can exceed the rows that came with it."""

    kvk_number: str
    total: int
    rows: tuple[Establishment, ...] = ()


class RegisterDate(NamedTuple):
    """A date of which the register may know only the year, or the year and month."""

    day: date | None
    year: int | None


def parse_search(payload: dict[str, Any]) -> RegisterSearch:
    """Return the rows of one page of Zoeken v2, in the order KvK gave them.

    Raises:
        UnreadableAnswer: a field is missing or of another kind; names it.
    """
    answer = Fields(payload)
    rows = tuple(_parse_row(row) for row in answer.parts("resultaten"))
    total = answer.count("totaal")
    return RegisterSearch(total=len(rows) if total is None else total, rows=rows)


def _parse_row(row: Fields) -> RegisterRow:
    kind = row.required_text("type")
    if kind not in _KINDS:
        raise row.wrong_value("type", f"is none of {', '.join(_KINDS)}: {kind[:50]!r}")
    return RegisterRow(
        kvk_number=_number(row, "kvkNummer", 8),
        name=row.required_text("naam"),
        kind=_KINDS[kind],
        establishment_number=_optional_number(row, "vestigingsnummer", 12),
        place=row.part("adres").part("binnenlandsAdres").text("plaats"),
        expired_name=row.text("vervallenNaam"),
        is_active=row.flag("actief"),
    )


def parse_profile(payload: dict[str, Any], fetched_at: datetime) -> KvkProfile:
    """Return the base profile in an answer of Basisprofiel v1.

    Of addresses only the place is taken, as the street of a one-person business is often a home.
    `registration_date` is None when the register knows only the year, which is then in
    `registration_year`. A company is active when no end date is registered.

    Raises:
        UnreadableAnswer: a field is missing or of another kind; names it.
    """
    answer = Fields(payload)
    embedded = answer.part("_embedded")
    main, owner = embedded.part("hoofdvestiging"), embedded.part("eigenaar")
    legal_form_text = owner.text("rechtsvorm") or owner.text("uitgebreideRechtsvorm")
    legal_form = normalize_legal_form(legal_form_text)
    registered = _parse_date(answer, "formeleRegistratiedatum")
    ended = _parse_date(answer.part("materieleRegistratie"), "datumEinde")
    return KvkProfile(
        kvk_number=_number(answer, "kvkNummer", 8),
        name=answer.required_text("naam"),
        statutory_name=answer.text("statutaireNaam"),
        trade_names=_trade_names(answer),
        legal_form=legal_form,
        legal_form_text=legal_form_text,
        rsin=_optional_number(owner, "rsin", 9),
        sbi_activities=tuple(_parse_activity(row) for row in answer.parts("sbiActiviteiten")),
        sbi_edition="2025" if fetched_at >= SBI_2025_SINCE else "unknown",
        employee_count=answer.count("totaalWerkzamePersonen"),
        registration_date=registered.day if registered else None,
        registration_year=registered.year if registered else None,
        end_date=ended.day if ended else None,
        is_active=ended is None,
        non_mailing=answer.flag("indNonMailing"),
        is_natural_person_business=is_natural_person_form(legal_form),
        place=_place(main) or _place(owner),
        websites=_websites(main, owner),
        fetched_at=fetched_at,
    )


def parse_establishments(payload: dict[str, Any]) -> Establishments:
    """Return the establishments of one KvK number.

    Raises:
        UnreadableAnswer: a field is missing or of another kind; names it.
    """
    answer = Fields(payload)
    rows = tuple(_parse_listed(row) for row in answer.parts("vestigingen"))
    total = answer.count("totaalAantalVestigingen")
    return Establishments(
        kvk_number=_number(answer, "kvkNummer", 8),
        total=len(rows) if total is None else total,
        rows=rows,
    )


def _parse_listed(row: Fields) -> Establishment:
    address = _PLACE_AFTER_POSTCODE.search(row.text("volledigAdres") or "")
    return Establishment(
        establishment_number=_number(row, "vestigingsnummer", 12),
        kvk_number=_optional_number(row, "kvkNummer", 8),
        name=row.text("eersteHandelsnaam"),
        place=" ".join(address[1].split()) if address else None,
        is_main=row.flag("indHoofdvestiging"),
    )


def parse_establishment(payload: dict[str, Any]) -> Establishment:
    """Return the establishment in an answer of Vestigingsprofiel v1.

    Raises:
        UnreadableAnswer: a field is missing or of another kind; names it.
    """
    answer = Fields(payload)
    return Establishment(
        establishment_number=_number(answer, "vestigingsnummer", 12),
        kvk_number=_number(answer, "kvkNummer", 8),
        name=answer.text("eersteHandelsnaam"),
        trade_names=_trade_names(answer),
        place=_place(answer),
        is_main=answer.flag("indHoofdvestiging"),
        employee_count=answer.count("totaalWerkzamePersonen"),
        websites=_websites(answer),
    )


def parse_faults(payload: dict[str, Any]) -> tuple[RegisterFault, ...]:
    """Return the reasons in an error answer, in the present shape or the older, wrapped one."""
    reports = payload.get("meldingen")
    holder = reports if isinstance(reports, dict) else payload
    rows = holder.get("fout")
    if not isinstance(rows, list):
        return ()
    return tuple(
        RegisterFault(code=str(row.get("code", "")), text=str(row.get("omschrijving", "")))
        for row in rows
        if isinstance(row, dict)
    )


def parse_register_date(text: str) -> RegisterDate:
    """Return KvK's `YYYYMMDD`, in which parts that are not known are zeros.

    >>> parse_register_date("20170519")
    RegisterDate(day=datetime.date(2017, 5, 19), year=2017)
    >>> parse_register_date("20190000")
    RegisterDate(day=None, year=2019)
    >>> parse_register_date("00000000")
    RegisterDate(day=None, year=None)
    """
    if not re.fullmatch(r"[0-9]{8}", text):
        raise UnreadableAnswer(f"{text[:50]!r} is not YYYYMMDD")
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:])
    if not year:
        return RegisterDate(None, None)
    if not month or not day:
        return RegisterDate(None, year)
    try:
        return RegisterDate(date(year, month, day), year)
    except ValueError:
        raise UnreadableAnswer(f"{text!r} is not a day of the calendar") from None


def _parse_date(fields: Fields, name: str) -> RegisterDate | None:
    text = fields.text(name)
    if text is None:
        return None
    try:
        return parse_register_date(text)
    except UnreadableAnswer as error:
        raise fields.wrong_value(name, f"is no date: {error}") from None


def _parse_activity(row: Fields) -> SbiActivity:
    return SbiActivity(
        sbi_code=row.required_text("sbiCode"),
        description=row.text("sbiOmschrijving"),
        is_main=row.flag("indHoofdactiviteit") or False,
    )


def _trade_names(answer: Fields) -> tuple[str, ...]:
    rows = [(row.count("volgorde") or 0, row.text("naam")) for row in answer.parts("handelsnamen")]
    names = (name for _, name in sorted(rows, key=lambda row: row[0]) if name is not None)
    return tuple(dict.fromkeys(names))


def _place(fields: Fields) -> str | None:
    """Return the place of the visiting address, else of any other."""
    addresses = [(row.text("type"), row.text("plaats")) for row in fields.parts("adressen")]
    visiting = [place for kind, place in addresses if kind == "bezoekadres" and place]
    return next(iter(visiting), None) or next((place for _, place in addresses if place), None)


def _websites(*parts: Fields) -> tuple[str, ...]:
    hosts = (_host(text) for part in parts for text in part.texts("websites"))
    return tuple(dict.fromkeys(host for host in hosts if host is not None))


def _host(text: str) -> str | None:
    match = re.fullmatch(r"(?:https?://)?([\w.-]+\.[\w-]{2,})(?:[:/?#].*)?", text.lower())
    return match[1] if match else None


def _number(fields: Fields, name: str, digits: int) -> str:
    number = _optional_number(fields, name, digits)
    if number is None:
        raise fields.wrong_value(name, "is missing")
    return number


def _optional_number(fields: Fields, name: str, digits: int) -> str | None:
    text = fields.text(name)
    if text is not None and not re.fullmatch(rf"[0-9]{{{digits}}}", text):
        raise fields.wrong_value(name, f"is not {digits} digits: {text[:50]!r}")
    return text
