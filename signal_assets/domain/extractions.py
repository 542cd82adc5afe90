"""Extractions: what a reader claims of a vacancy, and what is kept of it with its proof."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from signal_assets.domain.records import Record

ExtractorName = Literal["claude", "keyword"]
ExtractionStatus = Literal["pending", "completed", "failed", "skipped"]

ToolState = Literal["in_use", "asked", "migrating"]
"""What the text says of a product: worked with, wanted of the candidate, or being introduced or
replaced."""


class Claim(Record):
    """One value a reader says the text states, with the words it says state it. Not yet checked."""

    field: str
    value: str
    quote: str
    state: ToolState | None = None


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
    state: ToolState | None = None
    raw_value: str | None = None
    """The text's words for the product, else the reader's own, where `value` differs from them."""


class VacancyText(Record):
    """The text a reader gets: title and description of one vacancy."""

    vacancy_id: str
    title: str
    description: str


class Reading(Record):
    """What a reader made of one text, and what that cost.

    Tokens and cost are those of the answer when it was bought, also when it comes from the ledger
    now: the same vacancy shows the same cost, whichever run brought its row.
    """

    claims: tuple[Claim, ...]
    extractor: ExtractorName
    model: str | None = None
    tokens_input: int = 0
    tokens_output: int = 0
    cost_usd: Decimal = Decimal(0)
    from_ledger: bool = False
    text_cut_at: int | None = None
    """The number of characters that were read, where the text was longer."""
    answer_key: str | None = None
    """Equal for texts that share one answer, which is paid for once."""


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
    answer_key: str | None = None


class ReadingPostponed(Record):
    """This text was not read yet: budget, kill switch, a refusing service, or a batch under way."""

    kind: Literal["budget", "unavailable", "waiting"]
    reason: str


class Extraction(Record):
    """One vacancy after pass 1."""

    vacancy_id: str
    company_name: str | None = None
    extraction_status: ExtractionStatus
    extracted_data: dict[str, str | list[str] | None] | None = None
    evidence: tuple[Evidence, ...] = ()
    extraction_quality: float | None = None
    prompt_version: int | None = None
    extractor: ExtractorName | None = None
    model: str | None = None
    tokens_input: int = 0
    tokens_output: int = 0
    cost_usd: Decimal = Decimal(0)
    values_dropped: int = 0
    read_from: str | None = None
    content_hash: str
    error: str | None = None
    failure_kind: str | None = None
    extracted_at: datetime | None = None


ReadingOutcome = Reading | ReadingFailed | ReadingPostponed
