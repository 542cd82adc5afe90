"""The sources for companies' own job boards: one question for a board, its terms matched here."""

from collections.abc import Iterator, Sequence

from signal_assets.clients.open_web import (
    OpenWeb,
    PageBroken,
    PageMissing,
    PageRefused,
)
from signal_assets.clients.public_hosts import is_loopback_url
from signal_assets.domain.boards.board import BoardKind, BoardPage, PageRequest
from signal_assets.domain.harvests import Outcome, RejectedRow, SourceAnswer
from signal_assets.domain.languages import detect_language
from signal_assets.domain.search_profiles import BoardEntry, BoardSourceOptions, SearchTerm
from signal_assets.domain.term_matching import TermMatcher
from signal_assets.domain.vacancies import Posting
from signal_assets.domain.wire_fields import UnreadableAnswer

MAX_PAGES = 100
"""Pages read of one board; at a hundred vacancies a page no employer has more."""


class BoardSource:
    """Reads the boards a profile lists.

    `base_url` stands in front of each board's own host, for a server that imitates them all.
    """

    def __init__(
        self,
        kind: BoardKind,
        options: BoardSourceOptions,
        web: OpenWeb,
        *,
        base_url: str | None = None,
    ) -> None:
        self._kind = kind
        self._options = options
        self._web = web
        self._base_url = base_url

    @property
    def name(self) -> str:
        return self._kind.name

    def harvest(self, terms: Sequence[SearchTerm]) -> Iterator[SourceAnswer]:
        """Yield one answer for each board; each posting names the term that stands in it.

        Without terms every vacancy is taken.
        """
        matcher = TermMatcher(terms) if terms else None
        for entry in self._options.boards:
            desk = _BoardDesk(self._kind, entry.token, self._web, self._base_url)
            yield _BoardHarvest(desk, entry, matcher, self._options.max_details).run()


class _BoardDesk:
    """Asks one board, at the host that knows it."""

    def __init__(self, kind: BoardKind, token: str, web: OpenWeb, base_url: str | None) -> None:
        self.kind = kind
        self._token = token
        self._web = web
        self._is_local = is_loopback_url(base_url or "")
        self._hosts = [_place(host, token, base_url) for host in kind.hosts]
        self.calls = 0

    def get_first_page(self) -> BoardPage:
        asked = self.kind.first_page(self._token)
        for host in list(self._hosts):
            try:
                page = self.get_page(asked)
            except PageMissing:
                self._hosts.remove(host)
            else:
                return page
        raise PageMissing(f"there is no board {self._token!r} (HTTP 404)")

    def get_page(self, asked: PageRequest) -> BoardPage:
        return self.kind.parse_page(self._get(asked), self._token, asked)

    def get_detail(self, posting: Posting) -> Posting:
        if self.kind.detail_page is None or self.kind.parse_detail is None:
            return posting
        return self.kind.parse_detail(self._get(self.kind.detail_page(posting)), posting)

    def _get(self, asked: PageRequest) -> str:
        before = self._web.sent_count
        try:
            return self._web.get(
                self._hosts[0] + asked.path,
                asked.params,
                is_local=self._is_local,
                pause_seconds=self.kind.pause_seconds,
                max_redirects=self.kind.max_redirects,
            ).body
        finally:
            self.calls += self._web.sent_count - before


