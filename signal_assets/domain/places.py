"""Places: where a vacancy or an establishment is, as far as matching needs it."""

import re
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import NamedTuple

import yaml

from signal_assets.domain.folding import fold

_COUNTRIES = ("nederland", "netherlands", "the netherlands", "nl", "belgie", "belgium", "be")
_ANYWHERE = ("europe", "europa", "worldwide", "remote", "thuis", "thuiswerken", "hybrid", "hybride")
_NO_PLACES = frozenset(("", *_COUNTRIES, *_ANYWHERE))
_AROUND = re.compile(
    r"^(?:omgeving|regio|region|greater|gemeente|city of)\s+|\s+(?:area|region|e\.?o\.?|centrum)$"
)


class _Places(NamedTuple):
    provinces: dict[str, str]
    also: dict[str, str]


@cache
def _places() -> _Places:
    text = resources.files("signal_assets.domain").joinpath("data/places.yaml").read_text("utf-8")
    data = yaml.safe_load(text)
    provinces = {
        place: province for province, places in data["provinces"].items() for place in places
    }
    return _Places(provinces, data["also"])


@cache
def known_places() -> frozenset[str]:
    """Return every place of the shipped list, under all its names, as places are compared."""
    return frozenset(_places().provinces) | frozenset(_places().also)


def normalize_place(text: str) -> str | None:
    """Return the place in a location as places are compared, or None if it names none.

    Only what stands before the first comma, bracket or dash between blanks counts; what follows
    is a province or a country.

    >>> normalize_place("Den Haag, ZH, Netherlands"), normalize_place("The Hague")
    ('den haag', 'den haag')
    >>> normalize_place("Netherlands") is None
    True
    """
    first = re.split(r"[,(|/]|\s[-–]\s", fold(text).replace("a/d ", "aan den "), maxsplit=1)[
        0
    ].strip()
    words = " ".join(re.findall(r"[^\W_]+", _AROUND.sub("", first)))
    place = _places().also.get(words, words)
    return None if place in _NO_PLACES or place.isdigit() else place


def normalize_places(locations: Iterable[str | None]) -> tuple[str, ...]:
    """Return the distinct places in `locations`, in the order of the alphabet."""
    places = (normalize_place(location) for location in locations if location)
    return tuple(sorted({place for place in places if place}))


def get_province(place: str) -> str | None:
    """Return the province of a normalised place, or None if the shipped list does not hold it."""
    return _places().provinces.get(place)


_OFFICIAL_NAMES = {"den haag": "'s-Gravenhage", "den bosch": "'s-Hertogenbosch"}
_SMALL_WORDS = frozenset(("aan", "bij", "de", "den", "der", "en", "in", "op", "van"))


def spell_place(place: str) -> str:
    """Return a normalised place as Dutch registers write it.

    >>> spell_place("den haag"), spell_place("capelle aan den ijssel")
    ("'s-Gravenhage", 'Capelle aan den IJssel')
    """
    if place in _OFFICIAL_NAMES:
        return _OFFICIAL_NAMES[place]
    first, *others = (
        f"IJ{word[2:]}" if word.startswith("ij") else word.capitalize() for word in place.split()
    )
    return " ".join([first, *(w.lower() if w.lower() in _SMALL_WORDS else w for w in others)])
