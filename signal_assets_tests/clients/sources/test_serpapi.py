import base64
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from signal_assets.clients.sources.serpapi import SerpApiSource, open_serpapi
from signal_assets.domain.harvests import SourceAnswer
from signal_assets.domain.search_profiles import SearchTerm, SerpApiSourceOptions
from signal_assets_tests.clients.open_ledgers import Waits, open_session

KEY = "a-secret-key-of-serpapi"
METADATA = {"status": "Success", "processed_at": "2026-03-10 09:30:00 UTC"}
NOTHING = {
    "search_metadata": METADATA,
    "error": "Google hasn't returned any results for this query.",
}
ACCOUNT = {"total_searches_left": 90, "last_hour_searches": 3, "account_rate_limit_per_hour": 100}

Reply = dict[str, Any] | httpx.Response


def job(number: int, **fields: object) -> dict[str, Any]:
    document = json.dumps({"htidocid": f"doc{number}", "fc": "of this search"}).encode()
    return {
        "title": f"Boekhouder {number}",
        "company_name": "Voorbeeld B.V.",
        "location": "Utrecht",
        "description": "U werkt met SAP.",
        "job_id": base64.b64encode(document).decode(),
        **fields,
    }


def page(*jobs: dict[str, Any], token: str | None = None) -> dict[str, Any]:
    payload: dict[str, Any] = {"search_metadata": METADATA, "jobs_results": list(jobs)}
    if token is not None:
        payload["serpapi_pagination"] = {"next_page_token": token}
    return payload


class Google:
    """Answers searches by a rule, and the account page; keeps the searches it was asked for."""

    def __init__(
        self, rule: Callable[[str, str | None], Reply], account: Reply | None = None
    ) -> None:
        self._rule = rule
        self._account = ACCOUNT if account is None else account
        self.searches: list[dict[str, str]] = []
        self.account_calls = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url.params["api_key"] == KEY
        params = dict(request.url.params)
        if request.url.path == "/account.json":
            self.account_calls += 1
            reply = self._account
        else:
            assert request.url.path == "/search.json"
            self.searches.append(params)
            reply = self._rule(params["q"], params.get("next_page_token"))
        return reply if isinstance(reply, httpx.Response) else httpx.Response(200, json=reply)

    def harvest(
        self, folder: Path, *terms: str, budget: str | None = None, **options: Any
    ) -> list[SourceAnswer]:
        chosen = SerpApiSourceOptions(type="serpapi", **options)
        http = open_serpapi(KEY, transport=httpx.MockTransport(self))
        with open_session(folder, run_budget=budget) as session:
            source = SerpApiSource(http, session, chosen, patience=Waits().patience)
            return list(source.harvest([SearchTerm(term=term) for term in terms]))


def test_a_search_asks_as_the_profile_says(tmp_path):
    google = Google(lambda query, token: page(job(1)))
    google.harvest(tmp_path, "boekhouder", location="Utrecht, Netherlands")
    assert google.searches == [
        {
            "api_key": KEY,
            "engine": "google_jobs",
            "q": "boekhouder",
            "google_domain": "google.nl",
            "gl": "nl",
            "hl": "nl",
            "location": "Utrecht, Netherlands",
        }
    ]


def test_a_job_is_a_posting_with_a_stable_id_and_a_date(tmp_path):
    found = job(
        7,
        detected_extensions={"posted_at": "3 dagen geleden"},
        apply_options=[{"title": "Board", "link": "https://board.test/7"}],
    )
    (answer,) = Google(lambda query, token: page(found)).harvest(tmp_path, "boekhouder")
    (posting,) = answer.postings
    assert posting.vacancy_id == "serpapi:doc7"
    assert posting.posted_at == datetime(2026, 3, 7, tzinfo=UTC)
    assert posting.posted_raw == "3 dagen geleden"
    assert posting.url == "https://board.test/7"
    assert posting.search_term == "boekhouder"


