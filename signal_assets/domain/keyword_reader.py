"""The keyword reader: what a gazetteer and patterns find in a vacancy, without any model.

Every claim carries words that stand in the text, so grounding keeps it. The reader knows no
subject: which fields there are and by which rules they are found comes from the search profile.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from signal_assets.domain.extractions import Claim, ToolState, VacancyText
from signal_assets.domain.gazetteers import (
    Gazetteer,
    Mention,
    PatternRules,
    ProductRules,
    fold_case,
    products_of,
    shipped_rule_names,
    shipped_rules,
)
from signal_assets.domain.search_profiles import ExtractionOptions, KeywordRules

MAX_VALUES_PER_FIELD = 50
"""More values than this in one vacancy are noise; real ones name a dozen tools at most."""

_QUOTE_BEFORE = 90
_QUOTE_AFTER = 60
_CLAUSE_END = re.compile(r"[\n•]|[.!?;](?=\s|$)")
_WORD_EDGE = re.compile(r"(?<=\s)\S")


class KeywordReader:
    """Reads vacancies by the rules of one profile; built once, then fast.

    Raises:
        ValueError: a field names a rule set that is not shipped, or holds a bad pattern.
    """

    def __init__(self, extraction: ExtractionOptions) -> None:
        rules = {
            field: _FieldRules(field, extraction.keywords.get(field))
            for field in extraction.schema_
        }
        self._gazetteer = gazetteer_for(extraction)
        self._fields_of_product: dict[str, list[str]] = {}
        for field, field_rules in rules.items():
            for product in field_rules.products:
                self._fields_of_product.setdefault(product, []).append(field)
        self._patterns = {
            field: field_rules.finders
            for field, field_rules in rules.items()
            if field_rules.finders
        }

    def read(self, vacancy: VacancyText) -> tuple[Claim, ...]:
        """Return what the rules find in the vacancy, field by field; never raises on any text."""
        claims: list[Claim] = []
        parts = [_Text(vacancy.description), _Text(vacancy.title)]
        claims.extend(self._read_products(parts))
        for field, finders in self._patterns.items():
            claims.extend(_read_patterns(field, finders, parts))
        return tuple(claims)

    def _read_products(self, parts: list["_Text"]) -> Iterator[Claim]:
        found: dict[str, _Named] = {}
        for part in parts:
            for mention in self._gazetteer.mentions(part.text):
                if mention.product not in self._fields_of_product:
                    continue
                state = part.state_of(mention)
                if state is None:
                    continue
                known = found.get(mention.product)
                if known is None or _STATE_ORDER[state] < _STATE_ORDER[known.state]:
                    found[mention.product] = _Named(part, mention, state)
        editions = {parent for product in found for parent in self._gazetteer.lineage(product)[1:]}
        for product, named in found.items():
            if product in editions:
                continue
            quote = named.part.clause(named.mention.start, named.mention.end)
            for field in self._fields_of_product[product]:
                yield Claim(field=field, value=product, quote=quote, state=named.state)


def gazetteer_for(extraction: ExtractionOptions) -> Gazetteer:
    """Return the shipped gazetteer with the products that the profile adds."""
    own = [
        product for rules in extraction.keywords.values() for product in products_of(rules.products)
    ]
    shipped = Gazetteer.shipped()
    return shipped.with_products(own) if own else shipped


_STATE_ORDER: dict[ToolState, int] = {"in_use": 0, "migrating": 1, "asked": 2}

_NOT_USED = re.compile(
    r"(?:\bniet (?:met|in|van)|\bgeen\b[^,;:]{0,40}|\bno\b(?! later)[^,;:]{0,40}|"
    r"\bnot (?:use|using|work with|working with|in)|"
    r"\bzonder|\bwithout|\binstead of|\bin plaats van|\bdo(?:es)?n.t use)\s*(?:the |het |de )?$"
)
_NOT_USED_AFTER = re.compile(
    r"[^,;:]{0,30}\b(?:niet (?:nodig|vereist|noodzakelijk)|geen (?:vereiste|must)|"
    r"not (?:required|needed|necessary)|is geen)\b"
)
_MIGRATING = re.compile(
    r"implementat|implementing|implementeren|migrat|migreren|overstap|overgang naar|transiti|"
    r"uitrol|roll.?out|go.?live|invoer(?:en|ing)|introduc|vervang|replac|onboarding of|moving to|"
    r"switch(?:ing)? to"
)
_ASKED = re.compile(
    r"ervaring|experience|kennis|knowledge|bekend|familiar|affiniteit|affinity|proficien|"
    r"\bpré\b|\bpre\b|\bplus\b|prefer|voorkeur|liefst|vaardig|skill|expertise|gewenst|desir|"
    r"beheers|\bcomputer\b|vertrouwd|handig|certifi|background|advantage|pluspunt|understanding|"
    r"ability to|gewerkt met|literate|literacy|competen|strong|excellent"
)
_WORKS_WITH = re.compile(
    r"\bwij (?:werken|gebruiken)|\bwe (?:use|work)|je werkt met|je gaat werken met|\bin (?:ons|onze)|"
    r"\bour\b|\bons\b|\bonze\b|you will (?:use|work)"
)
_ASKING_HEADER = re.compile(
    r"(?m)^.{0,30}(?:wat vragen|wie ben jij|jouw profiel|je profiel|functie-?eisen|wat breng|"
    r"wat neem|profiel|vereisten|requirements|qualifications|your profile|who you are|what you bring|"
    r"what we ask|what we.{1,10}looking for|your skills|skills|experience|wij vragen|jij hebt|"
    r"dit ben jij|you have|wat verwachten|wij verwachten|competenties|wat heb je|heb jij|must have|"
    r"nice to have|preferred).{0,40}$"
)
_OTHER_HEADER = re.compile(
    r"(?m)^.{0,30}(?:wat ga je|functieomschrijving|de functie|je functie|jouw functie|"
    r"taken|werkzaamheden|responsibilities|what you.{0,4}ll do|what you will do|your role|the role|"
    r"job description|about us|over ons|wie zijn wij|wat bieden|wij bieden|what we offer|we offer|"
    r"ons aanbod|benefits|arbeidsvoorwaarden|duties|key tasks|you will|your tasks|jouw rol|"
    r"je werk|de organisatie|your job|essential functions|accountabilities).{0,40}$"
)


class _Text:
    """One part of a vacancy and what is asked of it more than once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lower = fold_case(text)

    def clause(self, start: int, end: int) -> str:
        """The words around a mention, up to the ends of its sentence or a word near the limit."""
        begin = max(0, start - _QUOTE_BEFORE)
        before = self.text[begin:start]
        ends = [match.end() for match in _CLAUSE_END.finditer(before)]
        if ends:
            begin += ends[-1]
        elif begin > 0:
            edge = _WORD_EDGE.search(before)
            begin += edge.start() if edge else len(before)
        after = self.text[end : end + _QUOTE_AFTER + 1]
        stop = _CLAUSE_END.search(after)
        if stop:
            finish = end + stop.start()
        elif len(after) <= _QUOTE_AFTER:
            finish = end + len(after)
        else:
            blank = max(after.rfind(" "), after.rfind("\n"))
            finish = end + max(blank, 0)
        quote = self.text[begin:finish]
        return quote.strip().lstrip("*+-•· \t").rstrip("* \t") or self.text[start:end]

    def state_of(self, mention: Mention) -> ToolState | None:
        """How the text speaks of the product; None where it says that it is not used."""
        before = _last_clause(self.lower[max(0, mention.start - 120) : mention.start])
        after = _first_clause(self.lower[mention.end : mention.end + 80])
        if _NOT_USED.search(before) or _NOT_USED_AFTER.match(after):
            return None
        if _MIGRATING.search(before) or _MIGRATING.search(after[:40]):
            return "migrating"
        if _ASKED.search(before) or _ASKED.search(after):
            return "asked"
        if _WORKS_WITH.search(before):
            return "in_use"
        return "asked" if self._is_under_requirements(mention.start) else "in_use"

    def _is_under_requirements(self, position: int) -> bool:
        asking = _last_before(self._asking_headers, position)
        other = _last_before(self._other_headers, position)
        return asking > other

    @cached_property
    def _asking_headers(self) -> list[int]:
        return _header_starts(_ASKING_HEADER, self.lower)

    @cached_property
    def _other_headers(self) -> list[int]:
        return _header_starts(_OTHER_HEADER, self.lower)


