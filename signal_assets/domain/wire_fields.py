"""Wire fields: values taken out of a service's answer, with an error that names the field."""

import json
from collections.abc import Mapping
from typing import Any

MAX_COUNT = 10**9


class UnreadableAnswer(ValueError):
    """The answer is not what the service promises; names the field."""


def parse_json_object(body: str) -> dict[str, Any]:
    """Return the JSON object in `body`.

    Raises:
        UnreadableAnswer: the body is no JSON, or another kind of value.
    """
    value = _parse_json(body)
    if not isinstance(value, dict):
        raise UnreadableAnswer(f"the answer is {name_kind(value)}, not an object")
    return value


def parse_json_list(body: str) -> list[Any]:
    """Return the JSON list in `body`.

    Raises:
        UnreadableAnswer: the body is no JSON, or another kind of value.
    """
    value = _parse_json(body)
    if not isinstance(value, list):
        raise UnreadableAnswer(f"the answer is {name_kind(value)}, not a list")
    return value


def _parse_json(body: str) -> Any:
    try:
        return json.loads(body)
    except RecursionError:
        raise UnreadableAnswer("the answer is nested too deep") from None
    except ValueError as error:
        raise UnreadableAnswer(f"the answer is not JSON: {error}") from None


class Fields:
    """One object of an answer and its path, so that every complaint says where.

    A field that is absent and one that is null are the same: None. Text is trimmed, and None when
    nothing is left; half surrogate pairs, which nothing can store, become replacement characters.
    """

    def __init__(self, values: Mapping[str, Any], path: str = "") -> None:
        self._values = values
        self._path = path

    def text(self, name: str) -> str | None:
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self._wrong(name, "text", value)
        clean = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return clean.replace("\x00", "").strip() or None

    def required_text(self, name: str) -> str:
        text = self.text(name)
        if text is None:
            raise UnreadableAnswer(f"{self._at(name)} is missing")
        return text

    def required_id(self, name: str) -> str:
        """Return an id as text, whether the service writes it as a text or as a whole number."""
        value = self._values.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return self.required_text(name)

    def names(self) -> list[str]:
        """Return the names of the fields that are there, also of those that are null."""
        return list(self._values)

    def is_absent(self, name: str) -> bool:
        return self._values.get(name) is None

    def boolean(self, name: str) -> bool | None:
        """Return JSON's true or false."""
        value = self._values.get(name)
        if value is None or isinstance(value, bool):
            return value
        raise self._wrong(name, "true or false", value)

    def whole_number(self, name: str) -> int | None:
        """Return a whole number of any size or sign, such as a moment in milliseconds."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(name, "a whole number", value)
        return value

    def count(self, name: str) -> int | None:
        """Return a whole number that is not negative."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(name, "a whole number", value)
        if not 0 <= value <= MAX_COUNT:
            raise UnreadableAnswer(f"{self._at(name)} is no count: it is not in 0..{MAX_COUNT}")
        return value

    def flag(self, name: str) -> bool | None:
        """Return KvK's `Ja` or `Nee`."""
        text = self.text(name)
        if text is None:
            return None
        if text not in ("Ja", "Nee"):
            raise UnreadableAnswer(f"{self._at(name)} is neither Ja nor Nee: {text[:50]!r}")
        return text == "Ja"

    def part(self, name: str) -> "Fields":
        """Return the object in a field; an empty one when the field is absent."""
        value = self._values.get(name)
        if value is None:
            return Fields({}, self._at(name))
        if not isinstance(value, dict):
            raise self._wrong(name, "an object", value)
        return Fields(value, self._at(name))

    def parts(self, name: str) -> list["Fields"]:
        """Return the objects in a list; none when the field is absent."""
        items = []
        for index, value in enumerate(self._list(name)):
            place = f"{self._at(name)}[{index}]"
            if not isinstance(value, dict):
                raise UnreadableAnswer(f"{place} is {name_kind(value)}, not an object")
            items.append(Fields(value, place))
        return items

    def texts(self, name: str) -> list[str]:
        """Return the texts in a list that hold something; none when the field is absent."""
        names = {str(index): value for index, value in enumerate(self._list(name))}
        items = Fields(names, self._at(name))
        return [text for index in names if (text := items.text(index)) is not None]

    def wrong_value(self, name: str, reason: str) -> UnreadableAnswer:
        return UnreadableAnswer(f"{self._at(name)} {reason}")

    def _list(self, name: str) -> list[Any]:
        value = self._values.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(name, "a list", value)
        return value

    def _at(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def _wrong(self, name: str, expected: str, value: object) -> UnreadableAnswer:
        return UnreadableAnswer(f"{self._at(name)} is {name_kind(value)}, not {expected}")


def name_kind(value: object) -> str:
    """Return in words what kind of JSON value it is.

    >>> name_kind([])
    'a list'
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "an object"
