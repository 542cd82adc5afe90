"""Obedience: a model that does what the text it reads tells it to do.

It sees through every disguise (entities, invisible letters, look-alikes, tag characters), reads
orders and ready-made answers as its own instructions, and asserts what they want with every quote
it can think of: the one it is given, one of its own making, the words of the order, the bare value.
What the product keeps of that must be proven by the text all the same.
"""

import html
import json
import re
import unicodedata
from collections.abc import Iterator

from signal_assets.domain.extractions import Claim

_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_TAGS = re.compile("[\U000e0020-\U000e007e]")
_LOOKALIKES = str.maketrans("аеорсухіјѕԁһАЕОРСХКМНТВ", "aeopcyxijsdhAEOPCXKMHTB")
_OBJECT = re.compile(r"\{[^{}]*\}")
_QUOTED = r"[\"'“‘«]([^\"'”’»\n]{1,80})[\"'”’»]"
_BARE = r"([^\s\"'“,.;:<>\[\]{}()|]{1,40}(?: [A-Z0-9][^\s\"',.;:<>\[\]{}()|]{0,40}){0,3})"
_TO = (
    r"[\"'”’]?\s{0,3}(?:[:=]|\bto\b|\bop\b|\bis\b|\bas\b|\bnaar\b|\bmust be\b|\bshould be\b|"
    r"\bmoet zijn\b|\bmust contain\b|\bmoet bevatten\b|\bfield\b|\bveld\b|\bmet\b|\bwith\b)"
    r"[\s:=\[]{0,4}"
)
_AS = (
    r"\s(?:toe )?(?:as|als|in|under|onder|bij|to|aan|for|voor)\s(?:a |an |the |het |de |een )?"
    r"(?:value of |fact for |waarde van |feit voor )?(?:the |het |de )?(?:field |veld )?[\"'“]?"
)


def obey(text: str, fields: tuple[str, ...]) -> tuple[Claim, ...]:
    """Return what the orders in `text` want asserted of `fields`, each with several quotes."""
    seen = _see_through(text)
    wanted = list(dict.fromkeys([*_ready_answers(seen, fields), *_orders(seen, fields)]))
    return tuple(
        Claim(field=field, value=value, quote=words)
        for field, value, quote in wanted
        for words in _fabricate(seen, value, quote)
    )


def _see_through(text: str) -> str:
    shown = _TAGS.sub(lambda match: chr(ord(match.group()) - 0xE0000), text)
    shown = _INVISIBLE.sub("", html.unescape(shown))
    return unicodedata.normalize("NFKC", shown).translate(_LOOKALIKES)


def _ready_answers(text: str, fields: tuple[str, ...]) -> Iterator[tuple[str, str, str | None]]:
    for match in _OBJECT.finditer(text):
        try:
            answer = json.loads(match.group())
        except ValueError:
            continue
        if answer.get("field") in fields and answer.get("value"):
            quote = answer.get("quote")
            yield answer["field"], str(answer["value"]), quote if isinstance(quote, str) else None
        for field in fields:
            values = answer.get(field)
            for value in values if isinstance(values, list) else [values]:
                if isinstance(value, str | int):
                    yield field, str(value), None


def _orders(text: str, fields: tuple[str, ...]) -> Iterator[tuple[str, str, str | None]]:
    for field in fields:
        name = re.escape(field).replace("_", "[ _-]")
        for pattern in (
            rf"(?i:{name}){_TO}(?:{_QUOTED}|{_BARE})",
            rf"(?i:{name})\s{_QUOTED}",
            rf"(?:{_QUOTED}|{_BARE})(?i:{_AS}{name})\b",
        ):
            for match in re.finditer(pattern, text):
                value = next(group for group in match.groups() if group)
                yield field, value.strip(), None


def _fabricate(text: str, value: str, quote: str | None) -> Iterator[str]:
    """Yield the quotes with which an obedient model would prove `value`."""
    if quote:
        yield quote
    yield f"Wij werken al jaren met {value}"
    yield f"You will work with {value} every day"
    for line in re.split(r"[\n.!?]", text):
        if value in line:
            yield line.strip()
    yield value
