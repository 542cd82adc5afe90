"""Company names: how the many spellings of one Dutch company name become one key.

The first key (`key_t1`) has the legal form taken off; the second (`key_t2`) also the words that
tell the parts of a group apart and a place at the end. Equal first keys are one name; equal second
keys are only a hint.
"""

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Literal, NamedTuple

import yaml

from signal_assets.domain.folding import fold
from signal_assets.domain.places import known_places
from signal_assets.domain.records import Record

NORMALIZER_VERSION = 2
"""Goes up whenever a name can get another key than before; stored with each decision."""

NameKind = Literal["employer", "intermediary", "anonymous"]
Words = tuple[str, ...]


class NameKeys(Record):
    """What a register name is compared by."""

    key_t1: str
    key_t2: str
    legal_form_hint: str | None = None
    """As `KvkProfile.legal_form`, or `foreign`; None when the name states none."""

    @property
    def letters(self) -> str:
        """The first key without blanks and without "en": equal when only the spacing differs."""
        return join_letters(self.key_t1)


class CompanyName(NameKeys):
    """An advertiser's name: what was written, and what it is compared by."""

    raw_name: str
    clean_name: str
    """In the advertiser's spelling, without what advertisements put around it."""
    full_key: str
    """The first key of all that was written, where the name was cut at a dash or bracket."""
    kind: NameKind = "employer"
    kind_reason: str | None = None

    @property
    def full_letters(self) -> str:
        """As `letters`, of all that was written."""
        return join_letters(self.full_key)


def join_letters(key: str) -> str:
    """Return a key without blanks and without "en"; the key itself if nothing else is in it.

    >>> join_letters("wolf en cherry"), join_letters("wolf cherry")
    ('wolfcherry', 'wolfcherry')
    """
    return "".join(word for word in key.split() if word != "en") or key


class _Phrases(NamedTuple):
    """Phrases by the word they begin with or end with, the longest first."""

    leading: dict[str, tuple[Words, ...]]
    trailing: dict[str, tuple[Words, ...]]
    words: frozenset[str]


class _LegalForms(NamedTuple):
    form_of: dict[Words, str]
    edges: _Phrases
    inside: dict[str, str]


class _Vocabulary(NamedTuple):
    legal_forms: _LegalForms
    expansions: dict[str, Words]
    royal: frozenset[str]
    weak: frozenset[str]
    weak_last: frozenset[str]
    hollow: frozenset[str]
    place_bound: frozenset[str]
    noise: _Phrases
    cuts: dict[str, tuple[Words, ...]]
    anonymous: frozenset[str]
    common: frozenset[str]
    places: frozenset[Words]
    place_endings: frozenset[str]


class _Intermediaries(NamedTuple):
    names: frozenset[str]
    beginnings: frozenset[Words]
    words: frozenset[str]
    phrases: dict[str, tuple[Words, ...]]


def _read(file_name: str) -> Any:
    file = resources.files("signal_assets.domain").joinpath("data", file_name)
    return yaml.safe_load(file.read_text("utf-8"))


def _phrases(texts: list[str]) -> frozenset[Words]:
    return frozenset(tuple(text.split()) for text in texts)


def _by_word(phrases: Iterable[Words], position: int) -> dict[str, tuple[Words, ...]]:
    grouped: dict[str, list[Words]] = {}
    for phrase in sorted(phrases, key=lambda phrase: (-len(phrase), phrase)):
        grouped.setdefault(phrase[position], []).append(phrase)
    return {word: tuple(group) for word, group in grouped.items()}


def _edges(leading: Iterable[Words], trailing: Iterable[Words]) -> _Phrases:
    first, last = _by_word(leading, 0), _by_word(trailing, -1)
    return _Phrases(first, last, frozenset(first) | frozenset(last))


def _read_legal_forms(data: Any) -> _LegalForms:
    form_of: dict[Words, str] = {}
    leading: list[Words] = []
    inside: dict[str, str] = {}
    for form, spellings in data["legal_forms"].items():
        for where, texts in spellings.items():
            for phrase in _phrases(texts):
                form_of[phrase] = form
                if where != "last":
                    leading.append(phrase)
                if where == "anywhere" and len(phrase) == 1:
                    inside[phrase[0]] = form
    return _LegalForms(form_of, _edges(leading, form_of), inside)


