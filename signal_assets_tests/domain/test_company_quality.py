from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.company_quality import (
    GateRules,
    ReadVacancy,
    assess_companies,
    count_once,
    mean_quality,
    vacancies_without_company,
)

START = datetime(2026, 1, 5, tzinfo=UTC)
RULES = GateRules(quality_threshold=0.3)


def vacancy(
    number: int,
    company_name: str | None,
    quality: float | None = 1.0,
    negative_signals: tuple[str, ...] = (),
    location: str | None = None,
) -> ReadVacancy:
    return ReadVacancy(
        vacancy_id=f"file:{number}",
        company_name=company_name,
        location=location,
        quality=quality,
        negative_signals=negative_signals,
        first_seen_at=START + timedelta(days=number),
    )


VACANCIES = st.lists(
    st.builds(
        vacancy,
        st.integers(0, 400),
        st.sampled_from(["TechCorp B.V.", "TechCorp BV", "techcorp", "MiniStartup", None, "--"]),
        st.one_of(st.none(), st.integers(0, 6).map(lambda filled: filled / 6)),
        st.sampled_from([(), ("RPA developer",)]),
        st.sampled_from([None, "Utrecht", "Den Haag, Nederland"]),
    ),
    unique_by=lambda item: item.vacancy_id,
)


def test_the_worked_example_comes_out_exactly():
    companies = assess_companies(
        [
            vacancy(1, "TechCorp B.V.", 4 / 4),
            vacancy(2, "TechCorp BV", 1 / 4),
            vacancy(3, "MiniStartup", 0 / 4),
        ],
        RULES,
    )
    assert [(item.company_id, item.extraction_quality, item.qualifies) for item in companies] == [
        ("ministartup", 0.0, False),
        ("techcorp", 0.625, True),
    ]


@pytest.mark.parametrize(
    ("qualities", "mean"),
    [
        ([1 / 3, 1 / 3, 1 / 3], 0.3333),
        ([1 / 6] * 3 + [0.0] * 13, 0.0312),  # 3/96 = 0.03125: the tie goes to the even digit
        ([2 / 3], 0.6667),
        ([], None),
    ],
)
def test_the_mean_is_exact_to_four_decimals(qualities, mean):
    assert mean_quality(qualities) == mean


def test_quality_at_the_threshold_qualifies():
    (company,) = assess_companies([vacancy(1, "TechCorp", 0.3)], RULES)
    assert company.qualifies


def test_a_company_below_stays_with_its_reason():
    (company,) = assess_companies([vacancy(1, "TechCorp", 1 / 6)], RULES)
    assert not company.qualifies
    assert company.reason == "Its vacancies fill 16.67 % of the fields; 30 % is asked."


def test_vacancies_not_read_do_not_count_in_the_mean():
    (company,) = assess_companies(
        [vacancy(1, "TechCorp", 0.5), vacancy(2, "TechCorp", None)], RULES
    )
    assert (company.extraction_quality, company.vacancy_count, company.completed_count) == (
        0.5,
        2,
        1,
    )


def test_a_company_of_which_nothing_was_read_has_no_quality_and_does_not_qualify():
    (company,) = assess_companies([vacancy(1, "TechCorp", None)], RULES)
    assert (company.extraction_quality, company.qualifies) == (None, False)
    assert company.reason == "None of its vacancies has been read yet."


def test_a_company_with_a_negative_signal_in_every_vacancy_read_does_not_qualify():
    (company,) = assess_companies(
        [
            vacancy(1, "TechCorp", 1.0, ("RPA developer",)),
            vacancy(2, "TechCorp", 1.0, ("migratie naar Coupa",)),
            vacancy(3, "TechCorp", None),
        ],
        RULES,
    )
    assert not company.qualifies
    assert company.reason == (
        "Every vacancy that was read says it has bought already: "
        "“RPA developer”, “migratie naar Coupa”."
    )


def test_one_vacancy_without_a_negative_signal_lets_the_company_through():
    (company,) = assess_companies(
        [vacancy(1, "TechCorp", 1.0, ("RPA developer",)), vacancy(2, "TechCorp", 1.0)], RULES
    )
    assert company.qualifies
    assert company.negative_signals == ("RPA developer",)


def test_a_profile_may_pay_for_negative_companies():
    rules = GateRules(quality_threshold=0.3, enrich_negative_companies=True)
    (company,) = assess_companies([vacancy(1, "TechCorp", 1.0, ("RPA developer",))], rules)
    assert company.qualifies


