"""Injections: passages of a vacancy that speak to the machine that reads it, or hide from people.

An advertisement states something to people who look for work. What is written for the model that
reads along states nothing: orders to it, messages that pretend to be of the system, answers laid
ready in its format, and markup that a browser does not show. Words inside such a passage support no
value, whoever reads. A plain sentence outside of one does, whoever wrote it: the advertiser
published it, and anyone can check it.

What counts is narrow, so that ordinary vacancies hold no such passage. One runs from the beginning
of its sentence to the end of its block (an empty line); hidden markup to its end; what imitates our
own tags or the turns of a conversation to the end of the text.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from importlib import resources
from typing import NamedTuple

import yaml

from signal_assets.domain.records import Record


class Passage(Record):
    """A stretch of a text that supports nothing: `text[start:end]`."""

    start: int
    end: int
    kind: str


_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ufe00-\ufe0f]"
)
_TAG_CHARACTERS = re.compile("[\U000e0000-\U000e007f]+")
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁһкмнтвгпαεορτυνικ‚ⅼ",
    "aeopcyxijsdhkmhtbrnaeoptuvik,l",
)
"""Cyrillic and Greek letters that look like Latin ones, one for one."""

_HIDDEN = re.compile(
    r"(?P<comment><!--)|<(?P<tag>script|style|template|noscript)\b[^>]{0,400}>|"
    r"<(?P<element>[a-z][a-z0-9]{0,10})\b(?=[^>]{0,400}(?:"
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*[01](?:px|pt|em|rem|%)?\s*[;\"']|"
    r"opacity\s*:\s*0(?:\.0+)?\s*[;\"']|color\s*:\s*(?:#fff(?:fff)?|white|transparent)\s*[;\"']|"
    r"\shidden\b|aria-hidden\s*=\s*[\"']?true|(?:left|top|text-indent)\s*:\s*-\d{3,}))"
    r"[^>]{0,400}>"
)
_ATTRIBUTE = re.compile(
    r"<[a-z][a-z0-9]{0,10}\b[^>]{0,200}\b(?:alt|title|data-[a-z-]{1,30}|aria-label|content)\s*=\s*"
    r"(?P<said>\"[^\"]{0,400}\"|'[^']{0,400}')"
)
_SENTENCE_EDGE = re.compile(r"[\n•]|[.!?;](?=\s)|>")
_BLOCK_END = re.compile(r"\n[ \t\r]*\n")


_DISGUISE = re.compile(
    "[\u00ad\u0300-\u1fff\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2100-\u2115\u2124-\u218f"
    "\u2460-\u24ff\ufb00-\ufdff\ufe10-\uffff\U0001d400-\U0001d7ff\U0001f100-\U0001f1ff\U000e0000-\U000e007f]"
)
"""Letters of other scripts and forms, and letters that cannot be seen."""


def find_injections(text: str, fields: Iterable[str] = ()) -> tuple[Passage, ...]:
    """Return the passages that speak to a machine or hide from people, in the order of the text.

    `fields` are the names of the fields asked for: a text that uses one (`erp_systems`) speaks to
    the machine that was asked for it.
    """
    return _find(text, tuple(name for name in fields if "_" in name))


@lru_cache(maxsize=256)
def _find(text: str, fields: tuple[str, ...]) -> tuple[Passage, ...]:
    plain, places = _read_plainly(text)
    found = [
        Passage(start=places[start], end=places[end - 1] + 1, kind=kind)
        for start, end, kind in _stretches(plain, fields)
        if end > start
    ]
    found += [
        Passage(start=match.start(), end=match.end(), kind="invisible letters")
        for match in _TAG_CHARACTERS.finditer(text)
    ]
    return tuple(sorted(found, key=lambda passage: (passage.start, passage.end)))


def blank_injections(text: str, passages: Iterable[Passage]) -> str:
    """Return `text` with line ends where the passages stand; every other character in its place."""
    for passage in passages:
        length = passage.end - passage.start
        text = text[: passage.start] + "\n" * length + text[passage.end :]
    return text


def overlaps(passages: Iterable[Passage], start: int, end: int) -> bool:
    """Whether any of the passages shares a character with `start` to `end`."""
    return any(passage.start < end and start < passage.end for passage in passages)


def _read_plainly(text: str) -> tuple[str, range | list[int]]:
    """Return the text in lower case without disguises, and where each of its characters stood."""
    lower = text.lower()
    if len(lower) == len(text) and not _DISGUISE.search(text):
        return lower, range(len(text))
    letters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        if _INVISIBLE.match(character):
            continue
        folded = unicodedata.normalize("NFKC", character) if ord(character) > 0x2FF else character
        for letter in folded.lower().translate(_LOOKALIKES):
            letters.append(letter)
            places.append(place)
    return "".join(letters), places


def _stretches(plain: str, fields: tuple[str, ...]) -> Iterator[tuple[int, int, str]]:
    rules = _shipped_rules()
    for rule in rules.turns:
        match = rule.search(plain)
        if match is not None:
            yield match.start(), len(plain), "pretended turn"
    if "<" in plain:
        for match in _HIDDEN.finditer(plain):
            yield match.start(), _end_of_hidden(plain, match), "hidden markup"
        for match in _ATTRIBUTE.finditer(plain):
            yield match.start("said"), match.end("said"), "hidden markup"
    found = [match for rule in rules.orders for match in rule.find_all(plain)]
    if any(name in plain for name in _spellings(fields)):
        found += _field_names(fields).finditer(plain)
    for match in found:
        yield _sentence_start(plain, match.start()), _block_end(plain, match.end()), "order"


@lru_cache(maxsize=64)
def _spellings(fields: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.replace("_", gap) for name in fields for gap in "_ -")


@lru_cache(maxsize=64)
def _field_names(fields: tuple[str, ...]) -> re.Pattern[str]:
    names = "|".join(map(re.escape, fields))
    loose = "|".join(re.escape(name).replace("_", "[ _-]") for name in fields)
    quoted = rf"[\"'“‘]?(?:{loose})[\"'”’]?"
    return re.compile(
        rf"\b(?:{names})\b|\b(?:fields?|veld) {quoted}(?!\w)|(?<!\w){quoted} (?:field|veld)\b"
    )


class _Rule:
    """One rule of the data file; its pattern is tried only where one of its words stands."""

    def __init__(self, rule: "_RuleRow", words: dict[str, str]) -> None:
        pattern = rule.match
        for name, piece in reversed(words.items()):
            pattern = pattern.replace(f"<<{name}>>", f"(?:{piece})")
        self._words = rule.at
        self._pattern = re.compile(pattern, re.MULTILINE)

    def find_all(self, plain: str) -> Iterator[re.Match[str]]:
        if any(word in plain for word in self._words):
            yield from self._pattern.finditer(plain)

    def search(self, plain: str) -> re.Match[str] | None:
        return next(self.find_all(plain), None)


class _RuleRow(Record):
    at: tuple[str, ...]
    match: str


class _RuleFile(Record):
    words: dict[str, str]
    turns: tuple[_RuleRow, ...]
    orders: tuple[_RuleRow, ...]


class _Rules(NamedTuple):
    turns: tuple[_Rule, ...]
    orders: tuple[_Rule, ...]


@cache
def _shipped_rules() -> _Rules:
    data = resources.files("signal_assets.domain") / "data" / "injections.yaml"
    file = _RuleFile.model_validate(yaml.safe_load(data.read_text(encoding="utf-8")))
    return _Rules(
        turns=tuple(_Rule(row, file.words) for row in file.turns),
        orders=tuple(_Rule(row, file.words) for row in file.orders),
    )


def _end_of_hidden(plain: str, match: re.Match[str]) -> int:
    """The end of the comment or element; the end of the text where it is never closed."""
    closing = "-->" if match["comment"] else f"</{match['tag'] or match['element']}"
    end = plain.find(closing, match.end())
    return len(plain) if end < 0 else end + len(closing)


def _sentence_start(plain: str, position: int) -> int:
    before = plain[max(0, position - 400) : position]
    edges = [edge.end() for edge in _SENTENCE_EDGE.finditer(before)]
    if edges:
        return position - len(before) + edges[-1]
    return position - len(before)


def _block_end(plain: str, position: int) -> int:
    end = _BLOCK_END.search(plain, position)
    return len(plain) if end is None else end.start()