@cache
def _vocabulary() -> _Vocabulary:
    data = _read("company_names.yaml")
    advertisement = data["advertisement"]
    places = _phrases(sorted(known_places()))
    return _Vocabulary(
        legal_forms=_read_legal_forms(data),
        expansions={word: tuple(text.split()) for word, text in data["expansions"].items()},
        royal=frozenset(data["royal"]),
        weak=frozenset(data["weak_words"]),
        weak_last=frozenset(data["weak_last_words"]),
        hollow=frozenset(data["hollow_words"]),
        place_bound=frozenset(data["place_bound_words"]),
        noise=_edges(_phrases(advertisement["leading"]), _phrases(advertisement["trailing"])),
        cuts=_by_word(_phrases(advertisement["cuts"]), 0),
        anonymous=frozenset(data["anonymous"]),
        common=frozenset(data["common_single_words"]),
        places=places,
        place_endings=frozenset(place[-1] for place in places),
    )


@cache
def _intermediaries() -> _Intermediaries:
    data = _read("intermediaries.yaml")
    return _Intermediaries(
        names=frozenset(data["names"]) | frozenset(data["names_with_branches"]),
        beginnings=_phrases(data["names_with_branches"]),
        words=frozenset(data["words"]),
        phrases=_by_word(_phrases(data["phrases"]), 0),
    )


_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'", "ʼ": "'"})
_PREFIX_T = re.compile(r"(?<!\w)'t(?!\w)")
_DOTTED_INITIALS = re.compile(r"(?<![^\W_])(?:[a-z]\.)+[a-z]?(?![^\W_])")
_SLASHED_FORM = re.compile(r"(?<![^\W_])([av])/([sd])(?![^\W_])")
_WORD = re.compile(r"[^\W_]+")
_BRACKETS = re.compile(r"[(\[][^()\[\]]*[)\]]")
_DASH = re.compile(r"\s+[-–—|•·/]+\s+")
_SPELLED_FORMS = ("bv", "nv", "cv", "vof", "ua", "wa", "ba")


def _split(text: str) -> Words:
    """Cut `text` into folded words; initials with dots become one word, `&` becomes "en"."""
    folded = fold(text).translate(_APOSTROPHES)
    if "&" in folded or "+" in folded:
        folded = folded.replace("&", " en ").replace("+", " en ")
    if "'" in folded:
        folded = _PREFIX_T.sub("het", folded).replace("'", "")
    if "." in folded:
        folded = _DOTTED_INITIALS.sub(lambda match: match[0].replace(".", "") + " ", folded)
    if "/" in folded:
        folded = _SLASHED_FORM.sub(r"\1\2", folded)
    return tuple(_WORD.findall(folded))


def _join_initials(words: Words) -> Words:
    """Write single letters in a row as one word; a legal form at their end stays a word itself."""
    if sum(len(word) == 1 for word in words) < 2:
        return words
    joined: list[str] = []
    initials = ""
    for word in (*words, ""):
        if len(word) == 1 and word.isalpha():
            initials += word
            continue
        form = next((form for form in _SPELLED_FORMS if initials.endswith(form)), "")
        joined += [part for part in (initials.removesuffix(form), form, word) if part]
        initials = ""
    return tuple(joined)


def _expand(words: Words, vocabulary: _Vocabulary) -> Words:
    if vocabulary.expansions.keys().isdisjoint(words) and words[0] not in vocabulary.royal:
        return words
    expanded: list[str] = []
    for word in words:
        expanded += vocabulary.expansions.get(word, (word,))
    if len(expanded) > 1 and expanded[0] in vocabulary.royal:
        expanded[0] = "koninklijke"
    return tuple(expanded)


def _is_name(words: Words, vocabulary: _Vocabulary) -> bool:
    return any(word not in vocabulary.hollow for word in words)


def _without_edge(
    words: Words, phrases: _Phrases, vocabulary: _Vocabulary
) -> tuple[Words, Words] | None:
    """Return the words without the longest phrase at an edge, and that phrase; None if none."""
    for phrase in phrases.trailing.get(words[-1], ()):
        rest = words[: -len(phrase)]
        if words[-len(phrase) :] == phrase and _is_name(rest, vocabulary):
            return rest, phrase
    for phrase in phrases.leading.get(words[0], ()):
        rest = words[len(phrase) :]
        if words[: len(phrase)] == phrase and _is_name(rest, vocabulary):
            return rest, phrase
    return None


def _strip_legal_forms(words: Words, vocabulary: _Vocabulary) -> tuple[Words, str | None]:
    forms = vocabulary.legal_forms
    hint: str | None = None
    if forms.edges.words.isdisjoint(words):
        return words, hint
    while edge := _without_edge(words, forms.edges, vocabulary):
        words, phrase = edge
        hint = hint or forms.form_of[phrase]
    rest = tuple(word for word in words if word not in forms.inside)
    if rest != words and _is_name(rest, vocabulary):
        hint = hint or next(forms.inside[word] for word in words if word in forms.inside)
        words = rest
    return words, hint


