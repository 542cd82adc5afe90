"""Claude models: what each accepts in a request, as shipped data."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal

import yaml

from signal_assets.domain.records import Record


class UnknownModel(Exception):
    """No request can be built for this model; the message names those that are known."""


class ClaudeModel(Record):
    """What one model accepts; see the head of `data/claude_models.yaml` for each value."""

    name: str
    thinking: Literal["disabled"] | None
    effort: Literal["low", "medium", "high"] | None
    forced_tool_choice: bool
    min_cache_tokens: int
    max_output_tokens: int


def get_claude_model(name: str) -> ClaudeModel:
    """Return what `name` accepts.

    Raises:
        UnknownModel: the model is not in the shipped table.

    >>> get_claude_model("claude-haiku-5-5").min_cache_tokens
    512
    """
    models = shipped_claude_models()
    if name not in models:
        raise UnknownModel(f"model {name!r} is not known; known are {', '.join(sorted(models))}")
    return models[name]


@cache
def shipped_claude_models() -> Mapping[str, ClaudeModel]:
    """Return the shipped table: model name → what it accepts."""
    path = resources.files("signal_assets.domain") / "data" / "claude_models.yaml"
    table = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {name: ClaudeModel(name=name, **row) for name, row in table["models"].items()}
