"""Shared readings: a big search profile, read in slices by one run and those that help it.

The run of the profile leads: it writes down the slices, reads one after another, waits for those
that others have, and makes one table of the parts. Helpers only read slices. Whoever dies leaves a
slice that the next one takes over; what was paid for in it stands in the ledger.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from signal_assets.clients.ledger import LedgerSession
from signal_assets.clients.readers import OnOutcome, TransportName, VacancyReader
from signal_assets.clients.reading_slices import Reading, ReadingSlices
from signal_assets.defs.frames import TableBuilder, rows_of
from signal_assets.defs.readings import READING_PART, TEXT_COLUMNS, Readings, VacancyTexts
from signal_assets.defs.storage import StorageUnavailable, TableStore, read_arrow, write_arrow
from signal_assets.defs.tables import EXTRACTED_VACANCIES, RAW_VACANCIES
from signal_assets.domain.companies import Spend
from signal_assets.domain.extractions import ExtractorName, ReadingPostponed, VacancyText
from signal_assets.domain.gazetteers import Gazetteer
from signal_assets.domain.prompts import PromptVersion
from signal_assets.domain.reading_plans import VacancyToRead
from signal_assets.domain.reading_slices import (
    ReadingSlice,
    Tally,
    digest_groups,
    name_reading,
    slice_groups,
)
from signal_assets.domain.search_profiles import SearchProfile
from signal_assets.progress import Step

TIMES_READ = 3
"""A slice whose part is of no use this many times stops the run."""

_SECONDS_BETWEEN_LOOKS = 0.5
_COLUMNS = (*TEXT_COLUMNS, "company_name", "content_hash")
_COSTS = ("tokens_input", "tokens_output", "cost_usd")


class VacanciesChanged(Exception):
    """The table of vacancies is not the one the slices were made of."""


@dataclass(frozen=True)
class SliceWorker:
    """Reads slices of one search profile; `session` is what others know it by."""

    profile: SearchProfile
    prompt: PromptVersion
    gazetteer: Gazetteer
    reader: VacancyReader
    tables: TableStore
    slices: ReadingSlices
    session: LedgerSession
    run_id: str
    """The run whose budget pays."""
    moment: datetime

    @property
    def asked(self) -> str:
        """Digest of all that decides what is read in a text."""
        question = [
            self.prompt.number,
            self.prompt.system_prompt,
            self.prompt.schema_,
            self.profile.extraction.model_dump(mode="json"),
            self.profile.step_up.model_dump(mode="json") if self.profile.step_up else None,
            self.reader.extractor,
            self.reader.model,
        ]
        return hashlib.sha256(json.dumps(question).encode()).hexdigest()

    def read(
        self,
        reading: str,
        claimed: ReadingSlice,
        vacancies: pd.DataFrame,
        texts: VacancyTexts,
        step: Step,
    ) -> Tally:
        """Read a slice, write its part and note that it is done.

        Raises:
            VacanciesChanged: a vacancy is gone or has other words; the slice is open again.
        """
        rows = {
            row["vacancy_id"]: VacancyToRead(
                row["vacancy_id"], row["content_hash"], row["company_name"]
            )
            for row in rows_of(vacancies, ["vacancy_id", "content_hash", "company_name"])
        }
        groups = [[rows[each] for each in group if each in rows] for group in claimed.groups]
        found = digest_groups(
            [(each.vacancy_id, each.content_hash) for each in group] for group in groups
        )
        if found != claimed.digest:
            self.slices.release(reading, claimed.number, self.session)
            raise VacanciesChanged(
                "The vacancies are not those of the run that is helped: it was started before "
                "another harvest. It reads the rest itself."
            )
        readings = Readings(texts, self.prompt, self.gazetteer, self.moment)
        readings.read(self.reader, groups, "live", step)
        write_arrow(
            self.tables.part_path(self.profile.name, reading, claimed.number), readings.part()
        )
        tally = readings.tally(self.run_id)
        self.slices.finish(reading, claimed.number, tally, self.session)
        return tally


def help_reading(worker: SliceWorker, steps: Callable[[int], Step]) -> tuple[int, bool]:
    """Read slices of what the helped run leads until none is open.

    Return how many were read, and whether there was a reading that asks what we would ask. A
    helper that is stopped (by a budget, or by the service) leaves the rest to the run it helps.

    Raises:
        VacanciesChanged: a slice cannot be read from the table as it stands.
    """
    name, done = worker.profile.name, 0
    readings = [
        each.reading
        for each in worker.slices.readings(name)
        if each.run_id == worker.run_id and each.asked == worker.asked
    ]
    for reading in readings:
        while claimed := worker.slices.claim(reading, worker.session, led_by_run=worker.run_id):
            vacancies = worker.tables.read_rows(
                RAW_VACANCIES.asset, name, _COLUMNS, list(claimed.vacancy_ids)
            )
            texts = VacancyTexts([pa.Table.from_pandas(vacancies[list(TEXT_COLUMNS)])])
            tally = worker.read(reading, claimed, vacancies, texts, steps(len(claimed.groups)))
            done += 1
            if tally.stopped is not None:
                return done, True
    return done, bool(readings)


class LeadingRun:
    """The run of a search profile, which sees to it that every slice is read."""

    def __init__(
        self,
        worker: SliceWorker,
        groups: Iterable[Sequence[VacancyToRead]],
        slice_size: int,
        vacancies: pd.DataFrame,
        texts: VacancyTexts,
        step: Step,
        say: Callable[[str], None],
    ) -> None:
        self._worker = worker
        self._cut = list(slice_groups(groups, slice_size))
        self._reading = Reading(
            reading=name_reading(worker.profile.name, worker.asked, self._cut),
            search_profile=worker.profile.name,
            asked=worker.asked,
            run_id=worker.run_id,
        )
        self._vacancies, self._texts = vacancies, texts
        self._step = step
        self._say = say
        self._reopened: dict[int, int] = {}

    def open(self) -> None:
        """Write the slices down, so that others can help; those that are done stay so."""
        worker = self._worker
        worker.slices.lead(self._reading, self._cut, worker.session)
        forget_left(worker.slices, worker.tables, worker.profile.name, but=self._reading.reading)

    def read(self) -> tuple[pa.Table, list[Tally]]:
        """Return the rows of all slices, and what came of each; nothing of them is left behind.

        Raises:
            OSError, pyarrow.ArrowException: the part of a slice cannot be read, however often it
                is written.
        """
        worker, reading, slices = self._worker, self._reading.reading, self._worker.slices
        self.open()
        said = None
        while True:
            self._read_what_is_open()
            tallies = slices.tallies(reading)
            done = [tally for tally in tallies.values() if tally is not None]
            if len(tallies) < len(self._cut):  # another run of this profile was ready first
                self.open()
            elif len(done) == len(self._cut):
                table = self._assemble()
                if table is not None:
                    dropped = slices.drop(reading, worker.session)
                    worker.tables.drop_parts(worker.profile.name, reading, dropped)
                    return table, done
            elif said != len(done):
                said = len(done)
                others = len(self._cut) - len(done)
                self._say(f"{said} of {len(self._cut)} slices read; others read {others}")
            else:
                time.sleep(_SECONDS_BETWEEN_LOOKS)

    def _read_what_is_open(self) -> None:
        worker, reading = self._worker, self._reading.reading
        while claimed := worker.slices.claim(reading, worker.session):
            ids = list(claimed.vacancy_ids)
            its = self._vacancies[self._vacancies["vacancy_id"].isin(ids)]
            tally = worker.read(reading, claimed, its, self._texts, self._step)
            if tally.stopped is not None and tally.stopped.kind == "unavailable":
                worker = self._worker = replace(
                    worker, reader=_Postponing(worker.reader, tally.stopped)
                )

    def _assemble(self) -> pa.Table | None:
        """Return the rows of all parts, in order; None if one is of no use and is to be read again.

        Texts of two slices may share an answer: the first carries its cost, as in one process.
        """
        building = TableBuilder(EXTRACTED_VACANCIES)
        paid: set[str] = set()
        is_whole = True
        for each in self._cut:
            try:
                part = self._read_part(each)
            except StorageUnavailable:
                raise
            except (OSError, pa.ArrowException) as error:
                self._reopen(each.number, error)
                is_whole = False
                continue
            keys = part["answer_key"].to_pylist()
            building.add_table(_without_costs(part, [key in paid for key in keys]))
            paid.update(key for key in keys if key is not None)
        return building.finish() if is_whole else None

    def _read_part(self, its: ReadingSlice) -> pa.Table:
        worker = self._worker
        path = worker.tables.part_path(worker.profile.name, self._reading.reading, its.number)
        part = read_arrow(path)
        if part.schema != READING_PART.arrow_schema or sorted(
            part["vacancy_id"].to_pylist()
        ) != sorted(its.vacancy_ids):
            raise pa.ArrowInvalid(f"{path} is not what was read in slice {its.number}")
        return part

    def _reopen(self, number: int, error: Exception) -> None:
        times = self._reopened[number] = self._reopened.get(number, 0) + 1
        if times >= TIMES_READ:
            raise error
        self._say(f"slice {number} is read again, as what was made of it cannot be used: {error}")
        self._worker.slices.reopen(self._reading.reading, number)


def forget_left(
    slices: ReadingSlices, tables: TableStore, search_profile: str, *, but: str | None = None
) -> None:
    """Remove what runs of a search profile left behind that died and that nobody goes on with."""
    for reading, numbers in slices.drop_left(search_profile, but=but).items():
        tables.drop_parts(search_profile, reading, numbers)


def _without_costs(part: pa.Table, are_paid: list[bool]) -> pa.Table:
    """Return a part as rows of the table, its costs 0 where they are carried by another row."""
    rows = part.select(EXTRACTED_VACANCIES.arrow_schema.names)
    if not any(are_paid):
        return rows
    mask = pa.array(are_paid)
    for name in _COSTS:
        column = rows.schema.get_field_index(name)
        field = rows.schema.field(name)
        nothing = pa.scalar(0, field.type)
        rows = rows.set_column(column, field, pc.if_else(mask, nothing, rows[name]))
    return rows


class _Postponing:
    """Reads nothing: the service stopped, and another slice would not change that."""

    def __init__(self, reader: VacancyReader, outcome: ReadingPostponed) -> None:
        self.extractor: ExtractorName = reader.extractor
        self.model = reader.model
        self.spend = Spend()
        self._outcome = outcome

    def read_all(
        self,
        vacancies: Iterable[VacancyText],
        on_outcome: OnOutcome,
        transport: TransportName | None = None,
    ) -> None:
        for vacancy in vacancies:
            on_outcome(vacancy, self._outcome)
