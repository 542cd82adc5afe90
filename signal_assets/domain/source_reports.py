"""Source reports: what each source last answered, and what each search term has brought."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from signal_assets.domain.records import Record


class TermYield(Record):
    """What one source brought for one term, over all harvests.

    A vacancy counts for the term that found it first.
    """

    source: str
    search_term: str | None
    found: int = 0
    new: int = 0
    """Seen for the first time in the newest harvest."""
    kept: int = 0
    """Found, and no duplicate of another vacancy."""
    qualified: int = 0
    """Kept, and of a company that is worth the paid registers."""
    closed: int = 0


def pick_latest(answers: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the newest answer of each source, board and term, in that order."""
    latest: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    for answer in answers:
        key = (answer["source"], answer.get("board") or "", answer["search_term"] or "")
        if key not in latest or latest[key]["harvested_at"] <= answer["harvested_at"]:
            latest[key] = answer
    return [latest[key] for key in sorted(latest)]


def count_term_yields(
    vacancies: Iterable[Mapping[str, Any]],
    qualified_ids: Collection[str],
    newest_harvest: datetime | None,
    asked: Iterable[tuple[str, str]] = (),
) -> list[TermYield]:
    """Return the yield of each source and term, the best first; those `asked` in vain have zeros.

    `qualified_ids` are the vacancies of companies that qualify.
    """
    wanted = set(qualified_ids)
    counts: dict[tuple[str, str | None], dict[str, int]] = {key: {} for key in asked}
    for row in vacancies:
        count = counts.setdefault((row["source"], row["search_term"]), {})
        is_kept = row["duplicate_of"] is None
        for name, holds in (
            ("found", True),
            ("new", row["first_seen_at"] == newest_harvest),
            ("kept", is_kept),
            ("qualified", is_kept and row["vacancy_id"] in wanted),
            ("closed", row.get("closed_at") is not None),
        ):
            count[name] = count.get(name, 0) + holds
    yields = [
        TermYield(source=source, search_term=term, **count)
        for (source, term), count in counts.items()
    ]
    return sorted(
        yields, key=lambda line: (-line.qualified, -line.kept, line.source, str(line.search_term))
    )
