"""Legal forms: one name for each, whatever spelling a register uses, and who stands behind it."""

import re
import unicodedata

_BY_BEGINNING = (
    ("beslotenvennootschap", "besloten_vennootschap"),
    ("naamlozevennootschap", "naamloze_vennootschap"),
    ("eenmanszaak", "eenmanszaak"),
    ("vennootschaponderfirma", "vennootschap_onder_firma"),
    ("commanditairevennootschap", "commanditaire_vennootschap"),
    ("maatschap", "maatschap"),
    ("stichting", "stichting"),
    ("verenigingvaneigenaars", "vereniging_van_eigenaars"),
    ("vereniging", "vereniging"),
    ("cooperatie", "cooperatie"),
    ("onderlingewaarborg", "onderlinge_waarborgmaatschappij"),
    ("kerkgenootschap", "kerkgenootschap"),
    ("publiekrechtelijkerechtspersoon", "publiekrechtelijke_rechtspersoon"),
)
"""Longer beginnings stand before the shorter ones they start with."""

_BY_ABBREVIATION = {
    "bv": "besloten_vennootschap",
    "nv": "naamloze_vennootschap",
    "vof": "vennootschap_onder_firma",
    "cv": "commanditaire_vennootschap",
    "vve": "vereniging_van_eigenaars",
}

NATURAL_PERSON_FORMS = frozenset(
    {"eenmanszaak", "vennootschap_onder_firma", "maatschap", "commanditaire_vennootschap"}
)
"""Forms whose data are the personal data of the people behind them."""


def normalize_legal_form(text: str | None) -> str | None:
    """Return the form `text` names, `other` for one not in the list, None when nothing is stated.

    >>> normalize_legal_form("Besloten Vennootschap met gewone structuur")
    'besloten_vennootschap'
    >>> normalize_legal_form("B.V.")
    'besloten_vennootschap'
    >>> normalize_legal_form("Coöperatie U.A.")
    'cooperatie'
    >>> normalize_legal_form("Rederij")
    'other'
    """
    plain = unicodedata.normalize("NFKD", text or "").encode("ascii", "ignore").decode().lower()
    letters = re.sub(r"[^a-z]", "", plain)
    if not letters:
        return None
    if letters in _BY_ABBREVIATION:
        return _BY_ABBREVIATION[letters]
    for beginning, form in _BY_BEGINNING:
        if letters.startswith(beginning):
            return form
    return "other"


def is_natural_person_form(legal_form: str | None) -> bool | None:
    """Whether a normalised form stands for natural persons; None when that is not known.

    >>> is_natural_person_form("eenmanszaak"), is_natural_person_form("other")
    (True, None)
    """
    if legal_form is None or legal_form == "other":
        return None
    return legal_form in NATURAL_PERSON_FORMS
