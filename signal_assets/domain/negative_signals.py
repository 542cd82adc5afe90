"""Negative signals: phrases in a vacancy that say the company has bought already."""

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

from signal_assets.domain.records import Record

_GAP = r"[\s\u00ad\u200b\u2010-\u2015-]"


class NegativeSignal(Record):
    """A phrase of the profile, and where the vacancy says it: `part[start:end] == quote`."""

    phrase: str
    quote: str
    start: int
    end: int
    part: Literal["description", "title"] = "description"


class _Phrase(NamedTuple):
    phrase: str
    words: tuple[str, ...]
    """In lower case, the longest first: a text that lacks one of them is not searched."""
    pattern: re.Pattern[str]


class NegativePhrases:
    """A profile's phrases, prepared once to be looked for in many vacancies.

    A phrase is found as whole words, in any case; a blank in it also matches a hyphen or a line
    break, a hyphen also a blank or nothing.
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        self._phrases = [
            _Phrase(phrase, words, _compile(phrase))
            for phrase in sorted({phrase.strip() for phrase in phrases})
            if (words := _words(phrase))
        ]

    def find(self, title: str, description: str) -> tuple[NegativeSignal, ...]:
        """Return the first place of each phrase, in the description or else in the title."""
        lowered = f"{title}\n{description}".lower()
        return tuple(
            signal
            for phrase in self._phrases
            if all(word in lowered for word in phrase.words)
            and (signal := _find(phrase, title, description))
        )


def _words(phrase: str) -> tuple[str, ...]:
    return tuple(sorted(re.findall(r"\w+", phrase.lower()), key=len, reverse=True))


def _compile(phrase: str) -> re.Pattern[str]:
    parts = re.split(rf"({_GAP}+)", phrase)
    pattern = "".join(
        _gap(part) if index % 2 else re.escape(part) for index, part in enumerate(parts)
    )
    return re.compile(rf"(?<!\w){pattern}(?!\w)", re.IGNORECASE)


def _gap(written: str) -> str:
    return f"{_GAP}+" if written.isspace() else f"{_GAP}*"


def _find(phrase: _Phrase, title: str, description: str) -> NegativeSignal | None:
    for part, text in (("description", description), ("title", title)):
        if match := phrase.pattern.search(text):
            return NegativeSignal(
                phrase=phrase.phrase,
                quote=match[0],
                start=match.start(),
                end=match.end(),
                part="title" if part == "title" else "description",
            )
    return None
