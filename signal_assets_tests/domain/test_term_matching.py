import pytest

from signal_assets.domain.search_profiles import SearchTerm
from signal_assets.domain.term_matching import TermMatcher


def find(text: str, *terms: str) -> str | None:
    return TermMatcher([SearchTerm(term=term) for term in terms]).find(text)


@pytest.mark.parametrize(
    "text",
    [
        "accounts payable",
        "ACCOUNTS PAYABLE",
        "Senior Accounts\n\tPayable-medewerker",
        "(accounts payable)",
        "accounts\u00a0payable",
        "acc\u00adounts pay\u200bable",
    ],
)
def test_a_term_is_found_whatever_its_case_and_blanks(text):
    assert find(text, "Accounts Payable") == "Accounts Payable"


@pytest.mark.parametrize("text", ["", "accounts", "subaccounts payable", "accounts payables"])
def test_a_term_is_found_as_whole_words_only(text):
    assert find(text, "accounts payable") is None


def test_a_primary_term_goes_before_a_secondary_one():
    matcher = TermMatcher(
        [SearchTerm(term="sap", priority="secondary"), SearchTerm(term="boekhouder")]
    )
    assert matcher.find("SAP boekhouder") == "boekhouder"


@pytest.mark.parametrize("term", ["C++", "r&d", ".NET", "(m/v)"])
def test_signs_in_a_term_are_only_signs(term):
    assert find(f"wij zoeken {term} mensen", term) == term


def test_without_terms_nothing_is_found():
    assert find("boekhouder") is None
