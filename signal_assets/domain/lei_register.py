"""LEI register: GLEIF's answers read as register rows.

It holds legal names, mostly of larger firms. What it does not have may exist all the same.
"""

from typing import Any

from signal_assets.domain.companies import RegisterRow, RegisterSearch
from signal_assets.domain.wire_fields import Fields

BUSINESS_REGISTER = "RA000463"
"""GLEIF's code for the Dutch Business Register."""

_FORM_OF_CODE = {
    "33MN": "vereniging",
    "4QXM": "eenmanszaak",
    "54M6": "besloten_vennootschap",
    "62Y3": "vennootschap_onder_firma",
    "9AAK": "maatschap",
    "A0W7": "publiekrechtelijke_rechtspersoon",
    "B5PM": "naamloze_vennootschap",
    "CODH": "commanditaire_vennootschap",
    "DEO1": "onderlinge_waarborgmaatschappij",
    "GNXT": "vereniging_van_eigenaars",
    "L7HX": "kerkgenootschap",
    "NFFH": "cooperatie",
    "V44D": "stichting",
}
"""ISO 20275 code of a Dutch legal form → our name for it."""


def parse_lei_records(payload: dict[str, Any]) -> RegisterSearch:
    """Return the Dutch companies in an answer; those without a KvK number are left out.

    Raises:
        UnreadableAnswer: a field is of another kind than promised; names it.
    """
    answer = Fields(payload)
    rows = []
    left_out = 0
    for record in answer.parts("data"):
        found = _parse_record(record.part("attributes").part("entity"))
        left_out += not found
        rows += found
    total = answer.part("meta").part("pagination").count("total")
    known = left_out + len({row.kvk_number for row in rows})
    return RegisterSearch(total=max(len(rows), len(rows) + (total or 0) - known), rows=tuple(rows))


def _parse_record(entity: Fields) -> list[RegisterRow]:
    number = entity.text("registeredAs")
    if number is None or not _is_kvk_number(number):
        return []
    authority = entity.part("registeredAt").text("id")
    if authority not in (None, BUSINESS_REGISTER):
        return []
    names = [entity.part("legalName").text("name")]
    names += [other.text("name") for other in entity.parts("otherNames")]
    status = entity.text("status")
    return [
        RegisterRow(
            kvk_number=number,
            name=name,
            kind="rechtspersoon",
            place=place,
            is_active=None if status is None else status == "ACTIVE",
            source="gleif",
            legal_form=_FORM_OF_CODE.get(entity.part("legalForm").text("id") or ""),
        )
        for name in dict.fromkeys(filter(None, names))
        for place in _places(entity)
    ]


def _places(entity: Fields) -> list[str | None]:
    cities = [
        address.text("city")
        for address in (entity.part("legalAddress"), entity.part("headquartersAddress"))
        if address.text("country") in (None, "NL")
    ]
    return list(dict.fromkeys(filter(None, cities))) or [None]


def _is_kvk_number(text: str) -> bool:
    return len(text) == 8 and text.isascii() and text.isdigit()