def _without_advertisement(words: Words, vocabulary: _Vocabulary) -> slice:
    """Return where the name is: not "werken bij" and the like, and not from "via" on."""
    start, end = 0, len(words)
    while edge := _without_edge(words[start:end], vocabulary.noise, vocabulary):
        rest, _ = edge
        if rest == words[start : start + len(rest)]:
            end = start + len(rest)
        else:
            start = end - len(rest)
    if vocabulary.cuts.keys().isdisjoint(words):
        return slice(start, end)
    for position in range(start + 1, end):
        for phrase in vocabulary.cuts.get(words[position], ()):
            after = position + len(phrase)
            is_here = after < end and words[position:after] == phrase
            if is_here and _is_name(words[start:position], vocabulary):
                return slice(start, position)
    return slice(start, end)


def _settle(words: Words, vocabulary: _Vocabulary) -> tuple[Words, str | None]:
    """Apply the rules until none changes anything; so a key is its own key."""
    hint: str | None = None
    while True:
        settled = _expand(_join_initials(words), vocabulary)
        settled = settled[_without_advertisement(settled, vocabulary)]
        settled, form = _strip_legal_forms(settled, vocabulary)
        hint = hint or form
        if settled == words:
            return settled, hint
        words = settled


def _without_weak_words(words: Words, vocabulary: _Vocabulary) -> Words:
    rest = tuple(word for word in words if word not in vocabulary.weak) or words
    while len(rest) > 1 and rest[-1] in vocabulary.weak_last:
        rest = rest[:-1]
    if rest[-1] in vocabulary.place_endings and vocabulary.place_bound.isdisjoint(rest):
        for length in range(min(4, len(rest) - 1), 0, -1):
            if rest[-length:] in vocabulary.places:
                rest = rest[:-length] if _is_name(rest[:-length], vocabulary) else rest
                break
    return rest if _is_name(rest, vocabulary) else words


def _settle_weak(words: Words, vocabulary: _Vocabulary) -> Words:
    while True:
        settled, _ = _settle(_without_weak_words(words, vocabulary), vocabulary)
        if settled == words:
            return settled
        words = settled


def _cut(text: str, vocabulary: _Vocabulary) -> str:
    """Return the name before a dash between blanks, if it is one, without its own abbreviation.

    Brackets that hold more than the abbreviation of the name stay: "(Benelux)" and "(Europe)" tell
    two companies apart.
    """
    text = _without_abbreviation(text)
    parts = _DASH.split(text.strip(), maxsplit=1)
    if len(parts) == 1:
        return text
    words = _split(parts[0])
    no_name = vocabulary.weak | vocabulary.place_bound | vocabulary.legal_forms.edges.words
    is_name = _is_name(words, vocabulary) and not no_name.issuperset(words)
    return parts[0].strip() if is_name and len(parts[0].strip()) > 1 else text


def _without_abbreviation(text: str) -> str:
    bracket = _BRACKETS.search(text)
    if bracket is None or not _is_abbreviation(bracket[0][1:-1], text[: bracket.start()].strip()):
        return text
    return f"{text[: bracket.start()].strip()} {text[bracket.end() :]}".strip()


def _is_abbreviation(short: str, name: str) -> bool:
    """Whether the letters of `short` occur in `name` in that order, the first one first."""
    folded, letters = fold(short), iter(fold(name))
    is_one_word = folded.isalnum() and fold(name).startswith(folded[0])
    return is_one_word and all(letter in letters for letter in folded)


@lru_cache(maxsize=65_536)
def register_keys(name: str) -> NameKeys | None:
    """Return the keys of a name as a register writes it; None if it holds no letter or digit.

    >>> register_keys("Stichting 't Anker Holding")
    NameKeys(key_t1='het anker holding', key_t2='het anker', legal_form_hint='stichting')
    """
    vocabulary = _vocabulary()
    written = _split(_without_abbreviation(name))
    if not written:
        return None
    words, hint = _settle(written, vocabulary)
    weak = _settle_weak(words, vocabulary)
    return NameKeys(key_t1=" ".join(words), key_t2=" ".join(weak), legal_form_hint=hint)


@lru_cache(maxsize=65_536)
def normalize_company_name(raw_name: str) -> CompanyName | None:
    """Return an advertiser's name with its keys; None if it holds no letter or digit.

    >>> name = normalize_company_name("Werken bij TechCorp B.V. - Utrecht")
    >>> name.key_t1, name.clean_name, name.legal_form_hint
    ('techcorp', 'TechCorp B.V.', 'besloten_vennootschap')
    """
    vocabulary = _vocabulary()
    all_words = _split(raw_name)
    if not all_words:
        return None
    cut = _cut(raw_name, vocabulary)
    full, full_hint = _settle(all_words, vocabulary)
    words, hint = (full, full_hint) if cut == raw_name else _settle(_split(cut), vocabulary)
    key_t1, key_t2 = " ".join(words), " ".join(_settle_weak(words, vocabulary))
    kind, kind_reason = _classify(key_t1, key_t2, full, all_words)
    return CompanyName(
        raw_name=raw_name,
        clean_name=_clean(cut, all_words, vocabulary),
        key_t1=key_t1,
        key_t2=key_t2,
        full_key=" ".join(full),
        legal_form_hint=hint or full_hint,
        kind=kind,
        kind_reason=kind_reason,
    )


