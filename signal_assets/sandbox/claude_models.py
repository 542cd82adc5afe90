"""Claude models as the service knows them: what it accepts of each, and what it refuses."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

import yaml

from signal_assets.domain.records import Record
from signal_assets.sandbox.world import data_folder


class ServedModel(Record):
    """One model that answers; retired ones are not in the table."""

    id: str
    display_name: str
    line: str
    thinks: bool
    thinking: tuple[Literal["adaptive", "disabled", "enabled", "between_tools"], ...]
    effort: tuple[str, ...]
    disabled_effort: tuple[str, ...] | None = None
    """Effort levels allowed with thinking disabled; None: all of `effort`."""
    forced_tool: bool
    min_cache: int
    max_input: int
    max_output: int


@cache
def served_models() -> Mapping[str, ServedModel]:
    table = yaml.safe_load((data_folder() / "claude_models.yaml").read_text("utf-8"))
    return {name: ServedModel(id=name, **row) for name, row in table["models"].items()}


def render_model(model: ServedModel) -> dict[str, Any]:
    """Return the body of `GET /v1/models/{id}`."""
    levels = {
        level: _supported(level in model.effort)
        for level in ("low", "medium", "high", "xhigh", "max")
    }
    types = {
        kind: _supported(kind in model.thinking)
        for kind in ("adaptive", "between_tools", "disabled", "enabled")
    }
    yes, no = _supported(True), _supported(False)
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.display_name,
        "line": model.line,
        "created_at": "2026-10-07T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": model.max_input,
        "max_tokens": model.max_output,
        "capabilities": {
            "batch": yes,
            "citations": yes,
            "code_execution": no,
            "context_management": {"supported": False},
            "effort": {"supported": bool(model.effort), **levels},
            "image_input": no,
            "pdf_input": no,
            "server_tools": {
                "supported": False,
                "code_execution": no,
                "web_fetch": no,
                "web_search": no,
            },
            "structured_outputs": yes,
            "thinking": {"supported": True, "types": types},
        },
    }


def _supported(is_supported: bool) -> dict[str, bool]:
    return {"supported": is_supported}
