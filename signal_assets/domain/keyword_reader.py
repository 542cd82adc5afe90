"""The keyword reader: what a gazetteer and patterns find in a vacancy, without any model.

Every claim carries words that stand in the text, so grounding keeps it. The reader knows no
subject: which fields there are and by which rules they are found comes from the search profile.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from signal_assets.domain.denials import CLAUSE_END, first_clause, last_clause
from signal_assets.domain.extractions import Claim, ToolState, VacancyText
from signal_assets.domain.gazetteers import (
    Gazetteer,
    Mention,
    PatternRules,
    ProductRules,
    TextWords,
    products_of,
    shipped_rule_names,
    shipped_rules,
)
from signal_assets.domain.grounding import MAX_QUOTE_CHARS
from signal_assets.domain.injections import blank_injections, find_injections
from signal_assets.domain.search_profiles import ExtractionOptions, KeywordRules
from signal_assets.domain.tool_states import ToldState, ToolStates

MAX_VALUES_PER_FIELD = 50
"""More values than this in one vacancy are noise; real ones name a dozen tools at most."""

_MOST_MENTIONS = 100
"""So many mentions of one product are weighed; a text that repeats it more is no vacancy."""

_QUOTE_BEFORE = 90
_QUOTE_AFTER = 60
_WORD_EDGE = re.compile(r"(?<=\s)\S")


class KeywordReader:
    """Reads vacancies by the rules of one profile; built once, then fast.

    Raises:
        ValueError: a field names a rule set that is not shipped, or holds a bad pattern.
    """

    def __init__(self, extraction: ExtractionOptions) -> None:
        self._gazetteer = gazetteer_for(extraction)
        self._fields_of_product: dict[str, list[str]] = {}
        self._phrases = _PhraseIndex()
        self._own_patterns: dict[str, tuple[re.Pattern[str], ...]] = {}
        self._fields = sorted(extraction.schema_)
        for field in extraction.schema_:
            self._add_field(field, extraction.keywords.get(field))

    def _add_field(self, field: str, rules: KeywordRules | None) -> None:
        products: list[str] = list(rules.products) if rules is not None else []
        shipped = _shipped_for(field, rules)
        if isinstance(shipped, ProductRules):
            products.extend(rule.name for rule in shipped.products if rule.means is None)
        elif shipped is not None:
            self._phrases.add(field, shipped)
        for product in products:
            self._fields_of_product.setdefault(product, []).append(field)
        if rules is not None and rules.patterns:
            self._own_patterns[field] = _compile_own(field, rules.patterns)

    def read(self, vacancy: VacancyText) -> tuple[Claim, ...]:
        """Return what the rules find in the vacancy; never raises, on any text.

        Passages that speak to a machine are passed over, so they hide nothing that people read.
        """
        parts = [_Part(self._for_people(text)) for text in (vacancy.description, vacancy.title)]
        claims = list(self._read_products(parts))
        claims.extend(self._phrases.read(parts))
        for field, patterns in self._own_patterns.items():
            claims.extend(_read_own(field, patterns, parts))
        return tuple(claims)

    def _for_people(self, text: str) -> str:
        return blank_injections(text, find_injections(text, self._fields))

    def _read_products(self, parts: list["_Part"]) -> Iterator[Claim]:
        found = self._find_products(parts)
        named_by_edition = {
            (field, plain)
            for product in found
            for plain in self._gazetteer.lineage(product)[1:]
            for field in self._fields_of_product[product]
        }
        for product, named in found.items():
            quote = named.part.clause(named.mention.start, named.mention.end)
            for field in self._fields_of_product[product]:
                if (field, product) not in named_by_edition:
                    yield Claim(
                        field=field,
                        value=product,
                        quote=quote,
                        state=self._state_of(product, found),
                    )

    def _find_products(self, parts: list["_Part"]) -> dict[str, "_Named"]:
        """Each product's most telling mention: stated use before change before asking."""
        found: dict[str, _Named] = {}
        seen: Counter[str] = Counter()
        for part in parts:
            for mention in self._gazetteer.mentions_among(part.words):
                product = self._wanted_product(mention.product)
                if product is None or seen[product] >= _MOST_MENTIONS:
                    continue
                seen[product] += 1
                told = part.states.told_at(mention.start, mention.end)
                known = found.get(product)
                if told and (known is None or told.rank < known.told.rank):
                    found[product] = _Named(part, mention, told)
        return found

    def _state_of(self, product: str, found: dict[str, "_Named"]) -> ToolState:
        """What the text says of the product; stated use of its plain name is use of it too."""
        plain = self._gazetteer.lineage(product)[1:]
        if any(name in found and found[name].told.is_stated_use for name in plain):
            return "in_use"
        return found[product].told.state

    def _wanted_product(self, product: str) -> str | None:
        """The product, or what it is a module of, if a field asks for it (SAP for SAP EWM)."""
        line = self._gazetteer.lineage(product)
        return next((name for name in line if name in self._fields_of_product), None)


