"""Erasure: what stands for somebody in stored texts, and how it is taken out of them.

A text keeps its length, character for character, so that a place in it stays the place.
"""

import hashlib
import hmac
import html
import json
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Literal, NamedTuple, get_args

from signal_assets.domain.company_names import (
    company_key,
    is_common_word,
    normalize_company_name,
    spellings_for_search,
)
from signal_assets.domain.gazetteers import Gazetteer
from signal_assets.domain.harvests import SourceAnswer
from signal_assets.domain.masking import MASK
from signal_assets.domain.overrides import parse_number
from signal_assets.domain.records import Record

SubjectKind = Literal["kvk_number", "email", "company"]
MarkKind = Literal["kvk_number", "email", "name"]

ERASED = "(erased)"
"""Stands for words that are gone, where nothing points into them."""

SHORTEST_NAME = 4
"""A shorter name is no more than a word in the texts of others; there it stays."""

_AT = r"\s?(?:@|%40|[(\[]\s?(?:at|apenstaartje)\s?[)\]])\s?"
_MAIL = re.compile(
    rf"(?<![\w.+-])(?P<local>[\w.+-]{{1,64}}+){_AT}"
    r"(?P<domain>[\w-]{1,63}(?:\.[\w-]{2,63}){1,4})"
)
_NUMBER = re.compile(r"(?<!\d)(?:\d[\s.\-/]?){7}\d(?!\d)")
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")


class Subject(Record):
    """Whose data are meant: `value` is a KvK number, a mail address or a company's name."""

    kind: SubjectKind
    value: str

    @property
    def mark(self) -> "tuple[MarkKind, str]":
        """By what the subject is known again; a name by its key."""
        if self.kind == "company":
            return "name", company_key(self.value) or ""
        return self.kind, self.value


def parse_subject(kind: SubjectKind, text: str) -> Subject:
    """Return the subject that a person names.

    Raises:
        ValueError: says what is wrong; a KvK number keeps its leading zeros, so seven digits are
            none.

    >>> parse_subject("email", "Jan@Voorbeeld.NL").value
    'jan@voorbeeld.nl'
    """
    if kind == "kvk_number":
        return Subject(kind=kind, value=parse_number(text))
    if kind == "email":
        found = _MAIL.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"{text[:80]!r} is not a mail address")
        return Subject(kind=kind, value=_address(found))
    if company_key(text) is None:
        raise ValueError(f"{text[:80]!r} holds no letter or digit")
    return Subject(kind=kind, value=" ".join(text.split()))


def possible_subjects(text: str) -> list[Subject]:
    """Return the subjects that `text` can mean."""
    found = []
    for kind in get_args(SubjectKind):
        try:
            found.append(parse_subject(kind, text))
        except ValueError:
            continue
    return found


class Traces:
    """The words that stand for a subject: its numbers, mail addresses and names.

    Names are found in any case and spacing, with and without legal form. A name that is a common
    word, a product or very short is looked for with its legal form only.
    """

    def __init__(
        self,
        *,
        numbers: Iterable[str] = (),
        addresses: Iterable[str] = (),
        names: Iterable[str] = (),
    ) -> None:
        self.numbers = frozenset(numbers)
        self.addresses = frozenset(addresses)
        self.names = frozenset(names)

    @cached_property
    def keys(self) -> frozenset[str]:
        """The names as companies are compared."""
        return frozenset(key for name in self.names if (key := company_key(name)))

    @cached_property
    def _pattern(self) -> "re.Pattern[str] | None":
        parts = [rf"(?<!\d){_spread(number)}(?!\d)" for number in sorted(self.numbers)]
        parts += [_spell_address(address) for address in sorted(self.addresses)]
        spellings = {each.casefold(): each for name in self.names for each in _spellings(name)}
        parts += [_spell_name(spellings[key]) for key in sorted(spellings, key=len, reverse=True)]
        return re.compile("|".join(parts), re.IGNORECASE) if parts else None

    def stand_in(self, text: str) -> bool:
        """Whether `text` names the subject, also as JSON or XML that escapes its letters."""
        if self._pattern is None or not text:
            return False
        if self._pattern.search(text):
            return True
        if "&" in text and self._pattern.search(html.unescape(text)):
            return True
        if "\\" not in text:
            return False
        return any(self._pattern.search(words) for words in words_in(text))

    def mask(self, text: str) -> str:
        r"""Return `text` with a mask for each character that names the subject.

        >>> Traces(addresses=["jan@x.nl"]).mask("Mail Jan@X.nl of bel.")
        'Mail ________ of bel.'
        """
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: re.sub(r"\S", MASK, found[0]), text)


