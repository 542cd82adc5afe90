"""The source `jobposting`: career pages that state their vacancies for search engines."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from signal_assets.clients.metered_service import utc_now
from signal_assets.clients.open_web import (
    OpenWeb,
    PageBroken,
    PageForbidden,
    PageMissing,
    PageRefused,
)
from signal_assets.clients.public_hosts import is_loopback_url
from signal_assets.clients.robots import Robots
from signal_assets.domain.harvests import Outcome, RejectedRow, SourceAnswer
from signal_assets.domain.job_postings import SOURCE, CareerPage, parse_page, tidy_url
from signal_assets.domain.languages import detect_language
from signal_assets.domain.search_profiles import JobPostingSourceOptions, SearchTerm
from signal_assets.domain.term_matching import TermMatcher
from signal_assets.domain.vacancies import Posting


class JobPostingSource:
    """Reads career pages and the pages on the same host that they link to.

    No page is read that its host's robots.txt forbids; no redirect is followed. That a page no
    longer states a vacancy does not prove that it is closed.
    """

    def __init__(
        self,
        options: JobPostingSourceOptions,
        web: OpenWeb,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._options = options
        self._web = web
        self._robots = Robots(web)
        self._now = now

    @property
    def name(self) -> str:
        return SOURCE

    def harvest(self, terms: Sequence[SearchTerm]) -> Iterator[SourceAnswer]:
        """Yield one answer for each page of the profile; each posting names its term.

        Without terms every vacancy is taken.
        """
        matcher = TermMatcher(terms) if terms else None
        for url in self._options.pages:
            walk = _SiteWalk(url, self._options.max_pages, matcher, self._now())
            before = self._web.sent_count
            self._read(walk)
            yield walk.answer(self._web.sent_count - before)

    def _read(self, walk: "_SiteWalk") -> None:
        """Read the first page, then what it links to, until the host refuses."""
        while (url := walk.next_url()) is not None:
            try:
                page = self._get(url, is_local=is_loopback_url(walk.start))
            except PageForbidden as error:
                walk.leave_out("refused", str(error), url)
            except PageRefused as error:
                walk.end("refused", str(error), url)
                return
            except (PageMissing, PageBroken) as error:
                walk.leave_out("broken", str(error), url)
            else:
                walk.add(page, url)

    def _get(self, url: str, *, is_local: bool) -> CareerPage:
        pause = self._robots.pause_for(url, is_local=is_local)
        page = self._web.get(url, is_local=is_local, pause_seconds=pause)
        return parse_page(page.body, url, self._now())


class _SiteWalk:
    """What one configured page led to so far."""

    def __init__(
        self, start: str, max_pages: int, matcher: TermMatcher | None, now: datetime
    ) -> None:
        self.start = start
        self._max_pages = max_pages
        self._matcher = matcher
        self._listings = deque([start])
        self._links: deque[str] = deque()
        self._known = {tidy_url(start)}
        self._read_count = self._stated_count = self._expired_count = self._unmatched_count = 0
        self._postings: dict[str, Posting] = {}
        self._rejected: list[RejectedRow] = []
        self._end: tuple[Outcome, str] | None = None
        self._failed_count = 0

    def next_url(self) -> str | None:
        """Return the page to read now; listings go before the vacancies they link to."""
        if self._read_count >= self._max_pages:
            return None
        queue = self._listings or self._links
        if not queue:
            return None
        self._read_count += 1
        return queue.popleft()

    def add(self, page: CareerPage, url: str) -> None:
        is_listing = url == self.start or bool(page.listings) or not page.postings
        for queue, found in ((self._listings, page.listings), (self._links, page.links)):
            if not is_listing:
                continue
            new = [link for link in found if link not in self._known]
            self._known.update(new)
            queue.extend(new)
        self._stated_count += len(page.postings) + page.expired_count
        self._expired_count += page.expired_count
        self._rejected.extend(page.rejected)
        for posting in page.postings:
            self._take(posting)

    def _take(self, posting: Posting) -> None:
        if self._matcher is not None:
            words = f"{posting.title}\n{posting.description}"
            language = posting.language or detect_language(posting.description)
            term = self._matcher.find(words, language)
            if term is None:
                self._unmatched_count += 1
                return
            posting = posting.model_copy(update={"search_term": term})
        earlier = self._postings.get(posting.external_id)
        if earlier is not None and earlier.url != posting.url:
            shared_id = (posting.url or "").partition("://")[2]
            posting = posting.model_copy(update={"external_id": shared_id})
        self._postings.setdefault(posting.external_id, posting)

    def end(self, outcome: Outcome, message: str, url: str) -> None:
        self._end = outcome, f"{url}: {message}"

    def leave_out(self, outcome: Outcome, message: str, url: str) -> None:
        """Note that a page could not be read: the end if it is the first one, else one less."""
        if url == self.start:
            self.end(outcome, message, url)
        else:
            self._failed_count += 1

    def answer(self, calls: int) -> SourceAnswer:
        outcome, message = self._end or self._plain_outcome()
        notes = [message] if message else []
        return SourceAnswer(
            source=SOURCE,
            board=self.start,
            outcome=outcome,
            postings=tuple(self._postings.values()),
            rejected=tuple(self._rejected),
            calls=calls,
            message="; ".join([*notes, *self._notes()]) or None,
        )

    def _plain_outcome(self) -> tuple[Outcome, str | None]:
        if self._postings:
            return "rows", None
        if self._rejected and not self._unmatched_count:
            return "broken", None
        if self._stated_count:
            return "empty", None
        return "broken", f"no JobPosting stands on the {self._read_count} pages read"

    def _notes(self) -> Iterator[str]:
        if self._unmatched_count:
            yield f"{self._unmatched_count} vacancies hold none of the search terms"
        if self._expired_count:
            yield f"{self._expired_count} are past their validThrough"
        if self._rejected:
            yield f"{len(self._rejected)} could not be read"
        if self._failed_count:
            yield f"{self._failed_count} linked pages could not be read"
        left = len(self._listings) + len(self._links)
        if left:
            yield f"{left} linked pages were not read"
