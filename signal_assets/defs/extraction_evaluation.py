"""The asset `extraction_evaluation`, its check and its job."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pandas as pd

from signal_assets.clients.evaluation_files import BadEvaluationFile
from signal_assets.clients.evaluations import CannotEvaluate
from signal_assets.clients.profile_files import LoadedProfile
from signal_assets.defs.evaluations import default_reader, load_labelled, measure
from signal_assets.defs.extraction_prompts import extraction_prompts
from signal_assets.defs.frames import to_frame
from signal_assets.defs.partitions import search_profiles
from signal_assets.defs.tables import EXTRACTION_EVALUATION
from signal_assets.defs.watching import watched
from signal_assets.domain.evaluation import EvaluationReport, FieldFigures
from signal_assets.domain.prompts import PromptVersion
from signal_assets.progress import Progress
from signal_assets.settings import Settings


@dg.asset(
    partitions_def=search_profiles,
    deps=[extraction_prompts],
    group_name="pass_1",
    kinds={"parquet"},
    owners=["team:signal-assets"],
    code_version="1",
    metadata={"dagster/column_schema": EXTRACTION_EVALUATION.column_schema},
)
@watched
def extraction_evaluation(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    profile_file: dg.ResourceParam[LoadedProfile],
    prompt: dg.ResourceParam[PromptVersion],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[pd.DataFrame]:
    """How well one field is read by the active prompt and model, and `overall` for all of them.

    Measured on the labelled vacancies that the search profile names; one that names none has no
    rows. Claude's answers come from the ledger where they stand there, so measuring again is free.
    """
    try:
        labelled = load_labelled(profile_file)
        if labelled is None:
            context.log.info("The search profile names no labelled vacancies: nothing is measured.")
            return dg.MaterializeResult(
                value=to_frame([], EXTRACTION_EVALUATION),
                metadata={"dagster/partition_row_count": 0, "vacancies": 0},
            )
        with progress.steps("Reading labelled vacancies", total=len(labelled.vacancies)) as step:
            report = measure(
                settings,
                profile_file.profile,
                labelled,
                default_reader(settings),
                prompt,
                on_step=step,
            )
    except (BadEvaluationFile, CannotEvaluate) as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    rows = list(_rows(report, profile_file.profile.extraction.accuracy_bar))
    return dg.MaterializeResult(
        value=to_frame(rows, EXTRACTION_EVALUATION),
        metadata={"dagster/partition_row_count": len(rows), **_figures(report)},
    )


@dg.asset_check(asset=extraction_evaluation, partitions_def=search_profiles)
def extraction_reaches_its_bar(extraction_evaluation: pd.DataFrame) -> dg.AssetCheckResult:
    """F1 over all fields reaches the search profile's bar, or nothing is labelled to measure on."""
    overall = extraction_evaluation[extraction_evaluation["field"] == "overall"]
    below = overall[overall["f1"] < overall["bar"]]
    return dg.AssetCheckResult(
        passed=below.empty,
        severity=dg.AssetCheckSeverity.WARN,
        description=None if len(overall) else "nothing was measured: no labelled vacancies",
        metadata={
            str(row["field"]): float(row["f1"])
            for row in extraction_evaluation.to_dict("records")
            if row["f1"] == row["f1"]
        },
    )


CHECKS = (extraction_reaches_its_bar,)

evaluation_job = dg.define_asset_job(
    "evaluation_job",
    selection=[extraction_evaluation.key],
    description="Measure how well the active prompt and model read the labelled vacancies.",
)


def _rows(report: EvaluationReport, bar: float) -> Iterator[dict[str, Any]]:
    for figures in (*report.fields, report.overall):
        yield {
            "field": figures.field,
            "comparison": figures.comparison,
            "found_and_labelled": figures.both,
            "only_found": figures.only_found,
            "only_labelled": figures.only_labelled,
            "precision": figures.precision.value,
            "recall": figures.recall.value,
            "f1": figures.f1,
            "f1_low": figures.f1_interval.low,
            "f1_high": figures.f1_interval.high,
            "state_accuracy": figures.state.value,
            "bar": bar,
            "extractor": report.subject.reader,
            "model": report.subject.model,
            "prompt_version": report.subject.prompt_version,
            "evaluated_at": report.made_at,
        }


def _figures(report: EvaluationReport) -> dict[str, int | float | str]:
    """Return the figures as numbers, which Dagster's UI plots over time."""
    figures: dict[str, int | float | str | None] = {
        "vacancies": report.vacancies,
        "accuracy": report.accuracy,
        "quote_accuracy": report.quote_accuracy.value,
        "state_accuracy": report.overall.state.value,
        "unsupported_share": report.unsupported.value,
        "cost_usd_per_vacancy": float(report.cost_usd_per_vacancy),
        "latency_p50_seconds": report.latency_p50,
        "not_read": sum(report.failures.values()),
        "extractor": report.subject.reader,
        "model": report.subject.model or "none",
        "prompt_version": report.subject.prompt_version,
    }
    for field in report.fields:
        figures |= _field_figures(field)
    return {name: value for name, value in figures.items() if value is not None}


def _field_figures(field: FieldFigures) -> dict[str, float | None]:
    return {
        f"{field.field}_f1": field.f1,
        f"{field.field}_precision": field.precision.value,
        f"{field.field}_recall": field.recall.value,
    }
