"""Real answers of real boards, which are not part of the project, read to complete records."""

from pathlib import Path

import pytest

from signal_assets.domain.boards import BOARD_KINDS
from signal_assets.domain.boards.board import BoardPage

WITH_TEXT = [
    ("ashby_posting_api__career-page-monitor.json", "ashby"),
    ("ashby_posting_api__careerkit.json", "ashby"),
    ("greenhouse_board_jobs__careerkit.json", "greenhouse"),
    ("lever_postings__career-page-monitor.json", "lever"),
    ("lever_postings__careerkit.json", "lever"),
    ("recruitee_offers__careerkit.json", "recruitee"),
]
WITHOUT_TEXT = [
    ("greenhouse_board_jobs__career-page-monitor.json", "greenhouse"),
    ("personio_xml__careerkit.xml", "personio"),
    ("smartrecruiters_postings__careerkit.json", "smartrecruiters"),
    ("teamtailor_feed__careerkit.json", "teamtailor"),
    ("workable_widget__careerkit.json", "workable"),
]


def read(folder: Path, file: str, kind: str) -> BoardPage:
    body = (folder / "data" / "raw_responses" / file).read_text("utf-8")
    return BOARD_KINDS[kind].parse_page(body, "acme", BOARD_KINDS[kind].first_page("acme"))


@pytest.mark.parametrize(("file", "kind"), WITH_TEXT + WITHOUT_TEXT)
def test_a_recorded_answer_reads_to_complete_records(reference_data, file, kind):
    page = read(reference_data, file, kind)
    assert page.postings
    assert page.rejected == ()
    for posting in page.postings:
        assert posting.source == kind
        assert posting.external_id
        assert posting.title == posting.title.strip() != ""
        assert posting.company_name
        assert posting.location
        assert (posting.url or "").startswith("https://")
        assert posting.posted_at is not None
        assert posting.posted_raw


@pytest.mark.parametrize(("file", "kind"), WITH_TEXT)
def test_a_recorded_text_is_what_a_person_reads(reference_data, file, kind):
    for posting in read(reference_data, file, kind).postings:
        assert posting.text_kind == "full"
        assert len(posting.description) > 500
        assert "</" not in posting.description
        assert "&lt;" not in posting.description
        assert "&nbsp;" not in posting.description


@pytest.mark.parametrize(("file", "kind"), WITHOUT_TEXT)
def test_a_recorded_listing_without_texts_is_marked_so(reference_data, file, kind):
    assert {p.text_kind for p in read(reference_data, file, kind).postings} == {"snippet"}
