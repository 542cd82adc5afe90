"""Harvests run twice, broken off, and of two profiles: what the tables hold afterwards."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from signal_assets.defs.raw_vacancies import raw_vacancies
from signal_assets.defs.storage import TableStore
from signal_assets.defs.tables import RAW_VACANCIES
from signal_assets.domain.erasure import Marks, make_mark
from signal_assets.domain.harvests import SourceAnswer
from signal_assets.domain.search_profiles import SearchProfile
from signal_assets.domain.vacancies import Posting
from signal_assets.progress import LoggedProgress
from signal_assets_tests.defs.conftest import Workspace

WORDS = " ".join(f"woord{number} zin{number}" for number in range(60))


def profile(name: str) -> SearchProfile:
    return SearchProfile.model_validate(
        {
            "name": name,
            "sources": [{"type": "file", "path": "none.jsonl"}],
            "extraction": {"system_prompt": "?", "schema": {"erp_systems": "Which? A list."}},
        }
    )


def posting(number: int, text: str = "", company_name: str = "Voorbeeld B.V.") -> Posting:
    return Posting(
        source="file",
        external_id=str(number),
        title=f"Boekhouder {'ABCDEFGH'[number] * 5}",
        company_name=company_name,
        description=text or f"Vacature {number} vraagt kennis van pakket {number}.",
    )


class ListedSource:
    """A source that brings a list, and is killed on the way if told so."""

    def __init__(self, postings: Sequence[Posting], killed_after: int | None = None) -> None:
        self._postings = postings
        self._killed_after = killed_after

    def harvest(self, terms: object) -> Iterator[SourceAnswer]:
        for number, item in enumerate(self._postings):
            if number == self._killed_after:
                raise KeyboardInterrupt
            yield SourceAnswer(source="file", outcome="rows", postings=(item,))


class Harvests:
    def __init__(self, folder: Path) -> None:
        self.tables = TableStore(str(folder))
        self.metadata: dict[str, Any] = {}
        self.erased = Marks()

    def run(
        self,
        postings: Sequence[Posting],
        name: str = "worked_example",
        *,
        killed_after: int | None = None,
        is_stored: bool = True,
    ) -> dict[str, dict[str, Any]]:
        with dg.build_asset_context(partition_key=name) as context:
            result = raw_vacancies(
                context,
                search_profile=profile(name),
                sources=(ListedSource(postings, killed_after),),
                tables=self.tables,
                erased=self.erased,
                progress=LoggedProgress(dg.get_dagster_logger()),
            )
        assert isinstance(result, dg.MaterializeResult)
        frame = result.value.to_frame()
        self.metadata = dict(result.metadata or {})
        if is_stored:
            self.tables.write(RAW_VACANCIES, name, frame)
        return without_moments(frame.to_dict("records"))


@pytest.fixture
def harvests(tmp_path: Path) -> Harvests:
    return Harvests(tmp_path / "data")


def without_moments(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    moments = ("first_seen_at", "last_seen_at")
    kept = [{key: str(row[key]) for key in row if key not in moments} for row in rows]
    return {row["vacancy_id"]: row for row in kept}


SIX = [posting(number) for number in range(4)] + [posting(4, WORDS), posting(5, f"Hé! {WORDS}")]


def test_a_harvest_run_twice_adds_nothing(harvests):
    first = harvests.run(SIX)
    assert harvests.run(SIX) == first
    assert harvests.metadata["new_vacancies"] == 0
    assert harvests.metadata["compared_for_duplicates"] == 0


@pytest.mark.parametrize("killed_after", [0, 3, 5])
def test_a_harvest_that_was_killed_brings_the_rest_when_it_runs_again(harvests, killed_after):
    undisturbed = Harvests(harvests.tables.root / "other").run(SIX)
    harvests.run(SIX[:2])
    with pytest.raises(KeyboardInterrupt):
        harvests.run(SIX, killed_after=killed_after)
    assert harvests.run(SIX) == undisturbed


def test_a_harvest_killed_before_its_table_was_written_leaves_nothing_that_misleads(harvests):
    undisturbed = Harvests(harvests.tables.root / "other").run(SIX)
    harvests.run(SIX, is_stored=False)
    assert harvests.run(SIX) == undisturbed


def test_two_profiles_that_find_the_same_vacancy_do_not_disturb_each_other(harvests):
    alone = Harvests(harvests.tables.root / "other")
    first, second = alone.run(SIX[:5], "one"), alone.run(SIX[2:], "two")
    assert harvests.run(SIX[:5], "one") == first
    assert harvests.run(SIX[2:], "two") == second
    assert harvests.run(SIX[:5], "one") == first


def test_a_copy_that_comes_later_is_not_read_and_has_only_what_its_own_text_states(
    workspace: Workspace,
) -> None:
    text = f"{WORDS}. Je werkt met SAP."
    workspace_file(workspace, {"1": text})
    workspace.run("full_job")
    workspace.control.clear_journal()
    workspace_file(workspace, {"1": text, "2": f"Hé! {text}", "3": WORDS})

    assert workspace.run("full_job").success
    assert workspace.control.counts() == []
    rows = workspace.rows("extracted_vacancies", key="vacancy_id")
    assert [rows[f"file:{n}"]["read_from"] for n in (2, 3)] == ["file:1", "file:1"]
    data = [json.loads(rows[f"file:{n}"]["extracted_data"]) for n in (1, 2, 3)]
    assert [item["erp_systems"] for item in data] == [["SAP"], ["SAP"], None]


def workspace_file(workspace: Workspace, texts: dict[str, str]) -> None:
    folder = workspace.profiles / "vacancies/worked_example"
    (folder / "worked_example.jsonl").unlink(missing_ok=True)
    row = {"title": "Boekhouder", "company_name": "Voorbeeld B.V."}
    lines = [
        json.dumps({"external_id": key, "description": text} | row) for key, text in texts.items()
    ]
    (folder / "copies.jsonl").write_text("\n".join(lines), encoding="utf-8")


SALT = "salt"


def test_a_company_that_was_erased_does_not_come_back(harvests: Harvests) -> None:
    harvests.erased = Marks([make_mark("name", "weggehaald", SALT)])
    rows = harvests.run([posting(0, company_name="WEGGEHAALD B.V."), posting(1)])
    assert list(rows) == ["file:1"]


def test_a_mail_address_that_was_erased_comes_back_masked(harvests: Harvests) -> None:
    harvests.erased = Marks([make_mark("email", "jan@voorbeeld.test", SALT)])
    rows = harvests.run([posting(0, text="Mail Jan@Voorbeeld.test of piet@voorbeeld.test.")])
    assert rows["file:0"]["description"] == "Mail __________________ of piet@voorbeeld.test."
