"""Posters: whether who posts a vacancy is the employer, or an agency whose client it is.

What is looked at, in this order: the name of the poster (a maintained list, and words in it), then
the words of the vacancy. The activity in the Business Register is known only after pass 2 and is
judged by `is_agency_activity`.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources
from typing import Literal, NamedTuple

import yaml

from signal_assets.domain.company_names import normalize_company_name
from signal_assets.domain.folding import fold
from signal_assets.domain.records import Record
from signal_assets.domain.vacancies import Vacancy

PosterRule = Literal["name", "text"]

STAFFING_DIVISION = "78"
"""SBI and NACE division of agencies: placing, lending out and paying personnel."""

LONGEST_QUOTE = 200
_AROUND = 300
"""Characters before and behind a telling word in which its sentence lies."""


class Intermediary(Record):
    """Why a vacancy is taken to be an agency's; `quote` stands in its text at `start`."""

    rule: PosterRule
    reason: str
    quote: str | None = None
    start: int | None = None


class _Cue(NamedTuple):
    near: tuple[str, ...]
    pattern: re.Pattern[str]


class _Cues(NamedTuple):
    by_text: tuple[_Cue, ...]
    name_parts: tuple[str, ...]
    own_work: re.Pattern[str]


@cache
def _cues() -> _Cues:
    file = resources.files("signal_assets.domain").joinpath("data/poster_cues.yaml")
    data = yaml.safe_load(file.read_text("utf-8"))
    return _Cues(
        by_text=tuple(_Cue(tuple(cue["near"]), _compile(cue["pattern"])) for cue in data["cues"]),
        name_parts=tuple(data["name_parts"]),
        own_work=re.compile(rf"\b(?:{'|'.join(data['own_work'])})", re.IGNORECASE),
    )


def _compile(pattern: str) -> re.Pattern[str]:
    sentence = r"(?:[^.!?]|[.!?](?!\s)){0,200}?"
    return re.compile(pattern.replace("…", sentence).replace(" ", r"[\s*_]{1,6}"), re.IGNORECASE)


def find_intermediary(company_name: str | None, title: str, text: str) -> Intermediary | None:
    """Return why the vacancy is an agency's, or None if nothing says so.

    A known agency that looks for people of its own trade (a recruiter) is the employer.

    >>> found = find_intermediary("Voorbeeld B.V.", "Boekhouder", "Onze klant zoekt versterking.")
    >>> found.rule, found.quote
    ('text', 'Onze klant zoekt')
    """
    is_own_work = _cues().own_work.search(title) is not None
    by_name = None if is_own_work else _find_in_name(company_name)
    return by_name or (None if is_own_work else _find_in_text(text))


def _find_in_name(company_name: str | None) -> Intermediary | None:
    name = normalize_company_name(company_name) if company_name else None
    if name is None:
        return None
    if name.kind == "intermediary":
        return Intermediary(rule="name", reason=name.kind_reason or "its name says so")
    folded = fold(name.clean_name)
    for part in _cues().name_parts:
        if part in folded:
            return Intermediary(rule="name", reason=f"its name says “{part}”")
    return None


def _find_in_text(text: str) -> Intermediary | None:
    lowered = text.lower()
    if len(lowered) != len(text):  # a few capitals become two letters
        lowered = "".join(letter.lower()[:1] for letter in text)
    found = [match for cue in _cues().by_text if (match := _search(cue, text, lowered)) is not None]
    if not found:
        return None
    first = min(found, key=lambda match: match.start())
    quote = first[0][:LONGEST_QUOTE]
    return Intermediary(
        rule="text",
        reason=f"its text says “{' '.join(quote.split())}”",
        quote=quote,
        start=first.start(),
    )


def _search(cue: _Cue, text: str, lowered: str) -> re.Match[str] | None:
    for words in cue.near:
        place = lowered.find(words)
        while place >= 0:
            found = cue.pattern.search(text, max(0, place - _AROUND), place + _AROUND)
            if found is not None:
                return found
            place = lowered.find(words, place + _AROUND)
    return None


def judge_posters(vacancies: Iterable[Vacancy]) -> tuple[Vacancy, ...]:
    """Say of the vacancies that were not judged yet whether they are an agency's, and why."""
    return tuple(
        vacancy if vacancy.is_intermediary is not None else _judge(vacancy) for vacancy in vacancies
    )


def _judge(vacancy: Vacancy) -> Vacancy:
    found = find_intermediary(vacancy.company_name, vacancy.title, vacancy.description)
    return vacancy.model_copy(
        update={
            "is_intermediary": found is not None,
            "intermediary_reason": found.reason if found else None,
        }
    )


def is_agency_activity(sbi_codes: Sequence[str]) -> bool:
    """Whether the main activity, the first one, is that of an agency.

    >>> is_agency_activity(["78201", "62010"]), is_agency_activity(["62010", "78201"])
    (True, False)
    """
    return bool(sbi_codes) and sbi_codes[0].startswith(STAFFING_DIVISION)