def gazetteer_for(extraction: ExtractionOptions) -> Gazetteer:
    """Return the shipped gazetteer with the products that the profile adds; build it once a run."""
    own = [
        product for rules in extraction.keywords.values() for product in products_of(rules.products)
    ]
    shipped = Gazetteer.shipped()
    return shipped.with_products(own) if own else shipped


class _Part:
    """Title or description, and what is asked of it more than once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = TextWords(text)
        self.lower = self.words.lower
        self.states = ToolStates(self.lower)

    def clause(self, start: int, end: int) -> str:
        """The words around a mention, up to the ends of its sentence or a word near the limit."""
        begin = max(0, start - _QUOTE_BEFORE)
        before = self.text[begin:start]
        ends = [match.end() for match in CLAUSE_END.finditer(before)]
        if ends:
            begin += ends[-1]
        elif begin > 0:
            edge = _WORD_EDGE.search(before)
            begin += edge.start() if edge else len(before)
        after = self.text[end : end + _QUOTE_AFTER + 1]
        stop = CLAUSE_END.search(after)
        if stop:
            finish = end + stop.start()
        elif len(after) <= _QUOTE_AFTER:
            finish = end + len(after)
        else:
            blank = max(after.rfind(" "), after.rfind("\n"))
            finish = end + max(blank, 0)
        quote = self.text[begin:finish]
        return quote.strip().lstrip("*+-•· \t").rstrip("* \t") or self.text[start:end]


class _Named(NamedTuple):
    part: _Part
    mention: Mention
    told: ToldState


def _shipped_for(field: str, rules: KeywordRules | None) -> ProductRules | PatternRules | None:
    """The shipped rule set a field uses: the one it names, else the one it is named like."""
    if rules is not None and rules.use is not None:
        if rules.use not in shipped_rule_names():
            known = ", ".join(shipped_rule_names())
            raise ValueError(f"keywords of {field}: no rule set {rules.use!r}; there are {known}")
        return shipped_rules(rules.use)
    has_own = rules is not None and (rules.products or rules.patterns)
    return None if has_own or field not in shipped_rule_names() else shipped_rules(field)


class _Phrase(NamedTuple):
    """One pattern of a shipped rule set."""

    field: str
    first_words: re.Pattern[str]
    pattern: re.Pattern[str]
    unless: re.Pattern[str] | None


class _PhraseIndex:
    """The patterns of all fields, each tried only at the words at which it may begin."""

    def __init__(self) -> None:
        self._phrases: list[_Phrase] = []
        self._by_word: dict[str, tuple[int, ...]] = {}

    def add(self, field: str, rules: PatternRules) -> None:
        unless = "|".join(_fill_in(one, rules.words) for one in rules.unless)
        for rule in rules.patterns:
            self._phrases.append(
                _Phrase(
                    field,
                    _compile_first_words(rule.at),
                    re.compile(_fill_in(rule.match, rules.words)),
                    re.compile(unless) if unless else None,
                )
            )

    def read(self, parts: list[_Part]) -> Iterator[Claim]:
        """Yield for each field the first pattern's earliest match, the description first."""
        done: set[str] = set()
        for part in parts:
            places = self._places(part)
            for number in sorted(places):
                phrase = self._phrases[number]
                if phrase.field in done:
                    continue
                match = _earliest_match(phrase, part.lower, sorted(places[number]))
                if match is not None:
                    done.add(phrase.field)
                    yield from _claims_of(phrase.field, part, match)

    def _places(self, part: _Part) -> dict[int, list[int]]:
        """Where each pattern (by its number) may begin."""
        places: dict[int, list[int]] = {}
        known = self._by_word
        for word in part.words.distinct:
            numbers = known.get(word)
            if numbers is None:
                numbers = self._phrases_beginning_with(word)
            if numbers:
                starts = list(part.words.starts(word))
                for number in numbers:
                    places.setdefault(number, []).extend(starts)
        return places

    def _phrases_beginning_with(self, word: str) -> tuple[int, ...]:
        found = tuple(
            number
            for number, phrase in enumerate(self._phrases)
            if phrase.first_words.fullmatch(word)
        )
        if len(self._by_word) < _KNOWN_WORDS:
            self._by_word[word] = found
        return found