def company_key(raw_name: str) -> str | None:
    """Return the key that groups the spellings of one company; None if there is no name in it.

    >>> company_key("TechCorp B.V."), company_key("TechCorp BV"), company_key("MiniStartup")
    ('techcorp', 'techcorp', 'ministartup')
    >>> company_key("---") is None
    True
    """
    name = normalize_company_name(raw_name)
    return name.key_t1 if name else None


def is_common_word(key: str) -> bool:
    """Whether `key` is one word that very many companies are called by."""
    return key in _vocabulary().common


def spellings_for_search(name: CompanyName) -> tuple[str, ...]:
    """Return the spellings under which a register that matches whole words may know the name.

    The most faithful first: as written, without legal form, without weak words, folded, with "&"
    for "en", and the second key. No two are equal but for capitals.

    >>> name = normalize_company_name("Café Smit & Zonen Holding B.V.")
    >>> for spelling in spellings_for_search(name): print(spelling)
    Café Smit & Zonen Holding B.V.
    Café Smit & Zonen Holding
    Café Smit & Zonen
    cafe smit en zonen holding
    cafe smit & zonen holding
    cafe smit en zonen
    """
    without_form = _trim(name.clean_name, name.key_t1, "key_t1")
    spellings = (
        name.clean_name,
        without_form,
        _trim(without_form, name.key_t2, "key_t2"),
        name.key_t1,
        name.key_t1.replace(" en ", " & "),
        name.key_t2,
    )
    return tuple({spelling.casefold(): spelling for spelling in reversed(spellings)}.values())[::-1]


def distinctive_words(name: CompanyName) -> tuple[str, ...]:
    """Return the one or two longest words of the second key, in the order of the name."""
    vocabulary = _vocabulary()
    words = [word for word in name.key_t2.split() if word not in vocabulary.hollow]
    longest = sorted(words, key=len, reverse=True)[:2]
    return tuple(word for word in words if word in longest)[:2]


def _trim(text: str, key: str, key_name: Literal["key_t1", "key_t2"]) -> str:
    """Drop words at the ends of `text` for as long as it keeps its key."""
    chunks = text.split()
    while len(chunks) > 1 and _has_key(chunks[:-1], key, key_name):
        chunks.pop()
    while len(chunks) > 1 and _has_key(chunks[1:], key, key_name):
        chunks.pop(0)
    return " ".join(chunks)


def _has_key(chunks: list[str], key: str, key_name: Literal["key_t1", "key_t2"]) -> bool:
    keys = register_keys(" ".join(chunks))
    return keys is not None and getattr(keys, key_name) == key


def _clean(text: str, written: Words, vocabulary: _Vocabulary) -> str:
    if vocabulary.noise.words.isdisjoint(written) and vocabulary.cuts.keys().isdisjoint(written):
        return " ".join(text.split())
    chunks = [(chunk, _split(chunk)) for chunk in text.split()]
    words = tuple(word for _, chunk_words in chunks for word in chunk_words)
    name = _without_advertisement(words, vocabulary)
    kept, position = [], 0
    for chunk, chunk_words in chunks:
        if name.start <= position and position + len(chunk_words) <= name.stop:
            kept.append(chunk)
        position += len(chunk_words)
    return " ".join(kept)


def _classify(key_t1: str, key_t2: str, full: Words, written: Words) -> tuple[NameKind, str | None]:
    if key_t1 in _vocabulary().anonymous or " ".join(written) in _vocabulary().anonymous:
        return "anonymous", "the advertiser does not give a name"
    agencies = _intermediaries()
    for key in (key_t1, key_t2):
        if key in agencies.names:
            return "intermediary", f"“{key}” is a known agency"
    key_words = tuple(key_t1.split())
    for length in range(1, min(4, len(key_words)) + 1):
        if key_words[:length] in agencies.beginnings:
            return "intermediary", f"“{' '.join(key_words[:length])}” is a known agency"
    for position, word in enumerate(full):
        if word in agencies.words:
            return "intermediary", f"its name says “{word}”"
        for phrase in agencies.phrases.get(word, ()):
            if full[position : position + len(phrase)] == phrase:
                return "intermediary", f"its name says “{' '.join(phrase)}”"
    return "employer", None