def test_pages_are_followed_by_token_until_the_last(tmp_path):
    pages = {None: page(job(1), token="a"), "a": page(job(2), token="b"), "b": page(job(3))}
    google = Google(lambda query, token: pages[token])
    (answer,) = google.harvest(tmp_path, "boekhouder", max_pages=9)
    assert [posting.external_id for posting in answer.postings] == ["doc1", "doc2", "doc3"]
    assert (answer.outcome, answer.calls) == ("rows", 3)


def test_no_more_pages_are_bought_than_the_profile_allows(tmp_path):
    google = Google(lambda query, token: page(job(len(google.searches)), token="more"))
    google.harvest(tmp_path, "boekhouder", max_pages=2)
    assert len(google.searches) == 2


def test_a_page_without_new_vacancies_is_the_last(tmp_path):
    google = Google(lambda query, token: page(job(1), token="more"))
    google.harvest(tmp_path, "boekhouder", max_pages=9)
    assert len(google.searches) == 2


@pytest.mark.parametrize(
    "reply",
    [NOTHING, {"search_metadata": METADATA}, {"search_metadata": METADATA, "jobs_results": []}],
)
def test_a_second_page_that_is_empty_ends_the_term(tmp_path, reply):
    google = Google(lambda query, token: page(job(1), token="a") if token is None else reply)
    (answer,) = google.harvest(tmp_path, "boekhouder")
    assert (answer.outcome, len(answer.postings)) == ("rows", 1)


def test_an_error_beside_success_means_that_there_are_none(tmp_path):
    (answer,) = Google(lambda query, token: NOTHING).harvest(tmp_path, "boekhouder")
    assert (answer.outcome, answer.calls) == ("empty", 1)
    assert "hasn't returned any results" in (answer.message or "")


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ({"search_metadata": METADATA, "organic_results": [{}]}, "plain Google results"),
        ({"search_metadata": METADATA}, "neither vacancies"),
        ({"search_metadata": {"status": "Error"}, "error": "We failed."}, "We failed."),
        ({}, "status None"),
        ({"search_metadata": METADATA, "jobs_results": "many"}, "not a list"),
        (httpx.Response(200, text="<html>"), "not JSON"),
        (httpx.Response(400, json={"error": "Unsupported `gl`."}), "HTTP 400: Unsupported"),
        (httpx.Response(503, json={"error": "Please try again later."}), "HTTP 503: Please"),
    ],
)
def test_an_answer_that_cannot_be_read_is_broken_not_empty(tmp_path, reply, words):
    (answer,) = Google(lambda query, token: reply).harvest(tmp_path, "boekhouder")
    assert answer.outcome == "broken"
    assert words in (answer.message or "")


def test_one_broken_term_leaves_the_others_their_turn(tmp_path):
    broken = httpx.Response(200, text="<html>")
    google = Google(lambda query, token: broken if query == "een" else page(job(1)))
    answers = google.harvest(tmp_path, "een", "twee")
    assert [answer.outcome for answer in answers] == ["broken", "rows"]


@pytest.mark.parametrize(
    ("reply", "calls"),
    [
        (httpx.Response(401, json={"error": "Invalid API key."}), 1),
        (httpx.Response(403, json={"error": "Account suspended."}), 1),
        (httpx.Response(429, json={"error": "Your account has run out of searches."}), 1),
        (httpx.Response(429, json={"error": "You are exceeding 1,000 searches per hour."}), 4),
    ],
)
def test_a_refusal_ends_the_source_and_keeps_what_came_before(tmp_path, reply, calls):
    google = Google(lambda query, token: page(job(1), token="a") if token is None else reply)
    first, second = google.harvest(tmp_path, "een", "twee")
    assert (first.outcome, len(first.postings), first.calls) == ("refused", 1, 1 + calls)
    assert (second.outcome, second.postings, second.calls) == ("refused", (), 0)


