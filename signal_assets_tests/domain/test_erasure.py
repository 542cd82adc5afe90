import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.erasure import (
    Marks,
    Traces,
    make_mark,
    parse_subject,
    possible_subjects,
    words_in,
)
from signal_assets.domain.masking import MASK

JANSEN = Traces(
    numbers=["01234567"], addresses=["jan@jansen.test"], names=["Jansen & Zonen Boekhouding B.V."]
)


@pytest.mark.parametrize(
    "text",
    [
        "KvK 01234567",
        "kvk-nummer: 01.23.45.67.",
        "KvK01234567",
        "mail JAN@Jansen.test!",
        "jan (at) jansen.test",
        "mailto:jan%40jansen.test?subject=x",
        "Wij zijn JANSEN & ZONEN  boekhouding bv",
        "werken bij Jansen & Zonen\nBoekhouding",
        '{"naam": "Jansen \\u0026 Zonen Boekhouding"}',
        "<naam>Jansen &amp; Zonen Boekhouding</naam>",
        '{"cut off": "jan\\u0040jansen.test',
        '{"content": "{\\"quote\\": \\"jan\\\\u0040jansen.test\\"}"}',
    ],
)
def test_what_stands_for_somebody_is_found_however_it_is_written(text):
    assert JANSEN.stand_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "1234567",
        "101234567",
        "012345678",
        "piet@jansen.test",
        "ajan@jansen.test",
        "jan@jansen.testing",
        "Jansen Transport",
        "Jansen & Zonen",
    ],
)
def test_somebody_else_is_not_found(text):
    assert not JANSEN.stand_in(text)
    assert JANSEN.mask(text) == text


@pytest.mark.parametrize("name", ["Exact B.V.", "Delta B.V.", "ABN"])
def test_a_name_that_is_a_word_of_others_is_looked_for_with_its_legal_form_only(name):
    traces = Traces(names=[name])
    bare = name.removesuffix(" B.V.")
    assert traces.stand_in(f"Zo werkt {bare} niet.") is False
    assert traces.stand_in(f"Wij zijn {name}") is (bare != name)


@given(before=st.text(), after=st.text(), parts=st.sampled_from(["01234567", "jan@jansen.test"]))
def test_a_masked_text_is_as_long_and_names_nobody_any_more(before, after, parts):
    text = f"{before} {parts} {after}"
    masked = JANSEN.mask(text)
    assert len(masked) == len(text)
    assert not JANSEN.stand_in(masked)
    assert JANSEN.mask(masked) == masked


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_every_string_of_an_answer_is_looked_at(value):
    found = list(words_in(json.dumps({"a": value, "b": "needle"})))
    assert "needle" in found


def test_a_number_that_lost_its_leading_zero_is_refused():
    with pytest.raises(ValueError, match="leading zero"):
        parse_subject("kvk_number", "1234567")


def test_a_mark_is_known_again_and_cannot_be_read():
    mark = make_mark("email", "jan@jansen.test", "salt")
    assert "jan" not in mark.digest
    assert Marks([mark]).has("email", "jan@jansen.test")
    assert not Marks([mark]).has("email", "piet@jansen.test")
    assert not Marks([mark._replace(salt="other")]).has("email", "jan@jansen.test")


def test_numbers_and_addresses_that_were_erased_are_masked_in_place():
    marks = Marks(
        [make_mark("email", "jan@jansen.test", "s"), make_mark("kvk_number", "01234567", "s")]
    )
    text = "Bel 12345678, KvK 01.23.45.67, JAN@jansen.test, piet@jansen.test"
    masked = f"Bel 12345678, KvK {MASK * 11}, {MASK * 15}, piet@jansen.test"
    assert marks.mask(text) == masked


def test_what_is_asked_about_may_be_a_number_an_address_or_a_name():
    kinds = {text: [subject.kind for subject in possible_subjects(text)] for text in ("---", "Jan")}
    assert kinds == {"---": [], "Jan": ["company"]}
    assert possible_subjects("01234567")[0].kind == "kvk_number"
