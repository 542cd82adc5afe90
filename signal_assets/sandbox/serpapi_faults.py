"""What can go wrong with SerpApi."""

from collections.abc import Callable
from dataclasses import replace

from signal_assets.sandbox.exchange import Answer, Asked
from signal_assets.sandbox.fault_board import Fault
from signal_assets.sandbox.faults import FaultShelf, with_payload
from signal_assets.sandbox.serpapi import NOTHING_FOUND, error_answer

_RESULTS = ("jobs_results", "serpapi_pagination", "filters")


def serpapi_faults() -> list[Fault]:
    shelf = FaultShelf("serpapi", ["search"])
    for name, status, line, text in (
        ("wrong_key", 401, "401: the key is not valid", "Invalid API key."),
        ("forbidden", 403, "403: the account may not search", "Your account is suspended."),
        (
            "out_of_searches",
            429,
            "429: no searches are left, waiting does not help",
            "Your account has run out of searches.",
        ),
        (
            "too_fast",
            429,
            "429: hourly throughput is passed, waiting helps",
            "You have exceeded the hourly throughput limit of your plan.",
        ),
        ("server_error", 500, "500: an error on their side", "Internal server error."),
        (
            "try_again",
            503,
            "503: no valid results for this search, try again",
            "We couldn't get valid results for this search. Please try again later.",
        ),
    ):
        shelf.instead(name, line, _error(status, text))
    shelf.after(
        "empty_result",
        "200 with status Success and a top-level error: the term is dry",
        lambda asked, answer: _without_results(answer, error=NOTHING_FOUND),
    )
    shelf.after(
        "page_two_empty",
        "200 with no results on every page but the first",
        lambda asked, answer: (
            _without_results(answer, error=NOTHING_FOUND)
            if asked.parameter("next_page_token")
            else answer
        ),
    )
    shelf.after(
        "organic_results",
        "200 with ordinary search results instead of jobs",
        _organic,
    )
    shelf.after(
        "search_failed",
        "200 with search_metadata.status Error",
        lambda asked, answer: _failed(answer),
    )
    shelf.payload(
        "wrong_types",
        "200 with a text where the list of jobs belongs",
        lambda payload: {**payload, "jobs_results": "none"},
    )
    shelf.add_transport_faults()
    return shelf.faults


def _error(status: int, text: str) -> Callable[[Asked], Answer]:
    answer = error_answer(status, text)
    return lambda asked: answer


def _without_results(answer: Answer, **more: object) -> Answer:
    if answer.status != 200:
        return answer
    kept = {name: value for name, value in answer.payload.items() if name not in _RESULTS}
    return with_payload(answer, {**kept, **more})


def _organic(asked: Asked, answer: Answer) -> Answer:
    rows = [{"position": 1, "title": "Vacatures", "link": "https://voorbeeld.example/"}]
    return _without_results(answer, organic_results=rows)


def _failed(answer: Answer) -> Answer:
    if answer.status != 200:
        return answer
    metadata = {**answer.payload["search_metadata"], "status": "Error"}
    text = "We couldn't get valid results for this search."
    return replace(_without_results(answer, search_metadata=metadata, error=text), is_billed=False)
