"""The asset `extracted_vacancies`, and its checks."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from enum import Enum
from functools import partial
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from signal_assets.clients.ledger import Budgets, Caller, Ledger
from signal_assets.clients.readers import TransportName, VacancyReader
from signal_assets.clients.reading_slices import ReadingSlices
from signal_assets.defs.extraction_prompts import extraction_prompts
from signal_assets.defs.frames import from_arrow, preview, replace_rows, rows_of, with_column
from signal_assets.defs.partitions import search_profiles
from signal_assets.defs.passes import pass_record
from signal_assets.defs.readings import TEXT_COLUMNS, Readings, VacancyTexts
from signal_assets.defs.shared_readings import LeadingRun, SliceWorker, forget_left
from signal_assets.defs.stops import paid_checks
from signal_assets.defs.storage import TableStore, some_columns
from signal_assets.defs.tables import EXTRACTED_VACANCIES, RAW_VACANCIES
from signal_assets.defs.watching import watched
from signal_assets.domain.gazetteers import Gazetteer
from signal_assets.domain.negative_signals import NegativePhrases
from signal_assets.domain.prompts import PromptVersion
from signal_assets.domain.reading_plans import (
    PastReading,
    ReadingPlan,
    VacancyToRead,
    plan_reading,
)
from signal_assets.domain.reading_slices import Tally, add_up
from signal_assets.domain.search_profiles import SearchProfile
from signal_assets.domain.suppression import SuppressionList
from signal_assets.logs import about
from signal_assets.progress import Progress
from signal_assets.settings import Settings

MAX_FAILED_SHARE = 0.2
"""More failures than this say something of the reader, not of the vacancies."""

MAX_REPORTED_FAILURES = 50
"""Vacancies named in the log; all of them stand in the table with their reason."""


class Transport(Enum):
    """How the model is asked."""

    AS_SET = "as_set"
    LIVE = "live"
    BATCH = "batch"

    @property
    def chosen(self) -> TransportName | None:
        """None: as the setting SIGNAL_ASSETS_TRANSPORT says."""
        names: dict[Transport, TransportName] = {Transport.LIVE: "live", Transport.BATCH: "batch"}
        return names.get(self)


class ExtractionConfig(dg.Config):
    """Choices for one run of pass 1."""

    reread: bool = False
    """Read vacancies again that an older prompt version read; this costs money."""
    transport: Transport = Transport.AS_SET
    """How the model is asked; `batch` costs half and its answers come later."""


@dg.asset(
    ins={
        "raw_vacancies": some_columns(
            "raw_vacancies",
            "vacancy_id",
            "company_name",
            "text_kind",
            "content_hash",
            "duplicate_of",
        )
    },
    partitions_def=search_profiles,
    deps=[extraction_prompts],
    group_name="pass_1",
    kinds={"anthropic", "parquet"},
    owners=["team:signal-assets"],
    code_version="1",
    metadata={"dagster/column_schema": EXTRACTED_VACANCIES.column_schema},
)
@watched
def extracted_vacancies(
    context: dg.AssetExecutionContext,
    config: ExtractionConfig,
    raw_vacancies: pd.DataFrame,
    search_profile: dg.ResourceParam[SearchProfile],
    prompt: dg.ResourceParam[PromptVersion],
    reader: dg.ResourceParam[VacancyReader],
    gazetteer: dg.ResourceParam[Gazetteer],
    suppression: dg.ResourceParam[SuppressionList],
    ledger: dg.ResourceParam[Ledger],
    tables: dg.ResourceParam[TableStore],
    settings: dg.ResourceParam[Settings],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[pd.DataFrame]:
    """One vacancy after pass 1: what its text states, each value with the words that state it.

    Only vacancies without a completed extraction are read; vacancies with the same words, and
    copies of one vacancy, are read once. A copy has the values whose quote stands in its own text.
    A value whose quote does not stand in the text is dropped and counted. A vacancy that cannot be
    read is `failed` with the reason, and is tried again by the next run.

    More texts than SIGNAL_ASSETS_SLICE_SIZE are read in slices that other runs may help with.
    """
    started_at = datetime.now(UTC)
    previous = tables.read(EXTRACTED_VACANCIES.asset, search_profile.name)
    texts = VacancyTexts(tables.batches(RAW_VACANCIES.asset, search_profile.name, TEXT_COLUMNS))
    plan = plan_reading(
        _vacancies(raw_vacancies, texts),
        _past_readings(previous),
        prompt_version=prompt.number,
        extractor=reader.extractor,
        reread=config.reread,
        why_unwanted=partial(_why_suppressed, suppression),
    )
    run_id, slices = context.run.run_id, ReadingSlices(ledger.database)
    readings = Readings(texts, prompt, gazetteer, started_at)
    readings.skip(plan.skipped.values())
    readings.share(_extractions_of(previous, plan.to_share), plan.to_share)
    parts: list[pa.Table] = []
    tallies: list[Tally] = []
    with progress.steps("Reading vacancies", total=len(plan.to_read)) as step:
        if _is_big(plan, reader, config.transport.chosen or settings.transport, settings):
            caller = Caller(
                run_id=run_id, asset="extracted_vacancies", search_profile=search_profile.name
            )
            with ledger.session(caller, Budgets()) as session:
                worker = SliceWorker(
                    profile=search_profile,
                    prompt=prompt,
                    gazetteer=gazetteer,
                    reader=reader,
                    tables=tables,
                    slices=slices,
                    session=session,
                    run_id=run_id,
                    moment=started_at,
                )
                groups = plan.to_read.values()
                leading = LeadingRun(
                    worker, groups, settings.slice_size, raw_vacancies, texts, step, progress.say
                )
                part, tallies = leading.read()
                parts.append(part)
        else:
            forget_left(slices, tables, search_profile.name)
            readings.read(reader, plan.to_read.values(), config.transport.chosen, step)
    tally = add_up(each.as_seen_by(run_id) for each in (readings.tally(run_id), *tallies))
    new = pa.concat_tables([readings.rows(), *parts])

    for vacancy_id, error in _failed(new):
        with about(vacancy_id=vacancy_id):
            context.log.warning(f"{vacancy_id} could not be read: {error}")
    frame = replace_rows(previous, plan.kept, from_arrow(new), raw_vacancies)
    frame = with_column(
        frame,
        EXTRACTED_VACANCIES,
        "negative_signals",
        _negative_signals(raw_vacancies, texts, search_profile.negative_signals),
    )
    spend, statuses = tally.spend, Counter(tally.statuses)
    ledger.record_pass(
        pass_record(
            context,
            "llm",
            started_at,
            processed=statuses.total(),
            succeeded=statuses["completed"],
            failed=statuses["failed"],
            waiting=statuses["pending"],
            spend=spend,
            failures=tally.reasons_failed,
        )
    )
    return dg.MaterializeResult(
        value=frame,
        metadata={
            "dagster/partition_row_count": len(frame),
            "vacancies": len(frame),
            "read_now": statuses["completed"],
            "kept_from_before": len(plan.kept),
            "copies_that_share": tally.copies_that_share,
            "failed": statuses["failed"],
            "skipped": statuses["skipped"],
            "waiting": statuses["pending"],
            "texts_read": len(plan.to_read),
            "slices": len(tallies),
            "values_found": tally.values_found,
            "values_dropped": tally.values_dropped,
            "calls": spend.calls,
            "answers_from_ledger": spend.from_ledger,
            "tokens_input": spend.tokens_input,
            "tokens_output": spend.tokens_output,
            "cost_usd": float(spend.cost_usd),
            "prompt_version": prompt.number,
            "extractor": reader.extractor,
            "model": reader.model or "none",
            "models": tally.models,
            "reasons_dropped": tally.reasons_dropped,
            "reasons_failed": tally.reasons_failed,
            "preview": preview(
                frame[frame["extraction_status"] == "completed"].sort_values(
                    "extraction_quality", ascending=False
                ),
                ["company_name", "extraction_quality", "extracted_data"],
            ),
        },
    )


@dg.asset_check(asset=extracted_vacancies, blocking=True, partitions_def=search_profiles)
def most_extractions_succeeded(extracted_vacancies: pd.DataFrame) -> dg.AssetCheckResult:
    """At most one in five of the vacancies that were tried could not be read."""
    statuses = Counter(extracted_vacancies["extraction_status"])
    tried = statuses["completed"] + statuses["failed"]
    failed = extracted_vacancies[extracted_vacancies["extraction_status"] == "failed"]
    share = statuses["failed"] / tried if tried else 0.0
    return dg.AssetCheckResult(
        passed=share <= MAX_FAILED_SHARE,
        metadata={
            "failed_share": share,
            "failed": statuses["failed"],
            "tried": tried,
            "reasons": dict(Counter(map(str, failed["error"])).most_common(10)),
        },
    )


@dg.asset_check(asset=extracted_vacancies, blocking=True, partitions_def=search_profiles)
def every_quote_stands_in_its_text(
    extracted_vacancies: pd.DataFrame,
    search_profile: dg.ResourceParam[SearchProfile],
    tables: dg.ResourceParam[TableStore],
) -> dg.AssetCheckResult:
    """Every kept value's quote stands in its vacancy, at the place that is noted."""
    proofs = {
        row["vacancy_id"]: row["evidence"]
        for row in rows_of(extracted_vacancies, ["vacancy_id", "evidence"])
        if row["evidence"] not in (None, "[]")
    }
    wrong = []
    checked = 0
    batches = tables.batches(RAW_VACANCIES.asset, search_profile.name, TEXT_COLUMNS)
    for row in (row for batch in batches for row in batch.to_pylist()):
        for proof in json.loads(proofs.pop(row["vacancy_id"], "[]")):
            checked += 1
            if row[proof["part"]][proof["start"] : proof["end"]] != proof["quote"]:
                wrong.append(f"{row['vacancy_id']}: {proof['field']}: {proof['quote']!r}")
    wrong += [f"{vacancy_id}: the vacancy is gone" for vacancy_id in proofs]
    return dg.AssetCheckResult(
        passed=not wrong, metadata={"wrong": wrong[:50], "quotes_checked": checked}
    )


