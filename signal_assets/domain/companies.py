"""Companies: what each asset after pass 1 says of one."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field

from signal_assets.domain.records import Record

EnrichmentStatus = Literal["pending", "completed", "failed", "skipped"]
MatchDecisionName = Literal["auto", "review", "none"]
RegisterSource = Literal["kvk", "employer_list", "gleif"]
"""Where an entry was found: the Business Register, a list of the user's own, the LEI register."""


class RegisterRow(Record):
    """One row of a register search: an establishment or legal person that may be the company."""

    kvk_number: str
    name: str
    kind: Literal["hoofdvestiging", "nevenvestiging", "rechtspersoon"]
    establishment_number: str | None = None
    place: str | None = None
    expired_name: str | None = None
    is_active: bool | None = None
    source: RegisterSource = "kvk"
    legal_form: str | None = None
    """Normalised, where the source states it; Zoeken does not."""


class RegisterSearch(Record):
    """The answer to one register search; `total` can exceed the rows that came with it."""

    total: int
    rows: tuple[RegisterRow, ...] = ()

    @property
    def is_complete(self) -> bool:
        return self.total <= len(self.rows)


class SbiActivity(Record):
    """One activity code of the Business Register; the code is text."""

    sbi_code: str
    description: str | None = None
    is_main: bool = False


class KvkProfile(Record):
    """The base profile of one KvK number, as far as the product uses it."""

    kvk_number: str
    name: str
    statutory_name: str | None = None
    trade_names: tuple[str, ...] = ()
    legal_form: str | None = None
    """Normalised (`besloten_vennootschap`, `eenmanszaak` …, `other`); None when not stated."""
    legal_form_text: str | None = None
    rsin: str | None = None
    sbi_activities: tuple[SbiActivity, ...] = ()
    sbi_edition: Literal["2025", "unknown"] = "unknown"
    employee_count: int | None = None
    establishment_count: int | None = None
    registration_date: date | None = None
    registration_year: int | None = None
    """Also there when the register does not know month or day."""
    end_date: date | None = None
    is_active: bool | None = None
    non_mailing: bool | None = None
    is_natural_person_business: bool | None = None
    """None when the legal form is not stated."""
    place: str | None = None
    websites: tuple[str, ...] = ()
    fetched_at: datetime


class Candidate(Record):
    """A KvK number that may be the company, with the reasons that speak for and against it."""

    kvk_number: str
    name: str
    place: str | None = None
    score: float
    reasons: tuple[str, ...]
    source: RegisterSource = "kvk"


class Match(Record):
    """Which register entry is the company, and why."""

    decision: MatchDecisionName
    kvk_number: str | None = None
    score: float | None = None
    lead: float | None = None
    """Points between the best candidate and the next KvK number."""
    reasons: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    siblings: tuple[str, ...] = ()
    """Other KvK numbers whose name is the same but for group words: never merged, only linked."""


class CompanyFinancials(Record):
    """What Company.info says of one KvK number; every value may be absent."""

    kvk_number: str
    employee_count: int | None = None
    employee_range: str | None = None
    employee_class: str | None = None
    """A code of the provider's for a band of employees, as sent; its meaning is not public."""
    revenue_range: str | None = None
    legal_form: str | None = None
    founded_date: date | None = None
    is_active: bool | None = None
    is_insolvent: bool | None = None
    """Bankrupt, or in suspension of payments."""
    non_mailing: bool | None = None
    """Company.info's terms: no unsolicited contact by any channel where it is set."""
    sbi_activities: tuple[SbiActivity, ...] = ()
    sbi_edition: Literal["unknown"] = "unknown"
    """No provider says which edition of SBI its codes are from."""
    financials: dict[str, Any] | None = None
    """`revenue`, `profit`, `assets` (EUR) and `year`, as far as filed."""
    source_fields: dict[str, str] = Field(default_factory=dict)
    """Our field → the wire field it came from."""
    unread_fields: dict[str, str] = Field(default_factory=dict)
    """Our field → why what stood there was not taken; its value is None."""
    fetched_at: datetime


class Spend(Record):
    """Calls made on one service in one run, and what they cost; answers reused cost nothing."""

    calls: int = 0
    from_ledger: int = 0
    tokens_input: int = 0
    tokens_output: int = 0
    cost_usd: Decimal = Decimal(0)