class _BoardHarvest:
    """What one board listed and brought so far, and how it ended."""

    def __init__(
        self, desk: _BoardDesk, entry: BoardEntry, matcher: TermMatcher | None, max_details: int
    ) -> None:
        self._desk = desk
        self._entry = entry
        self._matcher = matcher
        self._details_left = max_details
        self._listed: dict[str, Posting] = {}
        self._is_complete = False
        self._postings: list[Posting] = []
        self._rejected: list[RejectedRow] = []
        self._unmatched_count = self._unasked_count = 0
        self._end: tuple[Outcome, str] | None = None

    def run(self) -> SourceAnswer:
        try:
            self._read_listing()
        except PageRefused as error:
            self._end = "refused", str(error)
        except (PageMissing, PageBroken, UnreadableAnswer) as error:
            self._end = "broken", str(error)
        for posting in self._listed.values():
            self._take(posting)
        return self._answer()

    def _read_listing(self) -> None:
        page = self._desk.get_first_page()
        for _ in range(MAX_PAGES):
            new = [item for item in page.postings if item.external_id not in self._listed]
            self._listed.update((posting.external_id, posting) for posting in new)
            self._rejected.extend(page.rejected)
            if page.next_page is None:
                self._is_complete = not page.is_cut and not self._rejected
                return
            if not new:
                return
            page = self._desk.get_page(page.next_page)

    def _take(self, posting: Posting) -> None:
        term = None
        if self._matcher is not None:
            words = f"{posting.title}\n{posting.description}"
            language = posting.language or detect_language(posting.description)
            term = self._matcher.find(words, language)
            if term is None:
                self._unmatched_count += 1
                return
        if self._desk.kind.detail_page is not None:
            detailed = self._complete(posting)
            if detailed is None:
                return
            posting = detailed
        company_name = self._entry.company or posting.company_name
        update = {"search_term": term, "company_name": company_name}
        self._postings.append(posting.model_copy(update=update))

    def _complete(self, posting: Posting) -> Posting | None:
        """Return a posting with its text; None where it did not come, or is not asked for."""
        if self._details_left == 0 or (self._end and self._end[0] == "refused"):
            self._unasked_count += 1
            return None
        self._details_left -= 1
        try:
            return self._desk.get_detail(posting)
        except PageRefused as error:
            self._end = "refused", str(error)
        except (PageMissing, PageBroken, UnreadableAnswer) as error:
            reason = f"its text could not be read: {error}"
            self._rejected.append(RejectedRow(place=posting.external_id, reason=reason))
            return None
        self._unasked_count += 1
        return None

    def _answer(self) -> SourceAnswer:
        outcome, message = self._end or (self._plain_outcome(), None)
        notes = [message] if message else []
        return SourceAnswer(
            source=self._desk.kind.name,
            board=self._entry.token,
            outcome=outcome,
            postings=tuple(self._postings),
            rejected=tuple(
                row.model_copy(update={"place": f"{self._entry.token}, {row.place}"})
                for row in self._rejected
            ),
            calls=self._desk.calls,
            message="; ".join([*notes, *self._notes()]) or None,
            listed_ids=self._listed_ids(),
        )

    def _plain_outcome(self) -> Outcome:
        if self._postings:
            return "rows"
        return "broken" if self._rejected else "empty"

    def _listed_ids(self) -> frozenset[str] | None:
        is_whole = self._is_complete and self._end is None
        is_proof = is_whole and (self._listed or self._desk.kind.knows_its_boards)
        return frozenset(self._listed) if is_proof else None

    def _notes(self) -> Iterator[str]:
        name = self._desk.kind.name
        if self._rejected:
            yield f"{len(self._rejected)} vacancies could not be read"
        if self._unmatched_count:
            yield f"{self._unmatched_count} of {len(self._listed)} hold none of the search terms"
        if self._unasked_count:
            yield f"{self._unasked_count} texts were not asked for"
        if self._end is None and not self._is_complete and not self._rejected:
            yield "the board lists more than it shows"
        if self._end is None and not self._listed and not self._rejected:
            known = self._desk.kind.knows_its_boards
            doubt = f"; {name} says the same of a company it does not know"
            yield "the board lists no vacancies" + ("" if known else doubt)


def _place(host: str, token: str, base_url: str | None) -> str:
    """Return where a board is asked: at its own host, or below a server that imitates it."""
    address = host.replace("{board}", token.lower())
    if base_url is None:
        return address
    return f"{base_url.rstrip('/')}/{address.removeprefix('https://')}"
