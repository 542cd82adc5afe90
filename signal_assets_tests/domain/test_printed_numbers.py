import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.printed_numbers import (
    find_kvk_numbers,
    find_website_hosts,
    is_host_of_others,
    speaks_of_team,
)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("KvK 69599084", ["69599084"]),
        ("KVK-nummer: 6959 9084", ["69599084"]),
        ("kvk nr. 69599084", ["69599084"]),
        ("K.v.K. te Utrecht onder nummer 01.23.45.67.", ["01234567"]),
        ("ingeschreven in het handelsregister onder nr 02076358", ["02076358"]),
        ("Kamer van Koophandel: 01234567 en KvK 01234567", ["01234567"]),
        ("Chamber of Commerce number 01234567", ["01234567"]),
        ("KvK 0123456", []),
        ("KvK 012345678", []),
        ("bel 0612345678 voor de kvk", []),
        ("order 01234567", []),
        ("kvkantoor 01234567", []),
    ],
)
def test_eight_digits_count_only_where_the_words_say_what_they_are(text, numbers):
    assert [fact.value for fact in find_kvk_numbers(text)] == numbers


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("Kijk op https://www.techcorp.example/jobs?id=1.", ["techcorp.example"]),
        ("Mail hr@techcorp.example of ga naar www.techcorp.example", ["techcorp.example"]),
        ("https://werkenbij.techcorp.example", ["werkenbij.techcorp.example"]),
        ("Solliciteer via https://nl.linkedin.com/jobs of anna@gmail.com", []),
        ("versie 2.0 van A.B.C", []),
        ("mail [EMAIL]", []),
    ],
)
def test_hosts_that_may_be_the_companys_own_are_found(text, hosts):
    assert [fact.value for fact in find_website_hosts(text)] == hosts


def test_a_host_below_a_job_board_is_of_others_too():
    assert is_host_of_others("techcorp.recruitee.com")
    assert not is_host_of_others("notlinkedin.com")


@pytest.mark.parametrize(
    ("text", "is_team"),
    [
        ("Je komt in ons hechte team", True),
        ("een team van 6", True),
        ("met 1.200 medewerkers", True),
        ("Je collega’s helpen je", True),
        ("Je werkt zelfstandig", False),
        ("5 medewerkers", False),
    ],
)
def test_a_vacancy_that_speaks_of_others_at_work_is_told_apart(text, is_team):
    assert speaks_of_team(text) is is_team


@pytest.mark.parametrize(
    "piece", ["1.", "kvk ", "a@a.", "www.", "ons ", "een a", "kamer ", "0 ", "https://a.b"]
)
def test_a_long_text_takes_no_longer_than_its_length(piece):
    text = piece * 20_000
    started = time.perf_counter()
    find_kvk_numbers(text)
    find_website_hosts(text)
    speaks_of_team(text)
    assert time.perf_counter() - started < 2


@given(st.text(), st.sampled_from(["KvK 01234567", "kvk-nummer: 0123 4567"]), st.text())
def test_a_quote_is_what_the_text_says_there(before, words, after):
    text = f"{before} {words} {after}"
    for fact in (*find_kvk_numbers(text), *find_website_hosts(text)):
        assert text[fact.start : fact.end] == fact.quote


@given(st.text(alphabet="kv. -:01234567@wexampl/", max_size=300))
def test_any_text_gives_only_numbers_of_eight_digits(text):
    assert all(len(fact.value) == 8 for fact in find_kvk_numbers(text))
    find_website_hosts(text)
