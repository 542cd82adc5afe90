"""The sandbox's model: reads the fenced vacancy and answers in the shape the schema asks for."""

import re
from collections.abc import Sequence
from typing import Any

from signal_assets.domain.extractions import Claim

_FENCE = re.compile(r"<(vacancy[\w-]*)>\n?(.*?)\n?</\1>", re.DOTALL)
_DUTCH = re.compile(r"\b(de|het|een|en|van|voor|met|je|wij|ben|bent|naar|niet|zijn)\b", re.I)
_ENGLISH = re.compile(r"\b(the|an|and|of|for|with|you|we|are|is|to|not|our|will)\b", re.I)


class ScriptedFacts:
    """Facts that a test lays in the model's mouth, for every text that holds given words."""

    def __init__(self) -> None:
        self._scripts: list[tuple[str, tuple[Claim, ...]]] = []

    def add(self, words: str, facts: Sequence[Claim]) -> None:
        self._scripts.append((words, tuple(facts)))

    def find(self, text: str) -> tuple[Claim, ...] | None:
        """Return the facts of the newest script whose words the text holds."""
        for words, facts in reversed(self._scripts):
            if words in text:
                return facts
        return None

    def clear(self) -> None:
        self._scripts.clear()


def find_fenced_text(message: str) -> str:
    """Return what stands between the vacancy tags; without tags, the whole message."""
    found = _FENCE.search(message)
    return found[2] if found else message


def split_title(text: str) -> tuple[str, str]:
    """Return title and description of a fenced text; the title is empty when it names none.

    >>> split_title("Title: Clerk\\n\\nYou type invoices.")
    ('Clerk', 'You type invoices.')
    """
    head, gap, rest = text.partition("\n\n")
    if gap and head.startswith("Title: ") and "\n" not in head:
        return head.removeprefix("Title: "), rest
    return "", text


def find_asked_fields(schema: dict[str, Any]) -> tuple[str, ...]:
    """Return the field names the schema allows in a fact, in its order; empty when it has none."""
    for node in _walk(schema):
        properties = node.get("properties", {})
        if {"field", "value", "quote"} <= set(properties):
            return tuple(_deref(properties["field"], schema).get("enum", ()))
    return ()


def fill_schema(schema: dict[str, Any], claims: Sequence[Claim], text: str) -> Any:
    """Return an answer of exactly the shape of `schema` that states `claims`."""
    return _fill(schema, schema, claims, text)


def _fill(node: dict[str, Any], root: dict[str, Any], claims: Sequence[Claim], text: str) -> Any:
    node = _deref(node, root)
    if "const" in node:
        return node["const"]
    if "enum" in node:
        language = detect_language(text)
        return language if language in node["enum"] else node["enum"][0]
    if "anyOf" in node:
        return _fill(node["anyOf"][0], root, claims, text)
    kind = node.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {
            name: _fill(child, root, claims, text)
            for name, child in node.get("properties", {}).items()
        }
    if kind == "array":
        return _fill_array(_deref(node.get("items", {}), root), root, claims, text)
    empty: dict[str | None, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False}
    return empty.get(kind)


def _fill_array(
    item: dict[str, Any], root: dict[str, Any], claims: Sequence[Claim], text: str
) -> list[Any]:
    properties = item.get("properties", {})
    if not {"field", "value", "quote"} <= set(properties):
        return []
    return [
        {name: _stated(claim, name, child, root, text) for name, child in properties.items()}
        for claim in claims
    ]


def _stated(claim: Claim, name: str, child: dict[str, Any], root: dict[str, Any], text: str) -> Any:
    """Return what the claim says under that name, or an empty answer when it says nothing."""
    stated = getattr(claim, name, None)
    return _fill(child, root, (), text) if stated is None else stated


def _walk(node: Any) -> Any:
    if isinstance(node, dict):
        yield node
        for child in node.values():
            yield from _walk(child)
    elif isinstance(node, list):
        for child in node:
            yield from _walk(child)


def _deref(node: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    reference = node.get("$ref")
    if reference is None:
        return node
    found: Any = root
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return _deref(found, root)


def detect_language(text: str) -> str:
    """Return nl or en, whichever has more of its small words in the text; `other` for neither.

    >>> detect_language("Je werkt met een team van vijf collega's")
    'nl'
    """
    dutch, english = len(_DUTCH.findall(text)), len(_ENGLISH.findall(text))
    if dutch == english:
        return "other"
    return "nl" if dutch > english else "en"
