"""The source `jobspy`: Indeed, LinkedIn and Glassdoor through a library that is not ours."""

import importlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from signal_assets.domain.harvests import Outcome, SourceAnswer
from signal_assets.domain.jobspy_rows import (
    SOURCE,
    explain_errors,
    list_warnings,
    parse_rows,
)
from signal_assets.domain.search_profiles import JobSpySourceOptions, SearchTerm

Scrape = Callable[..., Any]
"""JobSpy's `scrape_jobs`: a table with `to_dict("records")`, and the errors in its `attrs`."""

NOT_INSTALLED = "JobSpy is not installed: pip install 'signal-assets[jobspy]'"


class JobSpySource:
    """Asks each site for each term; a site that refuses is not asked again in this run.

    Without `scrape` (see `find_jobspy`) every answer says that it is not installed.
    """

    def __init__(self, options: JobSpySourceOptions, scrape: Scrape | None) -> None:
        self._options = options
        self._scrape = scrape
        self._refusals: dict[str, str] = {}

    @property
    def name(self) -> str:
        return SOURCE

    def harvest(self, terms: Sequence[SearchTerm]) -> Iterator[SourceAnswer]:
        """Yield one answer for each term and site, the site named as `board`."""
        if self._scrape is None:
            yield SourceAnswer(source=SOURCE, outcome="refused", message=NOT_INSTALLED)
            return
        for term in terms:
            for site in self._options.sites:
                if site in self._refusals:
                    yield _answer(term, site, "refused", self._refusals[site])
                else:
                    yield self._search(self._scrape, term, site)

    def _search(self, scrape: Scrape, term: SearchTerm, site: str) -> SourceAnswer:
        try:
            frame = scrape(**self._question(term, site))
            rows = frame.to_dict("records")
        except Exception as error:  # noqa: BLE001 - whatever a library raises is an outcome
            return _answer(term, site, "broken", f"{type(error).__name__}: {error}"[:300], calls=1)
        postings, rejected = parse_rows(rows, term.term)
        trouble = explain_errors(frame.attrs.get("errors"), site)
        if trouble is not None and trouble[0] == "refused":
            self._refusals[site] = trouble[1]
        plain: Outcome = "rows" if postings else "broken" if rejected else "empty"
        outcome, message = trouble or (plain, list_warnings(frame.attrs.get("warnings"), site))
        return SourceAnswer(
            source=SOURCE,
            search_term=term.term,
            board=site,
            outcome=outcome,
            postings=postings,
            rejected=rejected,
            calls=1,
            message=message,
        )

    def _question(self, term: SearchTerm, site: str) -> dict[str, Any]:
        options = self._options
        days = options.max_age_days
        return {
            "site_name": [site],
            "search_term": term.term,
            "location": options.location,
            "country_indeed": options.country,
            "results_wanted": options.max_results,
            "hours_old": None if days is None else 24 * days,
            "description_format": "html",
            "fetch_description": True,
            "verbose": 0,
        }


def find_jobspy() -> Scrape | None:
    """Return JobSpy's `scrape_jobs`, or None when it, or a part it needs, is not installed."""
    try:
        scrape: Scrape = importlib.import_module("jobspy").scrape_jobs
    except ImportError:
        return None
    return scrape


def _answer(
    term: SearchTerm, site: str, outcome: Outcome, message: str, *, calls: int = 0
) -> SourceAnswer:
    return SourceAnswer(
        source=SOURCE,
        search_term=term.term,
        board=site,
        outcome=outcome,
        message=message,
        calls=calls,
    )
