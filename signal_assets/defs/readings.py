"""Readings: the rows of pass 1, made from what a reader says of each text."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from signal_assets.clients.readers import TransportName, VacancyReader
from signal_assets.defs.frames import Column, Table, TableBuilder
from signal_assets.defs.large_tables import TextSpool
from signal_assets.defs.tables import EXTRACTED_VACANCIES
from signal_assets.domain.companies import Spend
from signal_assets.domain.extractions import (
    Claim,
    Evidence,
    Extraction,
    ExtractionStatus,
    Reading,
    ReadingFailed,
    ReadingOutcome,
    ReadingPostponed,
    VacancyText,
)
from signal_assets.domain.gazetteers import Gazetteer
from signal_assets.domain.grounding import count_unsupported, facts_by_field, ground
from signal_assets.domain.prompts import PromptVersion
from signal_assets.domain.reading_plans import VacancyToRead
from signal_assets.domain.reading_slices import Tally, spent_since
from signal_assets.progress import Step

READING_PART = Table(
    "reading_parts",
    (
        *EXTRACTED_VACANCIES.columns,
        Column(
            "answer_key",
            EXTRACTED_VACANCIES.arrow_schema.field("vacancy_id").type,
            "Equal for texts that share an answer, of which the first carries the cost",
        ),
    ),
)
"""What one worker made of its slice, see `defs/shared_readings.py`."""


TEXT_COLUMNS = ("vacancy_id", "title", "description")


class VacancyTexts:
    """The texts of vacancies as they were when this was made; they lie on disk, not in memory.

    `batches` have `TEXT_COLUMNS`.
    """

    def __init__(self, batches: Iterable[pa.Table]) -> None:
        self._descriptions = TextSpool()
        self._titles: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        self._blank: set[str] = set()
        for batch in batches:
            columns = (batch[name].to_pylist() for name in TEXT_COLUMNS)
            for vacancy_id, title, description in zip(*columns, strict=True):
                self._titles[vacancy_id] = title
                self._numbers[vacancy_id] = self._descriptions.add(description)
                if not description.strip():
                    self._blank.add(vacancy_id)

    def is_blank(self, vacancy_id: str) -> bool:
        return vacancy_id in self._blank

    def __getitem__(self, vacancy_id: str) -> VacancyText:
        (description,) = self._descriptions.read([self._numbers[vacancy_id]])
        return VacancyText.model_construct(
            vacancy_id=vacancy_id, title=self._titles[vacancy_id], description=description
        )


class Readings:
    """The rows that one worker makes, and what it counts meanwhile."""

    def __init__(
        self, texts: VacancyTexts, prompt: PromptVersion, gazetteer: Gazetteer, moment: datetime
    ) -> None:
        self._texts = texts
        self._prompt = prompt
        self._gazetteer = gazetteer
        self._moment = moment
        self._rows = TableBuilder(READING_PART)
        self._statuses: Counter[str] = Counter()
        self._values_dropped = 0
        self._values_found = 0
        self._reasons_dropped: Counter[str] = Counter()
        self._reasons_failed: Counter[str] = Counter()
        self._copies_that_share = 0
        self._models: Counter[str] = Counter()
        self._stopped: ReadingPostponed | None = None
        self._spend = Spend()

    def skip(self, skipped: Iterable[tuple[VacancyToRead, str]]) -> None:
        for vacancy, reason in skipped:
            self._add(_without_reading(vacancy, "skipped", reason, None))

    def share(
        self,
        sources: Iterable[Mapping[str, Any]],
        to_share: Mapping[str, Sequence[VacancyToRead]],
    ) -> None:
        """Give copies what was found, in an earlier run, in the vacancy they are copies of."""
        for row in sources:
            reading = _past_reading(row)
            for copy in to_share[row["vacancy_id"]]:
                text = self._texts[copy.vacancy_id]
                grounded = ground(reading.claims, text, self._prompt.schema_, self._gazetteer)
                extraction = self._completed(
                    copy, reading, grounded.evidence, len(grounded.dropped), row["vacancy_id"]
                )
                self._add(extraction)
                self._copies_that_share += 1

    def read(
        self,
        reader: VacancyReader,
        groups: Iterable[Sequence[VacancyToRead]],
        transport: TransportName | None,
        step: Step,
    ) -> None:
        """Read the first vacancy of each group; the others share what was found."""
        waiting: dict[str, Sequence[VacancyToRead]] = {}
        before = reader.spend

        def texts() -> Iterator[VacancyText]:
            for group in groups:
                waiting[group[0].vacancy_id] = group
                yield self._texts[group[0].vacancy_id]

        def keep(vacancy: VacancyText, outcome: ReadingOutcome) -> None:
            for member in waiting.pop(vacancy.vacancy_id):
                self._keep(member, outcome, vacancy)
            step()

        reader.read_all(texts(), keep, transport)
        self._spend = spent_since(before, reader.spend)

    def tally(self, run_id: str) -> Tally:
        """Return what was counted, as paid for by a run."""
        return Tally(
            statuses=self._statuses,
            values_found=self._values_found,
            values_dropped=self._values_dropped,
            copies_that_share=self._copies_that_share,
            reasons_dropped=self._reasons_dropped,
            reasons_failed=self._reasons_failed,
            models=self._models,
            stopped=self._stopped,
            spend=self._spend,
            run_id=run_id,
        )

    def rows(self) -> pa.Table:
        """Return the rows, with the columns of `EXTRACTED_VACANCIES`."""
        return self.part().select(EXTRACTED_VACANCIES.arrow_schema.names)

    def part(self) -> pa.Table:
        """Return the rows, with the columns of `READING_PART`."""
        return self._rows.finish()

    def _keep(self, member: VacancyToRead, outcome: ReadingOutcome, read: VacancyText) -> None:
        is_first = member.vacancy_id == read.vacancy_id
        extraction = self._extraction(
            member, outcome, read if is_first else self._texts[member.vacancy_id], read.vacancy_id
        )
        self._add(extraction, getattr(outcome, "answer_key", None) if is_first else None)

    def _add(self, extraction: Extraction, answer_key: str | None = None) -> None:
        self._statuses[extraction.extraction_status] += 1
        row = dict(vars(extraction))
        row["evidence"] = [proof.model_dump(exclude_none=True) for proof in extraction.evidence]
        self._rows.add({**row, "answer_key": answer_key})

    def _extraction(
        self, member: VacancyToRead, outcome: ReadingOutcome, text: VacancyText, first: str
    ) -> Extraction:
        is_first = member.vacancy_id == first
        if not isinstance(outcome, Reading):
            is_failure = isinstance(outcome, ReadingFailed)
            self._reasons_failed[outcome.kind] += 1
            if isinstance(outcome, ReadingPostponed) and self._stopped is None:
                self._stopped = outcome
            extraction = _without_reading(
                member, "failed" if is_failure else "pending", outcome.reason, outcome.kind
            )
            costs = getattr(outcome, "cost_usd", Decimal(0)) if is_first else Decimal(0)
            return extraction.model_copy(update={"cost_usd": costs})
        grounded = ground(outcome.claims, text, self._prompt.schema_, self._gazetteer)
        self._values_found += len(grounded.evidence)
        self._values_dropped += len(grounded.dropped)
        self._models[outcome.model or "none"] += 1
        self._reasons_dropped.update(dropped.reason for dropped in grounded.dropped)
        completed = self._completed(
            member, outcome, grounded.evidence, len(grounded.dropped), None if is_first else first
        )
        unsupported = count_unsupported(grounded)
        if grounded.evidence or not unsupported:
            return completed
        self._reasons_failed["unsupported"] += 1
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
    vacancy: VacancyToRead, status: ExtractionStatus, reason: str, kind: str | None
) -> Extraction:
    return Extraction(
        vacancy_id=vacancy.vacancy_id,
        company_name=vacancy.company_name,
        extraction_status=status,
        content_hash=vacancy.content_hash,
        error=reason,
        failure_kind=kind,
    )


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
