"""A person's decisions, the user's own lists and the accounts, through the jobs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest
from typer.testing import CliRunner

from signal_assets.cli import app
from signal_assets.clients.override_files import OverrideFile
from signal_assets.domain.overrides import Override, Verdict
from signal_assets.sandbox import SandboxServer
from signal_assets_tests.defs.conftest import Workspace

PROFILE = "searching"
KEYS = ("KVK_API_KEY", "COMPANY_INFO_API_KEY")


@pytest.fixture(scope="module")
def harvested(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace whose vacancies are read and whose companies were looked up once."""
    with SandboxServer() as server, pytest.MonkeyPatch.context() as patch:
        space = Workspace(tmp_path_factory.mktemp("workspace"), patch, server)
        space.set(SIGNAL_ASSETS_OVERRIDES=str(space.folder / "overrides.csv"))
        assert space.run("full_job", PROFILE).success
        yield space
        space.instance.dispose()


@pytest.fixture
def space(harvested: Workspace) -> Iterator[Workspace]:
    """The workspace, with nothing decided; what a test sets is gone after it."""
    with pytest.MonkeyPatch.context() as patch:
        space = Workspace.__new__(Workspace)
        space.__dict__.update(harvested.__dict__, _monkeypatch=patch)
        yield space
    (harvested.folder / "overrides.csv").unlink(missing_ok=True)
    harvested.control.clear_journal()


def enrich(space: Workspace) -> dg.ExecuteInProcessResult:
    return space.run("enrichment_job", PROFILE)


def decide(space: Workspace, name: str, verdict: Verdict, **fields: Any) -> OverrideFile:
    file = OverrideFile(space.folder / "overrides.csv")
    file.add(Override(name=name, verdict=verdict, **fields))
    return file


def companies(space: Workspace) -> dict[str, dict[str, Any]]:
    return space.rows("merged_companies", PROFILE)


def tables(space: Workspace) -> list[pd.DataFrame]:
    return [
        space.table(asset, PROFILE)
        for asset in ("kvk_profiles", "company_financials", "merged_companies")
    ]


def test_undoing_a_decision_restores_every_table(space: Workspace) -> None:
    assert enrich(space).success
    before = tables(space)
    file = decide(space, "Verzonnen Logistiek", "is", kvk_number="99900044")
    decide(space, "Proefakker Zuivel", "none")
    decide(space, "Nepkwartier Retail", "same_as", other_name="Versvoorbeeld")

    assert enrich(space).success
    decided = companies(space)
    assert decided["verzonnen logistiek"]["kvk_number"] == "99900044"
    assert decided["verzonnen logistiek nederland"]["kvk_number"] == "99900055"
    assert decided["proefakker zuivel"]["kvk_number"] is None
    assert decided["nepkwartier retail"]["merged_from"] == ["versvoorbeeld"]

    assert not file.undo()  # others have written since
    file.path.unlink()
    assert enrich(space).success
    for table, restored in zip(before, tables(space), strict=True):
        pd.testing.assert_frame_equal(restored, table)


def test_not_the_same_holds_against_one_number_and_survives_a_new_run(space: Workspace) -> None:
    decide(space, "Schijnwerk Energie", "not_same_as", other_name="Schijnwerk")
    for _ in range(2):
        assert enrich(space).success
        found = companies(space)
        numbers = {found[key]["kvk_number"] for key in ("schijnwerk", "schijnwerk energie")}
        assert numbers == {"99900199", None}


def test_the_record_of_a_decision_says_who_decided(space: Workspace) -> None:
    decide(space, "Proefakker Zuivel", "is", kvk_number="99900188")
    assert enrich(space).success
    row = space.rows("kvk_profiles", PROFILE)["proefakker zuivel"]
    assert (row["decided_by"], row["found_in"]) == ("override", "override")
    other = space.rows("kvk_profiles", PROFILE)["schijnwerk"]
    record = json.loads(other["decision"])
    assert record["rows"]
    assert record["rungs"]
    assert record["company"]["name"]["key_t1"] == "schijnwerk"


