"""Closing: when a vacancy is no longer open, which only its own board can prove."""

from collections.abc import Iterable
from datetime import datetime

from signal_assets.domain.harvests import SourceAnswer
from signal_assets.domain.vacancies import Vacancy


def close_unlisted(
    vacancies: Iterable[Vacancy], answers: Iterable[SourceAnswer], seen_at: datetime
) -> tuple[Vacancy, ...]:
    """Set `closed_at` of each vacancy that its board no longer lists, and clear it of one it does.

    Only an answer with `listed_ids` proves anything. A vacancy that was closed before keeps the
    moment of its closure; one that is listed is open, also when the harvest did not bring it.
    """
    listings: dict[tuple[str, str | None], set[str]] = {}
    for answer in answers:
        if answer.listed_ids is not None:
            listings.setdefault((answer.source, answer.board), set()).update(answer.listed_ids)
    return tuple(_judge(vacancy, listings, seen_at) for vacancy in vacancies)


def _judge(
    vacancy: Vacancy, listings: dict[tuple[str, str | None], set[str]], seen_at: datetime
) -> Vacancy:
    listed = listings.get((vacancy.source, vacancy.board))
    if listed is None:
        return vacancy
    closed_at = None if vacancy.external_id in listed else vacancy.closed_at or seen_at
    if closed_at == vacancy.closed_at:
        return vacancy
    return vacancy.model_copy(update={"closed_at": closed_at})
