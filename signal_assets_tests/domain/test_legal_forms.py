import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.legal_forms import is_natural_person_form, normalize_legal_form


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Besloten vennootschap met gewone structuur", "besloten_vennootschap"),
        ("BeslotenVennootschap", "besloten_vennootschap"),
        ("b.v.", "besloten_vennootschap"),
        ("Naamloze Vennootschap", "naamloze_vennootschap"),
        ("Vennootschap onder firma", "vennootschap_onder_firma"),
        ("V.O.F.", "vennootschap_onder_firma"),
        ("Commanditaire vennootschap met beherend vennoot", "commanditaire_vennootschap"),
        ("Eenmanszaak met meer dan één eigenaar", "eenmanszaak"),
        ("Vereniging van Eigenaars", "vereniging_van_eigenaars"),
        ("Vereniging met volledige rechtsbevoegdheid", "vereniging"),
        ("Coöperatie U.A.", "cooperatie"),
        ("Onderlinge waarborgmaatschappij", "onderlinge_waarborgmaatschappij"),
        ("Buitenlandse EG-vennootschap", "other"),
        ("Bvba", "other"),
        ("", None),
        ("  ", None),
        (None, None),
    ],
)
def test_each_spelling_has_one_form(text, form):
    assert normalize_legal_form(text) == form


@given(st.text())
def test_a_normalised_form_is_normalised_already(text):
    form = normalize_legal_form(text)
    assert form is None or form == "other" or normalize_legal_form(form) == form


def test_doubt_about_who_stands_behind_a_company_is_none():
    assert is_natural_person_form("other") is None
    assert is_natural_person_form(None) is None