def _header_starts(pattern: re.Pattern[str], text: str) -> list[int]:
    return [match.start() for match in pattern.finditer(text)]


def _last_before(starts: list[int], position: int) -> int:
    return max((start for start in starts if start < position), default=-1)


def _last_clause(before: str) -> str:
    ends = [match.end() for match in _CLAUSE_END.finditer(before)]
    return before[ends[-1] :] if ends else before


def _first_clause(after: str) -> str:
    stop = _CLAUSE_END.search(after)
    return after[: stop.start()] if stop else after


class _Named(NamedTuple):
    part: _Text
    mention: Mention
    state: ToolState


class _Finder(NamedTuple):
    """Patterns of one rule set or one profile; `is_single`: the first that matches is enough."""

    patterns: tuple[re.Pattern[str], ...]
    unless: re.Pattern[str] | None
    is_single: bool
    reads_lower_case: bool


class _FieldRules:
    """The rules of one field, shipped and its own together."""

    def __init__(self, field: str, rules: KeywordRules | None) -> None:
        name = rules.use if rules is not None and rules.use else None
        if name is not None and name not in shipped_rule_names():
            known = ", ".join(shipped_rule_names())
            raise ValueError(f"keywords of {field}: no rule set {name!r}; there are {known}")
        if name is None and rules is None and field in shipped_rule_names():
            name = field
        self.products: list[str] = []
        self.finders: list[_Finder] = []
        if name is not None:
            self._add_shipped(name)
        if rules is not None:
            self.products.extend(rules.products)
            if rules.patterns:
                self.finders.append(_own_finder(field, rules.patterns))

    def _add_shipped(self, name: str) -> None:
        shipped = shipped_rules(name)
        if isinstance(shipped, ProductRules):
            self.products.extend(product.name for product in shipped.products)
        else:
            self.finders.append(_shipped_finder(shipped))


