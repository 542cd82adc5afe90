"""Grounding: where the words of a claim stand in the vacancy, and whether they state its value.

A quote is looked for as it is. Only when it does not stand in the text like that, both are read
through one narrow equivalence, after which the quote is again looked for as a whole:

- any run of white space is one blank; zero-width characters, NUL and soft hyphens are nothing;
- a word broken by a hyphen at the end of a line is the same word unbroken;
- typographic quotes and dashes are the plain ones; compatible forms (NFKC: ligatures, full width
  letters, composed accents) are one, but a raised or lowered digit is not a digit;
- an HTML entity is its character; a Markdown escape (`\\-`) and marks of emphasis (`**`) are gone.

Case is not folded and words are never compared one by one: a quote that differs in more than the
above was not quoted. What is kept is always what the text says there, never what the reader wrote.
"""

import html
import itertools
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Literal

from signal_assets.domain.denials import is_denied_at
from signal_assets.domain.extractions import Claim, Evidence, ToolState, VacancyText
from signal_assets.domain.gazetteers import Gazetteer, Mention, fold_case
from signal_assets.domain.injections import Passage, find_injections, overlaps
from signal_assets.domain.records import Record
from signal_assets.domain.tool_states import ToolStates

MAX_QUOTE_CHARS = 400
"""A longer quote is not proof of one value: it would support whatever stands in the text."""

DropReason = Literal[
    "unknown_field",
    "empty_value",
    "quote_too_long",
    "quote_not_found",
    "value_not_in_quote",
    "denied",
    "injected",
]
"""Why a claim is not kept; `injected`: its words stand only where the text speaks to a machine."""


class Span(Record):
    """A stretch of a text: `text[start:end]`."""

    start: int
    end: int


class DroppedClaim(Record):
    """A claim that is not kept, and why."""

    claim: Claim
    reason: DropReason


class Grounded(Record):
    """What is kept of a reader's claims, in the order of the text, and what is not."""

    evidence: tuple[Evidence, ...]
    dropped: tuple[DroppedClaim, ...] = ()


_INVISIBLE = (
    "\x00\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
)
_PLAIN = str.maketrans(
    dict.fromkeys("‘’‚‛′´`ʼ", "'") | dict.fromkeys("“”„‟″«»", '"') | dict.fromkeys("‐‑‒–—―−", "-")
)
_LINE_END_HYPHEN = r"(?<=[^\W\d_])[-\u2010\u00ad][^\S\n]*+\n\s*+(?=[^\W\d_])"
_SPECIAL = re.compile(
    rf"(?P<hyphen>{_LINE_END_HYPHEN})"
    r"|(?P<blank>\s++)"
    rf"|(?P<nothing>[{_INVISIBLE}]++|\*\*++|\\(?=[!-/:-@\[-`{{-~]))"
    r"|(?P<entity>&(?:\#[0-9]{1,7}|\#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});)"
    r"|(?P<other>[`´]|[^\x00-\x7f][\u0300-\u036f]*+|[A-Za-z][\u0300-\u036f]++)"
)
_HYPHEN_READINGS = ("- ", "", "-")
"""A hyphen at the end of a line: left as it is, taken out, or joined without the line's end."""