@pytest.mark.parametrize(
    "account",
    [
        ACCOUNT | {"total_searches_left": 0},
        ACCOUNT | {"last_hour_searches": 100},
        httpx.Response(401, json={"error": "Invalid API key."}),
    ],
)
def test_an_account_that_cannot_search_is_not_searched_with(tmp_path, account):
    google = Google(lambda query, token: page(job(1)), account)
    assert [answer.outcome for answer in google.harvest(tmp_path, "een", "twee")] == ["refused"] * 2
    assert google.searches == []


@pytest.mark.parametrize("account", [httpx.Response(500), httpx.Response(200, text="<html>"), {}])
def test_an_account_page_that_is_down_keeps_nobody_from_searching(tmp_path, account):
    google = Google(lambda query, token: page(job(1)), account)
    assert [answer.outcome for answer in google.harvest(tmp_path, "een", "twee")] == ["rows"] * 2
    assert google.account_calls == 1


def test_a_harvest_again_within_hours_buys_nothing(tmp_path):
    google = Google(lambda query, token: page(job(1), token="a") if token is None else NOTHING)
    first = google.harvest(tmp_path, "boekhouder")
    second = google.harvest(tmp_path, "boekhouder")
    assert len(google.searches) == 2
    assert google.account_calls == 1
    assert second[0].postings == first[0].postings
    assert second[0].calls == 0


def test_the_budget_ends_the_source_before_the_search_that_would_pass_it(tmp_path):
    google = Google(lambda query, token: page(job(len(google.searches))))
    answers = google.harvest(tmp_path, "een", "twee", "drie", budget="0.03")
    assert [answer.outcome for answer in answers] == ["rows", "rows", "refused"]
    assert len(google.searches) == 2


def test_no_more_searches_are_bought_than_the_profile_allows_a_run(tmp_path):
    google = Google(lambda query, token: page(job(1), token="next" if token is None else None))

    first, second = google.harvest(tmp_path, "boekhouder", "controller", max_searches=1)

    assert len(google.searches) == 1
    assert (first.outcome, len(first.postings)) == ("refused", 1)
    assert second.outcome == "refused"
    assert "max_searches" in (second.message or "")


def test_a_query_with_accents_is_asked_again_without_when_nothing_is_found(tmp_path):
    google = Google(lambda query, token: page(job(1)) if query == "cooperatie" else NOTHING)
    (answer,) = google.harvest(tmp_path, "coöperatie")
    assert answer.outcome == "rows"
    assert answer.postings[0].search_term == "coöperatie"


def test_a_term_in_capitals_is_asked_in_lower_case(tmp_path):
    google = Google(lambda query, token: page(job(1)))
    google.harvest(tmp_path, "SAP FICO")
    assert google.searches[0]["q"] == "sap fico"


def test_a_job_that_cannot_be_read_is_reported_and_the_others_kept(tmp_path):
    jobs = page(job(1), {"title": 5}, job(3, company_name=None, description=None))
    (answer,) = Google(lambda query, token: jobs).harvest(tmp_path, "boekhouder")
    assert [posting.external_id for posting in answer.postings] == ["doc1", "doc3"]
    assert [(row.place, row.reason) for row in answer.rejected] == [
        ("“boekhouder”, page 1, job 2", "title is a number, not text")
    ]


@pytest.mark.parametrize("status", [200, 401, 500, 302])
def test_the_key_stands_in_no_message_no_log_and_not_in_the_ledger(tmp_path, caplog, status):
    caplog.set_level(logging.DEBUG)
    echo = {"search_metadata": {"status": "Error"}, "error": f"?api_key={KEY}"}
    headers = {"location": f"https://elsewhere.test/?api_key={KEY}"}
    google = Google(lambda query, token: httpx.Response(status, json=echo, headers=headers))
    (answer,) = google.harvest(tmp_path, "boekhouder")
    assert answer.outcome in ("broken", "refused")
    assert KEY not in repr(answer) + caplog.text
    assert all(KEY.encode() not in path.read_bytes() for path in tmp_path.iterdir())
