import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.company_names import normalize_company_name
from signal_assets.domain.overrides import (
    Override,
    Overrides,
    parse_number,
    parse_override,
    to_cells,
)


def ruling(raw_name: str, *rows: Override, places: tuple[str, ...] = ()):
    name = normalize_company_name(raw_name)
    assert name
    return Overrides(rows).find(name, places)


def said(name: str, verdict, **fields) -> Override:
    return Override(name=name, verdict=verdict, **fields)


def test_a_number_decides_for_every_spelling_of_the_name():
    row = said("TechCorp B.V.", "is", kvk_number="01234567")
    assert ruling("Werken bij TECHCORP", row).decided == row
    assert ruling("Newtech", row).decided is None


def test_the_later_of_two_decisions_holds():
    first = said("TechCorp", "is", kvk_number="01234567")
    second = said("Techcorp BV", "none")
    assert ruling("TechCorp", first, second).decided == second


def test_a_decision_for_the_place_goes_before_one_for_everywhere():
    everywhere = said("TechCorp", "is", kvk_number="01234567")
    in_delft = said("TechCorp", "is", kvk_number="12345678", place="Delft")
    rows = (in_delft, everywhere)
    assert ruling("TechCorp", *rows, places=("delft",)).decided == in_delft
    assert ruling("TechCorp", *rows, places=("utrecht",)).decided == everywhere


def test_is_not_takes_a_number_out_and_a_later_is_brings_it_back():
    no = said("TechCorp", "is_not", kvk_number="01234567")
    yes = said("TechCorp", "is", kvk_number="01234567")
    assert ruling("TechCorp", no) == (None, frozenset({"01234567"}))
    assert ruling("TechCorp", no, yes) == (yes, frozenset())
    assert ruling("TechCorp", yes, no) == (None, frozenset({"01234567"}))


def test_of_same_and_not_same_the_later_one_holds_whatever_the_order_of_the_names():
    rows = [
        said("TechCorp", "same_as", other_name="Newtech"),
        said("Newtech B.V.", "not_same_as", other_name="TechCorp"),
    ]
    assert Overrides(rows).sameness == ((), frozenset({("newtech", "techcorp")}))
    assert Overrides(rows[::-1]).sameness == ((("newtech", "techcorp"),), frozenset())


@pytest.mark.parametrize(
    ("cells", "verdict", "number"),
    [
        ({"name": "A1", "kvk_number": "01234567"}, "is", "01234567"),
        ({"name": "A1", "kvk": " 01 23 45 67 "}, "is", "01234567"),
        ({"name": "A1", "kvk_number": "geen"}, "none", None),
        ({"name": "A1", "kvk_number": "01234567", "verdict": "Is not"}, "is_not", "01234567"),
        ({"name": "A1", "other_name": "B2"}, "same_as", None),
        ({"name": "A1", "other_name": "B2", "verdict": "not-same-as"}, "not_same_as", None),
    ],
)
def test_a_row_says_what_it_means_with_few_words(cells, verdict, number):
    override = parse_override(cells, 2)
    assert (override.verdict, override.kvk_number, override.line) == (verdict, number, 2)


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ({"kvk_number": "01234567"}, "the name is missing"),
        ({"name": "A1"}, "it decides nothing"),
        ({"name": "A1", "kvk_number": "1234567"}, "leading zero"),
        ({"name": "A1", "kvk_number": "123"}, "not a KvK number"),
        ({"name": "A1", "kvk_number": "01234567", "verdict": "maybe"}, "none of is, is_not"),
        ({"name": "A1", "verdict": "is"}, "needs a kvk_number"),
        ({"name": "A1", "verdict": "none", "kvk_number": "01234567"}, "goes without"),
        ({"name": "A1", "verdict": "same_as"}, "needs an other_name"),
        ({"name": "A1 B.V.", "other_name": "A1"}, "spellings of one name"),
        ({"name": "--", "kvk_number": "01234567"}, "no letter or digit"),
    ],
)
def test_a_row_that_is_wrong_says_why(cells, problem):
    with pytest.raises(ValueError, match=problem):
        parse_override(cells, 2)


def test_a_number_of_seven_digits_is_never_padded():
    with pytest.raises(ValueError, match="seven digits"):
        parse_number("1234567")


NAMES = st.sampled_from(["TechCorp B.V.", "Newtech", "Voorbeeld & Zn."])
NUMBERS = st.sampled_from(["01234567", "12345678"])
ROWS = st.one_of(
    st.builds(said, NAMES, st.sampled_from(["is", "is_not"]), kvk_number=NUMBERS),
    st.builds(said, NAMES, st.just("none"), note=st.one_of(st.none(), st.just("met de hand"))),
    st.builds(said, NAMES, st.just("is"), kvk_number=NUMBERS, place=st.just("Delft")),
)


@given(ROWS)
def test_a_decision_written_as_cells_reads_back_the_same(override):
    assert parse_override(to_cells(override), 7) == override.model_copy(update={"line": 7})


@given(st.lists(ROWS, max_size=6), ROWS)
def test_taking_the_last_decision_away_restores_every_ruling(rows, last):
    before = Overrides(rows)
    after = Overrides([*rows, last])
    assert Overrides(after.rows[:-1]).rows == before.rows
    for raw_name in ("TechCorp", "Newtech", "Voorbeeld & Zonen"):
        assert ruling(raw_name, *after.rows[:-1], places=("delft",)) == ruling(
            raw_name, *rows, places=("delft",)
        )