class _Folded:
    """A text read through the equivalence, with the way back to the places it came from."""

    def __init__(self, text: str, line_end_hyphen: str) -> None:
        self._line_end_hyphen = line_end_hyphen
        self._pieces: list[str] = []
        self._starts: list[int] = []
        self._spans: list[tuple[int, int]] = []
        self._is_plain: list[bool] = []
        self._length = 0
        done = 0
        for special in _SPECIAL.finditer(text):
            self._add(text[done : special.start()], done, special.start(), is_plain=True)
            self._add(self._fold(special), special.start(), special.end(), is_plain=False)
            done = special.end()
        self._add(text[done:], done, len(text), is_plain=True)
        self.text = "".join(self._pieces)

    def _fold(self, special: re.Match[str]) -> str:
        words = special.group()
        match special.lastgroup:
            case "hyphen":
                return self._line_end_hyphen
            case "blank":
                return " "
            case "nothing":
                return ""
            case "entity":
                character = html.unescape(words)
                return "" if character in _INVISIBLE else _fold_characters(character)
            case _:
                return _fold_characters(words)

    def _add(self, folded: str, start: int, end: int, *, is_plain: bool) -> None:
        if folded.startswith(" ") and self._pieces and self._pieces[-1].endswith(" "):
            folded = folded[1:]
        if not folded:
            return
        self._pieces.append(folded)
        self._starts.append(self._length)
        self._spans.append((start, end))
        self._is_plain.append(is_plain)
        self._length += len(folded)

    def find_all(self, needle: str) -> Iterator[Span]:
        found = self.text.find(needle)
        while found >= 0:
            yield Span(start=self._origin(found)[0], end=self._origin(found + len(needle) - 1)[1])
            found = self.text.find(needle, found + 1)

    def _origin(self, position: int) -> tuple[int, int]:
        """Return the stretch of the original that gave the character at `position`."""
        piece = bisect_right(self._starts, position) - 1
        start, end = self._spans[piece]
        if not self._is_plain[piece]:
            return start, end
        start += position - self._starts[piece]
        return start, start + 1


def _fold_characters(characters: str) -> str:
    folded = unicodedata.normalize("NFC", characters)
    folded = "".join(map(_fold_compatible, folded)).translate(_PLAIN)
    return re.sub(r"\s+", " ", folded)


def _fold_compatible(character: str) -> str:
    kind = unicodedata.decomposition(character).partition(" ")[0]
    if kind in ("<super>", "<sub>", "<fraction>"):
        return character
    return unicodedata.normalize("NFKC", character)


