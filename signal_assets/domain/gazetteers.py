"""Gazetteers: product names as data, and where a text names them.

A gazetteer knows each product's usual spelling, its other spellings and misspellings, which of
them are also ordinary words, and which product is an edition of which. The shipped ones lie in
`data/keyword_rules/`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from importlib import resources
from typing import Annotated, Literal, NamedTuple

import yaml
from pydantic import Field

from signal_assets.domain.records import Record

_RULES = resources.files("signal_assets.domain") / "data" / "keyword_rules"


class ProductRule(Record):
    """One product and the words that name it."""

    name: str
    """The usual spelling; counts as a spelling too."""
    also: tuple[str, ...] = ()
    """Other spellings; a blank stands for blanks or a hyphen."""
    means: str | None = None
    """The product this name stands for, where the name needs conditions of its own."""
    edition_of: str | None = None
    """The product this is an edition or module of: once the edition is named, the bare name of
    that product is not a second product."""
    cased: bool = False
    """An ordinary word without its capitals: only these capitals name the product."""
    needs_context: bool = False
    """A surname, place or ordinary word even with capitals: words about software must be near."""
    not_after: tuple[str, ...] = ()
    """Words that right before it make it something else (regular expressions)."""
    not_before: tuple[str, ...] = ()
    """Words that right after it make it something else (regular expressions)."""
    not_near: tuple[str, ...] = ()
    """Words that in the same line, close by, make it something else (regular expressions)."""


class ProductRules(Record):
    """A shipped rule set that finds products."""

    kind: Literal["products"]
    products: tuple[ProductRule, ...]


class PatternRule(Record):
    """One pattern and the words at which it may begin."""

    at: str
    """Its first word, or several: `team*` for a beginning, `*team` for an end, `#` for digits."""
    match: str
    """A regular expression in lower case; its group `value`, or all of it, is the value."""


class PatternRules(Record):
    """A shipped rule set that finds phrases; the first pattern that matches gives the value."""

    kind: Literal["patterns"]
    words: dict[str, str] = Field(default_factory=dict)
    """Pieces that a pattern may name in double angle brackets."""
    patterns: tuple[PatternRule, ...]
    """In order of preference."""
    unless: tuple[str, ...] = ()
    """What in the same sentence makes it something else."""


RuleSet = Annotated[ProductRules | PatternRules, Field(discriminator="kind")]


class _RuleFile(Record):
    rules: RuleSet


@cache
def shipped_rule_names() -> tuple[str, ...]:
    """The names of the rule sets that come with the product."""
    names = (entry.name for entry in _RULES.iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


@cache
def shipped_rules(name: str) -> ProductRules | PatternRules:
    """Return the shipped rule set `name`.

    Raises:
        KeyError: there is none of that name.
    """
    if name not in shipped_rule_names():
        raise KeyError(name)
    data = yaml.safe_load((_RULES / f"{name}.yaml").read_text(encoding="utf-8"))
    return _RuleFile(rules=data).rules


def fold_case(text: str) -> str:
    """Return `text` in lower case, every character in its place.

    >>> fold_case("İSTANBUL")
    'İstanbul'
    """
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(one.lower() if len(one.lower()) == 1 else one for one in text)


_WORD = re.compile(r"[^\W_]+")
_GLUED_WORD = re.compile(r"[A-Z](?<=[a-zà-ÿ][A-Z])[^\W_]*")


@cache
def _lone_letter(letter: str) -> re.Pattern[str]:
    """A letter that stands alone and opens a name ("S/4HANA", "e-invoicing")."""
    return re.compile(rf"{letter}(?=[/.\\-]+\w)(?<![^\W_]{letter})")


_FEW_WORDS = 64
"""Up to so many words are searched for one by one, which is cheaper than an index."""


class TextWords:
    """The different words of a text, in lower case, and where each of them begins.

    A capital after a small letter begins a word too: job boards lose the blank between two lines
    ("GeneralNetSuite").
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.lower = fold_case(text)
        self._asked = 0
        self.distinct = set(_WORD.findall(self.lower))
        glued = _GLUED_WORD.findall(text)
        if glued:
            self.distinct.update(map(fold_case, glued))

    def starts(self, word: str) -> Iterable[int]:
        """Return the places where `word`, one of the distinct words, begins, in order."""
        if len(word) == 1 and word.isalpha():
            return (found.start() for found in _lone_letter(word).finditer(self.lower))
        self._asked += 1
        return self._index.get(word, ()) if self._asked > _FEW_WORDS else self._search(word)

    def _search(self, word: str) -> Iterator[int]:
        start = self.lower.find(word)
        while start >= 0:
            end = start + len(word)
            if not self.lower[end : end + 1].isalnum() and self._begins_word(start):
                yield start
            start = self.lower.find(word, end)

    @cached_property
    def _index(self) -> dict[str, list[int]]:
        """All places of all words, for a text that holds many of the words asked for."""
        index: dict[str, list[int]] = {}
        for word in _WORD.finditer(self.lower):
            index.setdefault(word.group(), []).append(word.start())
        for glued in _GLUED_WORD.finditer(self.text):
            index.setdefault(fold_case(glued.group()), []).append(glued.start())
        return index

    def _begins_word(self, start: int) -> bool:
        if start == 0 or not self.lower[start - 1].isalnum():
            return True
        return self.text[start].isupper() and self.text[start - 1].islower()


