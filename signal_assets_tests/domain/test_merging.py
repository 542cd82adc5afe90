from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.merging import CompanyRow, Signal, merge_companies
from signal_assets.domain.overrides import Sameness

START = datetime(2026, 1, 5, tzinfo=UTC)


def row(company_id: str, day: int = 0, kvk_number: str | None = "01234567", **fields: Any):
    fields.setdefault("name", company_id)
    fields.setdefault("vacancy_ids", (f"file:{company_id}",))
    return CompanyRow(
        company_id=company_id,
        kvk_number=kvk_number,
        first_seen_at=START + timedelta(days=day),
        **fields,
    )


ROWS = st.lists(
    st.builds(
        row,
        st.sampled_from("abcdefgh"),
        st.integers(0, 2),
        st.sampled_from([None, "01234567", "12345678"]),
        employee_count=st.one_of(st.none(), st.integers(1, 3)),
        legal_form=st.sampled_from([None, "stichting", "eenmanszaak"]),
        sbi_codes=st.sampled_from([(), ("62100",), ("78201",)]),
        non_mailing=st.sampled_from([None, True, False]),
    ),
    unique_by=lambda item: item.company_id,
    max_size=8,
)

PAIRS = st.sampled_from([("a", "b"), ("a", "c"), ("b", "c"), ("b", "d"), ("c", "e"), ("d", "f")])
SAMENESS = st.builds(
    lambda same, different: Sameness(
        tuple(pair for pair in dict.fromkeys(same) if pair not in different), frozenset(different)
    ),
    st.lists(PAIRS, max_size=3),
    st.lists(PAIRS, max_size=3),
)


def test_rows_with_the_same_number_become_the_oldest():
    merge = merge_companies([row("b", 2), row("a", 2), row("c", 1)])
    (company,) = merge.companies
    assert (company.company_id, company.merged_from, merge.merge_count) == ("c", ("a", "b"), 2)
    assert company.vacancy_ids == ("file:c", "file:a", "file:b")


def test_rows_without_a_number_stay_as_they_are():
    merge = merge_companies([row("a", kvk_number=None), row("b", kvk_number=None)])
    assert [company.company_id for company in merge.companies] == ["a", "b"]
    assert merge.merge_count == 0


def test_what_the_survivor_lacks_comes_from_the_richest():
    poor = row("b", 1, employee_count=10)
    rich = row("c", 2, employee_count=20, legal_form="stichting", revenue_range="1-2 mln")
    (company,) = merge_companies([row("a"), poor, rich]).companies
    assert (company.employee_count, company.legal_form) == (20, "stichting")
    assert company.filled_from["employee_count"] == "c"


def test_a_value_that_gives_way_is_kept_with_its_source():
    (company,) = merge_companies(
        [row("a", employee_count=10), row("b", 1, employee_count=20, name="a")]
    ).companies
    assert company.employee_count == 10
    assert [(lost.field, lost.value, lost.company_id) for lost in company.losing_values] == [
        ("employee_count", 20, "b")
    ]


def test_the_signals_of_all_rows_come_together_newest_first():
    old = Signal(value="SAP", quote="met SAP", vacancy_id="file:a", date=date(2026, 1, 1))
    new = Signal(value="Exact", quote="in Exact", vacancy_id="file:b", date=date(2026, 2, 1))
    undated = Signal(value="AFAS", quote="AFAS", vacancy_id="file:b")
    (company,) = merge_companies(
        [row("a", signals={"erp": (old, undated)}), row("b", 1, signals={"erp": (new, old)})]
    ).companies
    assert company.signals == {"erp": (new, old, undated)}


def test_outreach_follows_the_merged_values():
    (company,) = merge_companies(
        [row("a", non_mailing=True), row("b", 1, legal_form="eenmanszaak")]
    ).companies
    assert company.outreach == {
        "post": "blocked",
        "phone": "needs_opt_in",
        "email": "needs_opt_in",
    }


def test_a_persons_same_joins_companies_whatever_their_numbers():
    rows = [row("a", kvk_number="01234567"), row("b", 1, kvk_number="12345678"), row("c", 2, None)]
    same = Sameness(same=(("a", "b"), ("b", "c")))
    (company,) = merge_companies(rows, same).companies
    assert (company.kvk_number, company.merged_from) == ("01234567", ("b", "c"))
    assert ("kvk_number", "12345678", "b") in [
        (lost.field, lost.value, lost.company_id) for lost in company.losing_values
    ]
    assert company.merge_reasons == (
        "A person called a and b the same.",
        "A person called b and c the same.",
    )


