from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.harvests import RejectedRow, SourceAnswer, count_yields
from signal_assets.domain.vacancies import Posting

IDS = st.lists(st.integers(0, 9), max_size=12)


def answer(ids: list[int], rejected: int = 0, *, is_part: bool = False) -> SourceAnswer:
    postings = [Posting(source="file", external_id=str(number), title="?") for number in ids]
    rows = [RejectedRow(place=f"line {number}", reason="?") for number in range(rejected)]
    return SourceAnswer(
        source="file",
        outcome="rows",
        postings=tuple(postings),
        rejected=tuple(rows),
        calls=1,
        is_part=is_part,
    )


@given(parts=st.lists(IDS, min_size=1, max_size=4), known=st.sets(st.integers(0, 9)))
def test_an_answer_in_parts_counts_as_one_with_all_that_they_brought(parts, known):
    known_ids = [f"file:{number}" for number in known]
    *first, last = parts
    in_parts = [*(answer(ids, 1, is_part=True) for ids in first), answer(last, 1)]
    (counted,) = count_yields(in_parts, known_ids)
    (at_once,) = count_yields([answer([one for ids in parts for one in ids])], known_ids)

    assert (counted.found, counted.new) == (at_once.found, at_once.new)
    assert (counted.rejected, counted.calls) == (len(parts), len(parts))


def test_what_an_earlier_answer_brought_is_not_new_in_the_next():
    lines = count_yields([answer([1], is_part=True), answer([2]), answer([1, 2, 3])], [])
    assert [line.new for line in lines] == [2, 1]
