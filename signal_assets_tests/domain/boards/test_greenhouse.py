import json
from datetime import UTC, datetime
from typing import Any

from signal_assets.domain.boards.board import BoardPage
from signal_assets.domain.boards.greenhouse import GREENHOUSE

JOB = {
    "id": 4012,
    "internal_job_id": 3,
    "title": "Accounts Payable Specialist",
    "company_name": "Voorbeeld B.V. ",
    "absolute_url": "https://www.voorbeeld.example/jobs?gh_jid=4012",
    "location": {"name": "Utrecht"},
    "first_published": "2026-03-05T06:00:00-04:00",
    "updated_at": "2026-04-01T06:00:00-04:00",
    "language": "en",
    "content": "&lt;p&gt;You &amp;amp; SAP&lt;/p&gt;",
}


def read(*jobs: Any, total: int | None = None) -> BoardPage:
    body = json.dumps({"jobs": jobs, "meta": {"total": len(jobs) if total is None else total}})
    return GREENHOUSE.parse_page(body, "voorbeeld", GREENHOUSE.first_page("voorbeeld"))


def test_content_that_is_escaped_html_reads_as_text():
    (posting,) = read(JOB).postings
    assert posting.description == "You & SAP"


def test_a_prospect_pool_is_no_vacancy():
    assert read({**JOB, "internal_job_id": None}).postings == ()


def test_a_page_on_the_employers_own_site_is_kept():
    (posting,) = read(JOB).postings
    assert posting.url == "https://www.voorbeeld.example/jobs?gh_jid=4012"
    assert posting.company_name == "Voorbeeld B.V."


def test_the_first_publication_counts_before_the_update():
    updated = {**JOB, "first_published": None}
    assert read(JOB).postings[0].posted_at == datetime(2026, 3, 5, 10, tzinfo=UTC)
    assert read(updated).postings[0].posted_at == datetime(2026, 4, 1, 10, tzinfo=UTC)


def test_a_listing_without_content_holds_snippets():
    bare = {name: value for name, value in JOB.items() if name != "content"}
    assert read(bare).postings[0].text_kind == "snippet"


def test_a_board_that_shows_less_than_its_total_is_cut():
    assert read(JOB, total=2).is_cut
    assert not read(JOB).is_cut