@dg.asset_check(asset=extracted_vacancies, blocking=True, partitions_def=search_profiles)
def vacancy_quality_is_a_share(extracted_vacancies: pd.DataFrame) -> dg.AssetCheckResult:
    """The quality of every completed extraction lies in 0..1."""
    completed = extracted_vacancies[extracted_vacancies["extraction_status"] == "completed"]
    outside = completed[~completed["extraction_quality"].between(0, 1).fillna(False)]
    return dg.AssetCheckResult(
        passed=outside.empty, metadata={"outside": outside["vacancy_id"].head(50).tolist()}
    )


BLOCKING_CHECKS = (
    most_extractions_succeeded,
    every_quote_stands_in_its_text,
    vacancy_quality_is_a_share,
    *paid_checks(extracted_vacancies, "extraction_status"),
)
CHECKS = BLOCKING_CHECKS


def _failed(new: pa.Table) -> list[tuple[str, str]]:
    """Return the first vacancies that could not be read now, each with its reason."""
    failed = new.filter(pc.equal(new["extraction_status"], "failed"))
    rows = failed.select(["vacancy_id", "error"]).slice(0, MAX_REPORTED_FAILURES).to_pylist()
    return [(row["vacancy_id"], row["error"]) for row in rows]


def _is_big(
    plan: ReadingPlan, reader: VacancyReader, transport: TransportName, settings: Settings
) -> bool:
    """Whether it is read in slices; what goes in batches is the service's work, not a worker's."""
    is_shareable = transport == "live" or reader.extractor == "keyword"
    return is_shareable and len(plan.to_read) > settings.slice_size


