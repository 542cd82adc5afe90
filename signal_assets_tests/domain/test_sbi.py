"""SBI 2025: the shipped list, and codes checked against it."""

from collections import Counter
from importlib import resources

import pytest

from signal_assets.domain.posters import STAFFING_DIVISION
from signal_assets.domain.register_evidence import _AGENCY_SBI, _HOLDING_SBI
from signal_assets.domain.sbi import find_sbi_code, list_sbi_path, note_unknown_codes, sbi_2025
from signal_assets.sandbox.world import shipped_world


def test_the_list_is_whole():
    assert Counter(entry.level for entry in sbi_2025().values()) == {
        "section": 22,
        "division": 87,
        "group": 287,
        "class": 651,
        "subclass": 907,
    }


def test_every_entry_belongs_to_one_that_is_there():
    parents = {entry.parent for entry in sbi_2025().values()} - {None}
    assert parents <= set(sbi_2025())


def test_codes_are_texts_with_their_leading_zeros():
    code = find_sbi_code("01241")
    assert code is not None
    assert code.name_nl.startswith("Teelt van appels")


def test_the_notice_lies_beside_the_list():
    notice = resources.files("signal_assets.domain") / "data" / "sbi2025_notice.txt"
    assert "Centraal Bureau voor de Statistiek (CBS), CC BY 4.0" in notice.read_text("utf-8")


@pytest.mark.parametrize("code", [STAFFING_DIVISION, _AGENCY_SBI, *_HOLDING_SBI])
def test_every_code_that_a_rule_waits_for_exists(code):
    assert note_unknown_codes([code]) == ()


def test_computer_programming_is_in_section_k():
    assert list_sbi_path("62100")[0].code == "K"


@pytest.mark.parametrize("code", ["46380", "6201", "", "x" * 50])
def test_an_unknown_code_is_noted_and_is_no_error(code):
    (note,) = note_unknown_codes([code, code])
    assert note.endswith("is not in SBI 2025")


def test_codes_of_an_unknown_edition_are_not_judged():
    assert note_unknown_codes(["6201"], edition="unknown") == ()


def test_the_invented_companies_have_codes_of_the_list():
    codes = [code for company in shipped_world().companies for code in company.sbi]
    assert note_unknown_codes(codes) == ()
