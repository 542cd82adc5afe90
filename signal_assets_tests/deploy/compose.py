"""deploy/compose, read as Compose reads it: variables put in, services as they are run."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from signal_assets_tests.conftest import REPOSITORY

FOLDER = REPOSITORY / "deploy" / "compose"
TEXT = (FOLDER / "compose.yaml").read_text("utf-8")
_VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::([-?])([^}]*))?\}")


def named_variables() -> dict[str, bool]:
    """Return each variable that compose.yaml asks for, and whether it must be given."""
    found = _VARIABLE.findall("\n".join(_lines()))
    return {name: any(n == name and kind == "?" for n, kind, _ in found) for name, _, _ in found}


def _lines() -> list[str]:
    return [line for line in TEXT.splitlines() if not line.lstrip().startswith("#")]


def example_variables() -> dict[str, str]:
    """Return what .env.example gives each variable."""
    lines = (FOLDER / ".env.example").read_text("utf-8").splitlines()
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    return {name: value for name, _, value in pairs}


def compose(given: Mapping[str, str]) -> dict[str, Any]:
    """Return the file with `given` put in for its variables.

    Raises:
        KeyError: a variable that must be given is not, or is empty.
    """

    def put_in(match: re.Match[str]) -> str:
        name, kind, default = match.groups()
        if given.get(name):
            return given[name]
        if kind == "-":
            return str(default)
        raise KeyError(name)

    loaded: dict[str, Any] = yaml.safe_load(_VARIABLE.sub(put_in, "\n".join(_lines())))
    return loaded


def filled_in() -> dict[str, str]:
    """Return the example's variables, each password a word of its own."""
    required = {name for name, is_required in named_variables().items() if is_required}
    return example_variables() | {name: f"{name.lower().replace('_', '')}1" for name in required}
