"""Cron patterns: which moments they name, and which texts are none."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.cron import explain_bad_cron, parse_cron

FRIDAY = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pattern", "names_it"),
    [
        ("30 6 * * *", True),
        ("*/15 * * * *", True),
        ("30 6 20 * *", True),
        ("30 6 * * 5", True),
        ("30 6 * * 0,7", False),
        ("30 6 1 * 5", True),  # a day or a weekday, as in cron
        ("30 6 1 * *", False),
        ("30 6 * 12 *", False),
        ("0-29 6 * * *", False),
    ],
)
def test_a_pattern_names_its_moments(pattern: str, names_it: bool) -> None:
    assert parse_cron(pattern).matches(FRIDAY) is names_it


@pytest.mark.parametrize(
    "text",
    [
        "",
        "* * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "x * * * *",
        "5-1 * * * *",
        "*/0 * * * *",
    ],
)
def test_what_is_no_pattern_is_explained(text: str) -> None:
    assert explain_bad_cron(text)


@given(minutes=st.integers(0, 60 * 24 * 400))
def test_stars_name_every_minute(minutes: int) -> None:
    assert parse_cron("* * * * *").matches(FRIDAY + timedelta(minutes=minutes))
