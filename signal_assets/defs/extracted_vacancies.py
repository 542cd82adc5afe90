"""The asset `extracted_vacancies`, and its checks."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any

import dagster as dg
import pandas as pd

from signal_assets.clients.ledger import Ledger
from signal_assets.clients.readers import TransportName, VacancyReader
from signal_assets.defs.extraction_prompts import extraction_prompts
from signal_assets.defs.frames import preview, replace_rows, rows_of, to_frame, with_column
from signal_assets.defs.partitions import search_profiles
from signal_assets.defs.passes import pass_record
from signal_assets.defs.stops import paid_checks
from signal_assets.defs.storage import TableStore
from signal_assets.defs.tables import EXTRACTED_VACANCIES
from signal_assets.defs.watching import watched
from signal_assets.domain.extractions import (
    Claim,
    Evidence,
    Extraction,
    Reading,
    ReadingFailed,
    ReadingOutcome,
    VacancyText,
)
from signal_assets.domain.gazetteers import Gazetteer
from signal_assets.domain.grounding import count_unsupported, facts_by_field, ground
from signal_assets.domain.negative_signals import NegativePhrases
from signal_assets.domain.prompts import PromptVersion
from signal_assets.domain.reading_plans import (
    PastReading,
    ReadingPlan,
    VacancyToRead,
    plan_reading,
)
from signal_assets.domain.search_profiles import SearchProfile
from signal_assets.domain.suppression import SuppressionList
from signal_assets.logs import about
from signal_assets.progress import Progress

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
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[pd.DataFrame]:
    """One vacancy after pass 1: what its text states, each value with the words that state it.

    Only vacancies without a completed extraction are read; vacancies with the same words, and
    copies of one vacancy, are read once. A copy has the values whose quote stands in its own text.
    A value whose quote does not stand in the text is dropped and counted. A vacancy that cannot be
    read is `failed` with the reason, and is tried again by the next run.
    """
    started_at = datetime.now(UTC)
    previous = tables.read(EXTRACTED_VACANCIES.asset, search_profile.name)
    plan = plan_reading(
        _vacancies(raw_vacancies),
        _past_readings(previous),
        prompt_version=prompt.number,
        extractor=reader.extractor,
        reread=config.reread,
        why_unwanted=partial(_why_suppressed, suppression),
    )
    readings = _Readings(plan, prompt, gazetteer, started_at)
    readings.share(_extractions_of(previous, plan.to_share))
    with progress.steps("Reading vacancies", total=len(plan.to_read)) as step:

        def keep(vacancy: VacancyText, outcome: ReadingOutcome) -> None:
            readings.keep(vacancy, outcome)
            step()

        reader.read_all(
            (group[0].text for group in plan.to_read.values()), keep, config.transport.chosen
        )

    for failed in readings.failed()[:MAX_REPORTED_FAILURES]:
        with about(vacancy_id=failed.vacancy_id):
            context.log.warning(f"{failed.vacancy_id} could not be read: {failed.error}")
    frame = replace_rows(
        previous, plan.kept, to_frame(readings.rows(), EXTRACTED_VACANCIES), raw_vacancies
    )
    frame = with_column(
        frame,
        EXTRACTED_VACANCIES,
        "negative_signals",
        _negative_signals(raw_vacancies, search_profile.negative_signals),
    )
    spend = reader.spend
    statuses = Counter(row.extraction_status for row in readings.extractions)
    ledger.record_pass(
        pass_record(
            context,
            "llm",
            started_at,
            processed=len(readings.extractions),
            succeeded=statuses["completed"],
            failed=statuses["failed"],
            waiting=statuses["pending"],
            spend=spend,
            failures=readings.reasons_failed,
        )
    )
    return dg.MaterializeResult(
        value=frame,
        metadata={
            "dagster/partition_row_count": len(frame),
            "vacancies": len(frame),
            "read_now": statuses["completed"],
            "kept_from_before": len(plan.kept),
            "copies_that_share": readings.copies_that_share,
            "failed": statuses["failed"],
            "skipped": statuses["skipped"],
            "waiting": statuses["pending"],
            "texts_read": len(plan.to_read),
            "values_found": readings.values_found,
            "values_dropped": readings.values_dropped,
            "calls": spend.calls,
            "answers_from_ledger": spend.from_ledger,
            "tokens_input": spend.tokens_input,
            "tokens_output": spend.tokens_output,
            "cost_usd": float(spend.cost_usd),
            "prompt_version": prompt.number,
            "extractor": reader.extractor,
            "model": reader.model or "none",
            "models": dict(readings.models),
            "reasons_dropped": dict(readings.reasons_dropped),
            "reasons_failed": dict(readings.reasons_failed),
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


@dg.asset_check(
    asset=extracted_vacancies,
    blocking=True,
    partitions_def=search_profiles,
    additional_ins={"raw_vacancies": dg.AssetIn("raw_vacancies")},
)
def every_quote_stands_in_its_text(
    extracted_vacancies: pd.DataFrame, raw_vacancies: pd.DataFrame
) -> dg.AssetCheckResult:
    """Every kept value's quote stands in its vacancy, at the place that is noted."""
    proofs = {
        row["vacancy_id"]: json.loads(row["evidence"])
        for row in rows_of(extracted_vacancies, ["vacancy_id", "evidence"])
        if row["evidence"] not in (None, "[]")
    }
    wrong = []
    checked = 0
    for row in rows_of(raw_vacancies, ["vacancy_id", "title", "description"]):
        for proof in proofs.pop(row["vacancy_id"], ()):
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