def words_in(text: str) -> Iterator[str]:
    """Yield `text`, or the strings in it where it is JSON, also JSON within a string of JSON."""
    if text.lstrip()[:1] not in ("{", "[", '"'):
        yield text
        return
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        yield _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
        return
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            waiting += item
        elif isinstance(item, str):
            if item.lstrip()[:1] in ("{", "["):
                yield from words_in(item)
            else:
                yield item
        elif item is not None:
            yield str(item)


class Mark(NamedTuple):
    """A keyed digest of what was erased: known again when it is seen, not readable from it."""

    kind: MarkKind
    digest: str
    salt: str


def make_mark(kind: MarkKind, value: str, salt: str) -> Mark:
    digest = hmac.new(salt.encode(), f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()
    return Mark(kind, digest, salt)


class Marks:
    """Everything that was erased and shall not come back."""

    def __init__(self, marks: Iterable[Mark] = ()) -> None:
        self._marks = frozenset(marks)
        self._salts: dict[MarkKind, frozenset[str]] = {}
        for kind in ("kvk_number", "email", "name"):
            self._salts[kind] = frozenset(mark.salt for mark in self._marks if mark.kind == kind)
        self._known: dict[tuple[MarkKind, str], bool] = {}

    def __len__(self) -> int:
        return len(self._marks)

    def has(self, kind: MarkKind, value: str) -> bool:
        known = self._known.get((kind, value))
        if known is None:
            known = any(
                make_mark(kind, value, salt) in self._marks for salt in self._salts.get(kind, ())
            )
            self._known[kind, value] = known
        return known

    def has_name(self, name: str | None) -> bool:
        key = company_key(name) if name and self._salts["name"] else None
        return key is not None and self.has("name", key)

    def mask(self, text: str) -> str:
        """Return `text` with a mask for every number and mail address that was erased."""
        if self._salts["email"]:
            text = _MAIL.sub(self._mask_address, text)
        if self._salts["kvk_number"]:
            text = _NUMBER.sub(self._mask_number, text)
        return text

    def _mask_address(self, found: "re.Match[str]") -> str:
        return _masked(found) if self.has("email", _address(found)) else found[0]

    def _mask_number(self, found: "re.Match[str]") -> str:
        digits = re.sub(r"\D", "", found[0])
        return _masked(found) if self.has("kvk_number", digits) else found[0]


def without_erased(answer: SourceAnswer, erased: Marks) -> SourceAnswer:
    """Return what a source brought without the companies and addresses that were erased."""
    if not erased:
        return answer
    postings = tuple(
        posting.model_copy(
            update={
                "title": erased.mask(posting.title),
                "description": erased.mask(posting.description),
            }
        )
        for posting in answer.postings
        if not erased.has_name(posting.company_name)
    )
    return answer.model_copy(update={"postings": postings})


def _masked(found: "re.Match[str]") -> str:
    return re.sub(r"\S", MASK, found[0])


def _address(found: "re.Match[str]") -> str:
    return f"{found['local']}@{found['domain']}".lower()


def _spread(number: str) -> str:
    return r"[\s.\-/]?".join(number)


def _spell_address(address: str) -> str:
    local, _, domain = address.partition("@")
    return rf"(?<![\w.+-]){re.escape(local)}{_AT}{re.escape(domain)}(?![\w-])"


def _spell_name(name: str) -> str:
    words = r"\s+".join(map(re.escape, name.split()))
    return rf"(?<!\w){words}(?!\w)"


def _spellings(name: str) -> Iterator[str]:
    """Yield how a name may be written; the bare one, without legal form, only where it is telling.

    Weaker words of it stay on: "Jansen Holding" is looked for, "Jansen" is not.
    """
    normalized = normalize_company_name(name)
    if normalized is None:
        return
    key = normalized.key_t1
    bare = {key} | {
        spelling
        for spelling in spellings_for_search(normalized)[1:3]
        if company_key(spelling) == key
    }
    is_bare = {spelling.casefold() for spelling in bare}
    is_telling = all(_is_telling(key, spelling) for spelling in bare)
    for spelling in {name.strip(), normalized.clean_name} | bare:
        if is_telling or spelling.casefold() not in is_bare:
            yield spelling


def _is_telling(key: str, spelling: str) -> bool:
    if len(key) < SHORTEST_NAME or is_common_word(key):
        return False
    return next(Gazetteer.shipped().mentions(spelling, needs_context=False), None) is None