class IndexedText:
    """A text prepared once, in which many quotes are located, each in time linear to the text."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def _readings(self) -> tuple[_Folded, ...]:
        has_hyphens = re.search(_LINE_END_HYPHEN, self.text) is not None
        return tuple(
            _Folded(self.text, reading)
            for reading in (_HYPHEN_READINGS if has_hyphens else _HYPHEN_READINGS[:1])
        )

    def locate(self, quote: str) -> Span | None:
        """Return where the text says `quote`, or None if it does not."""
        return next(self.places(quote), None)

    def places(self, quote: str) -> Iterator[Span]:
        """Yield the places that say `quote`; through the equivalence if none says it as it is."""
        if not quote:
            return
        start = self.text.find(quote)
        if start >= 0:
            while start >= 0:
                yield Span(start=start, end=start + len(quote))
                start = self.text.find(quote, start + 1)
            return
        needles = {reading: fold_text(quote, reading) for reading in _HYPHEN_READINGS}
        for folded, reading in zip(self._readings, _HYPHEN_READINGS, strict=False):
            if needles[reading]:
                yield from folded.find_all(needles[reading])


def fold_text(text: str, line_end_hyphen: str = "- ") -> str:
    """Return `text` read through the equivalence.

    >>> fold_text("50&nbsp;FTE \\u2013 S/4\\u200bHANA")
    '50 FTE - S/4HANA'
    """
    return _Folded(text, line_end_hyphen).text.strip()


def locate(quote: str, text: str) -> Span | None:
    """Return where `text` says `quote`, or None if it does not.

    For many quotes in one text, `IndexedText` prepares the text once.

    >>> locate("team van 5", "Ons team\\nvan\\u00a05 mensen")
    Span(start=4, end=14)
    >>> locate("team van 6", "Ons team van 5 mensen") is None
    True
    """
    return IndexedText(text).locate(quote)


def ground(
    claims: Iterable[Claim],
    vacancy: VacancyText,
    fields: Iterable[str],
    gazetteer: Gazetteer | None = None,
) -> Grounded:
    """Keep the claims whose words stand in `vacancy` and state their value; count the others out.

    `fields` are the fields asked for; as a schema (field → question) the questions are used too.
    A product is kept in its usual spelling (`gazetteer`; the shipped one if None). A value in
    words of the reader's own is replaced by its quote where that is safe, see `supported_value`.
    A value is dropped where the text denies it ("wij werken niet met SAP"), and so is one
    whose words stand only in a passage that speaks to a machine (`domain/injections.py`). What the
    text says of a product's use is read from it where the reader did not say it. The description is
    searched before the title. The same value of a field is kept once, where the
    text first states it.
    """
    questions = dict(fields) if isinstance(fields, Mapping) else {name: name for name in fields}
    products = gazetteer if gazetteer is not None else Gazetteer.shipped()
    parts = {
        "description": _Part(vacancy.description, set(questions)),
        "title": _Part(vacancy.title, set(questions)),
    }
    kept: list[Evidence] = []
    dropped: list[DroppedClaim] = []
    for claim in claims:
        outcome = _ground_one(claim, parts, questions, products)
        if isinstance(outcome, Evidence):
            kept.append(outcome)
        else:
            dropped.append(DroppedClaim(claim=claim, reason=outcome))
    return Grounded(evidence=_once_each(kept), dropped=tuple(dropped))


_UNPROVEN: tuple[DropReason, ...] = ("quote_too_long", "quote_not_found", "value_not_in_quote")


def count_unsupported(grounded: Grounded) -> int:
    """Return how many claims were made up: what the text denies or was told to say is not."""
    return sum(dropped.reason in _UNPROVEN for dropped in grounded.dropped)


class _Part:
    """Title or description: where quotes stand in it, and where they support nothing."""

    def __init__(self, text: str, fields: set[str]) -> None:
        self.text = text
        self._fields = fields
        self._indexed = IndexedText(text)

    @cached_property
    def _injections(self) -> tuple[Passage, ...]:
        return find_injections(self.text, sorted(self._fields))

    @cached_property
    def states(self) -> ToolStates:
        return ToolStates(fold_case(self.text))

    def locate(self, quote: str) -> Span | Literal["quote_not_found", "injected"]:
        """Return the first place that says `quote` and is meant for people."""
        places = itertools.islice(self._indexed.places(quote), _MOST_PLACES)
        reason: Literal["quote_not_found", "injected"] = "quote_not_found"
        for span in places:
            if _cuts_a_number(self.text, span):
                continue
            if not overlaps(self._injections, span.start, span.end):
                return span
            reason = "injected"
        return reason


def _cuts_a_number(text: str, span: Span) -> bool:
    """The text says "40" where the quote says "4"."""
    before, after = text[max(0, span.start - 1) : span.start + 1], text[span.end - 1 : span.end + 1]
    return any(len(edge) == 2 and edge.isdigit() for edge in (before, after))


_MOST_PLACES = 50
"""So many places of one quote are looked at; a text that repeats it more is no vacancy."""


def _ground_one(
    claim: Claim, parts: Mapping[str, _Part], questions: Mapping[str, str], gazetteer: Gazetteer
) -> Evidence | DropReason:
    if claim.field not in questions:
        return "unknown_field"
    value = " ".join(claim.value.split())
    if not any(map(str.isalnum, value)):
        return "empty_value"
    if len(claim.quote) > MAX_QUOTE_CHARS:
        return "quote_too_long"
    located = _locate_in_parts(claim.quote.strip(), parts)
    if isinstance(located, str):
        return located
    part, span = located
    text = parts[part].text
    quote = text[span.start : span.end]
    supported = supported_value(value, quote, gazetteer)
    following = text[span.end : span.end + _MEASURE_REACH]
    if supported is None or measures_something_else(
        value, quote, questions[claim.field], following
    ):
        return "value_not_in_quote"
    named = _mentions_of(supported, quote, span.start, gazetteer)
    if _is_denied(supported, named, text, span):
        return "denied"
    words = [text[mention.start : mention.end] for mention in named[:1]]
    return Evidence(
        field=claim.field,
        value=supported,
        quote=quote,
        start=span.start,
        end=span.end,
        part=part,
        state=claim.state or _told_state(named, parts[part].states),
        raw_value=next((raw for raw in (*words, value) if raw != supported), None),
    )


def _mentions_of(value: str, quote: str, start: int, gazetteer: Gazetteer) -> list[Mention]:
    """Where in the text the quote, which begins at `start`, names the product `value`."""
    if gazetteer.usual_spelling(value) is None:
        return []
    return [
        Mention(mention.product, start + mention.start, start + mention.end)
        for mention in gazetteer.mentions(quote, needs_context=False)
        if value in gazetteer.lineage(mention.product)
    ]


def _is_denied(value: str, named: Iterable[Mention], text: str, span: Span) -> bool:
    """Wherever the quote names the product the text denies it; or it denies the words of the value.

    A value that holds its own denial ("geen ploegendienst") is what the text says.
    """
    begin = max(0, span.start - 200)
    lower = fold_case(text[begin : span.end + 200])
    places = [(mention.start - begin, mention.end - begin) for mention in named]
    if not places:
        start = max(lower.find(fold_case(value), span.start - begin), span.start - begin)
        places = [(start, max(start + len(value), span.end - begin))]
    return all(is_denied_at(lower, start, end) for start, end in places)


def _told_state(named: Iterable[Mention], states: ToolStates) -> ToolState | None:
    told = (states.told_at(mention.start, mention.end) for mention in named)
    known = [state for state in told if state is not None]
    return min(known).state if known else None


def _locate_in_parts(
    quote: str, parts: Mapping[str, _Part]
) -> tuple[Literal["description", "title"], Span] | Literal["quote_not_found", "injected"]:
    in_description = parts["description"].locate(quote)
    if isinstance(in_description, Span):
        return "description", in_description
    in_title = parts["title"].locate(quote)
    if isinstance(in_title, Span):
        return "title", in_title
    return "injected" if "injected" in (in_description, in_title) else "quote_not_found"


def _once_each(kept: list[Evidence]) -> tuple[Evidence, ...]:
    """Each value of a field once, in the order of the text; the title stands above it."""
    ordered = sorted(kept, key=lambda item: (item.part == "description", item.start))
    first: dict[tuple[str, str], Evidence] = {}
    for item in sorted(ordered, key=lambda item: item.part == "title"):
        first.setdefault((item.field, fold_case(item.value)), item)
    chosen = {id(item) for item in first.values()}
    return tuple(item for item in ordered if id(item) in chosen)


_NUMBER = re.compile(r"\d+(?:[.,' ]\d{3}(?!\d))*(?:[.,]\d+)?")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_NUMBER_WORDS = {
    word: str(number)
    for number, words in enumerate(
        (
            "een één one",
            "twee two",
            "drie three",
            "vier four",
            "vijf five",
            "zes six",
            "zeven seven",
            "acht eight",
            "negen nine",
            "tien ten",
            "elf eleven",
            "twaalf twelve",
        ),
        start=1,
    )
    for word in words.split()
}
_EMPTY_WORDS = frozenset(
    word
    for words in (
        "about around almost nearly roughly approximately circa over more less than least most",
        "with from that this their them ongeveer bijna ruim meer minder minstens dan voor door",
        "met van unquantified stated mentioned",
    )
    for word in words.split()
)
"""Words that state nothing of their own."""
_SHORTEST_WORD = 4


def supported_value(value: str, quote: str, gazetteer: Gazetteer) -> str | None:
    """Return `value` as its quote states it, or None if the quote does not state it.

    - A known product: its name or one of its other spellings stands in the quote; the usual
      spelling comes back.
    - Else every number of the value stands in the quote ("6" also as "zes"), and so does every
      product and every word with a capital.
    - The words that remain: if all stand in the quote (endings may differ), the value comes
      back; if only some do, the quote comes back in its place, so that nothing is said that the
      vacancy does not say; if none does, the value is not supported.

    A quote without a single letter states nothing.

    >>> shipped = Gazetteer.shipped()
    >>> supported_value("sap", "ervaring met SAP", shipped)
    'SAP'
    >>> supported_value("Coupa", "ervaring met SAP", shipped) is None
    True
    >>> supported_value("6 colleagues", "een team van zes", shipped)
    'een team van zes'
    """
    said = fold_text(quote)
    if not any(map(str.isalpha, said)):
        return None
    product = gazetteer.usual_spelling(value)
    if product is not None:
        return product if gazetteer.is_named(product, said) else None
    folded = fold_text(value)
    if _contains_as_words(folded, said):
        return value
    if not _numbers(folded) <= _numbers(said) | _spelled_numbers(said):
        return None
    if not all(gazetteer.is_named(name, said) for name in gazetteer.names_in(folded)):
        return None
    said_words = {fold_case(word) for word in _WORD.findall(said)}
    if not all(_is_said(name, said_words) for name in _capitalised(folded)):
        return None
    return _value_or_quote(value, folded, quote, said_words)


_MEASURES = (
    r"\b(?:(?:werk|week|kantoor|over|contract|dienst|vakantie|verlof|school|les|half|levens)?"
    r"(?:uur|uren|urige|dagen|dag|weken|week|maanden|maand|jaren|jaar|jarige)|"
    r"hours?|days?|weeks?|months?|years?|minut\w+)\b",
    r"(?:%|procent|percent)",
    r"(?:€|\$|£|eur\b|euros?\b|usd\b|gbp\b|bruto\b|gross\b)",
)
"""Time, shares and money: what a number measures when this follows it (money: or precedes it)."""
_ASKS_FOR_MEASURE = (
    re.compile(
        r"uur|uren|dag|wee?k|maand|ja+r|hours?\b|days?\b|weeks?\b|months?\b|years?\b|time|tijd|duur|"
        r"leave|verlof|experience|ervaring|shift|dienst|age\b|leeftijd",
        re.IGNORECASE,
    ),
    re.compile(r"%|procent|percent|share|aandeel|part\b|deel", re.IGNORECASE),
    re.compile(r"€|euro|salar|pay\b|loon|budget|revenue|omzet|money|geld|amount|bedrag|\bcosts?"),
)


_MEASURE_REACH = 30


def measures_something_else(value: str, quote: str, question: str, following: str = "") -> bool:
    """Whether `value` is but a number that `quote` gives as hours, money or a share, unasked.

    So that "40 hours a week" proves no team of 40. `following` is what the text says right after
    the quote. A value with words of its own says itself what it counts.

    >>> measures_something_else("40", "a 40 hour week", "How many people are in the team?")
    True
    >>> measures_something_else("40", "a 40 hour week", "How many hours a week?")
    False
    >>> measures_something_else("40", "a team of 40", "How many people are in the team?")
    False
    >>> measures_something_else("900 facturen", "900 facturen", "Which volumes of invoices?")
    False
    """
    numbers = _numbers(fold_text(value))
    quoted = fold_case(fold_text(quote))
    said = quoted + (" " if following[:1].isspace() else "") + fold_case(fold_text(following))
    words = re.sub(rf"{'|'.join(_MEASURES)}|[^\W\d_]{{0,3}}\b", " ", fold_case(value))
    if not numbers or any(map(str.isalpha, words)):
        return False
    kinds = {
        _measure_at(said, match.start(), match.end())
        for match in _NUMBER.finditer(said)
        if match.start() < len(quoted) and _numbers(match.group()) <= numbers
    }
    return bool(kinds) and not any(
        kind is None or _ASKS_FOR_MEASURE[kind].search(question) for kind in kinds
    )


def _measure_at(said: str, start: int, end: int) -> int | None:
    """What kind of measure the number at `start` to `end` is, as a place in `_MEASURES`."""
    for kind, measure in enumerate(_MEASURES):
        if re.match(rf"[\s-]{{0,2}}{measure}", said[end : end + 40]):
            return kind
    return 2 if re.search(r"(?:€|\$|£|\beur|\beuro)\s?$", said[:start]) else None


def _value_or_quote(value: str, folded: str, quote: str, said_words: set[str]) -> str | None:
    words = [fold_case(word) for word in _WORD.findall(folded) if not word.isdigit()]
    telling = [word for word in words if len(word) >= _SHORTEST_WORD and word not in _EMPTY_WORDS]
    said = [word for word in telling if _is_said(word, said_words)]
    if len(said) == len(telling):
        return value if said or _numbers(folded) else None
    has_proof = bool(said) or bool(_numbers(folded))
    return " ".join(quote.split()) if has_proof else None


def _contains_as_words(value: str, said: str) -> bool:
    pattern = rf"(?<![^\W_]){re.escape(fold_case(value))}(?![^\W_])"
    return re.search(pattern, fold_case(said)) is not None


def _numbers(text: str) -> set[str]:
    """The numbers in `text`; 15.000, 15,000, 15 000 and 15k are one number."""
    found = set()
    for match in _NUMBER.finditer(text):
        number = re.sub(r"[.,' ](?=\d{3}(?!\d))", "", match.group()).replace(",", ".")
        is_thousands = re.match(r"[kK](?![^\W_])", text[match.end() :]) is not None
        found.add(number + "000" if is_thousands and number.isdigit() else number)
    return found


def stated_numbers(text: str) -> set[str]:
    """The numbers that `text` states, in digits or (up to twelve) in words.

    >>> sorted(stated_numbers("een team van zes, 15.000 facturen"))
    ['1', '15000', '6']
    """
    folded = fold_text(text)
    return _numbers(folded) | _spelled_numbers(folded)


def _spelled_numbers(text: str) -> set[str]:
    words = (fold_case(word) for word in _WORD.findall(text))
    return {_NUMBER_WORDS[word] for word in words if word in _NUMBER_WORDS}


def _capitalised(text: str) -> list[str]:
    """Words with a capital; the first word of a phrase may have it for that reason alone."""
    words = _WORD.findall(text)
    names = [word for word in words if any(map(str.isupper, word))]
    if len(words) >= 3 and names and names[0] is words[0] and words[0][1:].islower():
        return names[1:]
    return names


def _is_said(word: str, said_words: set[str]) -> bool:
    """The word stands in the quote, or one that differs in its ending only."""
    word = fold_case(word)
    if word in said_words:
        return True
    if len(word) < _SHORTEST_WORD:
        return False
    return any(
        len(other) >= _SHORTEST_WORD
        and abs(len(other) - len(word)) <= 3
        and (other.startswith(word) or word.startswith(other))
        for other in said_words
    )


_LIST_QUESTION = re.compile(r"\b(?:lists?|lijst|opsomming)\b", re.IGNORECASE)


def is_list_question(question: str) -> bool:
    """Whether a field's question asks for a list.

    >>> is_list_question("Which ERP systems are mentioned? Return as a list.")
    True
    """
    return _LIST_QUESTION.search(question) is not None


def facts_by_field(
    evidence: Iterable[Evidence], schema: Mapping[str, str]
) -> dict[str, str | list[str] | None]:
    """Return what is known of each field of the schema, in its order: a text, a list, or None.

    A list where the question asks for one or where there are several values; None where there is
    nothing.
    """
    values: dict[str, list[str]] = {field: [] for field in schema}
    for item in evidence:
        if item.field in values and item.value not in values[item.field]:
            values[item.field].append(item.value)
    return {
        field: _as_fact(found, is_list_question(schema[field])) for field, found in values.items()
    }


def _as_fact(values: list[str], is_list: bool) -> str | list[str] | None:
    if not values:
        return None
    return list(values) if is_list or len(values) > 1 else values[0]