def test_a_wrong_line_in_the_overrides_stops_the_run_and_names_the_line(space: Workspace) -> None:
    (space.folder / "overrides.csv").write_text("name,kvk_number\nSchijnwerk,1234567\n")
    result = enrich(space)
    assert not result.success
    said = str([event.event_specific_data for event in result.all_events if event.is_failure])
    assert "overrides.csv:2" in said


def test_a_suppressed_company_costs_nothing_and_is_not_handed_over(
    space: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "suppression.csv"
    path.write_text("kvk_number,domain,name\n,,Proefakker Zuivel\n99900199,,\n")
    space.set(SIGNAL_ASSETS_SUPPRESSION=str(path))
    assert enrich(space).success

    row = space.rows("kvk_profiles", PROFILE)["proefakker zuivel"]
    assert row["enrichment_status"] == "skipped"
    assert "suppression list" in row["error"]
    assert "99900199" not in set(space.table("company_financials", PROFILE)["kvk_number"])
    written = CliRunner().invoke(app, ["export", "-p", PROFILE, "--unmatched"]).stdout
    assert "Proefakker" not in written
    assert "99900199" not in written
    assert "99900055" in written


def test_without_a_key_the_users_own_list_finds_companies_and_keeps_their_zeros(
    space: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "employers.csv"
    path.write_text(
        "name,kvk_number\nVoorbeeld Staalbouw B.V.,02076358\nSchijnwerk N.V.,01234567\n"
    )
    space.set(SIGNAL_ASSETS_EMPLOYERS=str(path))
    space.unset(*KEYS)
    assert enrich(space).success

    found = space.rows("kvk_profiles", PROFILE)
    assert found["voorbeeld staalbouw"]["kvk_number"] == "02076358"
    assert found["voorbeeld staalbouw"]["found_in"] == "employer_list"
    assert found["versvoorbeeld"]["match_decision"] == "none"
    written = CliRunner().invoke(app, ["export", "-p", PROFILE, "-f", "csv"]).stdout
    assert ",02076358," in written


def test_without_any_source_every_company_is_skipped_and_told_why(space: Workspace) -> None:
    space.unset(*KEYS)
    assert enrich(space).success
    rows = space.rows("kvk_profiles", PROFILE).values()
    assert {row["enrichment_status"] for row in rows} == {"skipped"}
    assert all("SIGNAL_ASSETS_EMPLOYERS" in row["error"] for row in rows)


def test_the_lei_register_stands_in_where_there_is_no_key(space: Workspace) -> None:
    space.set(SIGNAL_ASSETS_GLEIF="1")
    space.unset(*KEYS)
    assert enrich(space).success
    rows = space.rows("kvk_profiles", PROFILE)
    assert {row["found_in"] for row in rows.values() if row["kvk_number"]} == {"gleif"}


def test_the_accounts_hold_every_number_once_with_the_signals_of_its_profile(
    space: Workspace,
) -> None:
    from signal_assets.definitions import defs

    assert enrich(space).success
    result = defs.resolve_job_def("accounts_job").execute_in_process(instance=space.instance)
    assert all(check.passed for check in result.get_asset_check_evaluations())
    frame = space.tables.read("accounts")
    assert frame is not None
    rows = {row["kvk_number"]: row for row in frame.to_dict("records")}
    numbered = {row["kvk_number"] for row in companies(space).values() if row["kvk_number"]}
    assert set(rows) == numbered
    logistics = rows["99900055"]
    assert [sibling["kvk_number"] for sibling in json.loads(logistics["siblings"])] == ["99900044"]
    assert "99900044" not in rows
    assert set(json.loads(logistics["signals"])) == {PROFILE}
    assert rows["00990017"]["search_profiles"] == [PROFILE]


def test_one_command_prints_the_accounts(space: Workspace) -> None:
    assert enrich(space).success
    result = CliRunner().invoke(app, ["accounts"])
    assert result.exit_code == 0, result.output
    assert "99900055" in result.output
    assert "accounts" in result.output
