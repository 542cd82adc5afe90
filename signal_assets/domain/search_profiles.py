"""Search profiles: what one customer looks for, as its YAML file states it."""

import codecs
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

PROFILE_NAME = r"[a-z0-9_]{1,64}"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class SearchTerm(_Section):
    """Words a source is asked for."""

    term: Annotated[str, Field(min_length=1)]
    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")] = "nl"
    priority: Literal["primary", "secondary"] = "primary"


class FileSourceOptions(_Section):
    """The user's own files; `path` may hold wildcards and is relative to the profile."""

    type: Literal["file"]
    path: Annotated[str, Field(min_length=1)]
    columns: dict[str, str] = Field(default_factory=dict)
    """Our column → theirs."""
    encoding: str = "utf-8"
    name: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")] = "file"
    """First part of the vacancy ids; two files whose own ids overlap need different names."""
    match_terms: bool | None = None
    """Keep only rows that hold a search term; None: when the profile has search terms."""

    @field_validator("encoding")
    @classmethod
    def _encoding_is_known(cls, encoding: str) -> str:
        try:
            "".encode(encoding)
        except LookupError:
            raise ValueError(f"{encoding!r} is not a text encoding") from None
        return codecs.lookup(encoding).name

    @model_validator(mode="after")
    def _columns_are_ours(self) -> "FileSourceOptions":
        unknown = sorted(set(self.columns) - set(FILE_COLUMNS))
        if unknown:
            raise ValueError(
                f"columns: {', '.join(unknown)} is not one of {', '.join(FILE_COLUMNS)}"
            )
        return self


FILE_COLUMNS = (
    "external_id",
    "title",
    "company_name",
    "location",
    "description",
    "url",
    "posted_at",
    "language",
    "text_kind",
)
"""Columns a file source may map; `external_id`, `title` and `description` must be there."""


class SerpApiSourceOptions(_Section):
    """Google's job search through SerpApi."""

    type: Literal["serpapi"]
    location: str | None = None
    country: Annotated[str, Field(pattern=r"^[a-z]{2}$")] = "nl"
    google_domain: str = "google.nl"
    max_pages: Annotated[int, Field(ge=1, le=50)] = 3
    max_age_hours: Annotated[int, Field(ge=0, le=24 * 30)] = 12
    """An answer younger than this is used again instead of bought again."""


SourceOptions = Annotated[FileSourceOptions | SerpApiSourceOptions, Field(discriminator="type")]


class BudgetOptions(_Section):
    """Money in US dollars that may be spent, counted before each paid call."""

    run: Annotated[Decimal, Field(ge=0)] | None = None
    month: Annotated[Decimal, Field(ge=0)] | None = None
    services: dict[str, Annotated[Decimal, Field(ge=0)]] = Field(default_factory=dict)
    """Service (claude, kvk, company_info, serpapi) → dollars a month."""


class KeywordRules(_Section):
    """How the keyword reader finds one field: shipped rules by name, or rules of its own."""

    use: str | None = None
    """A shipped rule set, by its name (see `signal-assets profiles rules`)."""
    products: dict[str, list[str]] = Field(default_factory=dict)
    """Usual spelling → other spellings; found as whole words."""
    patterns: list[str] = Field(default_factory=list)
    """Regular expressions; the match is the quote, its group `value` (or all of it) the value."""


def _not_empty(schema: dict[str, str]) -> dict[str, str]:
    if not schema:
        raise ValueError("the schema needs at least one field")
    for name, question in schema.items():
        if not name.isidentifier() or name != name.lower():
            raise ValueError(f"field {name!r}: use lower case letters, digits and _")
        if not question.strip():
            raise ValueError(f"field {name!r} has no question")
    return schema


class ExtractionOptions(_Section):
    """What is asked of each vacancy."""

    system_prompt: Annotated[str, Field(min_length=1)]
    schema_: Annotated[dict[str, str], AfterValidator(_not_empty), Field(alias="schema")]
    """Field → question, in the order the fields are reported."""
    keywords: dict[str, KeywordRules] = Field(default_factory=dict)
    """Field → rules for the keyword reader; a field named like a shipped rule set needs none."""

    @model_validator(mode="after")
    def _keywords_are_fields(self) -> "ExtractionOptions":
        unknown = sorted(set(self.keywords) - set(self.schema_))
        if unknown:
            raise ValueError(f"keywords: {', '.join(unknown)} is not a field of the schema")
        return self


class SearchProfile(_Section):
    """What one customer looks for; one partition of every asset."""

    name: Annotated[str, Field(pattern=f"^{PROFILE_NAME}$")]
    title: str | None = None
    search_terms: tuple[SearchTerm, ...] = ()
    sources: Annotated[tuple[SourceOptions, ...], Field(min_length=1)]
    quality_threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    """None: the setting `SIGNAL_ASSETS_MIN_QUALITY`."""
    negative_signals: tuple[Annotated[str, Field(min_length=2)], ...] = ()
    enrich_negative_companies: bool = False
    """Pay also for a company whose vacancies carry nothing but negative signals."""
    include_natural_person_businesses: bool = False
    harvest_cron: str = "0 6 * * *"
    budget_usd: BudgetOptions = BudgetOptions()
    extraction: ExtractionOptions

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(self.extraction.schema_)

    @model_validator(mode="before")
    @classmethod
    def _is_a_mapping(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            raise ValueError("the file must hold keys and values")
        return data
