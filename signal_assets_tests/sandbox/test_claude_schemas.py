"""JSON schemas for structured output: what the service takes and what it refuses."""

from typing import Any

import pytest

from signal_assets.domain.claude_requests import build_answer_schema
from signal_assets.sandbox.claude_schemas import SchemaRefused, check_schema


def closed(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": list(properties) if required is None else required,
    }


STRING = {"type": "string"}


@pytest.mark.parametrize(
    "schema",
    [
        build_answer_schema(("erp_systems", "team_size")),
        closed({"a": {"type": "array", "items": STRING, "minItems": 1}}),
        closed({"a": {"$ref": "#/$defs/a"}, "b": {"$ref": "#/$defs/a"}}) | {"$defs": {"a": STRING}},
        closed({f"p{n}": STRING for n in range(24)}, required=[]),
        closed({f"p{n}": {"type": ["string", "null"]} for n in range(16)}),
        closed({"a": {"type": "string", "format": "date", "pattern": "^[0-9-]+$"}}),
    ],
)
def test_a_supported_schema_is_taken(schema):
    check_schema(schema)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "object", "properties": {}}, "'additionalProperties' must be explicitly set"),
        (
            {"type": "object", "properties": {}, "additionalProperties": True},
            "'additionalProperties: true' is not supported",
        ),
        (
            closed({"a": {"type": "number", "minimum": 0, "maximum": 1}}),
            "For 'number' type, properties maximum, minimum are not supported",
        ),
        (closed({"a": {"type": "string", "maxLength": 3}}), "maxLength"),
        (closed({"a": {"type": "array", "items": STRING, "maxItems": 3}}), "maxItems"),
        (closed({"a": {"type": "array", "items": STRING, "minItems": 2}}), "minItems"),
        (closed({"a": {"type": "string", "format": "iban"}}), "'iban' is not supported"),
        (closed({"a": {"type": "string", "pattern": r"\bx\b"}}), "Pattern"),
        (closed({"a": {"oneOf": [STRING]}}), "oneOf"),
        (closed({"a": {"enum": [{"b": 1}]}}), "primitives"),
        (closed({"a": {"$ref": "https://elsewhere.example/x"}}), "External $ref"),
        (
            {"$ref": "#/$defs/a", "$defs": {"a": closed({"b": {"$ref": "#/$defs/a"}})}},
            "Recursive schemas",
        ),
        (
            closed({f"p{n}": {"type": ["string", "null"]} for n in range(24)}),
            "Schemas contains too many parameters with union types (24 parameters with type "
            "arrays or anyOf) which exceeds the limit: 16.",
        ),
        (closed({f"p{n}": STRING for n in range(25)}, required=[]), "exceeds the limit: 24"),
        (closed({f"property_{n}": STRING for n in range(3000)}), "grammar is too large"),
    ],
)
def test_an_unsupported_schema_is_refused_in_the_words_of_the_service(schema, words):
    with pytest.raises(SchemaRefused) as refused:
        check_schema(schema)
    assert words in str(refused.value)