def _why_suppressed(suppression: SuppressionList, vacancy: VacancyToRead) -> str | None:
    hit = suppression.find(names=[vacancy.company_name])
    return hit.reason if hit else None


def _vacancies(raw: pd.DataFrame, texts: VacancyTexts) -> Iterator[VacancyToRead]:
    names = ("vacancy_id", "content_hash", "company_name", "text_kind", "duplicate_of")
    for row in rows_of(raw, [name for name in names if name in raw]):
        yield VacancyToRead(**row, has_text=not texts.is_blank(row["vacancy_id"]))


def _extractions_of(
    previous: pd.DataFrame | None, vacancy_ids: Collection[str]
) -> Iterator[dict[str, Any]]:
    if previous is None or not vacancy_ids:
        return iter(())
    return rows_of(previous[previous["vacancy_id"].isin(list(vacancy_ids))])


def _past_readings(previous: pd.DataFrame | None) -> dict[str, PastReading]:
    if previous is None:
        return {}
    completed = previous[previous["extraction_status"] == "completed"]
    columns = ["vacancy_id", "content_hash", "prompt_version", "extractor"]
    return {row["vacancy_id"]: PastReading(**row) for row in rows_of(completed, columns)}


def _negative_signals(
    raw: pd.DataFrame, texts: VacancyTexts, phrases: Iterable[str]
) -> dict[str, list[str]]:
    known = NegativePhrases(phrases)
    found = {}
    for vacancy_id in raw["vacancy_id"]:
        text = texts[vacancy_id]
        signals = known.find(text.title, text.description)
        found[vacancy_id] = [signal.phrase for signal in signals]
    return found
