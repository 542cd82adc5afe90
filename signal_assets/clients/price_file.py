"""The user's own prices file, laid over the shipped prices."""

from collections.abc import Sequence
from pathlib import Path

import yaml
from pydantic import ValidationError

from signal_assets.domain.prices import PriceTable

_MAX_BYTES = 1_000_000


class BadPriceFile(Exception):
    """The file cannot be used; the message names the file, the lines and the fields."""


def load_prices(path: Path) -> PriceTable:
    """Return the shipped prices with those of the file over them.

    Raises:
        BadPriceFile: the file cannot be read, is not YAML, or is not a table of prices.
    """
    text = _read(path)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadPriceFile(f"{path}{_line_of_mark(error)}: not YAML: {_cause(error)}") from None
    if not isinstance(data, dict):
        raise BadPriceFile(f"{path}: must hold `tokens`, `calls` or `exchange_rates`")
    try:
        return PriceTable.parse(data)
    except ValidationError as error:
        problems = [
            f"{path}:{_line(root, each['loc'])}: {_dotted(each['loc'])}: {each['msg']}"
            for each in error.errors(include_input=False, include_url=False)
        ]
        raise BadPriceFile("\n".join(problems)) from None


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise BadPriceFile(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > _MAX_BYTES:
        raise BadPriceFile(f"{path}: is larger than {_MAX_BYTES:,} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadPriceFile(f"{path}: is not UTF-8 text") from None


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
