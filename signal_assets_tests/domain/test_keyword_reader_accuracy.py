"""The figures that the keyword reader must keep reaching on labelled real vacancies."""

import pytest

from signal_assets.clients.evaluation_files import read_labelled
from signal_assets.clients.profile_files import load_named_profile
from signal_assets.defs.evaluations import measure
from signal_assets.settings import Settings
from signal_assets.shipped import shipped


@pytest.fixture(scope="module")
def figures(reference_data):
    gold = reference_data / "gold"
    if not (gold / "labels.jsonl").is_file():
        pytest.skip(f"no labelled vacancies in {gold}")
    profile = load_named_profile(shipped("profiles"), "accounts_payable").profile
    labelled = read_labelled(gold / "labels.jsonl", gold / "vacancies.jsonl")
    report = measure(Settings(), profile, labelled, "keyword")
    return {one.field: one for one in (*report.fields, report.overall)}


@pytest.mark.parametrize(
    ("field", "f1"),
    [
        ("erp_systems", 0.93),
        ("p2p_tools", 0.93),
        ("team_size", 0.75),
        ("complexity_signals", 0.6),
        ("automation_status", 0.6),
        ("overall", 0.9),
    ],
)
def test_a_field_is_read_as_well_as_promised(figures, field, f1):
    assert figures[field].f1 >= f1


@pytest.mark.parametrize("field", ["erp_systems", "p2p_tools"])
def test_nine_of_ten_tools_found_are_labelled(figures, field):
    assert figures[field].precision.value >= 0.9


@pytest.mark.parametrize(("field", "share"), [("erp_systems", 0.9), ("p2p_tools", 0.8)])
def test_the_state_of_a_tool_is_read_as_well_as_promised(figures, field, share):
    assert figures[field].state.value >= share
