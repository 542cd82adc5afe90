"""Slices of a reading, by a fake reader in one process: the same rows, costs and counts."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from signal_assets.clients.ledger import Budgets, Caller, Ledger
from signal_assets.clients.readers import OnOutcome, TransportName
from signal_assets.clients.reading_slices import ReadingSlices
from signal_assets.defs.frames import to_frame
from signal_assets.defs.readings import TEXT_COLUMNS, Readings, VacancyTexts
from signal_assets.defs.shared_readings import (
    LeadingRun,
    SliceWorker,
    VacanciesChanged,
    help_reading,
)
from signal_assets.defs.storage import TableStore
from signal_assets.defs.tables import RAW_VACANCIES
from signal_assets.domain.companies import Spend
from signal_assets.domain.extractions import (
    Claim,
    ExtractorName,
    Reading,
    ReadingOutcome,
    ReadingPostponed,
    VacancyText,
)
from signal_assets.domain.gazetteers import Gazetteer
from signal_assets.domain.prompts import PromptVersion
from signal_assets.domain.reading_plans import VacancyToRead
from signal_assets.domain.reading_slices import add_up
from signal_assets.domain.search_profiles import SearchProfile

PROFILE = SearchProfile.model_validate(
    {
        "name": "big",
        "sources": [{"type": "file", "path": "vacancies.jsonl"}],
        "extraction": {"system_prompt": "Read.", "schema": {"erp_systems": "Which?"}},
    }
)
MOMENT = datetime(2026, 11, 20, tzinfo=UTC)
ONE_CALL = Decimal("0.25")
COUNT = 7


class FakeReader:
    """Finds SAP in every text, for a price; stops at the text it is told to stop at."""

    extractor: ExtractorName = "claude"
    model: str | None = "a-model"

    def __init__(self, stops_at: int | None = None) -> None:
        self.asked: list[str] = []
        self._stops_at = stops_at

    @property
    def spend(self) -> Spend:
        return Spend(calls=len(self.asked), cost_usd=ONE_CALL * len(self.asked))

    def read_all(
        self,
        vacancies: Iterable[VacancyText],
        on_outcome: OnOutcome,
        transport: TransportName | None = None,
    ) -> None:
        for vacancy in reversed(list(vacancies)):
            on_outcome(vacancy, self._read(vacancy))

    def _read(self, vacancy: VacancyText) -> ReadingOutcome:
        if len(self.asked) == self._stops_at:
            self.asked.append(vacancy.vacancy_id)
            return ReadingPostponed(kind="unavailable", reason="it is down")
        self.asked.append(vacancy.vacancy_id)
        return Reading(
            claims=(Claim(field="erp_systems", value="SAP", quote="SAP"),),
            extractor="claude",
            model=self.model,
            tokens_input=10,
            cost_usd=ONE_CALL,
            answer_key=vacancy.description.partition("#")[2],
        )


class Place:
    """One storage and one database, and the workers there."""

    def __init__(self, folder: Path) -> None:
        self.tables = TableStore(str(folder / "data"))
        self.ledger = Ledger.open(f"sqlite:///{folder / 'ledger.db'}")
        self.slices = ReadingSlices(self.ledger.database)
        self.opened = ExitStack()
        self.opened.callback(self.ledger.close)

    def worker(self, reader: FakeReader) -> SliceWorker:
        caller = Caller(run_id="leading", asset="extracted_vacancies", search_profile="big")
        return SliceWorker(
            profile=PROFILE,
            prompt=prompt(),
            gazetteer=Gazetteer(()),
            reader=reader,
            tables=self.tables,
            slices=self.slices,
            session=self.opened.enter_context(self.ledger.session(caller, Budgets())),
            run_id="leading",
            moment=MOMENT,
        )

    def lead(self, worker: SliceWorker, vacancies: pd.DataFrame, size: int) -> LeadingRun:
        texts = texts_of(vacancies)
        return LeadingRun(
            worker, groups(), size, vacancies, texts, lambda: None, lambda words: None
        )


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    with place.opened:
        yield place


def prompt() -> PromptVersion:
    return PromptVersion(
        search_profile="big",
        version=1,
        system_prompt="Read.",
        schema_={"erp_systems": "Which?"},
        created_at=MOMENT,
        is_active=True,
    )


def groups() -> list[list[VacancyToRead]]:
    """Every vacancy alone, but the third, which has a copy."""
    alone = [[VacancyToRead(f"v{number}", f"h{number}", "A B.V.")] for number in range(COUNT)]
    alone[2].append(VacancyToRead("copy", "hc", "A B.V."))
    return alone


def vacancies(**changed: str) -> pd.DataFrame:
    rows: list[dict[str, Any]] = [
        {
            "vacancy_id": each.vacancy_id,
            "title": "Clerk",
            "description": f"Works with SAP. #{each.vacancy_id}",
            "company_name": each.company_name,
            "content_hash": changed.get(each.vacancy_id, each.content_hash),
        }
        for group in groups()
        for each in group
    ]
    return to_frame(rows, RAW_VACANCIES)


def texts_of(vacancies: pd.DataFrame) -> VacancyTexts:
    return VacancyTexts([pa.Table.from_pandas(vacancies[list(TEXT_COLUMNS)])])


def in_order(table: pa.Table) -> list[dict[str, Any]]:
    return sorted(table.to_pylist(), key=lambda row: str(row["vacancy_id"]))


@pytest.mark.parametrize("size", [1, 2, 3, COUNT, COUNT + 1])
def test_slices_of_any_size_make_the_same_rows_and_counts(place: Place, size: int) -> None:
    whole = Readings(texts_of(vacancies()), prompt(), Gazetteer(()), MOMENT)
    whole.read(FakeReader(), groups(), None, lambda: None)

    table, tallies = place.lead(place.worker(FakeReader()), vacancies(), size).read()

    assert in_order(table) == in_order(whole.rows())
    assert add_up(tallies) == whole.tally("leading").model_copy(update={"run_id": None})
    assert len(tallies) == -(-COUNT // size)


def test_an_answer_that_texts_of_two_slices_share_costs_once(place: Place) -> None:
    frame = vacancies()
    frame["description"] = "Works with SAP. #same"

    table, _ = place.lead(place.worker(FakeReader()), frame, 2).read()

    costs = {row["vacancy_id"]: row["cost_usd"] for row in table.to_pylist() if row["cost_usd"]}
    assert costs.keys() <= {"v0", "v1"}, "only the first slice carries it"
    assert {row["tokens_input"] for row in in_order(table) if row["vacancy_id"] > "v1"} == {0}


def test_a_service_that_is_down_is_asked_in_no_other_slice(place: Place) -> None:
    reader = FakeReader(stops_at=1)

    table, _ = place.lead(place.worker(reader), vacancies(), 2).read()

    assert len(reader.asked) == 2
    waiting = [row for row in table.to_pylist() if row["extraction_status"] == "pending"]
    assert {row["error"] for row in waiting} == {"it is down"}
    assert len(waiting) == len(vacancies()) - 1


def test_a_helper_reads_what_the_run_does_not(place: Place) -> None:
    place.tables.write(RAW_VACANCIES, "big", vacancies())
    leader, helper = FakeReader(), FakeReader()
    leading = place.lead(place.worker(leader), vacancies(), 2)
    leading.open()

    done, is_there = help_reading(place.worker(helper), lambda texts: lambda: None)
    table, _ = leading.read()

    assert (done, is_there, leader.asked) == (4, True, [])
    assert len(helper.asked) == COUNT
    assert table.num_rows == len(vacancies())


def test_a_helper_leaves_a_slice_whose_vacancies_were_harvested_anew(place: Place) -> None:
    place.tables.write(RAW_VACANCIES, "big", vacancies(v0="other words"))
    leader = FakeReader()
    leading = place.lead(place.worker(leader), vacancies(), 2)
    leading.open()

    with pytest.raises(VacanciesChanged, match="harvest"):
        help_reading(place.worker(FakeReader()), lambda texts: lambda: None)
    table, _ = leading.read()

    assert len(leader.asked) == COUNT
    assert table.num_rows == len(vacancies())


def test_a_helper_that_would_ask_something_else_helps_nobody(place: Place) -> None:
    place.lead(place.worker(FakeReader()), vacancies(), 2).open()
    other = FakeReader()
    other.model = "another-model"

    assert help_reading(place.worker(other), lambda texts: lambda: None) == (0, False)
