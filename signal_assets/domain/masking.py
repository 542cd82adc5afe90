"""Masking: names of persons and how to reach them are taken out before a text leaves.

The masked text is as long as the text, character for character, so a place in one is the place in
the other. Only what stands outside the masks can be quoted: a quote that holds a part of a mask
does not stand in the kept text, so grounding drops it; it is never mapped back, as that would bring
the person into the evidence. Masking is a precaution, not anonymity: a name that nothing marks as
one stays.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources
from typing import NamedTuple

import yaml

from signal_assets.domain.gazetteers import Gazetteer

MASK = "_"
"""Stands for each character that is not white space; models read a run of it as a token or two."""

_MAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}+\s?(?:@|[(\[]\s?(?:at|apenstaartje)\s?[)\]])\s?"
    r"[\w-]{1,63}(?:\.[\w-]{2,63}){1,4}"
)
_PERSONAL_PAGE = re.compile(
    r"(?:https?://)?(?:[a-z]{2,3}\.)?linkedin\.com/in/[^\s)\]>\"']{1,100}|wa\.me/\d{6,15}",
    re.IGNORECASE,
)
_GAP = r"[\s./()\u2011\u2013-]{0,3}"
_PHONE = re.compile(
    rf"(?<![\w.,+-])(?:(?:\+|00)[1-9]\d{{0,2}}{_GAP}(?:\(0\){_GAP})?(?:\d{_GAP}){{7,11}}(?<=\d)"
    rf"|\(?0[1-9](?:{_GAP}\d){{7,8}}|\(?[2-9]\d\d\)?[ .-]\d{{3}}[.-]\d{{4}})(?![\w]|[.,]\d)"
)
_NAME_WORD = r"[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ’']{1,20}(?:-[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ’']{1,20})?"
_PARTICLE = r"(?:van|de|der|den|ten|ter|te|het|von|la|le|el|al|v\.d\.|in|'t|’t)"
_INITIALS = r"(?:[A-Z]\.\s?){1,4}"
_NAME = re.compile(
    rf"(?<![\w@.])(?:{_INITIALS}(?:{_PARTICLE}[ ]){{0,3}})?{_NAME_WORD}"
    rf"(?:[ \t\u00a0]{{1,2}}(?:{_PARTICLE}[ \t\u00a0]){{0,3}}{_NAME_WORD}){{0,3}}(?!\w)"
)
_AT = re.compile(r"[(\[]\s?(?:at|apenstaartje)\s?[)\]]")
_POSTCODE = r"(?:,?\s{1,2}[1-9]\d{3}(?:\s?[A-Z]{2}\b|(?=\s[A-Z])))?"
_HOUSE_NUMBER = re.compile(
    rf"(?<=[a-z])[ ]\d{{1,4}}(?:[ -]?[a-zA-Z])?(?:[-/]\d{{1,4}})?(?![\w%€]|[.,]\d){_POSTCODE}"
)
_STREET_BEFORE = re.compile(r"(?<!\w)[A-Z][\w'’.-]*(?:[ ][A-Z][\w'’.-]*){0,3}\Z")
_NUMBER_AND_NAME = re.compile(r"(?<![\w.,])\d{1,5}(?P<words>(?:[ ][A-Z][\w'’.-]{0,20}){2,4})(?!\w)")
_WORD = re.compile(r"[^\W\d_]+")
_SENTENCE_END = re.compile(r"(?<=[a-z]{3})[.?!](?=\s|$)")
_NEAR = 90
"""How far before an address or behind a contact phrase a name is looked for, in characters."""


class Span(NamedTuple):
    """A stretch of a text: `text[start:end]`."""

    start: int
    end: int


class _Vocabulary(NamedTuple):
    first_names: frozenset[str]
    not_names: frozenset[str]
    contact: tuple[str, ...]
    street_endings: tuple[str, ...]
    street_words: frozenset[str]


@cache
def _vocabulary() -> _Vocabulary:
    file = resources.files("signal_assets.domain").joinpath("data/personal_data.yaml")
    data = yaml.safe_load(file.read_text("utf-8"))
    return _Vocabulary(
        first_names=frozenset(data["first_names"].split()),
        not_names=frozenset(data["not_names"]) | frozenset(data["contact_words"]),
        contact=tuple(data["contact_words"]),
        street_endings=tuple(data["street_endings"].split()),
        street_words=frozenset(data["street_words"].split()),
    )


def mask_personal_data(text: str) -> str:
    """Return `text` with `MASK` for every character of what `find_personal_data` finds.

    >>> mask_personal_data("Vragen? Bel Sanne de Wit, 06-12345678. Team van 5.")
    'Vragen? Bel _____ __ ___, ___________. Team van 5.'
    """
    return _masked(text, find_personal_data(text))


def mask_contacts(text: str) -> str:
    """Return `text` without mail addresses, phone numbers and personal pages; for logs.

    Names are left alone: what names a person in a vacancy is a name of a company or a place in a
    log, and ids must stay readable.

    >>> mask_contacts("mail jan@example.nl, run 4f1c")
    'mail ______________, run 4f1c'
    """
    return _masked(text, _merge(list(_find_addresses(text))))


def find_personal_data(text: str) -> tuple[Span, ...]:
    """Return where `text` names persons, mail addresses, phone numbers and streets, in order.

    A name is one that begins with a common first name, one of two words where a contact phrase
    stands before it or an address behind it, or one that a mail address spells out. Names of
    products are none.
    """
    vocabulary = _vocabulary()
    reached = list(_find_addresses(text))
    streets = list(_find_streets(text, vocabulary))
    names = list(_find_names(text, reached, vocabulary))
    again = _said_again(text, names, reached, vocabulary)
    return _merge([*reached, *streets, *names, *again])


def _masked(text: str, spans: Iterable[Span]) -> str:
    pieces: list[str] = []
    done = 0
    for start, end in spans:
        pieces += (text[done:start], re.sub(r"\S", MASK, text[start:end]))
        done = end
    return "".join((*pieces, text[done:])) if pieces else text


def _find_addresses(text: str) -> Iterator[Span]:
    patterns = [_PHONE]
    if "@" in text or _AT.search(text):
        patterns.append(_MAIL)
    if "/in/" in text or "wa.me/" in text:
        patterns.append(_PERSONAL_PAGE)
    return (Span(*match.span()) for pattern in patterns for match in pattern.finditer(text))


def _find_streets(text: str, vocabulary: _Vocabulary) -> Iterator[Span]:
    """ "Kerkstraat 12b, 1234 AB", "Lange Weg 3, 9000 Gent" and "123 Main Street"."""
    for number in _HOUSE_NUMBER.finditer(text):
        if (
            text[max(0, number.start() - 12) : number.start()]
            .lower()
            .endswith(vocabulary.street_endings)
        ):
            street = _STREET_BEFORE.search(text, max(0, number.start() - 60), number.start())
            if street is not None:
                yield Span(street.start(), number.end())
    for number in _NUMBER_AND_NAME.finditer(text):
        words = number["words"].lower().split()
        ends = [place for place, word in enumerate(words) if word in vocabulary.street_words]
        if ends and ends[0] > 0:
            yield Span(*number.span())


def _find_names(text: str, reached: list[Span], vocabulary: _Vocabulary) -> Iterator[Span]:
    expected = _merge([*_behind_phrases(text, vocabulary), *_before(reached)])
    starts = [start for start, _ in expected]
    for match in _NAME.finditer(text):
        window = bisect_right(starts, match.start()) - 1
        is_expected = window >= 0 and match.start() < expected[window].end
        if not is_expected and vocabulary.first_names.isdisjoint(match[0].lower().split()):
            continue
        for words in _runs(text, match, vocabulary):
            span = _name_in(words, vocabulary, is_expected=is_expected)
            if span is not None and not _is_product(text[span.start : span.end]):
                yield span


def _behind_phrases(text: str, vocabulary: _Vocabulary) -> Iterator[Span]:
    lowered = text.lower()
    if len(lowered) != len(text):  # a few capitals become two letters
        lowered = "".join(letter.lower()[:1] for letter in text)
    for word in vocabulary.contact:
        start = lowered.find(word)
        while start >= 0:
            end = start + len(word)
            if not (lowered[start - 1 : start].isalnum() or lowered[end : end + 1].isalnum()):
                limit = min(len(text), end + _NEAR)
                stop = _SENTENCE_END.search(text, end, limit)
                yield Span(end, stop.start() if stop else limit)
            start = lowered.find(word, end)


def _before(reached: list[Span]) -> Iterator[Span]:
    return (Span(max(0, span.start - _NEAR), span.start) for span in reached)


def _runs(
    text: str, match: re.Match[str], vocabulary: _Vocabulary
) -> Iterator[list[re.Match[str]]]:
    """The words with a capital, cut where one is known not to be a name ("Sanne Bos Recruiter").

    Behind a particle every word is a name ("van der Meer").
    """
    run: list[re.Match[str]] = []
    is_behind_particle = False
    for word in _WORD.finditer(text, match.start(), match.end()):
        is_particle = word[0][0].islower()
        if is_behind_particle or word[0].lower() not in vocabulary.not_names:
            run += [] if is_particle else [word]
        elif run and not is_particle:
            yield run
            run = []
        is_behind_particle = is_particle
    if run:
        yield run


def _name_in(
    words: list[re.Match[str]], vocabulary: _Vocabulary, *, is_expected: bool
) -> Span | None:
    is_first_name = [word[0].lower() in vocabulary.first_names for word in words]
    if is_expected and (len(words) > 1 or is_first_name[0]):
        return Span(words[0].start(), words[-1].end())
    if True in is_first_name[:-1]:
        return Span(words[is_first_name.index(True)].start(), words[-1].end())
    return None


def _is_product(name: str) -> bool:
    return next(Gazetteer.shipped().mentions(name, needs_context=False), None) is not None


def _said_again(
    text: str, names: list[Span], reached: list[Span], vocabulary: _Vocabulary
) -> Iterator[Span]:
    """Where a first name, or what a mail address spells out, is said once more."""
    spelled = [_WORD.findall(text[start:end].partition("@")[0]) for start, end in reached]
    again = {_WORD.findall(text[start:end])[0] for start, end in names}
    again = {word for word in again if word.lower() in vocabulary.first_names}
    for words in spelled:
        if words and words[0].lower() in vocabulary.first_names:
            again.update(word.capitalize() for word in words if len(word) > 2)
    if again:
        pattern = rf"(?<!\w)(?:{'|'.join(sorted(again))})(?!\w)"
        yield from (Span(*match.span()) for match in re.finditer(pattern, text))


def _merge(spans: list[Span]) -> tuple[Span, ...]:
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return tuple(merged)
