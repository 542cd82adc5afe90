"""Paid calls: what is asked, by whom, within which budgets, and what came back."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from signal_assets.domain.records import Record

Dollars = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]


class Call(Record):
    """One question to a paid service."""

    service: str
    key: str
    """Hash of everything that determines the answer; see `call_key`."""
    summary: str
    """Short words for people; no secret, no text of a vacancy."""
    reserve_usd: Dollars
    """The most this call can cost; held against the budgets until the outcome is known."""
    max_age: timedelta | None = None
    """An older answer is not used again. None: answers never age."""
    absent_max_age: timedelta | None = None
    """The same for an answer that says there is none."""


class Caller(Record):
    """Who asks."""

    run_id: str
    asset: str
    search_profile: str


class Budgets(Record):
    """US dollars that may be spent; None and a service that is not named are not limited."""

    run: Dollars | None = None
    month: Dollars | None = None
    """Per search profile and calendar month (UTC)."""
    services: Mapping[str, Dollars] = Field(default_factory=dict)
    """Service → dollars per search profile and calendar month (UTC)."""
    all_profiles: Mapping[str, Dollars] = Field(default_factory=dict)
    """Account (see `account_of`) → dollars per calendar month (UTC), all profiles together."""


class Answer(Record):
    """What a service answered, as received."""

    body: str
    status_code: int
    is_absent: bool
    tokens_input: int
    tokens_output: int
    cost_usd: Decimal
    """What the answer cost when it was bought, also when it comes from the ledger."""
    received_at: datetime
    from_ledger: bool


class Busy(Record):
    """Somebody is asking the same already; ask again later."""

    until: str
    in_batch: bool = False
    """A batch will bring the answer: in minutes or hours, not shortly."""


class NoSlot(Record):
    """A limit over all runs lets nothing start at the moment; ask again after the wait."""

    reason: str
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class Ticket:
    """An intent that is written and committed."""

    attempt_id: int
    key: str
    service: str
    in_batch: bool = False
    has_slot: bool = False
    """It counts among the requests in flight until it has its outcome."""
    starts_in: float = 0.0
    """Seconds after which it may be sent."""


class BatchIntent(Record):
    """What the calls of one batch have in common."""

    endpoint: str
    asked: str
    """Digest of what is asked of each text; see `ClaudeQuestions`."""
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A batch whose calls have no outcome yet; `service_id` None: it may never have arrived."""

    number: int
    service_id: str | None
    intent: BatchIntent
    request_count: int
    created_at: datetime
    tickets: dict[str, Ticket]
    """Key of each call that has no outcome yet → its ticket."""


@dataclass(frozen=True, slots=True)
class BegunBatch:
    """What became of the calls that were meant for one batch."""

    batch: OpenBatch | None
    answers: Mapping[str, Answer]
    busy: Mapping[str, Busy]
    over_budget: str | None
    """Why the rest of the calls was not begun."""
    no_slot: NoSlot | None = None
    """Why none of the calls was begun."""
    starts_in: float = 0.0
    """Seconds after which it may be sent."""


def call_key(service: str, **parts: object) -> str:
    """Return the hash of `parts`, whatever order they are given in.

    Raises:
        TypeError: a part is not JSON (text, number, truth value, None, list, mapping).

    >>> call_key("kvk", number="90000014") == call_key("kvk", number="90000014")
    True
    >>> call_key("kvk", number="90000014") == call_key("kvk", number=90000014)
    False
    """
    canonical = json.dumps([service, parts], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
