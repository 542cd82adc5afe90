"""SerpApi: results, paging, ids, dates and errors of `google_jobs`."""

import base64
import json

import pytest

from signal_assets.sandbox import SANDBOX_KEYS
from signal_assets.sandbox.clock import Clock
from signal_assets.sandbox.exchange import Answer, Asked
from signal_assets.sandbox.serpapi import SerpApiService
from signal_assets.sandbox.world import shipped_world

QUERY = {
    "engine": "google_jobs",
    "q": "facturen",
    "gl": "nl",
    "hl": "nl",
    "api_key": SANDBOX_KEYS["serpapi"],
}


@pytest.fixture(scope="module")
def serpapi() -> SerpApiService:
    return SerpApiService(shipped_world(), Clock())


def get(serpapi: SerpApiService, path: str = "/search.json", **changes: str | None) -> Answer:
    query = {name: value for name, value in {**QUERY, **changes}.items() if value is not None}
    return serpapi.answer(Asked("GET", path, tuple(query.items()), base_url="http://x/serpapi"))


def test_pages_hold_every_job_once(serpapi):
    ids: list[str] = []
    token: str | None = None
    for _ in range(10):
        payload = get(serpapi, next_page_token=token).payload
        ids += [job["job_id"] for job in payload.get("jobs_results", [])]
        token = payload.get("serpapi_pagination", {}).get("next_page_token")
        if token is None:
            break
    assert len(ids) == len(set(ids)) > 10


def test_only_the_htidocid_of_a_job_stays_over_searches(serpapi):
    def first_id(term: str) -> dict[str, str]:
        jobs = get(serpapi, q=term).payload["jobs_results"]
        job = next(job for job in jobs if job["company_name"] == "Fantasie Zorgmaterialen B.V.")
        decoded: dict[str, str] = json.loads(base64.b64decode(job["job_id"]))
        return decoded

    one, other = first_id("afas facturen"), first_id("zorgmaterialen")
    assert one["htidocid"] == other["htidocid"]
    assert one["fc"] != other["fc"]


def test_dates_are_relative_and_in_the_asked_language(serpapi):
    def words(language: str) -> set[str]:
        jobs = get(serpapi, hl=language).payload["jobs_results"]
        return {job["detected_extensions"].get("posted_at", "") for job in jobs}

    assert any("dagen geleden" in text for text in words("nl"))
    assert any("days ago" in text for text in words("en"))


def test_some_jobs_lack_apply_options_and_some_dates(serpapi):
    jobs = [
        job
        for term in ("facturen", "magazijn")
        for job in get(serpapi, q=term).payload["jobs_results"]
    ]
    assert any("apply_options" not in job for job in jobs)
    assert any("posted_at" not in job["detected_extensions"] for job in jobs)


def test_a_dry_term_is_a_success_with_an_error(serpapi):
    answer = get(serpapi, q="kamelendrijver")
    assert (answer.status, answer.is_billed) == (200, True)
    assert answer.payload["search_metadata"]["status"] == "Success"
    assert answer.payload["error"].startswith("Google hasn't returned any results")


def test_another_country_finds_nothing_and_a_city_only_its_own(serpapi):
    assert "jobs_results" not in get(serpapi, gl="us").payload
    jobs = get(serpapi, location="Venlo").payload["jobs_results"]
    assert {job["location"] for job in jobs} == {"Venlo"}


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"api_key": "other"}, 401, "Invalid API key"),
        ({"api_key": None}, 401, "Invalid API key"),
        ({"q": None}, 400, "Missing query `q` parameter."),
        ({"q": " "}, 400, "Missing query `q` parameter."),
        ({"engine": "google"}, 400, "Unsupported `google` search engine."),
        ({"start": "10"}, 400, "Unsupported `start` parameter."),
        ({"location": "Venlo", "uule": "x"}, 400, "can't be used together"),
        ({"no_cache": "true", "async": "true"}, 400, "can't be used together"),
        ({"gl": "NLD"}, 400, "Unsupported `NLD` value"),
        ({"next_page_token": "nonsense"}, 400, "Invalid `next_page_token`"),
    ],
)
def test_a_wrong_search_is_refused_with_its_reason(serpapi, changes, status, words):
    answer = get(serpapi, **changes)
    assert (answer.status, words in answer.payload["error"]) == (status, True)


def test_a_token_of_another_search_is_refused(serpapi):
    token = get(serpapi).payload["serpapi_pagination"]["next_page_token"]
    assert get(serpapi, q="magazijn", next_page_token=token).status == 400


def test_the_account_counts_searches_and_costs_nothing():
    serpapi = SerpApiService(shipped_world(), Clock())
    get(serpapi)
    account = get(serpapi, "/account.json")
    assert account.payload["this_month_usage"] == 1
    assert account.payload["total_searches_left"] == account.payload["searches_per_month"] - 1
    assert not account.is_billed


def test_the_key_is_not_repeated_in_the_answer(serpapi):
    assert SANDBOX_KEYS["serpapi"] not in get(serpapi).body.decode()
