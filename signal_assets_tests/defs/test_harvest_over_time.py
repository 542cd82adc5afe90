"""What a profile knows of its vacancies after sources answered, refused and answered again."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest

from signal_assets.clients.sources import VacancySource
from signal_assets.clients.sources.boards import BoardSource
from signal_assets.defs.raw_vacancies import every_source_answered, raw_vacancies
from signal_assets.defs.storage import TableStore
from signal_assets.defs.tables import RAW_VACANCIES
from signal_assets.domain.boards import BOARD_KINDS
from signal_assets.domain.erasure import Marks
from signal_assets.domain.search_profiles import BoardSourceOptions, SearchProfile
from signal_assets.progress import LoggedProgress
from signal_assets_tests.clients.open_hosts import OpenHosts, Reply

LEVER, ASHBY = "api.lever.co/v0/postings/voorbeeld", "api.ashbyhq.com/posting-api/job-board/anders"
PROFILE = SearchProfile.model_validate(
    {
        "name": "worked_example",
        "sources": [
            {"type": "lever", "boards": ["voorbeeld"]},
            {"type": "ashby", "boards": ["anders"]},
        ],
        "extraction": {"system_prompt": "?", "schema": {"erp_systems": "?"}},
    }
)


def lever(*numbers: int) -> httpx.Response:
    texts = {number: f"Vacature {number} vraagt kennis van pakket {number}." for number in numbers}
    rows = [
        {"id": str(n), "text": f"Boekhouder {n}", "descriptionPlain": text}
        for n, text in texts.items()
    ]
    return httpx.Response(200, json=rows)


def ashby(*numbers: int) -> httpx.Response:
    jobs = [{"id": f"a{n}", "title": f"Lasser {n}", "descriptionHtml": f"{n}"} for n in numbers]
    return httpx.Response(200, json={"jobs": jobs})


class Harvests:
    """Harvests of one profile, one after another, into the tables of a folder."""

    def __init__(self, folder: Path) -> None:
        self.tables = TableStore(str(folder))
        self.metadata: dict[str, Any] = {}

    def run(self, lever_says: Reply | list[Reply], ashby_says: Reply) -> dict[str, dict[str, Any]]:
        """Return the rows by vacancy id after another harvest."""
        web = OpenHosts({LEVER: lever_says, ASHBY: ashby_says}).web(attempts=1)
        sources = tuple(self._sources(web))
        logger = dg.get_dagster_logger()
        with dg.build_asset_context(partition_key=PROFILE.name) as context:
            result = raw_vacancies(
                context,
                search_profile=PROFILE,
                sources=sources,
                tables=self.tables,
                erased=Marks(),
                progress=LoggedProgress(logger),
            )
        assert isinstance(result, dg.MaterializeResult)
        frame = result.value.to_frame()
        self.metadata = dict(result.metadata or {})
        self.tables.write(RAW_VACANCIES, PROFILE.name, frame)
        return {row["vacancy_id"]: row for row in frame.to_dict("records")}

    def check(self) -> dg.AssetCheckResult:
        context = dg.build_asset_check_context()
        found = every_source_answered(context, search_profile=PROFILE, tables=self.tables)
        assert isinstance(found, dg.AssetCheckResult)
        return found

    def _sources(self, web: Any) -> Iterator[VacancySource]:
        for options in PROFILE.sources:
            assert isinstance(options, BoardSourceOptions)
            yield BoardSource(BOARD_KINDS[options.type], options, web)


@pytest.fixture
def harvests(tmp_path: Path) -> Harvests:
    return Harvests(tmp_path / "data")


def closed(rows: dict[str, dict[str, Any]]) -> list[str]:
    return sorted(key for key, row in rows.items() if isinstance(row["closed_at"], datetime))


def test_a_vacancy_that_its_board_drops_is_closed_and_one_that_returns_is_open(harvests):
    first = harvests.run(lever(1, 2), ashby(1))
    assert closed(first) == []
    second = harvests.run(lever(1), ashby(1))
    assert closed(second) == ["lever:2"]
    third = harvests.run(lever(1, 2), ashby(1))
    assert closed(third) == []
    assert third["lever:2"]["first_seen_at"] == first["lever:2"]["first_seen_at"]


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.Response(403),
        httpx.Response(429),
        httpx.Response(500),
        httpx.Response(404),
        httpx.Response(200, text="<html>Back soon</html>"),
        httpx.Response(200, json={"error": "no"}),
    ],
)
def test_a_board_in_trouble_closes_nothing_and_the_check_says_so(harvests, trouble):
    harvests.run(lever(1, 2), ashby(1))
    rows = harvests.run(trouble, ashby(1))
    assert (len(rows), closed(rows)) == (3, [])
    check = harvests.check()
    assert not check.passed
    assert "lever voorbeeld" in str(check.metadata["without_answer"])


def test_a_board_that_refuses_in_the_middle_leaves_what_it_brought_and_closes_nothing(harvests):
    harvests.run(lever(*range(150)), ashby(1))
    rows = harvests.run([lever(*range(100, 200)), httpx.Response(403)], ashby(1))
    assert len(rows) == 201
    assert closed(rows) == []
    check = harvests.check()
    assert not check.passed
    assert "lever voorbeeld · everything: refused: HTTP 403" in str(check.metadata)


def test_an_empty_list_of_a_board_that_knows_nobody_closes_nothing(harvests):
    harvests.run(lever(1), ashby(1))
    assert closed(harvests.run(lever(1), ashby())) == []
    assert harvests.check().passed


def test_a_harvest_run_twice_adds_nothing(harvests):
    first = harvests.run(lever(1, 2), ashby(1))
    second = harvests.run(lever(1, 2), ashby(1))
    assert harvests.metadata["new_vacancies"] == 0
    assert first.keys() == second.keys()
    moved = {"last_seen_at"}
    for key, row in first.items():
        changed = {name for name, value in row.items() if str(value) != str(second[key][name])}
        assert changed <= moved


def test_tables_of_before_boards_were_known_are_read_on(harvests):
    rows = harvests.run(lever(1), ashby(1))
    frame = harvests.tables.read("raw_vacancies", PROFILE.name)
    assert frame is not None
    old = frame.drop(columns=["board", "apply_urls", "closed_at"])
    old.to_parquet(str(harvests.tables.path("raw_vacancies", PROFILE.name)))
    assert harvests.run(lever(1), ashby(1)).keys() == rows.keys()
    assert harvests.metadata["new_vacancies"] == 0
