"""Cron: the five-field time patterns of search profiles."""

import re
from dataclasses import dataclass
from datetime import datetime

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_PART = re.compile(r"(?:(\*)|(\d+)(?:-(\d+))?)(?:/(\d+))?")


@dataclass(frozen=True)
class Cron:
    """The moments a pattern names, as sets of minutes, hours, days, months and weekdays."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    def matches(self, moment: datetime) -> bool:
        """Whether the minute of `moment` is one of them, in the time zone of `moment`.

        As in cron: where both day and weekday are limited, either will do.
        """
        day = moment.day in self.days
        weekday = moment.isoweekday() % 7 in self.weekdays
        is_day = day and weekday if self.any_day or self.any_weekday else day or weekday
        return (
            is_day
            and moment.minute in self.minutes
            and moment.hour in self.hours
            and moment.month in self.months
        )


def parse_cron(text: str) -> Cron:
    """Return the moments `text` names.

    Numbers, `*`, ranges, steps and lists; no names of days or months.

    >>> parse_cron("0 6 * * 1-5").matches(datetime(2026, 11, 20, 6, 0))
    True
    >>> parse_cron("0 6 * * 1-5").matches(datetime(2026, 11, 21, 6, 0))
    False

    Raises:
        ValueError: it is not such a pattern; says which field is wrong.
    """
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise ValueError(
            f"{text!r} is not a cron pattern: five fields are needed, not {len(parts)}"
        )
    minutes, hours, days, months, weekdays = (
        _values(part, *field) for part, field in zip(parts, _FIELDS, strict=True)
    )
    return Cron(
        minutes,
        hours,
        days,
        months,
        frozenset(day % 7 for day in weekdays),
        any_day=parts[2].startswith("*"),
        any_weekday=parts[4].startswith("*"),
    )


def _values(text: str, name: str, low: int, high: int) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"{part!r} is not a {name} of a cron pattern")
        star, first, last, step = match.groups()
        start = low if star else int(first)
        end = high if star or (step and not last) else int(last or first)
        if not low <= start <= end <= high or step == "0":
            raise ValueError(f"{part!r} is not a {name} between {low} and {high}")
        values.update(range(start, end + 1, int(step or 1)))
    return frozenset(values)


def explain_bad_cron(text: str) -> str | None:
    """Return what is wrong with a pattern, or None when nothing is."""
    try:
        parse_cron(text)
    except ValueError as error:
        return str(error)
    return None
