import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.negative_signals import NegativePhrases


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("De implementatie van Basware loopt.", "implementatie van Basware"),
        ("IMPLEMENTATIE VAN BASWARE", "IMPLEMENTATIE VAN BASWARE"),
        ("de implementatie\n  van Basware-software", "implementatie\n  van Basware"),
        ("implementatie-van-Basware", "implementatie-van-Basware"),
    ],
)
def test_a_phrase_is_found_in_any_case_and_spacing(text, quote):
    (signal,) = NegativePhrases(["implementatie van Basware"]).find("", text)
    assert (signal.quote, text[signal.start : signal.end]) == (quote, quote)


@pytest.mark.parametrize(
    "text",
    ["implementatie van Baswares", "herimplementatie van Basware", "implementatie van SAP", ""],
)
def test_a_phrase_is_found_as_whole_words_only(text):
    assert NegativePhrases(["implementatie van Basware"]).find("", text) == ()


def test_a_hyphen_in_a_phrase_matches_a_blank_or_nothing():
    phrases = NegativePhrases(["e-invoicing project"])
    for text in ("e-invoicing project", "e invoicing project", "einvoicing-project"):
        assert [signal.quote for signal in phrases.find("", text)] == [text]


def test_a_phrase_only_in_the_title_is_quoted_from_the_title():
    (signal,) = NegativePhrases(["RPA developer"]).find("Senior RPA Developer", "Wij zoeken jou.")
    assert (signal.part, signal.start, signal.quote) == ("title", 7, "RPA Developer")


def test_each_phrase_is_reported_once():
    phrases = NegativePhrases(["migratie naar Coupa", "RPA developer", "RPA developer"])
    found = phrases.find("", "RPA developer, migratie naar Coupa, RPA developer")
    assert [signal.phrase for signal in found] == ["RPA developer", "migratie naar Coupa"]


def test_no_phrases_find_nothing():
    assert NegativePhrases([]).find("RPA developer", "RPA developer") == ()


@given(before=st.text(), after=st.text())
def test_a_quote_is_what_the_text_says_there(before, after):
    text = f"{before} RPA developer {after}"
    (signal,) = NegativePhrases(["rpa developer"]).find("", text)
    assert text[signal.start : signal.end] == signal.quote
