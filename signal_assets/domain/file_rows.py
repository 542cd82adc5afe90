"""File rows: one row of a user's own file, read as a posting."""

import re
from collections.abc import Mapping
from typing import Any

from signal_assets.domain.html_text import plain_text
from signal_assets.domain.posting_dates import parse_posted_at
from signal_assets.domain.search_profiles import FILE_COLUMNS
from signal_assets.domain.vacancies import MAX_DESCRIPTION_CHARS, Posting
from signal_assets.domain.wire_fields import name_kind

REQUIRED_COLUMNS = ("external_id", "title", "description")

MAX_SHORT_TEXT_CHARS = 2_000
"""Longest title, name, place or address kept."""


_WORDS = ("title", "description")
"""Columns in which a number is a mistake."""


class BadRow(ValueError):
    """The row is no posting; names the column and what is wrong with it."""


def map_columns(columns: Mapping[str, str]) -> dict[str, str]:
    """Return for each of our columns the column of the file: the mapped one, else the same name."""
    return {ours: columns.get(ours, ours) for ours in FILE_COLUMNS}


def parse_row(row: Mapping[str, Any], columns: Mapping[str, str], source: str) -> Posting:
    """Return the posting in `row`; `columns` as `map_columns` gives them.

    A description is cut at `MAX_DESCRIPTION_CHARS`, and HTML in it becomes plain text. Half a
    surrogate pair, which no file or database can hold, becomes the replacement character; all else
    is kept as it stands.

    Raises:
        BadRow: a required column is missing or empty, or a value is of another kind.
    """
    texts = {ours: _text(row, ours, theirs) for ours, theirs in columns.items()}
    for ours in REQUIRED_COLUMNS:
        if columns[ours] not in row:
            raise BadRow(f"column {columns[ours]!r} ({ours}) is missing")
    for ours in ("external_id", "title"):
        if texts[ours] is None:
            raise BadRow(f"column {columns[ours]!r} ({ours}) is empty")
    text_kind = texts["text_kind"] or "full"
    if text_kind not in ("full", "snippet"):
        raise BadRow(f"column {columns['text_kind']!r} (text_kind) is neither full nor snippet")
    posted_raw = texts["posted_at"]
    return Posting(
        source=source,
        external_id=texts["external_id"] or "",
        title=texts["title"] or "",
        company_name=texts["company_name"],
        location=texts["location"],
        description=texts["description"] or "",
        text_kind="snippet" if text_kind == "snippet" else "full",
        url=texts["url"],
        posted_at=None if posted_raw is None else parse_posted_at(posted_raw),
        posted_raw=posted_raw,
        language=_language(texts["language"]),
    )


def is_cut(row: Mapping[str, Any], columns: Mapping[str, str]) -> bool:
    """Whether the description in `row` is longer than what is kept of it."""
    description = row[columns["description"]]
    return isinstance(description, str) and len(description) > MAX_DESCRIPTION_CHARS


def _text(row: Mapping[str, Any], ours: str, theirs: str) -> str | None:
    """Return the text in a column; a number is taken as its digits where no words are needed."""
    value = row.get(theirs)
    if value is None or value != value:  # NaN is how many programs write "nothing" into JSON
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and ours not in _WORDS:
        value = str(value)
    if not isinstance(value, str):
        raise BadRow(f"column {theirs!r} ({ours}) holds {name_kind(value)} where a text must stand")
    if ours == "description":
        return _without_half_pairs(plain_text(value[:MAX_DESCRIPTION_CHARS]))
    return _without_half_pairs(value.strip()[:MAX_SHORT_TEXT_CHARS]).strip() or None


def _without_half_pairs(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _language(text: str | None) -> str | None:
    match = re.match(r"([a-z]{2})(?![a-z])", (text or "").lower())
    return match[1] if match else None
