from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from signal_assets.domain.closing import close_unlisted
from signal_assets.domain.harvests import Outcome, SourceAnswer
from signal_assets.domain.vacancies import Posting, Vacancy, update_vacancies

MONDAY = datetime(2026, 3, 9, 6, tzinfo=UTC)
TUESDAY = datetime(2026, 3, 10, 6, tzinfo=UTC)
WEDNESDAY = datetime(2026, 3, 11, 6, tzinfo=UTC)


def posting(external_id: str, board: str | None = "voorbeeld", source: str = "lever") -> Posting:
    return Posting(source=source, external_id=external_id, title="Boekhouder", board=board)


def answer(*listed: str, outcome: Outcome = "rows") -> SourceAnswer:
    return SourceAnswer(
        source="lever", board="voorbeeld", outcome=outcome, listed_ids=frozenset(listed)
    )


def known(*postings: Posting) -> tuple[Vacancy, ...]:
    return update_vacancies([], postings, MONDAY).vacancies


def closed(vacancies: Iterable[Vacancy]) -> dict[str, datetime | None]:
    return {vacancy.external_id: vacancy.closed_at for vacancy in vacancies}


def test_a_vacancy_its_board_no_longer_lists_is_closed():
    vacancies = close_unlisted(known(posting("1"), posting("2")), [answer("1")], TUESDAY)
    assert closed(vacancies) == {"1": None, "2": TUESDAY}


def test_an_empty_board_closes_all():
    vacancies = close_unlisted(known(posting("1")), [answer(outcome="empty")], TUESDAY)
    assert closed(vacancies) == {"1": TUESDAY}


@pytest.mark.parametrize("outcome", ["rows", "empty", "refused", "broken"])
def test_an_answer_that_does_not_say_what_is_listed_closes_nothing(outcome):
    silent = SourceAnswer(source="lever", board="voorbeeld", outcome=outcome)
    assert closed(close_unlisted(known(posting("1")), [silent], TUESDAY)) == {"1": None}


def test_a_board_closes_nothing_of_another_board_or_source():
    vacancies = known(posting("1", "ander"), posting("2", source="ashby"), posting("3", None))
    assert set(closed(close_unlisted(vacancies, [answer()], TUESDAY)).values()) == {None}


def test_the_moment_of_closing_stays():
    once = close_unlisted(known(posting("1")), [answer()], TUESDAY)
    assert closed(close_unlisted(once, [answer()], WEDNESDAY)) == {"1": TUESDAY}


def test_a_vacancy_that_comes_back_is_the_same_one_and_open_again():
    gone = close_unlisted(known(posting("1")), [answer()], TUESDAY)
    back = update_vacancies(gone, [posting("1")], WEDNESDAY).vacancies
    (vacancy,) = close_unlisted(back, [answer("1")], WEDNESDAY)
    assert (vacancy.closed_at, vacancy.first_seen_at) == (None, MONDAY)


def test_a_vacancy_that_is_listed_without_matching_is_open_again():
    gone = close_unlisted(known(posting("1")), [answer()], TUESDAY)
    assert closed(close_unlisted(gone, [answer("1")], WEDNESDAY)) == {"1": None}


def test_a_closed_vacancy_stays_closed_when_its_board_is_silent():
    gone = close_unlisted(known(posting("1")), [answer()], TUESDAY)
    assert closed(close_unlisted(gone, [], WEDNESDAY)) == {"1": TUESDAY}
