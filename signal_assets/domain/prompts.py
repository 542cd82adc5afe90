"""Prompt versions: what a reader is told and asked, numbered per search profile."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import Field

from signal_assets.domain.records import Record


class PromptVersion(Record):
    """One numbered prompt; never changed, only followed by another."""

    search_profile: str
    version: Annotated[int, Field(ge=1)]
    system_prompt: Annotated[str, Field(min_length=1)]
    schema_: Annotated[dict[str, str], Field(min_length=1)]
    """Field → question, in order."""
    notes: str = ""
    created_at: datetime
    is_active: bool

    @property
    def content_hash(self) -> str:
        return hash_prompt(self.system_prompt, self.schema_)

    @property
    def number(self) -> int:
        """The version, as readers call it."""
        return self.version

    @property
    def questions(self) -> Mapping[str, str]:
        """The schema, as readers call it."""
        return self.schema_


class SeededPrompt(Record):
    """The active prompt of a search profile, after version 1 was made if there was none."""

    active: PromptVersion
    drifted: bool
    """The profile's own prompt is none of the versions; `prompts create` makes it one."""


def hash_prompt(system_prompt: str, schema: Mapping[str, str]) -> str:
    """Return the hash of what is asked; the order of the fields counts.

    >>> asked = {"a": "Which?", "b": "How many?"}
    >>> hash_prompt("Read.", asked) == hash_prompt("Read.", dict(reversed(asked.items())))
    False
    """
    canonical = json.dumps([system_prompt, list(schema.items())], separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
