"""The source `serpapi`: Google's job search, one search for each term and page."""

import json
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from signal_assets.clients.errors import BudgetExhausted, LookupFailed, SourceUnavailable
from signal_assets.clients.http import (
    NoAnswer,
    NotSent,
    Patience,
    Received,
    excerpt,
    fetch,
    open_http,
)
from signal_assets.clients.ledger import DatabaseUnavailable, LedgerSession
from signal_assets.clients.metered_service import (
    Answered,
    ItemRefused,
    MeteredService,
    Question,
    RunStopped,
    ServiceRefuses,
    TryLater,
    Unreadable,
    Verdict,
    utc_now,
)
from signal_assets.domain.google_jobs import SOURCE, JobsPage, classify_page, parse_page
from signal_assets.domain.harvests import Outcome, RejectedRow, SourceAnswer
from signal_assets.domain.prices import PriceTable
from signal_assets.domain.search_profiles import SearchTerm, SerpApiSourceOptions
from signal_assets.domain.vacancies import Posting
from signal_assets.domain.wire_fields import UnreadableAnswer, parse_json_object

SERPAPI_BASE_URL = "https://serpapi.com"

_OUT_OF_SEARCHES = "run out of searches"


def open_serpapi(
    api_key: str,
    base_url: str = SERPAPI_BASE_URL,
    *,
    ca_file: Path | None = None,
    transport: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """Return the HTTP client that carries SerpApi's base URL and the key, a query parameter."""
    return open_http(
        base_url, params={"api_key": api_key.strip()}, ca_file=ca_file, transport=transport
    )


class SerpApiSource:
    """Searches for each term of a profile; `http` carries the key (see `open_serpapi`)."""

    def __init__(
        self,
        http: httpx.Client,
        session: LedgerSession,
        options: SerpApiSourceOptions,
        prices: PriceTable | None = None,
        *,
        patience: Patience | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._http = http
        self._options = options
        self._service = MeteredService(
            SOURCE, http, session, prices or PriceTable.shipped(), judge, patience=patience, now=now
        )
        self._is_account_checked = False
        self._searches = 0

    @property
    def name(self) -> str:
        return SOURCE

    def harvest(self, terms: Sequence[SearchTerm]) -> Iterator[SourceAnswer]:
        """Yield one answer per term; what stops the source is the outcome of each term after it."""
        stop: tuple[Outcome, str] | None = None
        for term in terms:
            search = _Search(term)
            sent_before = self._service.sent_count
            if stop is None:
                stop = self._run(search)
            else:
                search.end(*stop)
            yield search.answer(self._service.sent_count - sent_before)

    def _run(self, search: "_Search") -> tuple[Outcome, str] | None:
        """Search for one term; return what keeps the next ones from being searched for."""
        try:
            self._read_pages(search)
        except DatabaseUnavailable:
            raise
        except LookupFailed as error:
            search.end("broken", str(error))
        except (ServiceRefuses, BudgetExhausted) as error:
            search.end("refused", str(error))
            return "refused", str(error)
        except SourceUnavailable as error:
            search.end("broken", str(error))
            return "broken", str(error)
        return None

    def _read_pages(self, search: "_Search") -> None:
        query = search.first_query
        page = self._get_page(search, query, None, 1)
        plain = _without_accents(query)
        if page.kind == "empty" and plain != query:
            query = plain  # Google now and then finds nothing for a query with accents
            page = self._get_page(search, query, None, 1)
        if page.kind != "jobs":
            search.end("empty" if page.kind == "empty" else "broken", page.message or "")
            return
        number = 1
        while page.kind == "jobs" and search.add(page):
            if page.next_page_token is None or number >= self._options.max_pages:
                return
            number += 1
            page = self._get_page(search, query, page.next_page_token, number)
        if page.kind == "broken":
            search.end("broken", f"page {number}: {page.message}")

    def _count_search(self) -> None:
        limit = self._options.max_searches
        if limit is not None and self._searches >= limit:
            raise BudgetExhausted(f"serpapi: the {limit} searches of a run (max_searches) are used")
        self._searches += 1

    def _get_page(self, search: "_Search", query: str, token: str | None, number: int) -> JobsPage:
        question = self._question(query, search.term.language, token, number)
        answer = self._service.find_stored(question)
        if answer is None:
            self._check_account()
            self._count_search()
            answer = self._service.ask(question)
        try:
            return parse_page(parse_json_object(answer.body), search.term.term, number)
        except UnreadableAnswer as error:
            raise LookupFailed(f"serpapi: {error}") from error

    def _question(self, query: str, language: str, token: str | None, number: int) -> Question:
        options = self._options
        params = [
            ("engine", "google_jobs"),
            ("q", query),
            ("google_domain", options.google_domain),
            ("gl", options.country),
            ("hl", language),
        ]
        if options.location is not None:
            params.append(("location", options.location))
        if token is not None:
            params.append(("next_page_token", token))
        max_age = timedelta(hours=options.max_age_hours)
        return Question(
            operation="search",
            path="/search.json",
            params=tuple(params),
            summary=f"google_jobs “{query}”, {language}, page {number}",
            max_age=max_age,
            absent_max_age=max_age,
        )

    def _check_account(self) -> None:
        """Ask once, before the first search, whether any are left; this is free.

        An account page that is down says nothing about the searches, so they are tried.
        """
        if self._is_account_checked:
            return
        self._is_account_checked = True
        try:
            received = fetch(self._http, "/account.json")
        except (NotSent, NoAnswer):
            return
        if received.status_code in (401, 403):
            raise ServiceRefuses(f"serpapi: HTTP {received.status_code}: {_error_in(received)}")
        reason = explain_empty_account(received) if received.status_code == 200 else None
        if reason is not None:
            raise ServiceRefuses(f"serpapi: {reason}")


class _Search:
    """What the search for one term brought so far, and how it ended."""

    def __init__(self, term: SearchTerm) -> None:
        self.term = term
        self._postings: dict[str, Posting] = {}
        self._rejected: list[RejectedRow] = []
        self._end: tuple[Outcome, str] | None = None

    @property
    def first_query(self) -> str:
        """The words to search for; Google finds nothing for some in capitals only."""
        text = " ".join(self.term.term.split())
        return text.lower() if text.isupper() else text

    def add(self, page: JobsPage) -> bool:
        """Keep what a page brought; False when it brought nothing new."""
        new = {posting.external_id: posting for posting in page.postings}
        is_new = bool(new.keys() - self._postings.keys())
        self._postings |= {key: value for key, value in new.items() if key not in self._postings}
        self._rejected.extend(page.rejected)
        return is_new

    def end(self, outcome: Outcome, message: str) -> None:
        self._end = (outcome, message)

    def answer(self, calls: int) -> SourceAnswer:
        outcome, message = self._end or (self._plain_outcome(), None)
        if message is None and self._rejected:
            message = f"{len(self._rejected)} jobs could not be read"
        return SourceAnswer(
            source=SOURCE,
            search_term=self.term.term,
            outcome=outcome,
            postings=tuple(self._postings.values()),
            rejected=tuple(self._rejected),
            calls=calls,
            message=message,
        )

    def _plain_outcome(self) -> Outcome:
        return "rows" if self._postings else "broken"


def judge(question: Question, received: Received) -> Verdict:
    """Say what an answer of SerpApi means; only searches that succeeded are billed.

    HTTP 429 stands for two things: the searches of the plan are used up, or too many were made in
    the last hour. Neither ends within a run.
    """
    status, said = received.status_code, _error_in(received)
    if status == 429:
        if _OUT_OF_SEARCHES in said.lower():
            return RunStopped(said)
        wait = received.asks_to_wait()
        reason = f"throughput: {said}"
        return TryLater(reason, wait, may_be_billed=False, in_the_end="refusal")
    if status in (401, 402, 403):
        return RunStopped(said)
    if status >= 500:
        return TryLater(said, received.asks_to_wait(), may_be_billed=False)
    if status != 200:
        return ItemRefused(said, is_service_trouble=status == 404)
    try:
        payload = parse_json_object(received.body)
        kind, message = classify_page(payload)
    except UnreadableAnswer as error:
        return Unreadable(str(error))
    is_first_page = "next_page_token" not in dict(question.params)
    if kind in ("jobs", "empty") or (kind == "ended" and not is_first_page):
        return Answered(is_absent=kind == "empty")
    metadata = payload.get("search_metadata")
    if isinstance(metadata, dict) and metadata.get("status") == "Success":
        return Unreadable(message or "no jobs")
    return TryLater(message or "the search failed", may_be_billed=False)


def explain_empty_account(received: Received) -> str | None:
    """Return why no search can be made now, None when one can or the page does not say."""
    try:
        account = parse_json_object(received.body)
    except UnreadableAnswer:
        return None
    left = account.get("total_searches_left")
    if isinstance(left, int) and left <= 0:
        return "the account has run out of searches"
    made, limit = account.get("last_hour_searches"), account.get("account_rate_limit_per_hour")
    if isinstance(made, int) and isinstance(limit, int) and made >= limit > 0:
        return f"{made} searches were made in the last hour, and {limit} are allowed"
    return None


def _error_in(received: Received) -> str:
    try:
        payload: Any = json.loads(received.body)
    except (ValueError, RecursionError):
        payload = None
    error = payload.get("error") if isinstance(payload, dict) else None
    return excerpt(error if isinstance(error, str) else received.body) or "no text"


def _without_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))