class Mention(NamedTuple):
    """A product named in a text."""

    product: str
    start: int
    end: int


class _Spelling(NamedTuple):
    product: ProductRule
    pattern: re.Pattern[str]
    length: int


_CONTEXT_CHARS = 80
_SENTENCE_START = re.compile(r"(?:^|[.!?:\n*•])[\s*#-]{0,6}$")
_LOWER_CASE_WORD = re.compile(r"\s[^\W\d_]*[a-zà-ÿ]")
_PERSON = re.compile(r"(?:\b(?:dr|mr|mrs|ms|dhr|mw|mevr|mevrouw|heer|prof|st)\.?)\s$")
_CONTEXT = re.compile(
    r"software|syste[e]?m|pakket|package|programma|program\b|\berp\b|boekhoud|bookkeep|accounting|"
    r"administrati|ervaring (?:met|in)|experience (?:with|in|using|of)|kennis (?:van|met)|"
    r"knowledge of|werken (?:met|in)|work(?:ing)? (?:with|in)|proficien|modul|applicati|"
    r"platform|\btool|implementati|facturen|invoice|inkoop|procure|declaratie|expense|"
    r"familiar|bekend met|\bwms\b|magazijnbeheer|"
    r"\bsap\b|exact online|exact globe|\bafas\b|twinfield|navision|dynamics|snelstart|netsuite|"
    r"quickbooks|basware|coupa|unit4|\bodoo\b|\bxero\b|\bvisma\b|peoplesoft|\binfor\b"
)


class Gazetteer:
    """Finds products in texts; built once, then each text costs time linear to its length."""

    def __init__(self, rules: Iterable[ProductRule]) -> None:
        self._rules = {rule.name: rule for rule in rules}
        self._by_first_word: dict[str, list[_Spelling]] = {}
        self._usual: dict[str, str] = {}
        for rule in self._rules.values():
            for spelling in (rule.name, *rule.also):
                self._add_spelling(rule, spelling)
        for spellings in self._by_first_word.values():
            spellings.sort(key=lambda spelling: -spelling.length)
        self._checks = {rule.name: _Checks(rule) for rule in self._rules.values()}

    @classmethod
    @cache
    def shipped(cls) -> "Gazetteer":
        """All products of all shipped rule sets."""
        return cls(
            product
            for name in shipped_rule_names()
            if isinstance(rules := shipped_rules(name), ProductRules)
            for product in rules.products
        )

    def with_products(self, products: Iterable[ProductRule]) -> "Gazetteer":
        """Return a gazetteer that knows `products` too; they replace ours of the same name."""
        return Gazetteer([*self._rules.values(), *products])

    def _add_spelling(self, rule: ProductRule, spelling: str) -> None:
        first = _WORD.search(spelling)
        if first is None:
            raise ValueError(f"{rule.name}: the spelling {spelling!r} holds no letter or digit")
        entry = _Spelling(rule, _compile_spelling(spelling, rule.cased), len(spelling))
        self._by_first_word.setdefault(fold_case(first.group()), []).append(entry)
        self._usual.setdefault(_squeeze(spelling), rule.means or rule.name)

    def usual_spelling(self, name: str) -> str | None:
        """Return the usual spelling of the product called `name`, or None if it is not known.

        >>> Gazetteer.shipped().usual_spelling("ms dynamics nav")
        'Microsoft Dynamics NAV'
        """
        return self._usual.get(_squeeze(name))

    def mentions(self, text: str, *, needs_context: bool = True) -> Iterator[Mention]:
        """Yield the products that `text` names, in its order, the longest name at each place.

        Without `needs_context` a name that is also an ordinary word counts by its capitals alone:
        for a quote, which is too short to show its context.
        """
        return self.mentions_among(TextWords(text), needs_context=needs_context)

    def mentions_among(self, words: TextWords, *, needs_context: bool = True) -> Iterator[Mention]:
        """Yield the products named in a text whose words are known already."""
        known = self._by_first_word
        starts = sorted(
            (start, word)
            for word in words.distinct
            if word in known
            for start in words.starts(word)
        )
        end = 0
        for start, word in starts:
            if start < end:
                continue
            found = self._longest(known[word], words, start, needs_context)
            if found is not None:
                end = found.end
                yield found

    def _longest(
        self, spellings: list[_Spelling], words: TextWords, start: int, needs_context: bool
    ) -> Mention | None:
        for spelling in spellings:
            rule = spelling.product
            match = spelling.pattern.match(words.text if rule.cased else words.lower, start)
            if match is None:
                continue
            if self._checks[rule.name].allow(words, start, match.end(), needs_context):
                return Mention(rule.means or rule.name, start, match.end())
        return None

    def names_in(self, text: str) -> set[str]:
        return {mention.product for mention in self.mentions(text, needs_context=False)}

    def is_named(self, product: str, text: str) -> bool:
        """Whether `text` names `product` or an edition of it."""
        return any(product in self.lineage(name) for name in self.names_in(text))

    def lineage(self, product: str) -> list[str]:
        """The product, what it is an edition of, and so on."""
        line: list[str] = []
        name: str | None = product
        while name is not None and name not in line:
            line.append(name)
            rule = self._rules.get(name)
            name = rule.edition_of if rule is not None else None
        return line


