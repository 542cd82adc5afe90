"""Answers and questions of the service, in the shape in which they travel."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from signal_assets.clients.ledger_reports import PassRecord
from signal_assets.domain.activations import Activation
from signal_assets.domain.deliveries import Delivery
from signal_assets.domain.prompts import PromptVersion
from signal_assets.domain.search_profiles import SearchProfile

PassToRun = Literal["harvest", "llm", "external", "both"]

FieldName = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,63}$")]
Question = Annotated[str, Field(pattern=r"\S", max_length=2_000)]


class Answer(BaseModel):
    """What the service sends."""

    model_config = ConfigDict(frozen=True)


class Asked(BaseModel):
    """What the service is sent: every key known, no value turned into another type."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class ErrorDetail(Answer):
    """What is wrong, and where if it is about what was sent."""

    code: str
    message: str
    places: tuple[str, ...] = ()


class ErrorAnswer(Answer):
    """Every error has this shape."""

    error: ErrorDetail


class Health(Answer):
    """The service answers."""

    status: Literal["ok"] = "ok"
    version: str


class PartHealth(Answer):
    """One part the service cannot do without."""

    part: str
    problem: str | None = None
    """What kind of fault there is; None: it works."""


class Readiness(Answer):
    """Whether the service can do its work."""

    is_ready: bool
    parts: tuple[PartHealth, ...]


class ProfileAnswer(Answer):
    """One search profile."""

    name: str
    title: str | None
    fields: dict[str, str]
    """Field → question, as the profile's file has them."""
    quality_threshold: float | None
    accuracy_bar: float
    is_measured: bool
    """It names labelled vacancies, so prompts are measured before they become active."""

    @classmethod
    def of(cls, profile: SearchProfile) -> "ProfileAnswer":
        return cls(
            name=profile.name,
            title=profile.title,
            fields=dict(profile.extraction.schema_),
            quality_threshold=profile.quality_threshold,
            accuracy_bar=profile.extraction.accuracy_bar,
            is_measured=profile.evaluation is not None,
        )


class PromptAnswer(Answer):
    """One prompt version."""

    search_profile: str
    version: int
    is_active: bool
    system_prompt: str
    fields: dict[str, str]
    notes: str
    created_at: datetime

    @classmethod
    def of(cls, prompt: PromptVersion) -> "PromptAnswer":
        return cls(
            search_profile=prompt.search_profile,
            version=prompt.version,
            is_active=prompt.is_active,
            system_prompt=prompt.system_prompt,
            fields=dict(prompt.schema_),
            notes=prompt.notes,
            created_at=prompt.created_at,
        )


class ActivatedAnswer(Answer):
    """A prompt version that is active now, and why it could become so."""

    prompt: PromptAnswer
    activation: Activation


class NewPrompt(Asked):
    """A prompt version to be made; it waits until it is activated."""

    system_prompt: Annotated[str, Field(pattern=r"\S", max_length=100_000)]
    fields: Annotated[
        dict[FieldName, Question],
        Field(min_length=1, max_length=100, json_schema_extra={"additionalProperties": False}),
    ]
    """Field → question, in order."""
    notes: Annotated[str, Field(max_length=2_000)] = ""


class ActivationRequest(Asked):
    """How a version is to be activated."""

    force_reason: Annotated[str, Field(pattern=r"\S", max_length=2_000)] | None = None
    """Activates it also when it reads worse; recorded."""


class NewRun(Asked):
    """A run to be started."""

    profile: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
    pass_: Annotated[PassToRun, Field(alias="pass")] = "both"  # noqa: S105 - a pass of the graph
    reread: bool = False
    """Read old vacancies again with the active prompt; this costs money."""


class StartedRun(Answer):
    """A run that was started; `run_id` is Dagster's."""

    run_id: str
    profile: str
    pass_: Annotated[PassToRun, Field(alias="pass")]

    model_config = ConfigDict(frozen=True, populate_by_name=True)


class RunState(Answer):
    """Where a run stands: Dagster's status, `STARTING` before Dagster knows it."""

    run_id: str
    profile: str | None
    status: str
    message: str | None = None
    passes: tuple[PassRecord, ...] = ()


class Companies(Answer):
    """Companies with the words that prove each value, best first."""

    total: int
    companies: tuple[Delivery, ...]
