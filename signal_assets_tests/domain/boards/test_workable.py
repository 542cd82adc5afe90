import json
from typing import Any

from signal_assets.domain.boards.board import BoardPage
from signal_assets.domain.boards.workable import WORKABLE

JOB = {
    "title": "Boekhouder",
    "shortcode": "DD136DD7E7",
    "url": "https://apply.workable.com/j/DD136DD7E7",
    "application_url": "https://apply.workable.com/j/DD136DD7E7/apply",
    "city": "Utrecht",
    "state": "",
    "country": "Netherlands",
    "published_on": "2026-08-05",
    "created_at": "2026-07-02",
    "description": "<p>U werkt met SAP.</p>",
}


def read(*jobs: Any) -> BoardPage:
    body = json.dumps({"name": "Voorbeeld B.V.", "jobs": jobs})
    return WORKABLE.parse_page(body, "voorbeeld", WORKABLE.first_page("voorbeeld"))


def test_the_company_is_named_once_for_all():
    (posting,) = read(JOB).postings
    assert posting.company_name == "Voorbeeld B.V."
    assert posting.location == "Utrecht, Netherlands"
    assert posting.description == "U werkt met SAP."


def test_a_job_that_is_listed_for_each_of_its_places_is_one_vacancy():
    assert len(read(JOB, {**JOB, "city": "Zwolle"}).postings) == 1


def test_texts_are_asked_for():
    assert ("details", "true") in WORKABLE.first_page("voorbeeld").params
