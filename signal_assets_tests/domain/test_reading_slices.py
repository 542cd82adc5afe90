"""How the texts of one reading are divided, and how what came of the parts is summed."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.companies import Spend
from signal_assets.domain.extractions import ReadingPostponed
from signal_assets.domain.reading_plans import VacancyToRead
from signal_assets.domain.reading_slices import (
    Tally,
    add_up,
    digest_groups,
    name_reading,
    slice_groups,
    spent_since,
)

Groups = list[list[VacancyToRead]]
GROUP_SIZES = st.lists(st.integers(1, 4), max_size=40)
TALLIES = st.lists(
    st.builds(
        Tally,
        statuses=st.dictionaries(st.sampled_from(["completed", "failed"]), st.integers(0, 9)),
        values_found=st.integers(0, 9),
        models=st.dictionaries(st.just("a-model"), st.integers(0, 9)),
        spend=st.builds(Spend, calls=st.integers(0, 9), cost_usd=st.decimals(0, 9, places=6)),
    ),
    max_size=6,
)


def groups_of(sizes: list[int]) -> Groups:
    return [
        [VacancyToRead(f"{number}-{place}", f"words {number}") for place in range(size)]
        for number, size in enumerate(sizes)
    ]


def ids(groups: Groups) -> list[tuple[str, ...]]:
    return [tuple(vacancy.vacancy_id for vacancy in group) for group in groups]


@given(GROUP_SIZES, st.integers(1, 12))
def test_every_group_is_whole_and_in_exactly_one_slice(sizes: list[int], size: int) -> None:
    groups = groups_of(sizes)
    slices = list(slice_groups(groups, size))
    assert [group for each in slices for group in each.groups] == ids(groups)


@given(GROUP_SIZES, st.integers(1, 12))
def test_every_slice_but_the_last_is_full(sizes: list[int], size: int) -> None:
    lengths = [len(each.groups) for each in slice_groups(groups_of(sizes), size)]
    assert all(length == size for length in lengths[:-1])
    assert all(0 < length <= size for length in lengths)


@given(GROUP_SIZES, st.integers(1, 12))
def test_a_slice_is_the_same_whatever_the_others_are(sizes: list[int], size: int) -> None:
    groups = groups_of(sizes)
    for each in slice_groups(groups, size):
        start = each.number * size
        (alone,) = slice_groups(groups[start : start + size], size)
        assert (alone.groups, alone.digest) == (each.groups, each.digest)


@given(GROUP_SIZES.filter(bool), st.data())
def test_other_words_make_another_digest(sizes: list[int], data: st.DataObject) -> None:
    pairs = [[(each.vacancy_id, each.content_hash) for each in group] for group in groups_of(sizes)]
    digest = digest_groups(pairs)
    group = data.draw(st.sampled_from(pairs))
    group[-1] = (group[-1][0], f"{group[-1][1]}!")
    assert digest_groups(pairs) != digest


def test_other_groups_of_the_same_vacancies_make_another_digest() -> None:
    a, b = ("a", "words"), ("b", "words")
    assert digest_groups([[a, b]]) != digest_groups([[a], [b]])


def test_a_reading_has_a_name_for_what_is_asked_and_how_it_is_cut() -> None:
    groups = groups_of([1, 2, 1])
    slices = list(slice_groups(groups, 2))
    name = name_reading("a", "question", slices)
    assert name == name_reading("a", "question", list(slice_groups(groups_of([1, 2, 1]), 2)))
    others = [
        name_reading("b", "question", slices),
        name_reading("a", "another question", slices),
        name_reading("a", "question", list(slice_groups(groups, 1))),
        name_reading("a", "question", list(slice_groups(groups_of([1, 2, 2]), 2))),
    ]
    assert len({name, *others}) == 5


@given(TALLIES, st.integers(0, 6))
def test_a_sum_does_not_depend_on_how_the_parts_are_put_together(
    tallies: list[Tally], at: int
) -> None:
    assert add_up([add_up(tallies[:at]), add_up(tallies[at:])]) == add_up(tallies)
    assert add_up(reversed(tallies)) == add_up(tallies)


@given(TALLIES)
def test_a_tally_survives_being_stored(tallies: list[Tally]) -> None:
    for tally in tallies:
        assert Tally.model_validate(tally.model_dump(mode="json")) == tally


def test_the_first_reason_to_stop_is_kept() -> None:
    first, second = (ReadingPostponed(kind="budget", reason=each) for each in ("one", "two"))
    tallies = [Tally(), Tally(stopped=first), Tally(stopped=second)]
    assert add_up(tallies).stopped == first


def test_what_another_run_paid_for_costs_this_one_nothing() -> None:
    spend = Spend(calls=3, from_ledger=2, tokens_input=9, cost_usd=Decimal("0.1"))
    tally = Tally(statuses={"completed": 5}, spend=spend, run_id="first")
    assert tally.as_seen_by("first").spend == spend
    assert tally.as_seen_by("second").spend == Spend(from_ledger=5)
    assert tally.as_seen_by("second").statuses == {"completed": 5}


def test_spending_is_the_difference_of_two_counts() -> None:
    before = Spend(calls=1, tokens_output=4, cost_usd=Decimal("0.1"))
    now = Spend(calls=3, from_ledger=1, tokens_output=9, cost_usd=Decimal("0.4"))
    spent = Spend(calls=2, from_ledger=1, tokens_output=5, cost_usd=Decimal("0.3"))
    assert spent_since(before, now) == spent