def test_an_agency_is_flagged_and_not_paid_for():
    (company,) = assess_companies([vacancy(1, "Voorbeeld Uitzendbureau B.V.")], RULES)
    assert (company.is_intermediary, company.qualifies) == (True, False)
    assert "a client it does not name" in company.reason


def test_vacancies_that_name_no_company_are_told_apart():
    vacancies = [vacancy(1, None), vacancy(2, "---"), vacancy(3, "Confidential"), vacancy(4, "X1")]
    assert vacancies_without_company(vacancies) == ("file:1", "file:2", "file:3")
    assert [company.company_id for company in assess_companies(vacancies, RULES)] == ["x1"]


def test_the_most_frequent_spelling_is_the_name_and_the_oldest_settles_a_tie():
    names = ["TechCorp BV", "TECHCORP", "TECHCORP", "TechCorp BV", "techcorp"]
    (company,) = assess_companies([vacancy(n, name) for n, name in enumerate(names)], RULES)
    assert company.name == "TechCorp BV"


def test_places_are_those_of_the_vacancies():
    (company,) = assess_companies(
        [
            vacancy(1, "TechCorp", location="Den Haag, ZH, Netherlands"),
            vacancy(2, "TechCorp", location="The Hague"),
            vacancy(3, "TechCorp", location="Utrecht"),
            vacancy(4, "TechCorp", location="Netherlands"),
        ],
        RULES,
    )
    assert company.places == ("den haag", "utrecht")


@given(VACANCIES)
def test_every_vacancy_is_in_one_company_or_in_none(vacancies):
    companies = assess_companies(vacancies, RULES)
    ids = [vacancy_id for company in companies for vacancy_id in company.vacancy_ids]
    assert sorted(ids + list(vacancies_without_company(vacancies))) == sorted(
        item.vacancy_id for item in vacancies
    )


@given(VACANCIES, st.randoms())
def test_the_order_of_the_vacancies_does_not_matter(vacancies, random):
    shuffled = random.sample(vacancies, len(vacancies))
    assert assess_companies(shuffled, RULES) == assess_companies(vacancies, RULES)


def posted(
    number: int, company_name: str | None, *, by_agency: bool, copy_of: int | None = None
) -> ReadVacancy:
    return vacancy(number, company_name).model_copy(
        update={
            "is_intermediary": by_agency,
            "intermediary_reason": "its text says so" if by_agency else None,
            "duplicate_of": f"file:{copy_of}" if copy_of is not None else None,
        }
    )


def test_what_an_agency_posts_is_shown_but_not_scored():
    (company,) = assess_companies([posted(1, "Bureau Een", by_agency=True)], RULES)
    assert (company.is_intermediary, company.qualifies) == (True, False)
    assert (company.extraction_quality, company.client_vacancy_ids) == (None, ("file:1",))


def test_what_an_employer_posts_for_a_client_does_not_count_for_it():
    (company,) = assess_companies(
        [posted(1, "Adviesbureau", by_agency=False), posted(2, "Adviesbureau", by_agency=True)],
        RULES,
    )
    assert (company.is_intermediary, company.vacancy_ids) == (False, ("file:1",))
    assert company.client_vacancy_ids == ("file:2",)


def test_a_copy_counts_once_for_each_employer():
    copies = [
        posted(1, "Voorbeeld B.V.", by_agency=False),
        posted(2, "Voorbeeld", by_agency=False, copy_of=1),
        posted(3, "Ander Merk", by_agency=False, copy_of=1),
    ]
    assert [item.vacancy_id for item in count_once(copies)] == ["file:1", "file:3"]


def test_a_copy_under_the_employers_name_says_who_the_client_is():
    copies = [
        posted(1, "Bureau Een", by_agency=True),
        posted(2, "Voorbeeld B.V.", by_agency=False, copy_of=1),
        posted(3, "Bureau Twee", by_agency=True, copy_of=1),
    ]
    assert [item.vacancy_id for item in count_once(copies)] == ["file:2"]


def test_copies_of_agencies_alone_count_once():
    copies = [
        posted(1, "Bureau Een", by_agency=True),
        posted(2, "Bureau Twee", by_agency=True, copy_of=1),
    ]
    assert [item.vacancy_id for item in count_once(copies)] == ["file:1"]
