from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.languages import LANGUAGES, detect_language, fill_in_languages
from signal_assets.domain.vacancies import Posting, update_vacancies


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Je verwerkt de facturen van onze leveranciers in een klein team.", "nl"),
        ("You will process the invoices of our suppliers in a small team.", "en"),
        ("Du bearbeitest die Rechnungen unserer Lieferanten in einem kleinen Team.", "de"),
        ("Vous traitez les factures de nos fournisseurs dans une petite équipe.", "fr"),
        ("", None),
        ("1 2 3 4 5 6 7 8 9 10 – 11 12 13 14 15", None),
        ("SAP", None),
    ],
)
def test_a_text_has_its_language_or_none(text, language):
    assert detect_language(text) == language


@given(st.text())
def test_any_text_has_a_known_language_or_none(text):
    assert detect_language(text) in (None, *LANGUAGES)


def test_what_the_source_states_is_kept():
    posting = Posting(
        source="file",
        external_id="1",
        title="Boekhouder",
        description="Wij zoeken jou!",
        language="fy",
    )
    harvest = update_vacancies([], [posting], datetime(2024, 1, 1, tzinfo=UTC))
    assert [vacancy.language for vacancy in fill_in_languages(harvest.vacancies)] == ["fy"]


def test_a_language_once_found_stays_until_the_words_change():
    text = "Je verwerkt de facturen van onze leveranciers."
    posting = Posting(source="file", external_id="1", title="Boekhouder", description=text)
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    first = fill_in_languages(update_vacancies([], [posting], moment).vacancies)
    (again,) = update_vacancies(first, [posting], moment).vacancies
    (changed,) = update_vacancies(
        first, [posting.model_copy(update={"description": "Anders"})], moment
    ).vacancies
    assert (again.language, changed.language) == ("nl", None)
