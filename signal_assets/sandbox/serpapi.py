"""SerpApi's `google_jobs` engine over the invented vacancies."""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

from signal_assets.sandbox.clock import Clock
from signal_assets.sandbox.exchange import Answer, Asked, Question, json_answer
from signal_assets.sandbox.keys import SANDBOX_KEYS
from signal_assets.sandbox.world import SandboxVacancy, World

PAGE_SIZE = 10
PLAN_SEARCHES = 5000
NOTHING_FOUND = "Google hasn't returned any results for this query."
_PARAMETERS = frozenset(
    [
        "engine",
        "q",
        "api_key",
        "location",
        "uule",
        "google_domain",
        "gl",
        "hl",
        "next_page_token",
        "lrad",
        "ltype",
        "uds",
        "no_cache",
        "async",
        "output",
        "device",
    ]
)
_WHOLE_COUNTRY = {"netherlands", "the netherlands", "nederland", "nl"}
_BOARDS = ("LinkedIn", "Indeed", "Nationale Vacaturebank", "Werkenbij")


class SerpApiService:
    """Searches over title and text; a search that succeeded is billed, also a dry one."""

    name = "serpapi"

    def __init__(self, world: World, clock: Clock) -> None:
        self._vacancies = world.vacancies
        self._texts = [f"{row.title}\n{row.description}".casefold() for row in world.vacancies]
        self._newest = max((row.posted_at for row in world.vacancies), default=date(2026, 1, 1))
        self._clock = clock
        self._searches = 0

    def question(self, asked: Asked) -> Question:
        query = [(name, value) for name, value in asked.query if name != "api_key"]
        endpoint = "account" if asked.path == "/account.json" else "search"
        return Question(endpoint, urlencode(sorted(query)), asked.parameter("q") or "")

    def answer(self, asked: Asked) -> Answer:
        if asked.method != "GET":
            return error_answer(405, "Only GET is supported.")
        if asked.parameter("api_key") != SANDBOX_KEYS["serpapi"]:
            return error_answer(
                401,
                "Invalid API key. Your API key should be here: https://serpapi.com/manage-api-key",
            )
        if asked.path == "/account.json":
            return self._account()
        if asked.path not in ("/search.json", "/search"):
            return error_answer(404, "Not found.")
        refusal = _refuse(asked)
        return error_answer(400, refusal) if refusal else self._search(asked)

    def _account(self) -> Answer:
        left = PLAN_SEARCHES - self._searches
        return json_answer(
            200,
            {
                "account_id": "sandbox",
                "account_email": "sandbox@example.invalid",
                "plan_id": "sandbox",
                "plan_name": "Sandbox Plan",
                "searches_per_month": PLAN_SEARCHES,
                "plan_searches_left": left,
                "extra_credits": 0,
                "total_searches_left": left,
                "this_month_usage": self._searches,
                "last_hour_searches": self._searches,
                "account_rate_limit_per_hour": 1000,
            },
        )

    def _search(self, asked: Asked) -> Answer:
        self._searches += 1
        query = asked.parameter("q") or ""
        token = asked.parameter("next_page_token")
        start = _read_token(token, query) if token else 0
        if start is None:
            return error_answer(400, "Invalid `next_page_token` parameter.")
        found = self._find(query, asked)
        shown = found[start : start + PAGE_SIZE]
        payload = self._envelope(asked)
        if not shown:
            payload["error"] = NOTHING_FOUND
            return json_answer(200, payload, is_billed=True)
        language = asked.parameter("hl") or "en"
        payload["jobs_results"] = [self._render(row, query, language) for row in shown]
        if start + PAGE_SIZE < len(found):
            payload["serpapi_pagination"] = _pagination(asked, query, start + PAGE_SIZE)
        return json_answer(200, payload, is_billed=True)

    def _find(self, query: str, asked: Asked) -> list[SandboxVacancy]:
        """Vacancies that hold every word of the query; those with it in the title come first."""
        if not _is_dutch_search(asked):
            return []
        words = query.casefold().replace('"', " ").split()
        place = (asked.parameter("location") or "netherlands").split(",")[0].strip().casefold()
        found = [
            row
            for row, text in zip(self._vacancies, self._texts, strict=True)
            if all(word in text for word in words)
            and (place in _WHOLE_COUNTRY or place in row.location.casefold())
        ]
        return sorted(found, key=lambda row: words[0] not in row.title.casefold())

    def _envelope(self, asked: Asked) -> dict[str, Any]:
        now = datetime.fromtimestamp(self._clock.now(), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        parameters = {name: value for name, value in asked.query if name != "api_key"}
        search_id = hashlib.sha256(f"{now}{self._searches}".encode()).hexdigest()[:24]
        return {
            "search_metadata": {
                "id": search_id,
                "status": "Success",
                "created_at": now,
                "processed_at": now,
                "google_jobs_url": f"https://www.google.nl/search?{urlencode(parameters)}",
                "raw_html_file": f"https://serpapi.com/searches/{search_id}.html",
                "total_time_taken": 1.23,
            },
            "search_parameters": {"engine": "google_jobs", **parameters},
        }

    def _render(self, row: SandboxVacancy, query: str, language: str) -> dict[str, Any]:
        position = self._vacancies.index(row)
        board = _BOARDS[position % len(_BOARDS)]
        posted = _posted_words((self._newest - row.posted_at).days, language)
        detected: dict[str, Any] = {
            "schedule_type": "Fulltime" if language == "nl" else "Full-time"
        }
        if position % 9 != 8:
            detected["posted_at"] = posted
        job: dict[str, Any] = {
            "title": row.title,
            "company_name": row.company_name,
            "location": row.location,
            "via": f"via {board}" if position % 2 else board,
            "share_link": f"https://www.google.nl/search?ibp=htl;jobs#{row.external_id}",
            "description": row.description,
            "extensions": list(detected.values()),
            "detected_extensions": detected,
            "job_id": make_job_id(row, query),
        }
        if position % 6 != 5:
            job["apply_options"] = [{"title": board, "link": row.url}]
        elif position % 12 == 5:
            job["apply_options"] = []
        return job


def make_job_id(row: SandboxVacancy, query: str) -> str:
    """Return Google's id: base64 of JSON in which only `htidocid` is the same in each search."""
    payload = {
        "job_title": row.title,
        "company_name": row.company_name,
        "address_city": row.location.split(",")[0],
        "htidocid": hashlib.sha256(row.external_id.encode()).hexdigest()[:22] + "==",
        "fc": hashlib.sha256(query.encode()).hexdigest()[:32],
    }
    return base64.b64encode(json.dumps(payload, ensure_ascii=False).encode()).decode()


def error_answer(status: int, message: str) -> Answer:
    """Return SerpApi's error body."""
    return json_answer(status, {"error": message})


def _refuse(asked: Asked) -> str | None:
    given = dict(asked.query)
    unknown = sorted(set(given) - _PARAMETERS)
    if unknown:
        return f"Unsupported `{unknown[0]}` parameter."
    if given.get("engine") != "google_jobs":
        return f"Unsupported `{given.get('engine', '')}` search engine."
    if not given.get("q", "").strip():
        return "Missing query `q` parameter."
    if "location" in given and "uule" in given:
        return "`location` and `uule` parameters can't be used together."
    if given.get("no_cache") == "true" and given.get("async") == "true":
        return "`no_cache` and `async` parameters can't be used together."
    for name in ("gl", "hl"):
        if name in given and not re.fullmatch(r"[a-z]{2}", given[name]):
            return f"Unsupported `{given[name]}` value for `{name}` parameter."
    return None


def _is_dutch_search(asked: Asked) -> bool:
    country = asked.parameter("gl")
    return country == "nl" or (country is None and asked.parameter("location") is not None)


def _posted_words(days: int, language: str) -> str:
    hours = 22
    if language == "nl":
        return (
            f"{days} dagen geleden" if days > 1 else "1 dag geleden" if days else "22 uur geleden"
        )
    return f"{days} days ago" if days > 1 else "1 day ago" if days else f"{hours} hours ago"


def _pagination(asked: Asked, query: str, start: int) -> dict[str, str]:
    token = base64.urlsafe_b64encode(json.dumps({"q": query, "start": start}).encode()).decode()
    kept: Sequence[tuple[str, str]] = [
        (name, value) for name, value in asked.query if name not in ("api_key", "next_page_token")
    ]
    following = urlencode([*kept, ("next_page_token", token)])
    return {"next_page_token": token, "next": f"{asked.base_url}/search.json?{following}"}


def _read_token(token: str, query: str) -> int | None:
    """Return where the page starts; None for a token that is not of this search."""
    try:
        payload = json.loads(base64.urlsafe_b64decode(token))
    except ValueError:
        return None
    if not isinstance(payload, dict) or payload.get("q") != query:
        return None
    start = payload.get("start")
    return start if isinstance(start, int) else None
