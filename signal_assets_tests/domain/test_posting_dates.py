from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.posting_dates import parse_posted_at, resolve_relative_date

SEEN = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["2026-03-05", "2026-03-05T00:00:00Z", "20260305", "5-3-2026", "05/03/2026", "5.3.2026",
     "5 maart 2026", "5 mrt. 2026", "5 March 2026", "05-03-2026 14:00", "2026-03-05 00:00:00 UTC"],
)  # fmt: skip
def test_usual_forms_mean_the_same_day(text):
    assert parse_posted_at(text) == datetime(2026, 3, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "gisteren", "31-02-2026", "13/31/2026", "2026", "99", "5 foo 2026", "2026-13-01"]
)
def test_what_is_no_date_is_none(text):
    assert parse_posted_at(text) is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("3 days ago", "2026-03-07 00:00"),
        ("1 day ago", "2026-03-09 00:00"),
        ("1 dag geleden", "2026-03-09 00:00"),
        ("een dag geleden", "2026-03-09 00:00"),
        ("22 hours ago", "2026-03-09 11:00"),
        ("22 uur geleden", "2026-03-09 11:00"),
        ("45 minuten geleden", "2026-03-10 08:00"),
        ("2 weken geleden", "2026-02-24 00:00"),
        ("a week ago", "2026-03-03 00:00"),
        ("1 maand geleden", "2026-02-08 00:00"),
        ("vandaag", "2026-03-10 00:00"),
        ("Yesterday", "2026-03-09 00:00"),
        ("30+ days ago", None),
        ("vor 3 Tagen", None),
        ("3 dagen", None),
    ],
)
def test_words_are_resolved_against_the_moment_of_the_search(text, moment):
    found = resolve_relative_date(text, SEEN)
    assert (found and f"{found:%Y-%m-%d %H:%M}") == moment


@given(st.text())
def test_no_text_crashes_either(text):
    parse_posted_at(text)
    resolve_relative_date(text, SEEN)