class _Readings:
    """The extractions of one run, made from what the reader says of each text."""

    def __init__(
        self, plan: ReadingPlan, prompt: PromptVersion, gazetteer: Gazetteer, moment: datetime
    ) -> None:
        self._plan = plan
        self._prompt = prompt
        self._gazetteer = gazetteer
        self._moment = moment
        self._words_of = {group[0].vacancy_id: words for words, group in plan.to_read.items()}
        self.values_dropped = 0
        self.values_found = 0
        self.reasons_dropped: Counter[str] = Counter()
        self.reasons_failed: Counter[str] = Counter()
        self.copies_that_share = 0
        self.models: Counter[str] = Counter()
        """Vacancies read now, by the model that read them."""
        self.extractions = [
            _without_reading(vacancy, "skipped", reason, None)
            for vacancy, reason in plan.skipped.values()
        ]

    def keep(self, vacancy: VacancyText, outcome: ReadingOutcome) -> None:
        group = self._plan.to_read[self._words_of[vacancy.vacancy_id]]
        for position, member in enumerate(group):
            self.extractions.append(self._extraction(member, outcome, group[0], position))

    def share(self, sources: Iterable[Mapping[str, Any]]) -> None:
        """Give copies what was found, in an earlier run, in the vacancy they are copies of."""
        for row in sources:
            reading = _past_reading(row)
            for copy in self._plan.to_share[row["vacancy_id"]]:
                grounded = ground(reading.claims, copy.text, self._prompt.schema_, self._gazetteer)
                extraction = self._completed(
                    copy, reading, grounded.evidence, len(grounded.dropped), row["vacancy_id"]
                )
                self.extractions.append(extraction)
                self.copies_that_share += 1

    def failed(self) -> list[Extraction]:
        return [each for each in self.extractions if each.extraction_status == "failed"]

    def rows(self) -> Iterator[dict[str, Any]]:
        for extraction in self.extractions:
            row = dict(vars(extraction))
            row["evidence"] = [proof.model_dump(exclude_none=True) for proof in extraction.evidence]
            yield row

    def _extraction(
        self, member: VacancyToRead, outcome: ReadingOutcome, first: VacancyToRead, position: int
    ) -> Extraction:
        if not isinstance(outcome, Reading):
            is_failure = isinstance(outcome, ReadingFailed)
            self.reasons_failed[outcome.kind] += 1
            extraction = _without_reading(
                member, "failed" if is_failure else "pending", outcome.reason, outcome.kind
            )
            costs = getattr(outcome, "cost_usd", Decimal(0)) if position == 0 else Decimal(0)
            return extraction.model_copy(update={"cost_usd": costs})
        grounded = ground(outcome.claims, member.text, self._prompt.schema_, self._gazetteer)
        self.values_found += len(grounded.evidence)
        self.values_dropped += len(grounded.dropped)
        self.models[outcome.model or "none"] += 1
        self.reasons_dropped.update(dropped.reason for dropped in grounded.dropped)
        read_from = None if member is first else first.vacancy_id
        completed = self._completed(
            member, outcome, grounded.evidence, len(grounded.dropped), read_from
        )
        unsupported = count_unsupported(grounded)
        if grounded.evidence or not unsupported:
            return completed
        self.reasons_failed["unsupported"] += 1
        return completed.model_copy(update=_why_unsupported(unsupported))

    def _completed(
        self,
        member: VacancyToRead,
        reading: Reading,
        evidence: tuple[Evidence, ...],
        dropped: int,
        read_from: str | None,
    ) -> Extraction:
        is_first = read_from is None
        data = facts_by_field(evidence, self._prompt.schema_)
        filled = sum(value is not None for value in data.values())
        return Extraction(
            vacancy_id=member.vacancy_id,
            company_name=member.company_name,
            extraction_status="completed",
            extracted_data=data,
            evidence=evidence,
            extraction_quality=filled / len(data),
            prompt_version=self._prompt.number,
            extractor=reading.extractor,
            model=reading.model,
            tokens_input=reading.tokens_input if is_first else 0,
            tokens_output=reading.tokens_output if is_first else 0,
            cost_usd=reading.cost_usd if is_first else Decimal(0),
            values_dropped=dropped,
            read_from=read_from,
            content_hash=member.content_hash,
            extracted_at=self._moment,
        )