class _Checks:
    """The conditions under which a spelling in a text is the product."""

    def __init__(self, rule: ProductRule) -> None:
        self._needs_context = rule.needs_context
        self._is_a_word = rule.cased and not rule.name.isupper()
        self._before = _any_of(rule.not_after, r"(?:{})[\s\-]{{1,3}}$")
        self._after = _any_of(rule.not_before, r"[\s\-,(|*\\]{{0,4}}(?:{})")
        self._near = _any_of(rule.not_near, r"(?:{})")

    def allow(self, words: TextWords, start: int, end: int, needs_context: bool) -> bool:
        before = words.lower[max(0, start - 30) : start]
        if self._before and self._before.search(before):
            return False
        if self._after and self._after.match(words.lower, end):
            return False
        if self._near and self._near.search(_line_around(words.lower, start, end, 50)):
            return False
        if not needs_context:
            return True
        if self._needs_context and _PERSON.search(before):
            return False
        if not self._needs_context and not self._opens_a_sentence(words, before, end):
            return True
        return _CONTEXT.search(_line_around(words.lower, start, end, _CONTEXT_CHARS)) is not None

    def _opens_a_sentence(self, words: TextWords, before: str, end: int) -> bool:
        """An ordinary word may owe its capital to its place ("Exact work matters")."""
        if not self._is_a_word or _LOWER_CASE_WORD.match(words.text, end, end + 20) is None:
            return False
        return _SENTENCE_START.search(before) is not None


def _line_around(text: str, start: int, end: int, chars: int) -> str:
    before = text[max(0, start - chars) : start].rpartition("\n")[2]
    after = text[end : end + chars].partition("\n")[0]
    return f"{before} {after}"


@cache
def _any_of(patterns: tuple[str, ...], frame: str) -> re.Pattern[str] | None:
    return re.compile(frame.format("|".join(patterns))) if patterns else None


def _squeeze(name: str) -> str:
    """A name as it is looked up: case, blanks and punctuation do not count."""
    return "".join(_WORD.findall(fold_case(name)))


@cache
def _compile_spelling(spelling: str, cased: bool) -> re.Pattern[str]:
    """Blanks may be blanks or a hyphen, `&` an entity or escaped, a slash may stand apart."""
    words = spelling if cased else fold_case(spelling)
    pieces = []
    for piece in re.findall(r"\s+|[&/.]|[^\s&/.]+", words):
        if piece.isspace():
            pieces.append(r"(?:\s|\\?-){1,3}")
        elif piece == "&":
            pieces.append(r"\s?\\?&(?:amp;)?\s?")
        elif piece == "/":
            pieces.append(r"\s?\\?/\s?")
        elif piece == ".":
            pieces.append(r"\\?\.")
        else:
            pieces.append(re.escape(piece))
    return re.compile("".join(pieces) + r"(?![^\W_])")


def products_of(spellings: Mapping[str, Iterable[str]]) -> list[ProductRule]:
    """Return the rules for `spellings` (usual spelling → other spellings), as a profile has them.

    A spelling of one short word in capitals ("IFS") counts in capitals only.
    """
    rules = []
    for name, also in spellings.items():
        rules.append(ProductRule(name=name, also=tuple(also), cased=_is_acronym(name)))
    return rules


def _is_acronym(name: str) -> bool:
    return len(name) <= 4 and name.isupper()
