"""Harvests: what a source answered for one search term, told apart in four outcomes."""

from collections.abc import Iterable
from typing import Literal

from signal_assets.domain.records import Record
from signal_assets.domain.vacancies import Posting

Outcome = Literal["rows", "empty", "refused", "broken"]


class RejectedRow(Record):
    """A row that could not be read, with what a person needs to repair it."""

    place: str
    """File and line, or page and position."""
    reason: str


class SourceAnswer(Record):
    """What one source brought for one term (None where the source takes no terms).

    A source that is asked per company or page gives an answer for each, named in `board`.

    `rows`: it brought vacancies. `empty`: it answered that there are none. `refused`: it will not
    serve us (key, quota, robots). `broken`: no answer, or one that cannot be read. Vacancies read
    before a refusal or a fault are kept beside that outcome.

    A large answer may come in parts, so that nobody has to hold all of it: the last one, which is
    no part, says how it ended.
    """

    source: str
    search_term: str | None = None
    board: str | None = None
    outcome: Outcome
    postings: tuple[Posting, ...] = ()
    rejected: tuple[RejectedRow, ...] = ()
    calls: int = 0
    message: str | None = None
    is_part: bool = False
    """More of the same answer follows."""
    listed_ids: frozenset[str] | None = None
    """Every `external_id` that the board lists, also of what was not asked for; None where the
    source cannot say, or did not say all: nothing is closed by such an answer."""


class SourceYield(Record):
    """What one source and term brought, in numbers."""

    source: str
    search_term: str | None
    board: str | None
    outcome: Outcome
    found: int
    new: int
    """Vacancies nobody brought before: not known, and not brought by an earlier answer."""
    rejected: int
    calls: int
    message: str | None


def count_yields(
    answers: Iterable[SourceAnswer], known_ids: Iterable[str]
) -> tuple[SourceYield, ...]:
    """Return what each answer brought, its parts together, in the order they came."""
    seen = set(known_ids)
    yields = []
    ids: set[str] = set()
    rejected = calls = 0
    for answer in answers:
        ids.update(posting.vacancy_id for posting in answer.postings)
        rejected += len(answer.rejected)
        calls += answer.calls
        if answer.is_part:
            continue
        yields.append(
            SourceYield(
                source=answer.source,
                search_term=answer.search_term,
                board=answer.board,
                outcome=answer.outcome,
                found=len(ids),
                new=len(ids - seen),
                rejected=rejected,
                calls=calls,
                message=answer.message,
            )
        )
        seen |= ids
        ids, rejected, calls = set(), 0, 0
    return tuple(yields)
