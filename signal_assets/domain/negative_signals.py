"""Negative signals: phrases in a vacancy that say the company has bought already."""

import re
from collections import defaultdict
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
    pattern: re.Pattern[str]


class NegativePhrases:
    """A profile's phrases, prepared once to be looked for in many vacancies.

    A phrase is found as whole words, in any case; a blank in it also matches a hyphen or a line
    break, a hyphen also a blank or nothing.
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        self._by_anchor: dict[str, list[_Phrase]] = defaultdict(list)
        for phrase in dict.fromkeys(phrase.strip() for phrase in phrases):
            words = re.findall(r"\w+", phrase)
            if words:
                anchor = max(words, key=len).lower()
                self._by_anchor[anchor].append(_Phrase(phrase, _compile(phrase)))

    def find(self, title: str, description: str) -> tuple[NegativeSignal, ...]:
        """Return the first place of each phrase, in the description or else in the title."""
        lowered = f"{title}\n{description}".lower()
        found = [
            signal
            for anchor, phrases in self._by_anchor.items()
            if anchor in lowered
            for phrase in phrases
            if (signal := _find(phrase, title, description))
        ]
        return tuple(sorted(found, key=lambda signal: signal.phrase))


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
