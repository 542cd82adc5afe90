"""JobSpy rows: what the library JobSpy returns, read as postings."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, TypeGuard

from signal_assets.domain.harvests import Outcome, RejectedRow
from signal_assets.domain.html_text import html_to_text, is_html
from signal_assets.domain.posting_dates import parse_posted_at
from signal_assets.domain.vacancies import MAX_DESCRIPTION_CHARS, Posting
from signal_assets.domain.wire_fields import UnreadableAnswer

SOURCE = "jobspy"

_REFUSALS = re.compile(
    r"\b(?:401|403|407|429|451)\b|captcha|blocked|forbidden|rate.?limit|too many", re.IGNORECASE
)
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+.!&~|<>-])")


def parse_rows(
    rows: Iterable[Mapping[str, Any]], term: str | None
) -> tuple[tuple[Posting, ...], tuple[RejectedRow, ...]]:
    """Return the postings, and the rows that could not be read."""
    postings: dict[str, Posting] = {}
    rejected = []
    for number, row in enumerate(rows, start=1):
        try:
            posting = _parse_row(row, term)
        except UnreadableAnswer as error:
            rejected.append(RejectedRow(place=f"“{term}”, row {number}", reason=str(error)))
        else:
            postings.setdefault(posting.external_id, posting)
    return tuple(postings.values()), tuple(rejected)


def explain_errors(errors: Any, site: str) -> tuple[Outcome, str] | None:
    """Return what JobSpy's own list of errors says about a site; None when it says nothing.

    JobSpy never raises for a site that blocks it: its rows are empty and the reason stands here.
    """
    if isinstance(errors, Mapping):
        found = {str(name).lower().rpartition(".")[2]: error for name, error in errors.items()}
        said = found.get(site)
    else:
        said = errors
    if not said:
        return None
    words = " ".join(str(said).split())[:300]
    return ("refused" if _REFUSALS.search(words) else "broken"), words


def list_warnings(warnings: Any, site: str) -> str | None:
    """Return what JobSpy left out of its search of a site, in its own words."""
    said = warnings.get(site) if isinstance(warnings, Mapping) else None
    return "; ".join(map(str, said))[:300] if isinstance(said, list) and said else None


def _parse_row(row: Mapping[str, Any], term: str | None) -> Posting:
    external_id = _text(row.get("id")) or _text(row.get("job_url"))
    title = _text(row.get("title"))
    if external_id is None or title is None:
        raise UnreadableAnswer("id is missing" if external_id is None else "title is missing")
    description = _description(_text(row.get("description")) or "")
    direct_url = _text(row.get("job_url_direct"))
    posted = row.get("date_posted")
    posted_raw = posted.isoformat() if _is_day(posted) else _text(posted)
    return Posting(
        source=SOURCE,
        external_id=external_id,
        title=title,
        company_name=_text(row.get("company")),
        location=_text(row.get("location")),
        description=description,
        text_kind="full" if description else "snippet",
        url=_text(row.get("job_url")),
        posted_at=_moment(posted, posted_raw),
        posted_raw=posted_raw,
        search_term=term,
        apply_urls=(direct_url,) if direct_url else (),
    )


def _description(text: str) -> str:
    plain = html_to_text(text) if is_html(text) else _ESCAPED.sub(r"\1", text)
    return plain[:MAX_DESCRIPTION_CHARS]


def _moment(posted: Any, posted_raw: str | None) -> datetime | None:
    if _is_day(posted):
        return datetime(posted.year, posted.month, posted.day, tzinfo=UTC)
    return None if posted_raw is None else parse_posted_at(posted_raw)


def _is_day(value: Any) -> TypeGuard[date]:
    """Whether a value is a date; a missing one in a table is a date unequal to itself."""
    return isinstance(value, date) and bool(value == value)


def _text(value: Any) -> str | None:
    """Return a text; missing values of a table are numbers that equal nothing."""
    return value.strip() or None if isinstance(value, str) else None
