"""Activations: whether a prompt with its model may become the one that reads, and who said so."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from signal_assets.domain.evaluation import Case, EvaluationReport
from signal_assets.domain.intervals import f1_of
from signal_assets.domain.records import Record


class Activation(Record):
    """One prompt version that became active, with the model it reads with, and why it could."""

    search_profile: str
    prompt_version: Annotated[int, Field(ge=1)]
    model: str | None
    """None for the keyword reader."""
    decision: Literal["measured", "unmeasured", "forced"]
    accuracy: float | None = None
    """F1 on the labelled vacancies; None where nothing was measured."""
    active_accuracy: float | None = None
    """Of the one it replaced, on the same vacancies and the fields that both ask for."""
    bar: float
    reason: str
    """Why nothing was measured, or the words of the person who forced it."""
    activated_by: str
    activated_at: datetime


class Verdict(Record):
    """What measuring says of a prompt that is to become active."""

    objection: str | None
    """Why it should not; None when it may."""
    accuracy: float
    active_accuracy: float | None


def judge(candidate: EvaluationReport, active: EvaluationReport | None, bar: float) -> Verdict:
    """Hold a measured prompt against the bar, and against the active one in the fields of both."""
    accuracy = candidate.accuracy
    if active is None:
        return Verdict(objection=_below_bar(accuracy, bar), accuracy=accuracy, active_accuracy=None)
    asked = [{figures.field for figures in report.fields} for report in (candidate, active)]
    shared = asked[0] & asked[1]
    new, old = _accuracy(candidate.cases, shared), _accuracy(active.cases, shared)
    objection = _below_bar(accuracy, bar)
    if objection is None and new < old:
        objection = f"it reaches F1 {new:.3f} where the active one reaches {old:.3f}"
    return Verdict(objection=objection, accuracy=accuracy, active_accuracy=old)


def _below_bar(accuracy: float, bar: float) -> str | None:
    return None if accuracy >= bar else f"it reaches F1 {accuracy:.3f}, below the bar of {bar:.3f}"


def _accuracy(cases: tuple[Case, ...], fields: set[str]) -> float:
    counts = [case.counts(field) for case in cases for field in fields if field in case.fields]
    both, only_found, only_labelled = (
        sum(column) for column in zip((0, 0, 0), *counts, strict=True)
    )
    f1 = f1_of(both, only_found, only_labelled)
    return 1.0 if f1 is None else f1
