"""JSON schemas for structured output: the limits and the words in which they are refused."""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

MAX_OPTIONAL = 24
MAX_UNIONS = 16
MAX_GRAMMAR_CHARS = 60_000
"""Stands for the service's own cap on the compiled grammar, which is not published."""

_PREFIX = "output_config.format.schema: "
_TYPES = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})
_FORMATS = frozenset(
    ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"],
)
_ANYWHERE = frozenset(
    [
        "type",
        "enum",
        "const",
        "anyOf",
        "allOf",
        "$ref",
        "$defs",
        "definitions",
        "default",
        "title",
        "description",
        "examples",
    ],
)
_PER_TYPE = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "minItems"}),
    "string": frozenset({"format", "pattern"}),
}
_HARD_PATTERN = re.compile(r"\(\?[=!<]|\\[bB1-9]")


class SchemaRefused(Exception):
    """The service would answer 400 with this text."""


def check_schema(schema: object) -> None:
    """Refuse a schema that the service would refuse.

    Raises:
        SchemaRefused: with the service's words.
    """
    reason = _refusal_of(json.dumps(schema, ensure_ascii=False))
    if reason:
        raise SchemaRefused(reason)


@lru_cache(maxsize=256)
def _refusal_of(text: str) -> str | None:
    try:
        schema = json.loads(text)
        nodes = list(_nodes(schema, schema, ()))
        for node in nodes:
            _check_node(node)
        _check_counts(nodes)
    except SchemaRefused as refused:
        return str(refused)
    if len(text) > MAX_GRAMMAR_CHARS:
        return (
            f"{_PREFIX}Invalid schema: The compiled grammar is too large, which would cause "
            "performance issues. Simplify your tool schemas or reduce the number of strict tools."
        )
    return None


def _nodes(node: object, root: Any, path: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Yield each schema in `node`, following references; a schema within itself is refused."""
    if not isinstance(node, dict):
        raise SchemaRefused(f"{_PREFIX}Input should be a valid dictionary")
    reference = node.get("$ref")
    if reference is not None:
        if reference in path:
            raise SchemaRefused(f"{_PREFIX}Recursive schemas are not supported: {reference}")
        yield from _nodes(_resolve(reference, root), root, (*path, reference))
        return
    yield node
    children = [*node.get("properties", {}).values(), *node.get("anyOf", [])]
    children += node.get("allOf", [])
    children += [node["items"]] if "items" in node else []
    for child in children:
        yield from _nodes(child, root, path)


def _resolve(reference: object, root: Any) -> object:
    if not isinstance(reference, str) or not reference.startswith("#/"):
        raise SchemaRefused(f"{_PREFIX}External $ref is not supported: {reference}")
    found = root
    for part in reference[2:].split("/"):
        found = found.get(part) if isinstance(found, dict) else None
    if found is None:
        raise SchemaRefused(f"{_PREFIX}Invalid $ref: {reference}")
    return found


def _check_node(node: dict[str, Any]) -> None:
    kinds = _kinds(node)
    for kind in kinds:
        if kind not in _TYPES:
            raise SchemaRefused(f"{_PREFIX}Invalid type: {kind}")
    named = kinds[0] if kinds else "unknown"
    allowed = _ANYWHERE.union(*(_PER_TYPE.get(kind, frozenset()) for kind in kinds))
    unsupported = sorted(set(node) - allowed)
    if unsupported:
        listed = ", ".join(unsupported)
        raise SchemaRefused(f"{_PREFIX}For '{named}' type, properties {listed} are not supported")
    if "object" in kinds:
        _check_object(node)
    if node.get("minItems", 0) not in (0, 1):
        text = "For 'array' type, 'minItems' values other than 0 or 1 are not supported"
        raise SchemaRefused(_PREFIX + text)
    if "format" in node and node["format"] not in _FORMATS:
        raise SchemaRefused(f"{_PREFIX}String format '{node['format']}' is not supported")
    if "pattern" in node and _HARD_PATTERN.search(node["pattern"]):
        raise SchemaRefused(f"{_PREFIX}Pattern is not supported: {node['pattern']}")
    if any(isinstance(value, dict | list) for value in node.get("enum", [])):
        raise SchemaRefused(f"{_PREFIX}Enum values must be primitives")


def _kinds(node: dict[str, Any]) -> list[str]:
    kind = node.get("type", [])
    return list(kind) if isinstance(kind, list) else [kind]


def _check_object(node: dict[str, Any]) -> None:
    if "additionalProperties" not in node:
        text = "For 'object' type, 'additionalProperties' must be explicitly set to false"
        raise SchemaRefused(_PREFIX + text)
    if node["additionalProperties"] is not False:
        given = json.dumps(node["additionalProperties"])
        text = f"For 'object' type, 'additionalProperties: {given}' is not supported"
        raise SchemaRefused(f"{_PREFIX}{text}. Please set 'additionalProperties' to false")


def _check_counts(nodes: list[dict[str, Any]]) -> None:
    optional = sum(
        len(set(node.get("properties", {})) - set(node.get("required", []))) for node in nodes
    )
    if optional > MAX_OPTIONAL:
        raise SchemaRefused(
            f"Schemas contains too many optional parameters ({optional}), "
            f"which exceeds the limit: {MAX_OPTIONAL}."
        )
    unions = sum("anyOf" in node or isinstance(node.get("type"), list) for node in nodes)
    if unions > MAX_UNIONS:
        raise SchemaRefused(
            f"Schemas contains too many parameters with union types ({unions} parameters with "
            f"type arrays or anyOf) which exceeds the limit: {MAX_UNIONS}."
        )