def _shipped_finder(rules: PatternRules) -> _Finder:
    return _Finder(
        patterns=tuple(re.compile(_fill_in(one, rules.words)) for one in rules.patterns),
        unless=re.compile("|".join(_fill_in(one, rules.words) for one in rules.unless))
        if rules.unless
        else None,
        is_single=True,
        reads_lower_case=True,
    )


def _fill_in(pattern: str, words: dict[str, str]) -> str:
    """Replace `<<name>>` by the piece of that name; pieces may name earlier pieces."""
    for name, piece in reversed(words.items()):
        pattern = pattern.replace(f"<<{name}>>", f"(?:{piece})")
    return pattern


def _own_finder(field: str, patterns: Iterable[str]) -> _Finder:
    compiled = []
    for pattern in patterns:
        try:
            compiled.append(re.compile(pattern, re.IGNORECASE))
        except re.error as error:
            raise ValueError(f"keywords of {field}: bad pattern {pattern!r}: {error}") from error
    return _Finder(tuple(compiled), None, is_single=False, reads_lower_case=False)


def _read_patterns(field: str, finders: list[_Finder], parts: list[_Text]) -> Iterator[Claim]:
    for finder in finders:
        count = 0
        for part, match in _matches(finder, parts):
            claim = _claim_of(field, part, match)
            if claim is None:
                continue
            yield claim
            count += 1
            if finder.is_single or count >= MAX_VALUES_PER_FIELD:
                break


def _matches(finder: _Finder, parts: list[_Text]) -> Iterator[tuple[_Text, re.Match[str]]]:
    for pattern in finder.patterns:
        for part in parts:
            text = part.lower if finder.reads_lower_case else part.text
            for match in pattern.finditer(text):
                if finder.unless is None or not _has_near(finder.unless, text, match):
                    yield part, match


def _has_near(unless: re.Pattern[str], text: str, match: re.Match[str]) -> bool:
    before = _last_clause(text[max(0, match.start() - 60) : match.start()])
    after = _first_clause(text[match.end() : match.end() + 40])
    return unless.search(before + match.group() + after) is not None


def _claim_of(field: str, part: _Text, match: re.Match[str]) -> Claim | None:
    quote = part.text[match.start() : match.end()].strip()
    value = quote
    if match.re.groupindex.get("value") is not None and match.group("value"):
        value = part.text[match.start("value") : match.end("value")]
    value = " ".join(value.split())
    return Claim(field=field, value=value, quote=quote) if quote and value else None