def test_a_persons_not_the_same_keeps_rows_with_one_number_apart():
    rows = [
        row("a", match_decision="auto", employee_count=10),
        row("b", 1, match_decision="auto", employee_count=10, name="Ander B.V."),
    ]
    apart = Sameness(different=frozenset({("a", "b")}))
    older, younger = merge_companies(rows, apart).companies
    assert (older.kvk_number, older.match_decision) == ("01234567", "auto")
    assert (younger.kvk_number, younger.match_decision) == (None, "review")
    assert younger.employee_count is None
    assert {lost.field for lost in younger.losing_values} == {"kvk_number", "employee_count"}
    assert younger.merge_reasons == ("A person called a and b not the same.",)


def test_the_row_whose_number_a_person_gave_keeps_it():
    rows = [row("a"), row("b", 1, decided_by_person=True)]
    apart = Sameness(different=frozenset({("a", "b")}))
    numbers = {item.company_id: item.kvk_number for item in merge_companies(rows, apart).companies}
    assert numbers == {"a": None, "b": "01234567"}


def test_not_the_same_holds_through_a_third_row():
    rows = [row("a"), row("b", 1), row("c", 2)]
    apart = Sameness(same=(("b", "c"),), different=frozenset({("a", "c")}))
    merged = {item.company_id: item.merged_from for item in merge_companies(rows, apart).companies}
    assert merged == {"a": (), "b": ("c",)}


def test_a_number_that_was_taken_leaves_the_advertised_name():
    rows = [row("a"), row("b", 1, name="TechCorp B.V.", advertised_name="Newtech")]
    apart = Sameness(different=frozenset({("a", "b")}))
    assert merge_companies(rows, apart).companies[1].name == "Newtech"


def test_every_verdict_travels_with_its_rule():
    (company,) = merge_companies([row("a", non_mailing=True)]).companies
    assert company.outreach_rules["post"].startswith("Non-mailing indicator set")
    (blocked,) = merge_companies(
        [row("a", non_mailing=True)], non_mailing_policy="all_channels"
    ).companies
    assert set(blocked.outreach.values()) == {"blocked"}


@given(ROWS, SAMENESS)
def test_undoing_every_decision_restores_the_table(rows, sameness):
    before = merge_companies(rows)
    decided = merge_companies(before.companies, sameness)
    assert merge_companies(decided.companies) == before


@given(ROWS, SAMENESS)
def test_no_vacancy_is_lost_and_no_number_doubled_by_a_persons_word(rows, sameness):
    merged = merge_companies(rows, sameness).companies
    before = sorted(vacancy_id for item in rows for vacancy_id in item.vacancy_ids)
    assert sorted(vacancy_id for item in merged for vacancy_id in item.vacancy_ids) == before
    numbers = [item.kvk_number for item in merged if item.kvk_number]
    assert len(numbers) == len(set(numbers))


@given(ROWS, SAMENESS)
def test_what_a_person_called_not_the_same_is_never_one(rows, sameness):
    for company in merge_companies(rows, sameness).companies:
        ids = {member.company_id for member in company.members}
        assert not [pair for pair in sameness.different if set(pair) <= ids]


@given(ROWS, SAMENESS, st.randoms(), st.integers(0, 8))
def test_with_decisions_too_merging_is_associative_and_knows_no_order(
    rows, sameness, random, split
):
    whole = merge_companies(rows, sameness)
    assert merge_companies(random.sample(rows, len(rows)), sameness) == whole
    left, right = rows[:split], rows[split:]
    assert merge_companies([*merge_companies(left, sameness).companies, *right], sameness) == whole
    assert merge_companies(whole.companies, sameness) == whole


@given(ROWS)
def test_no_vacancy_is_lost(rows):
    merged = merge_companies(rows).companies
    before = sorted(vacancy_id for item in rows for vacancy_id in item.vacancy_ids)
    assert sorted(vacancy_id for item in merged for vacancy_id in item.vacancy_ids) == before


@given(ROWS)
def test_no_number_occurs_twice(rows):
    numbers = [item.kvk_number for item in merge_companies(rows).companies if item.kvk_number]
    assert len(numbers) == len(set(numbers))


@given(ROWS, st.randoms())
def test_the_order_of_the_rows_does_not_matter(rows, random):
    assert merge_companies(random.sample(rows, len(rows))) == merge_companies(rows)


@given(ROWS, st.integers(0, 8))
def test_merging_is_associative(rows, split):
    left, right = rows[:split], rows[split:]
    stepwise = merge_companies([*merge_companies(left).companies, *right])
    assert stepwise == merge_companies(rows)


@given(ROWS)
def test_merging_again_changes_nothing(rows):
    merge = merge_companies(rows)
    assert merge_companies(merge.companies) == merge


@given(ROWS)
def test_every_stated_value_is_kept_or_listed_as_losing(rows):
    for company in merge_companies(rows).companies:
        lost = {(item.field, item.value) for item in company.losing_values}
        for member in company.members:
            stated = {("legal_form", member.legal_form), ("sbi_codes", member.sbi_codes)}
            for field, value in stated:
                if value:
                    assert getattr(company, field) == value or (field, value) in lost
