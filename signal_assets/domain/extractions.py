"""Extractions: what a reader claims of a vacancy, and what is kept of it with its proof."""

from decimal import Decimal
from typing import Literal

from signal_assets.domain.records import Record

ExtractorName = Literal["claude", "keyword"]
ExtractionStatus = Literal["pending", "completed", "failed", "skipped"]


class Claim(Record):
    """One value a reader says the text states, with the words it says state it. Not yet checked."""

    field: str
    value: str
    quote: str


class Evidence(Record):
    """One kept value and the words that state it.

    `start` and `end` count characters in the vacancy's `part`: `description[start:end] == quote`,
    or the same in the title where only the title states it.
    """

    field: str
    value: str
    quote: str
    start: int
    end: int
    part: Literal["description", "title"] = "description"


class VacancyText(Record):
    """The text a reader gets: title and description of one vacancy."""

    vacancy_id: str
    title: str
    description: str


class Reading(Record):
    """What a reader made of one text, and what that cost.

    Token counts are those the service billed; an answer that came from the ledger costs 0 now.
    """

    claims: tuple[Claim, ...]
    extractor: ExtractorName
    model: str | None = None
    tokens_input: int = 0
    tokens_output: int = 0
    cost_usd: Decimal = Decimal(0)
    from_ledger: bool = False


FailureKind = Literal["refused", "truncated", "invalid", "service"]


class ReadingFailed(Record):
    """Why one text could not be read; the others go on.

    What the failed attempts cost is kept: money spent on a failure is still spent.
    """

    kind: FailureKind
    reason: str
    model: str | None = None
    tokens_input: int = 0
    tokens_output: int = 0
    cost_usd: Decimal = Decimal(0)


class ReadingPostponed(Record):
    """The run stopped before this text was read: budget, kill switch, or a refusing service."""

    kind: Literal["budget", "unavailable"]
    reason: str


ReadingOutcome = Reading | ReadingFailed | ReadingPostponed
