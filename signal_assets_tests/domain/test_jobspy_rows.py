import csv
from datetime import UTC, date, datetime

import pytest

from signal_assets.domain.jobspy_rows import explain_errors, parse_rows

MISSING = float("nan")
ROW = {
    "id": "in-6e0f",
    "site": "indeed",
    "job_url": "https://nl.indeed.com/viewjob?jk=6e0f",
    "job_url_direct": "https://www.voorbeeld.example/vacature/7",
    "title": "Boekhouder",
    "company": "Voorbeeld B.V.",
    "location": "Utrecht, UT, NL",
    "date_posted": date(2026, 3, 24),
    "description": "<p>U werkt met SAP.</p>",
}


def test_a_row_is_a_posting():
    ((posting,), rejected) = parse_rows([ROW], "boekhouder")
    assert rejected == ()
    assert posting.vacancy_id == "jobspy:in-6e0f"
    assert posting.description == "U werkt met SAP."
    assert posting.posted_at == datetime(2026, 3, 24, tzinfo=UTC)
    assert posting.apply_urls == ("https://www.voorbeeld.example/vacature/7",)
    assert posting.search_term == "boekhouder"


@pytest.mark.parametrize("missing", [None, MISSING, ""])
def test_missing_values_of_a_table_are_unknown(missing):
    keys = ("company", "location", "date_posted", "description", "job_url_direct")
    ((posting,), _) = parse_rows([ROW | dict.fromkeys(keys, missing)], None)
    assert (posting.company_name, posting.location, posting.posted_at) == (None, None, None)
    assert (posting.text_kind, posting.apply_urls) == ("snippet", ())


def test_a_row_without_a_title_is_named():
    (_, (rejected,)) = parse_rows([ROW | {"title": MISSING}], "boekhouder")
    assert (rejected.place, rejected.reason) == ("“boekhouder”, row 1", "title is missing")


@pytest.mark.parametrize(
    ("errors", "outcome"),
    [
        (None, None),
        ({}, None),
        ({"linkedin": "429 Too Many Requests"}, None),
        ({"indeed": "429 Client Error"}, "refused"),
        ({"Site.INDEED": "403 Forbidden"}, "refused"),
        ({"indeed": "captcha"}, "refused"),
        ({"indeed": "Read timed out"}, "broken"),
        (["blocked by the site"], "refused"),
        ("KeyError: jobs", "broken"),
    ],
)
def test_errors_of_the_library_tell_refused_from_broken(errors, outcome):
    said = explain_errors(errors, "indeed")
    assert (None if said is None else said[0]) == outcome


def test_recorded_rows_read_to_complete_records(reference_data):
    path = reference_data / "data" / "raw_responses" / "jobspy_nl_rows.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    postings, rejected = parse_rows(rows, "finance")
    assert rejected == ()
    assert len(postings) == len({row["id"] for row in rows})
    for posting, row in zip(postings, rows, strict=True):
        assert posting.title == row["title"].strip()
        assert posting.url == row["job_url"]
        assert posting.company_name == (row["company"].strip() or None)
        assert posting.location == (row["location"].strip() or None)
        assert (posting.posted_at is None) == (row["date_posted"] == "")
        assert (posting.text_kind == "full") == (row["description"].strip() != "")
    assert not any("\\-" in posting.description for posting in postings)
