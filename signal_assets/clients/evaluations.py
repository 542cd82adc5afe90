"""Evaluations: a reader set to work on labelled vacancies, and what came of it."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

from signal_assets.clients.evaluation_files import LabelledSet, labelled_fields
from signal_assets.clients.readers import VacancyReader
from signal_assets.domain.evaluation import (
    CaseReading,
    Comparison,
    EvaluationReport,
    Subject,
    comparison_for,
    report,
)
from signal_assets.domain.extractions import Reading, ReadingOutcome, VacancyText
from signal_assets.domain.gazetteers import Gazetteer
from signal_assets.domain.grounding import ground
from signal_assets.domain.records import Record


class CannotEvaluate(Exception):
    """Nothing can be measured; the message says what is missing."""


class Task(Record):
    """What is asked of the reader, and how its answers are compared."""

    search_profile: str
    schema_: Mapping[str, str]
    """Field → question."""
    comparisons: Mapping[str, Comparison] = {}
    """Field → how it is compared, where its question does not say it."""
    prompt_version: int | None = None
    prompt_hash: str | None = None


def evaluate(
    reader: VacancyReader,
    task: Task,
    labelled: LabelledSet,
    gazetteer: Gazetteer,
    *,
    read_latencies: Callable[[], Sequence[float]] | None = None,
    on_step: Callable[[], None] = lambda: None,
) -> EvaluationReport:
    """Read every labelled vacancy and compare what is kept with the labels.

    `read_latencies` returns the seconds of each paid call; without it each reading is timed here,
    which is right for a reader that reads one vacancy after the other.

    Raises:
        CannotEvaluate: no field of the task is labelled, or the reader stopped before the end.
    """
    known = set(labelled_fields(labelled))
    comparisons = {
        field: task.comparisons.get(field, comparison_for(question))
        for field, question in task.schema_.items()
        if field in known
    }
    if not comparisons:
        raise CannotEvaluate(
            f"no field of {task.search_profile} ({', '.join(task.schema_)}) is labelled; "
            f"the labels are about {', '.join(sorted(known))}"
        )
    readings: dict[str, CaseReading] = {}
    moments = [time.perf_counter()]

    def keep(vacancy: VacancyText, outcome: ReadingOutcome) -> None:
        moments.append(time.perf_counter())
        readings[vacancy.vacancy_id] = _check(vacancy, outcome, task, gazetteer)
        on_step()

    reader.read_all((one.text for one in labelled.vacancies), keep)
    finished = time.perf_counter()
    latencies = (
        read_latencies()
        if read_latencies is not None
        else [after - before for before, after in pairwise(moments)]
    )
    return report(
        Subject(
            search_profile=task.search_profile,
            reader=reader.extractor,
            model=reader.model,
            prompt_version=task.prompt_version,
            prompt_hash=task.prompt_hash,
            labels_hash=labelled.digest,
        ),
        comparisons,
        labelled.vacancies,
        readings,
        gazetteer,
        made_at=datetime.now(UTC),
        seconds=finished - moments[0],
        latencies=latencies,
    )


def _check(
    vacancy: VacancyText, outcome: ReadingOutcome, task: Task, gazetteer: Gazetteer
) -> CaseReading:
    if isinstance(outcome, Reading):
        grounded = ground(outcome.claims, vacancy, task.schema_, gazetteer)
        return CaseReading(
            vacancy_id=vacancy.vacancy_id,
            evidence=grounded.evidence,
            dropped=grounded.dropped,
            tokens_input=outcome.tokens_input,
            tokens_output=outcome.tokens_output,
            cost_usd=outcome.cost_usd,
        )
    if outcome.kind in ("budget", "unavailable"):
        raise CannotEvaluate(f"the reader stopped at {vacancy.vacancy_id}: {outcome.reason}")
    return CaseReading(
        vacancy_id=vacancy.vacancy_id,
        failure=outcome.kind,
        tokens_input=getattr(outcome, "tokens_input", 0),
        tokens_output=getattr(outcome, "tokens_output", 0),
        cost_usd=getattr(outcome, "cost_usd", Decimal(0)),
    )
