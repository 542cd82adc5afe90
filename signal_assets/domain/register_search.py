"""Register search: the questions that find a company in a register that matches whole words."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from signal_assets.domain.companies import RegisterRow, RegisterSearch
from signal_assets.domain.company_names import (
    CompanyName,
    distinctive_words,
    spellings_for_search,
)
from signal_assets.domain.places import spell_place
from signal_assets.domain.records import Record
from signal_assets.domain.register_evidence import hit_name

MAX_QUERIES = 6


class RegisterQuery(Record):
    """One question to the register's search: a name, and a place where the name is not enough."""

    name: str
    place: str | None = None


class Found(NamedTuple):
    """What the ladder found; `is_complete` when the register holds no other row with the name."""

    rows: tuple[RegisterRow, ...]
    is_complete: bool


def search_rungs(name: CompanyName, places: Sequence[str] = ()) -> tuple[RegisterQuery, ...]:
    """Return the questions to ask, most faithful to the name first; six at most, all different.

    The last one holds only the most distinctive words, with a place, and is asked only when a
    place is known: fewer words find more, and words alone would find too much.
    """
    queries = [RegisterQuery(name=spelling) for spelling in spellings_for_search(name)]
    words = " ".join(distinctive_words(name))
    with_place = [
        RegisterQuery(name=words, place=spell_place(place)) for place in places[:1] if words
    ]
    return tuple(queries[: MAX_QUERIES - len(with_place)] + with_place)


def climb(
    name: CompanyName,
    places: Sequence[str],
    search: Callable[[RegisterQuery], RegisterSearch],
) -> Found:
    """Ask rung by rung until one finds an equal name; six questions at most.

    An answer that was cut off is asked again with the place. What was cut off is never taken for
    all there is.
    """
    rows: list[RegisterRow] = []
    asked: set[RegisterQuery] = set()
    queries = list(search_rungs(name, places))
    is_complete, has_name = True, False
    while queries and len(asked) < MAX_QUERIES:
        query = queries.pop(0)
        if query in asked:
            continue
        asked.add(query)
        answer = search(query)
        rows += answer.rows
        has_name = has_name or any(hit_name(name, row.name).tier == "name" for row in answer.rows)
        is_cut_off = query.place is None and not answer.is_complete
        is_complete = is_complete and not is_cut_off
        narrower = [
            RegisterQuery(name=query.name, place=spell_place(place)) for place in places[:1]
        ]
        if is_cut_off and not asked.issuperset(narrower):
            queries = narrower + queries
        elif has_name:
            break
    return Found(tuple(rows), is_complete)
