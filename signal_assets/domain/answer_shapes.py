"""Answer shapes: what is where in an answer, and of what kind, without any value of it."""

from collections.abc import Mapping
from typing import Any, Literal

from signal_assets.domain.records import Record
from signal_assets.domain.wire_fields import name_kind

FieldOutcome = Literal["read", "absent", "unreadable", "unmapped"]

MAX_PATHS = 2_000
MAX_DEPTH = 30


class FieldCheck(Record):
    """What one field of ours finds in an answer.

    `unreadable`: something stands there that cannot be converted. `unmapped`: nobody said where the
    answer holds it.
    """

    field: str
    pointers: tuple[str, ...] = ()
    found_at: str | None = None
    convert: str | None = None
    outcome: FieldOutcome


class AnswerShape(Record):
    """The paths of an answer with their kinds, and what each field of ours finds there."""

    paths: Mapping[str, str]
    checks: tuple[FieldCheck, ...]
    row_count: int = 1
    """Companies in the answer; a search may bring several, or none."""


def list_paths(payload: Any) -> dict[str, str]:
    """Return each JSON pointer of an answer and the kinds of value that stand there.

    The items of a list are shown as one, at place 0. Values are never shown; of objects that hold
    more than `MAX_PATHS` paths the rest is left out.

    >>> list_paths({"data": {"staff": 12, "names": ["A", None]}})
    {'/data': 'an object', '/data/staff': 'a number', '/data/names': 'a list', \
'/data/names/0': 'text or null'}
    """
    kinds: dict[str, list[str]] = {}
    waiting = [("", payload, 0)]
    while waiting:
        path, value, depth = waiting.pop()
        if path:
            if path not in kinds and len(kinds) >= MAX_PATHS:
                continue
            known = kinds.setdefault(path, [])
            if name_kind(value) not in known:
                known.append(name_kind(value))
        if depth < MAX_DEPTH:
            waiting += [(path + step, part, depth + 1) for step, part in reversed(_parts(value))]
    return {path: " or ".join(found) for path, found in kinds.items()}


def _parts(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [(f"/{_escape(name)}", part) for name, part in value.items()]
    return [("/0", part) for part in value] if isinstance(value, list) else []


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
