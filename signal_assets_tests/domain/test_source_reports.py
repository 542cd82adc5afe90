from datetime import UTC, datetime
from typing import Any

from signal_assets.domain.source_reports import count_term_yields, pick_latest

MONDAY = datetime(2026, 3, 9, 6, tzinfo=UTC)
TUESDAY = datetime(2026, 3, 10, 6, tzinfo=UTC)


def answer(source: str, at: datetime, outcome: str, **more: Any) -> dict[str, Any]:
    row = {"source": source, "board": None, "search_term": None, "harvested_at": at}
    return row | {"outcome": outcome} | more


def vacancy(number: int, term: str | None, at: datetime = MONDAY, **more: Any) -> dict[str, Any]:
    row = {"vacancy_id": f"lever:{number}", "source": "lever", "search_term": term}
    return row | {"first_seen_at": at, "duplicate_of": None, "closed_at": None} | more


def test_the_newest_answer_of_each_source_board_and_term_counts():
    rows = [
        answer("serpapi", MONDAY, "rows", search_term="a"),
        answer("serpapi", TUESDAY, "refused", search_term="a"),
        answer("serpapi", MONDAY, "empty", search_term="b"),
        answer("lever", TUESDAY, "rows", board="x"),
        answer("lever", MONDAY, "broken", board="x"),
    ]
    assert [(row["source"], row["outcome"]) for row in pick_latest(rows)] == [
        ("lever", "rows"),
        ("serpapi", "refused"),
        ("serpapi", "empty"),
    ]


def test_answers_of_before_boards_were_known_are_read_too():
    old = answer("serpapi", MONDAY, "rows", search_term="a")
    del old["board"]
    assert len(pick_latest([old, answer("serpapi", TUESDAY, "empty", search_term="a")])) == 1


def test_a_term_is_found_new_kept_qualified_and_closed():
    rows = [
        vacancy(1, "a"),
        vacancy(2, "a", TUESDAY),
        vacancy(3, "a", TUESDAY, duplicate_of="lever:1"),
        vacancy(4, "a", closed_at=TUESDAY),
    ]
    (line,) = count_term_yields(rows, {"lever:1", "lever:3"}, TUESDAY)
    assert (line.found, line.new, line.kept, line.qualified, line.closed) == (4, 2, 3, 1, 1)


def test_a_term_that_brought_nothing_is_shown_with_zeros_after_the_others():
    lines = count_term_yields([vacancy(1, "b")], set(), None, [("lever", "a"), ("lever", "b")])
    assert [(line.search_term, line.found) for line in lines] == [("b", 1), ("a", 0)]