def _why_unsupported(claims: int) -> dict[str, Any]:
    """What changes in a row of which every value was claimed without proof."""
    return {
        "extraction_status": "failed",
        "failure_kind": "unsupported",
        "error": f"none of the {claims} values that were claimed is stated by the text",
        "extracted_data": None,
        "extraction_quality": None,
        "extracted_at": None,
    }


def _without_reading(
    vacancy: VacancyToRead, status: Any, reason: str, kind: str | None
) -> Extraction:
    return Extraction(
        vacancy_id=vacancy.vacancy_id,
        company_name=vacancy.company_name,
        extraction_status=status,
        content_hash=vacancy.content_hash,
        error=reason,
        failure_kind=kind,
    )


def _why_suppressed(suppression: SuppressionList, vacancy: VacancyToRead) -> str | None:
    hit = suppression.find(names=[vacancy.company_name])
    return hit.reason if hit else None


def _vacancies(raw: pd.DataFrame) -> Iterator[VacancyToRead]:
    columns = [name for name in VacancyToRead.model_fields if name in raw]
    for row in rows_of(raw, columns):
        yield VacancyToRead.model_construct(**row)


def _extractions_of(
    previous: pd.DataFrame | None, vacancy_ids: Collection[str]
) -> Iterator[dict[str, Any]]:
    if previous is None or not vacancy_ids:
        return iter(())
    return rows_of(previous[previous["vacancy_id"].isin(list(vacancy_ids))])


def _past_reading(row: Mapping[str, Any]) -> Reading:
    """A completed extraction as the reading it came from: its kept values, in its own words."""
    claims = (
        Claim(
            field=proof["field"],
            value=proof.get("raw_value") or proof["value"],
            quote=proof["quote"],
            state=proof.get("state"),
        )
        for proof in json.loads(row["evidence"] or "[]")
    )
    return Reading(claims=tuple(claims), extractor=row["extractor"], model=row["model"])


def _past_readings(previous: pd.DataFrame | None) -> dict[str, PastReading]:
    if previous is None:
        return {}
    completed = previous[previous["extraction_status"] == "completed"]
    columns = ["vacancy_id", "content_hash", "prompt_version", "extractor"]
    return {
        row["vacancy_id"]: PastReading.model_construct(**row) for row in rows_of(completed, columns)
    }


def _negative_signals(raw: pd.DataFrame, phrases: Iterable[str]) -> dict[str, list[str]]:
    known = NegativePhrases(phrases)
    return {
        row["vacancy_id"]: [
            signal.phrase for signal in known.find(row["title"], row["description"])
        ]
        for row in rows_of(raw, ["vacancy_id", "title", "description"])
    }
