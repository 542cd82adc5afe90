"""The source `file`: vacancies in the user's own JSON Lines, JSON and CSV files."""

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path

from signal_assets.clients.row_files import FileFault, FileRow, read_rows
from signal_assets.domain.file_rows import (
    REQUIRED_COLUMNS,
    BadRow,
    is_cut,
    map_columns,
    parse_row,
)
from signal_assets.domain.harvests import Outcome, RejectedRow, SourceAnswer
from signal_assets.domain.search_profiles import FileSourceOptions, SearchTerm
from signal_assets.domain.term_matching import TermMatcher
from signal_assets.domain.vacancies import MAX_DESCRIPTION_CHARS, Posting

POSTINGS_IN_A_PART = 1_000
"""Of a large file: so many are held at once."""

MAX_REJECTED_ROWS = 10_000
"""Rows reported one by one; the rest is counted in the message."""


class FileSource:
    """Reads the files a profile names; `folder` is where the profile lies.

    The `external_id` of a row must be unique in its file: a second row with an id is reported, not
    taken. Where several files hold the same id, the last file by name counts, as a newer export
    does.
    """

    def __init__(self, options: FileSourceOptions, folder: Path) -> None:
        self._options = options
        self._folder = folder

    @property
    def name(self) -> str:
        return self._options.name

    def harvest(self, terms: Sequence[SearchTerm]) -> Iterator[SourceAnswer]:
        """Yield one answer for all files, large ones in parts.

        Where rows are matched, each posting names its term.
        """
        paths = self._paths()
        if not paths:
            message = f"no file matches {self._options.path!r} in {self._folder}"
            yield SourceAnswer(source=self.name, outcome="broken", message=message)
            return
        matches_terms = self._options.match_terms
        if matches_terms is None:
            matches_terms = bool(terms)
        harvest = _FileHarvest(self._options, TermMatcher(terms) if matches_terms else None)
        for path in reversed(paths):
            yield from harvest.read(path)
        yield harvest.answer()

    def _paths(self) -> list[Path]:
        names = glob.glob(self._options.path, root_dir=self._folder, recursive=True)
        paths = (self._folder / name for name in sorted(names))
        return [path for path in paths if path.is_file()]


class _FileHarvest:
    """Postings that were not handed on yet, rows left out, and counts for the message."""

    def __init__(self, options: FileSourceOptions, matcher: TermMatcher | None) -> None:
        self._options = options
        self._columns = map_columns(options.columns)
        self._matcher = matcher
        self._postings: list[Posting] = []
        self._found: set[str] = set()
        self._rejected: list[RejectedRow] = []
        self._rejected_count = 0
        self._faults: list[str] = []
        self._cut_places: list[str] = []
        self._unmatched_count = 0

    def read(self, path: Path) -> Iterator[SourceAnswer]:
        """Yield parts of the answer while it is read."""
        places: dict[str, str] = {}
        seen_columns: set[str] = set()
        row_count = 0
        try:
            for row in read_rows(path, self._options.encoding):
                row_count += 1
                seen_columns.update(row.values or ())
                self._take(path, row, places)
                if len(self._postings) >= POSTINGS_IN_A_PART:
                    yield self._part()
        except FileFault as fault:
            self._faults.append(f"{path.name}: {fault}")
        missing = [ours for ours in REQUIRED_COLUMNS if self._columns[ours] not in seen_columns]
        if row_count and seen_columns and missing:
            names = ", ".join(f"{self._columns[ours]!r} ({ours})" for ours in missing)
            there = ", ".join(sorted(seen_columns)[:30])
            self._faults.append(f"{path.name}: no row has the column {names}; it has {there}")

    def _take(self, path: Path, row: FileRow, places: dict[str, str]) -> None:
        place = f"{path.name}:{row.place}"
        if row.values is None:
            self._reject(place, row.fault or "not readable")
            return
        try:
            posting = parse_row(row.values, self._columns, self._options.name)
        except BadRow as error:
            self._reject(place, str(error))
            return
        earlier = places.setdefault(posting.external_id, row.place)
        if earlier != row.place:
            column = self._columns["external_id"]
            self._reject(place, f"{column} {posting.external_id!r} already stands at {earlier}")
            return
        if is_cut(row.values, self._columns):
            self._cut_places.append(place)
        if posting.external_id in self._found:
            return
        if self._matcher is not None:
            term = self._matcher.find(f"{posting.title}\n{posting.description}")
            if term is None:
                self._unmatched_count += 1
                return
            posting = posting.model_copy(update={"search_term": term})
        self._postings.append(posting)
        self._found.add(posting.external_id)

    def _reject(self, place: str, reason: str) -> None:
        self._rejected_count += 1
        if self._rejected_count <= MAX_REJECTED_ROWS:
            self._rejected.append(RejectedRow(place=place, reason=reason))

    def answer(self) -> SourceAnswer:
        return self._part().model_copy(
            update={
                "outcome": self._outcome(),
                "rejected": tuple(self._rejected),
                "message": self._message(),
                "is_part": False,
            }
        )

    def _part(self) -> SourceAnswer:
        postings, self._postings = self._postings, []
        return SourceAnswer.model_construct(
            source=self._options.name, outcome="rows", postings=tuple(postings), is_part=True
        )

    def _outcome(self) -> Outcome:
        if self._faults:
            return "broken"
        if self._found:
            return "rows"
        return "broken" if self._rejected_count and not self._unmatched_count else "empty"

    def _message(self) -> str | None:
        sentences = list(self._faults)
        if self._rejected_count:
            sentences.append(f"{self._rejected_count} rows were left out")
        if self._unmatched_count:
            sentences.append(f"{self._unmatched_count} rows hold none of the search terms")
        if self._cut_places:
            count, shown = len(self._cut_places), ", ".join(self._cut_places[:5])
            sentences.append(f"{count} texts were cut at {MAX_DESCRIPTION_CHARS:,} signs: {shown}")
        return "; ".join(sentences) or None
