"""Strict YAML: one file of the user read into a record, or refused with the line that is wrong."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

_MAX_BYTES = 1_000_000

Parsed = TypeVar("Parsed")


class BadFile(Exception):
    """A file of the user cannot be used; the message names the file, the lines and the fields."""


def read_strictly(
    path: Path, parse: Callable[[dict[str, Any]], Parsed], refusal: type[BadFile], content: str
) -> Parsed:
    """Return what `parse` makes of the mapping in the file; `content` says what it should hold.

    Raises:
        BadFile: as `refusal`; the file cannot be read, is not YAML, or `parse` refuses it.
    """
    try:
        text = _read(path)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except _Unreadable as error:
        raise refusal(f"{path}: {error}") from None
    except yaml.YAMLError as error:
        raise refusal(f"{path}{_line_of_mark(error)}: not YAML: {_cause(error)}") from None
    if not isinstance(data, dict):
        raise refusal(f"{path}: must hold {content}")
    try:
        return parse(data)
    except ValidationError as error:
        problems = [
            f"{path}:{_line(root, each['loc'])}: {_dotted(each['loc'])}: {each['msg']}"
            for each in error.errors(include_input=False, include_url=False)
        ]
        raise refusal("\n".join(problems)) from None


class _Unreadable(Exception):
    pass


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise _Unreadable(f"cannot be read: {error.strerror}") from None
    if len(content) > _MAX_BYTES:
        raise _Unreadable(f"is larger than {_MAX_BYTES:,} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _Unreadable("is not UTF-8 text") from None


def _line_of_mark(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f":{mark.line + 1}"


def _cause(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or error)


def _line(node: yaml.Node | None, place: Sequence[int | str]) -> int:
    """Return the line of the deepest part of `place` that stands in the file."""
    line = 1
    for part in place:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
        elif isinstance(node, yaml.MappingNode):
            pairs = [(key, value) for key, value in node.value if key.value == str(part)]
            if not pairs:
                return line
            key, node = pairs[0]
            line = key.start_mark.line + 1
            continue
        else:
            return line
        line = node.start_mark.line + 1
    return line


def _dotted(place: Sequence[int | str]) -> str:
    return ".".join(str(part) for part in place) or "file"
