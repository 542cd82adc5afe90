from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from signal_assets.cli import app
from signal_assets.clients.override_files import read_overrides
from signal_assets.defs.frames import to_frame
from signal_assets.defs.storage import TableStore
from signal_assets.defs.tables import KVK_PROFILES, MERGED_COMPANIES
from signal_assets.domain.companies import RegisterRow
from signal_assets.domain.company_finding import Finding, Sources, find_company
from signal_assets_tests.conftest import TEST_PROFILES
from signal_assets_tests.domain.test_register_matching import FakeRegister, advertised

PROFILE = "worked_example"
OVERRIDES = Path("overrides.csv")


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNAL_ASSETS_PROFILES", str(TEST_PROFILES))
    monkeypatch.setenv("COLUMNS", "200")


def looked_up(raw_name: str, *rows: tuple[str, str]) -> tuple[str, Finding]:
    register = FakeRegister(
        RegisterRow(kvk_number=number, name=name, kind="hoofdvestiging") for number, name in rows
    )
    finding = find_company(
        advertised(raw_name, places=("utrecht",)), Sources(search=register.search)
    )
    return finding.company.name.key_t1, finding


def store(findings: Iterable[tuple[str, Finding]]) -> None:
    """Write the tables a run of pass 2 would leave."""
    found = dict(findings)
    rows = [
        {
            "company_id": company_id,
            "enrichment_status": "completed",
            "kvk_number": finding.match.kvk_number,
            "match_decision": finding.match.decision,
            "match_score": finding.match.score,
            "match_reasons": list(finding.match.reasons),
            "decided_by": finding.decided_by,
            "decision": finding.model_dump(mode="json", exclude_defaults=True),
        }
        for company_id, finding in found.items()
    ]
    tables = TableStore("data")
    tables.write(KVK_PROFILES, PROFILE, to_frame(rows, KVK_PROFILES))
    signal = {"value": "SAP", "quote": "je werkt met SAP", "vacancy_id": "file:1", "url": None}
    merged = [
        {
            "company_id": company_id,
            "name": company_id,
            "merged_from": [],
            "signals": {"erp": [signal]},
            "first_seen_at": datetime(2026, 1, 5, tzinfo=UTC),
        }
        for company_id in found
    ]
    tables.write(MERGED_COMPANIES, PROFILE, to_frame(merged, MERGED_COMPANIES))


TWINS = looked_up("TechCorp", ("01234567", "TechCorp B.V."), ("12345678", "TechCorp N.V."))
GROUP = looked_up("Newtech", ("23456789", "Newtech Holding B.V."))
SURE = looked_up("Voorbeeldbouw", ("34567890", "Voorbeeldbouw B.V."))


def review(keys: str) -> Result:
    result = CliRunner().invoke(app, ["matches", "review", "-p", PROFILE], input=keys)
    assert result.exit_code == 0, result.output
    return result


def decisions() -> list[tuple[str, str, str | None]]:
    return [(row.name, row.verdict, row.kvk_number) for row in read_overrides(OVERRIDES).rows]


def test_a_person_sees_the_candidates_and_the_vacancys_sentence() -> None:
    store([TWINS, SURE])
    shown = review("q\n").output
    for words in ("TechCorp B.V.", "TechCorp N.V.", "12345678", "“je werkt met SAP” file:1"):
        assert words in shown
    assert "Voorbeeldbouw" not in shown
    assert not OVERRIDES.exists()


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("2\nr\n", [("TechCorp", "is", "12345678"), ("Newtech", "none", None)]),
        ("a\ns\n", [("TechCorp", "is", "01234567")]),
        ("s\ns\n", []),
        ("9\n?\nq\n", []),
        ("x\n1\n1\nq\n", [("TechCorp", "is_not", "01234567"), ("TechCorp", "is", "12345678")]),
        ("1\nu\n2\nq\n", [("TechCorp", "is", "12345678")]),
        ("1\n1\nu\nu\nq\n", []),
        ("s\nu\n1\nq\n", [("TechCorp", "is", "01234567")]),
        ("x\n2\nu\nq\n", []),
        ("u\nq\n", []),
        ("", []),
    ],
)
def test_each_key_does_what_it_says(keys, expected) -> None:
    store([TWINS, GROUP])
    review(keys)
    assert decisions() == expected


def test_what_is_decided_is_not_asked_again() -> None:
    store([TWINS, GROUP])
    review("1\nq\n")
    assert "TechCorp" not in review("q\n").output
    review("r\n")
    assert "Nothing to decide" in review("").output


def test_a_rejected_candidate_is_not_shown_again() -> None:
    store([TWINS])
    review("x\n1\nq\n")
    assert "01234567" not in review("q\n").output


def test_a_wrong_line_in_the_overrides_is_named_before_anything_is_asked() -> None:
    store([TWINS])
    OVERRIDES.write_text("name,kvk_number\nTechCorp,1234567\n")
    result = CliRunner().invoke(app, ["matches", "review", "-p", PROFILE], input="1\n")
    assert result.exit_code == 2
    assert "overrides.csv:2: KvK number 1234567 has seven digits" in result.output


def test_a_decision_is_explained_step_by_step() -> None:
    store([TWINS])
    result = CliRunner().invoke(app, ["matches", "explain", "techcorp bv"])
    assert result.exit_code == 0
    for words in (
        "TechCorp in worked_example",
        "1. The name",
        "The Business Register for “TechCorp”: 2 rows.",
        "01234567 TechCorp B.V.: 6 points",
        "Another entry is only 0 points behind; 2 are asked.",
    ):
        assert words in result.output


def test_a_company_nobody_looked_up_is_decided_from_the_users_own_files(monkeypatch) -> None:
    Path("employers.csv").write_text("name,kvk_number\nTechCorp B.V.,01234567\n")
    monkeypatch.setenv("SIGNAL_ASSETS_EMPLOYERS", "employers.csv")
    result = CliRunner().invoke(app, ["matches", "explain", "Werken bij TechCorp"])
    assert "Your list of employers for “TechCorp”: 1 row." in result.output
    assert "auto: 01234567." in result.output


def test_matches_are_listed_by_decision() -> None:
    store([TWINS, SURE])
    result = CliRunner().invoke(app, ["matches", "list", "-p", PROFILE, "-d", "auto"])
    assert "34567890" in result.output
    assert "techcorp" not in result.output


def test_two_names_can_be_called_the_same_or_not() -> None:
    for command in ("same", "differ"):
        result = CliRunner().invoke(app, ["matches", command, "TechCorp", "Newtech B.V."])
        assert result.exit_code == 0
    sameness = read_overrides(OVERRIDES).sameness
    assert sameness.different == {("newtech", "techcorp")}
    assert sameness.same == ()


def test_spellings_of_one_name_need_no_word() -> None:
    result = CliRunner().invoke(app, ["matches", "same", "TechCorp", "Techcorp B.V."])
    assert result.exit_code == 2
    assert "spellings of one name" in result.output


def test_a_profile_that_was_never_run_is_named() -> None:
    result = CliRunner().invoke(app, ["matches", "list", "-p", PROFILE])
    assert result.exit_code == 1
    assert "Nothing was looked up yet" in result.output