_KNOWN_WORDS = 100_000
"""The words whose patterns are remembered, over all vacancies; some 20 MB when full."""


def _earliest_match(phrase: _Phrase, lower: str, starts: list[int]) -> re.Match[str] | None:
    for start in starts:
        match = phrase.pattern.match(lower, start)
        if match is not None and not _is_something_else(phrase.unless, lower, match):
            return match
    return None


def _is_something_else(unless: re.Pattern[str] | None, lower: str, match: re.Match[str]) -> bool:
    if unless is None:
        return False
    before = last_clause(lower[max(0, match.start() - 40) : match.start()])
    after = first_clause(lower[match.end() : match.end() + 30])
    return unless.search(f"{before}{match.group()}{after}") is not None


def _fill_in(pattern: str, words: dict[str, str]) -> str:
    """Replace `<<name>>` by the piece of that name; pieces may name earlier pieces."""
    for name, piece in reversed(words.items()):
        pattern = pattern.replace(f"<<{name}>>", f"(?:{piece})")
    return pattern


def _compile_first_words(words: str) -> re.Pattern[str]:
    """`team*` is a beginning, `*team` an end, `#` a number (with letters after it, if any)."""
    forms = (
        r"\d.*" if word == "#" else re.escape(word).replace(r"\*", ".*") for word in words.split()
    )
    return re.compile("|".join(forms), re.DOTALL)


def _compile_own(field: str, patterns: Iterable[str]) -> tuple[re.Pattern[str], ...]:
    compiled = []
    for pattern in patterns:
        try:
            compiled.append(re.compile(pattern, re.IGNORECASE))
        except re.error as error:
            raise ValueError(f"keywords of {field}: bad pattern {pattern!r}: {error}") from error
    return tuple(compiled)


def _read_own(
    field: str, patterns: tuple[re.Pattern[str], ...], parts: list[_Part]
) -> Iterator[Claim]:
    values: set[str] = set()
    for pattern in patterns:
        for part in parts:
            for match in pattern.finditer(part.text):
                for claim in _claims_of(field, part, match):
                    if len(values) < MAX_VALUES_PER_FIELD and claim.value not in values:
                        values.add(claim.value)
                        yield claim


def _claims_of(field: str, part: _Part, match: re.Match[str]) -> Iterator[Claim]:
    """The claim a match makes: its words are the quote, its group `value` the value."""
    quote = part.text[match.start() : match.end()].strip()[:MAX_QUOTE_CHARS]
    value = quote
    if "value" in match.re.groupindex and match.group("value"):
        value = part.text[match.start("value") : match.end("value")]
    value = " ".join(value.split())
    if quote and value:
        yield Claim(field=field, value=value, quote=quote)
