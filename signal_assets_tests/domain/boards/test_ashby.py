import json
from typing import Any

from signal_assets.domain.boards.ashby import ASHBY
from signal_assets.domain.boards.board import BoardPage

JOB = {
    "id": "34413f8d",
    "title": " Boekhouder ",
    "location": "Utrecht",
    "isListed": True,
    "publishedAt": "2026-04-07T17:12:35.753+00:00",
    "jobUrl": "https://jobs.ashbyhq.com/voorbeeld/34413f8d",
    "applyUrl": "https://jobs.ashbyhq.com/voorbeeld/34413f8d/application",
    "descriptionHtml": "<p>U werkt met <b>SAP</b>.</p>",
}


def read(*jobs: Any) -> BoardPage:
    body = json.dumps({"apiVersion": "1", "jobs": jobs})
    return ASHBY.parse_page(body, "voorbeeld-staalbouw", ASHBY.first_page("voorbeeld-staalbouw"))


def test_a_job_that_is_not_listed_is_left_out():
    assert read({**JOB, "isListed": False}).postings == ()


def test_the_id_is_in_the_address_when_the_field_is_missing():
    (posting,) = read({**JOB, "id": None}).postings
    assert posting.external_id == "34413f8d"


def test_a_company_without_a_name_is_called_by_its_token():
    (posting,) = read(JOB).postings
    assert posting.company_name == "voorbeeld staalbouw"
    assert posting.title == "Boekhouder"
    assert posting.description == "U werkt met SAP."
