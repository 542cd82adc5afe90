"""Posting dates: when a vacancy was published, from the words of the source."""

import re
from datetime import UTC, datetime, timedelta

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("jan", "januari", "january"),
            ("feb", "februari", "february"),
            ("mrt", "maart", "mar", "march"),
            ("apr", "april"),
            ("mei", "may"),
            ("jun", "juni", "june"),
            ("jul", "juli", "july"),
            ("aug", "augustus", "august"),
            ("sep", "sept", "september"),
            ("okt", "oktober", "oct", "october"),
            ("nov", "november"),
            ("dec", "december"),
        ),
        start=1,
    )
    for name in names
}
_DAY_FIRST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?:[ T].*)?")
_WORDED = re.compile(r"(\d{1,2})\.?\s+([a-z]+)\.?,?\s+(\d{4})")

_UNITS = {
    "minute": timedelta(minutes=1),
    "minuut": timedelta(minutes=1),
    "minuten": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "uur": timedelta(hours=1),
    "day": timedelta(days=1),
    "dag": timedelta(days=1),
    "dagen": timedelta(days=1),
    "week": timedelta(weeks=1),
    "weken": timedelta(weeks=1),
    "month": timedelta(days=30),
    "maand": timedelta(days=30),
    "maanden": timedelta(days=30),
}
_RELATIVE = re.compile(r"(?:(\d{1,3})|an?|een|één)\s+([a-z]+?)s?\s+(?:ago|geleden)")
_DAY_WORDS = {"today": 0, "vandaag": 0, "just posted": 0, "yesterday": 1, "gisteren": 1}


def parse_posted_at(text: str) -> datetime | None:
    """Return the moment in `text` in UTC, or None when it states none.

    Reads ISO dates and the day-first forms that are usual in the Netherlands; a moment without a
    time zone is read as UTC.

    >>> parse_posted_at("31-12-2025").isoformat()
    '2025-12-31T00:00:00+00:00'
    >>> parse_posted_at("5 mrt. 2026").isoformat()
    '2026-03-05T00:00:00+00:00'
    >>> parse_posted_at("2026-01-05T09:30:00+01:00").isoformat()
    '2026-01-05T08:30:00+00:00'
    >>> parse_posted_at("12/31/2025") is None
    True
    """
    words = text.strip().lower().removesuffix(" utc")
    try:
        if match := _DAY_FIRST.fullmatch(words):
            day, month, year = map(int, match.groups())
            return datetime(year, month, day, tzinfo=UTC)
        if match := _WORDED.fullmatch(words):
            month_number = _MONTHS.get(match[2])
            if month_number is None:
                return None
            return datetime(int(match[3]), month_number, int(match[1]), tzinfo=UTC)
        if not re.match(r"\d{4}-?\d{2}-?\d{2}", words):
            return None
        moment = datetime.fromisoformat(words.upper())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def resolve_relative_date(text: str, seen_at: datetime) -> datetime | None:
    """Return the moment that Dutch or English words like `3 dagen geleden` mean at `seen_at`.

    Days and longer give midnight UTC, a month counts as 30 days; wording that is not known, or
    that only gives a bound (`30+ days ago`), gives None.

    >>> resolve_relative_date("3 dagen geleden", datetime(2026, 3, 10, 9, 30, tzinfo=UTC)).date()
    datetime.date(2026, 3, 7)
    >>> resolve_relative_date("30+ days ago", datetime(2026, 3, 10, tzinfo=UTC)) is None
    True
    """
    words = " ".join(text.lower().split())
    if words in _DAY_WORDS:
        return _midnight(seen_at - timedelta(days=_DAY_WORDS[words]))
    match = _RELATIVE.fullmatch(words)
    unit = None if match is None else _UNITS.get(match[2])
    if match is None or unit is None:
        return None
    moment = seen_at - int(match[1] or 1) * unit
    if unit >= timedelta(days=1):
        return _midnight(moment)
    return moment.replace(minute=0, second=0, microsecond=0)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
