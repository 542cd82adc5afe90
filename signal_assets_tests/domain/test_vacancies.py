from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.vacancies import Posting, Vacancy, update_vacancies

START = datetime(2026, 1, 5, tzinfo=UTC)
LATER = START + timedelta(days=1)

POSTINGS = st.lists(
    st.builds(
        Posting,
        source=st.sampled_from(["file", "serpapi"]),
        external_id=st.integers(0, 8).map(str),
        title=st.sampled_from(["Boekhouder", "Inkoper"]),
        description=st.sampled_from(["", "SAP", " sap\u200b ", "Exact"]),
        search_term=st.sampled_from([None, "boekhouder", "inkoper"]),
        posted_at=st.sampled_from([None, START - timedelta(days=3)]),
    ),
    unique_by=lambda posting: posting.vacancy_id,
)


def by_id(vacancies: tuple[Vacancy, ...]) -> dict[str, Vacancy]:
    return {vacancy.vacancy_id: vacancy for vacancy in vacancies}


@given(POSTINGS)
def test_a_harvest_folded_in_twice_adds_nothing(postings):
    first = update_vacancies([], postings, START)
    again = update_vacancies(first.vacancies, postings, START)
    assert (again.new, again.changed) == (0, 0)
    assert by_id(again.vacancies) == by_id(first.vacancies)


@given(POSTINGS)
def test_a_vacancy_that_comes_back_was_first_seen_when_it_was(postings):
    first = update_vacancies([], postings, START)
    again = update_vacancies(first.vacancies, postings, LATER)
    moments = {(item.first_seen_at, item.last_seen_at) for item in again.vacancies}
    assert moments <= {(START, LATER)}


@given(postings=POSTINGS, data=st.data())
def test_what_a_broken_off_harvest_missed_is_added_by_the_next(postings, data):
    brought = data.draw(st.integers(0, len(postings)))
    part = update_vacancies([], postings[:brought], START)
    whole = update_vacancies(part.vacancies, postings, START)
    assert by_id(whole.vacancies) == by_id(update_vacancies([], postings, START).vacancies)
    assert whole.new == len(postings) - brought


@given(known=POSTINGS, postings=POSTINGS)
def test_a_vacancy_that_did_not_come_back_stays_as_it_was(known, postings):
    before = by_id(update_vacancies([], known, START).vacancies)
    after = by_id(update_vacancies(before.values(), postings, LATER).vacancies)
    brought = {posting.vacancy_id for posting in postings}
    assert all(after[key] == item for key, item in before.items() if key not in brought)
