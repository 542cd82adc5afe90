"""`sources status` and `boards suggest` over tables of an earlier harvest."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from signal_assets.cli import app
from signal_assets.defs.frames import to_frame
from signal_assets.defs.storage import TableStore
from signal_assets.defs.tables import COMPANY_QUALITY, RAW_VACANCIES, SOURCE_ANSWERS
from signal_assets.domain.search_profiles import BoardSourceOptions, SearchProfile

MONDAY = datetime(2026, 3, 9, 6, tzinfo=UTC)
NAME = "watched"
PROFILE: dict[str, Any] = {
    "name": NAME,
    "search_terms": [{"term": "boekhouder"}, {"term": "lasser"}],
    "sources": [{"type": "lever", "boards": ["bekend"]}],
    "extraction": {"system_prompt": "?", "schema": {"erp_systems": "?"}},
}
Ask = Callable[..., Result]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.setenv("SIGNAL_ASSETS_PROFILES", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*args: str, **changes: Any) -> Result:
        (tmp_path / f"{NAME}.yaml").write_text(yaml.safe_dump(PROFILE | changes))
        return CliRunner().invoke(app, [*args, "--profile", NAME])

    return run


def harvested(*rows: dict[str, Any]) -> None:
    full = [
        {
            "vacancy_id": f"lever:{number}",
            "source": "lever",
            "external_id": str(number),
            "title": "Boekhouder",
            "search_term": "boekhouder",
            "first_seen_at": MONDAY,
            "last_seen_at": MONDAY,
            **row,
        }
        for number, row in enumerate(rows)
    ]
    TableStore("data").write(RAW_VACANCIES, NAME, to_frame(full, RAW_VACANCIES))


def answered(*rows: dict[str, Any]) -> None:
    empty = {"found": 0, "new": 0, "rejected": 0, "calls": 1, "harvested_at": MONDAY}
    frame = to_frame([{"source": "lever", **empty, **row} for row in rows], SOURCE_ANSWERS)
    TableStore("data").write(SOURCE_ANSWERS, NAME, frame)


def suggested(result: Result) -> list[dict[str, Any]]:
    return list(yaml.safe_load(f"sources:\n{result.stdout}")["sources"])


def test_boards_that_links_lead_to_are_offered_as_yaml_that_a_profile_takes(ask):
    harvested(
        {"url": "https://jobs.lever.co/bekend/1"},
        {"url": "https://jobs.lever.co/Nieuw/2"},
        {"url": "https://elders.example/3", "apply_urls": ["https://jobs.lever.co/Nieuw/3/apply"]},
        {"apply_urls": ["https://123.recruitee.com/o/x", "https://on.recruitee.com/o/y"]},
    )
    result = ask("boards", "suggest")
    assert result.exit_code == 0
    assert "Nieuw  # 2" in result.stdout
    profile = SearchProfile.model_validate(PROFILE | {"sources": suggested(result)})
    offered = {
        (source.type, entry.token)
        for source in profile.sources
        if isinstance(source, BoardSourceOptions)
        for entry in source.boards
    }
    assert offered == {("lever", "Nieuw"), ("recruitee", "123"), ("recruitee", "on")}


def test_a_link_that_stands_twice_in_a_vacancy_counts_once(ask):
    link = "https://jobs.lever.co/Nieuw/2"
    harvested({"url": link, "apply_urls": [link]})
    assert "Nieuw  # 1" in ask("boards", "suggest").stdout


def test_no_new_boards_is_said_in_words(ask):
    harvested({"url": "https://jobs.lever.co/bekend/1"})
    result = ask("boards", "suggest")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "No links to boards" in result.stderr


@pytest.mark.parametrize("command", [("boards", "suggest"), ("sources", "status")])
def test_before_the_first_harvest_the_next_step_is_named(ask, command):
    result = ask(*command)
    assert result.exit_code == 1
    assert f"signal-assets run --profile {NAME}" in result.stderr


@pytest.mark.parametrize("command", [("boards", "suggest"), ("sources", "status")])
def test_an_unknown_profile_is_wrong_use(ask, command):
    assert CliRunner().invoke(app, [*command, "--profile", "onbekend"]).exit_code == 2


def test_status_shows_each_outcome_and_what_was_said(ask):
    answered(
        {"board": "een", "outcome": "rows", "found": 2, "new": 1},
        {"board": "twee", "outcome": "refused", "message": "HTTP 403"},
        {"board": "drie", "outcome": "broken", "message": "there is no board 'drie' (HTTP 404)"},
        {"board": "vier", "outcome": "empty"},
    )
    text = ask("sources", "status").stdout
    for words in ("een", "rows", "refused", "lever · twee: HTTP 403", "broken", "empty"):
        assert words in text


def test_status_counts_what_each_term_brought(ask):
    answered({"board": "een", "outcome": "rows"})
    harvested({}, {"duplicate_of": "lever:0"}, {})
    company = {"company_id": "a", "name": "A", "vacancy_ids": ["lever:0"], "qualifies": True}
    TableStore("data").write(COMPANY_QUALITY, NAME, to_frame([company], COMPANY_QUALITY))
    lines = [line.split() for line in ask("sources", "status").stdout.splitlines()]
    assert ["lever", "boekhouder", "3", "3", "2", "1", "0"] in lines
    assert ["lever", "lasser", "0", "0", "0", "0", "0"] in lines


def test_the_terms_of_jobspy_are_shown_wherever_a_profile_uses_it(ask):
    answered({"board": "een", "outcome": "rows"})
    jobspy = [{"type": "jobspy", "sites": ["indeed"]}]
    for command in (("sources", "status"), ("profiles", "check")):
        assert "without their permission" in ask(*command, sources=jobspy).stderr
        assert "without their permission" not in ask(*command).stderr
