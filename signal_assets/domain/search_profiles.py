"""Search profiles: what one customer looks for, as its YAML file states it."""

import codecs
import re
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

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
    max_searches: Annotated[int, Field(ge=0)] | None = None
    """Searches one run may buy; None: as many as the budgets in dollars allow."""
    max_age_hours: Annotated[int, Field(ge=0, le=24 * 30)] = 12
    """An answer younger than this is used again instead of bought again."""


BoardType = Literal[
    "recruitee",
    "greenhouse",
    "lever",
    "ashby",
    "smartrecruiters",
    "teamtailor",
    "workable",
    "personio",
]


class BoardEntry(_Section):
    """One company's board; in a profile its bare token will do."""

    token: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._&-]{0,99}$")]
    """The part of the board's address that names the company; upper and lower case count."""
    company: Annotated[str, Field(min_length=1)] | None = None
    """The company's name, for boards that do not state it (Lever, Ashby)."""

    @model_validator(mode="before")
    @classmethod
    def _is_a_token_or_a_mapping(cls, data: Any) -> Any:
        if isinstance(data, int | float):
            raise ValueError(f"{data!r} is not a text to YAML: write the token in quotes")
        return {"token": data} if isinstance(data, str) else data


class BoardSourceOptions(_Section):
    """Companies' own job boards of one kind, which need no key and cannot be searched."""

    type: BoardType
    boards: Annotated[tuple[BoardEntry, ...], Field(min_length=1)]
    max_details: Annotated[int, Field(ge=0, le=10_000)] = 200
    """Texts asked for one by one in a run and per board, where a listing holds none."""

    @model_validator(mode="after")
    def _tokens_fit_in_a_host_name(self) -> "BoardSourceOptions":
        if self.type in ("recruitee", "teamtailor", "personio"):
            for entry in self.boards:
                if not re.fullmatch(r"[A-Za-z0-9-]{1,63}", entry.token):
                    raise ValueError(
                        f"boards: {entry.token!r} is not the first part of a host name"
                    )
        return self


def _is_a_page(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is no http or https address")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address with a user name or password in it is not taken")
    return url


class JobPostingSourceOptions(_Section):
    """Pages that state their vacancies as schema.org JobPosting, or link to such pages."""

    type: Literal["jobposting"]
    pages: Annotated[tuple[Annotated[str, AfterValidator(_is_a_page)], ...], Field(min_length=1)]
    """Career pages, single vacancies or sitemaps."""
    max_pages: Annotated[int, Field(ge=1, le=2_000)] = 50
    """Pages read in a run for each of `pages`, itself included."""


class JobSpySourceOptions(_Section):
    """Indeed, LinkedIn and Glassdoor through the library JobSpy, which is not installed with us."""

    notice: ClassVar[str] = (
        "JobSpy reads Indeed, LinkedIn and Glassdoor without their permission: their terms forbid "
        "automated reading, and for Indeed it uses the key of Indeed's own app. Whoever switches "
        "it on answers for that; take legal advice before selling what it brings."
    )

    type: Literal["jobspy"]
    sites: Annotated[tuple[Literal["indeed", "linkedin", "glassdoor"], ...], Field(min_length=1)]
    location: str = "Netherlands"
    country: Annotated[str, Field(min_length=1)] = "Netherlands"
    """Which Indeed and Glassdoor; a wrong one answers with nothing, not with an error."""
    max_results: Annotated[int, Field(ge=1, le=1_000)] = 50
    """Vacancies per term and site."""
    max_age_days: Annotated[int, Field(ge=1, le=365)] | None = None


SourceOptions = Annotated[
    FileSourceOptions
    | SerpApiSourceOptions
    | BoardSourceOptions
    | JobPostingSourceOptions
    | JobSpySourceOptions,
    Field(discriminator="type"),
]


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


class EvaluationOptions(_Section):
    """Where labelled vacancies of the profile lie; without them nothing is measured."""

    labels: Annotated[str, Field(min_length=1)]
    """JSON Lines; relative to the profile."""
    vacancies: Annotated[str, Field(min_length=1)]
    """The texts the labels are about; relative to the profile."""
    compare: dict[str, Literal["values", "numbers", "presence"]] = Field(default_factory=dict)
    """Field → how it is compared with its labels, where its question does not say it."""


class ExtractionOptions(_Section):
    """What is asked of each vacancy."""

    system_prompt: Annotated[str, Field(min_length=1)]
    schema_: Annotated[dict[str, str], AfterValidator(_not_empty), Field(alias="schema")]
    """Field → question, in the order the fields are reported."""
    keywords: dict[str, KeywordRules] = Field(default_factory=dict)
    """Field → rules for the keyword reader; a field named like a shipped rule set needs none."""
    accuracy_bar: Annotated[float, Field(ge=0, le=1)] = 0.8
    """F1 on the labelled vacancies below which a prompt or a model does not become active."""

    @model_validator(mode="after")
    def _keywords_are_fields(self) -> "ExtractionOptions":
        unknown = sorted(set(self.keywords) - set(self.schema_))
        if unknown:
            raise ValueError(f"keywords: {', '.join(unknown)} is not a field of the schema")
        return self


class StepUpOptions(_Section):
    """A stronger model for the texts that the first one could not read; off unless it is given."""

    model: Annotated[str, Field(min_length=1)] = "claude-sonnet-5-5"
    budget_usd: Annotated[Decimal, Field(ge=0)]
    """Dollars a month for the stronger model alone, inside the budgets of the profile."""
    min_quote_support: Annotated[float, Field(ge=0, le=1)] = 0.7
    """An answer of which a smaller share of the quotes stands in the text is read once more."""


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
    count_establishments: bool = False
    """Buy the list of establishments of each company found; one more call each."""
    harvest_cron: str = "0 6 * * *"
    stale_after_hours: Annotated[int, Field(ge=1)] = 72
    """A profile whose last answered harvest is older than this shows as stale."""
    budget_usd: BudgetOptions = BudgetOptions()
    extraction: ExtractionOptions
    step_up: StepUpOptions | None = None
    evaluation: EvaluationOptions | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(self.extraction.schema_)

    @model_validator(mode="before")
    @classmethod
    def _is_a_mapping(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            raise ValueError("the file must hold keys and values")
        return data
