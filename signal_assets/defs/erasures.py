"""Erasures: somebody, or what is too old, taken out of ledger, runs, tables and files."""

import getpass
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal

import dagster as dg

from signal_assets.clients import erasure_rows
from signal_assets.clients.database import Database
from signal_assets.defs.erasing import (
    Trail,
    erase_in_tables,
    find_leftovers,
    follow_age,
    follow_subject,
)
from signal_assets.defs.erasing_runs import erase_runs, runs_before, runs_that_name
from signal_assets.defs.storage import TableStore, is_local
from signal_assets.domain.erasure import MarkKind, Subject, Traces, words_in
from signal_assets.domain.outreach import NonMailingPolicy

What = Literal["vacancies", "answers", "passes", "runs"]

READERS = ("claude", "claude_step_up")
"""Services that are sent texts of vacancies, and answer with quotes from them."""

SHORTEST_QUOTE = 20
"""A shorter quote, a product's name say, does not tell whose text it is from."""

_SCRUBBED = ("ledger_answers", "ledger_attempts", "claude_batches", "ledger_passes")


_PIECE_BYTES = 2**20
_OVERLAP_BYTES = 1_000


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are kept."""

    tables: TableStore
    database: Database
    instance: dg.DagsterInstance
    non_mailing_policy: NonMailingPolicy = "post_only"


@dataclass(slots=True)
class Found:
    """What is to be erased, or was: place → how many; never what it says."""

    counts: dict[str, int] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    """Dagster's runs that name the subject."""
    notes: list[str] = field(default_factory=list)
    """What a person has to do, or to know."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, and how far it goes."""

    subject: Subject
    profiles: tuple[str, ...]
    is_everywhere: bool = True
    """Not only these search profiles: ledger and runs too, which belong to no single one."""
    keep_vacancies: bool = False
    with_events: bool = False
    keep_away: bool = True


def find(places: Places, request: Request) -> Found:
    """Return what an erasure would take away; changes nothing."""
    return _go_through(places, request, _follow(places, request), now=None)


def erase(places: Places, request: Request, *, asked_by: str, now: datetime) -> Found:
    """Erase, and write into the log that it was done. What was killed is asked again.

    Raises:
        DatabaseUnavailable: a database is in use without a pause; ask again.
        OSError: a table cannot be written; ask again.
    """
    trail = _follow(places, request)
    erasure_id = places.database.write(
        partial(
            erasure_rows.begin_erasure,
            kind=request.subject.kind,
            subject=request.subject.mark,
            marks=list(_marks(request.subject, trail.traces)) if request.keep_away else [],
            search_profile=None if request.is_everywhere else ",".join(request.profiles),
            asked_by=asked_by,
            keeps_away=request.keep_away,
            now=now,
        )
    )
    found = _go_through(places, request, trail, now=now)
    places.database.scrub(_SCRUBBED)
    places.database.write(
        partial(erasure_rows.finish_erasure, erasure_id=erasure_id, counts=found.counts, now=now)
    )
    return found


def find_old(
    places: Places, what: Collection[What], profiles: Sequence[str], before: datetime
) -> Found:
    """Return what is older than a moment; changes nothing."""
    return _go_through_old(places, what, profiles, before, now=None)


def retain(
    places: Places,
    what: Collection[What],
    profiles: Sequence[str],
    before: datetime,
    *,
    asked_by: str,
    now: datetime,
) -> Found:
    """Erase what is older than a moment, and write into the log that it was done.

    Raises:
        DatabaseUnavailable: a database is in use without a pause; ask again.
        OSError: a table cannot be written; ask again.
    """
    if not find_old(places, what, profiles, before).counts:
        return Found()
    erasure_id = places.database.write(
        partial(
            erasure_rows.begin_erasure,
            kind="age",
            subject=None,
            marks=[],
            search_profile=None,
            asked_by=asked_by,
            keeps_away=False,
            now=now,
        )
    )
    found = _go_through_old(places, what, profiles, before, now=now)
    places.database.scrub(_SCRUBBED)
    places.database.write(
        partial(erasure_rows.finish_erasure, erasure_id=erasure_id, counts=found.counts, now=now)
    )
    return found


def remaining_in_files(folders: Iterable[Path], traces: Traces) -> list[Path]:
    """Return the files below `folders` in which the subject still stands, byte for byte.

    Tables are compressed, so of them only the text files beside them can tell.
    """
    return sorted(
        {
            path
            for folder in folders
            for path in _files(folder)
            if any(map(traces.stand_in, _pieces(path)))
        }
    )


def user() -> str:
    """Return who asks, as this machine knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user in a container
        return f"user {os.getuid()}"


def _follow(places: Places, request: Request) -> Trail:
    return follow_subject(
        places.tables, request.subject, request.profiles, keep_vacancies=request.keep_vacancies
    )


def _go_through(places: Places, request: Request, trail: Trail, *, now: datetime | None) -> Found:
    """Go through every place; erase where `now` is given. The tables, which lead on, go last."""
    found = Found()
    traces = trail.traces
    if request.is_everywhere:
        found.counts |= _erase_in_database(places.database, trail, now)
        found.runs = runs_that_name(places.instance, traces)
        _note_database(places.database, traces, found)
        if found.runs and request.with_events:
            found.counts["dagster runs"] = len(found.runs)
            if now is not None:
                erase_runs(places.instance, found.runs)
    found.counts |= erase_in_tables(
        places.tables,
        trail,
        write=now is not None,
        non_mailing_policy=places.non_mailing_policy,
    )
    _erase_leftovers(places.tables, found, write=now is not None)
    return found


def _go_through_old(
    places: Places,
    what: Collection[What],
    profiles: Sequence[str],
    before: datetime,
    *,
    now: datetime | None,
) -> Found:
    found = Found()
    write = now is not None
    if "answers" in what:
        old = places.database.read(partial(erasure_rows.find_old_answers, before=before))
        if now is not None:
            places.database.write(partial(erasure_rows.erase_answers, answer_ids=old, now=now))
        summaries = partial(erasure_rows.erase_old_summaries, before=before, write=write)
        _count(found, "ledger: answers", len(old))
        _count(found, "ledger: summaries", _run(places.database, summaries, write=write))
    if "passes" in what:
        passes = partial(erasure_rows.erase_old_passes, before=before, write=write)
        _count(found, "ledger: passes", _run(places.database, passes, write=write))
    if "runs" in what:
        runs = runs_before(places.instance, before)
        _count(found, "dagster runs", len(runs))
        if write:
            erase_runs(places.instance, runs)
    if "vacancies" in what:
        trail = follow_age(places.tables, profiles, before)
        found.counts |= erase_in_tables(
            places.tables, trail, write=write, non_mailing_policy=places.non_mailing_policy
        )
    return found


def _run(database: Database, work: "partial[int]", *, write: bool) -> int:
    return database.write(work) if write else database.read(work)


def _count(found: Found, place: str, count: int) -> None:
    if count:
        found.counts[place] = count


def _erase_in_database(database: Database, trail: Trail, now: datetime | None) -> dict[str, int]:
    is_about = partial(_is_about, trail.traces, "\n".join(trail.texts))
    ids = database.read(partial(erasure_rows.find_answers, is_about=is_about))
    counts = {"ledger: answers": len(ids)} if ids else {}
    mask = partial(erasure_rows.mask_words, traces=trail.traces, write=now is not None)
    if now is None:
        masked = database.read(mask)
    else:
        database.write(partial(erasure_rows.erase_answers, answer_ids=ids, now=now))
        masked = database.write(mask)
    return counts | {f"{table}: changed": count for table, count in masked.items()}


def _is_about(traces: Traces, texts: str, service: str, summary: str, body: str) -> bool:
    """Whether an answer names the subject, was asked about it, or quotes a text that goes."""
    if traces.stand_in(summary) or traces.stand_in(body):
        return True
    if not texts or service not in READERS:
        return False
    return any(len(words) >= SHORTEST_QUOTE and words in texts for words in words_in(body))


def _note_database(database: Database, traces: Traces, found: Found) -> None:
    for table, count in database.read(
        partial(erasure_rows.count_persons_words, traces=traces)
    ).items():
        found.notes.append(f"{count} rows of {table} name it: words of your own, left as they are")
    waiting = database.read(erasure_rows.count_open_batch_calls)
    if waiting:
        found.notes.append(
            f"{waiting} answers of batches are still to come: erase again when they are there"
        )


def _erase_leftovers(tables: TableStore, found: Found, *, write: bool) -> None:
    leftovers = find_leftovers(tables)
    _count(found, "temporary files", len(leftovers))
    if write:
        for path in leftovers:
            path.unlink(missing_ok=True)


def _marks(subject: Subject, traces: Traces) -> Iterator[tuple[MarkKind, str]]:
    yield subject.mark
    yield from (("kvk_number", number) for number in traces.numbers)
    yield from (("name", key) for key in traces.keys)


def _pieces(path: Path) -> Iterator[str]:
    """Yield a file as text in pieces that overlap, so that nothing is cut in two unseen."""
    with path.open("rb") as file:
        tail = b""
        while piece := file.read(_PIECE_BYTES):
            yield (tail + piece).decode("utf-8", "replace")
            tail = piece[-_OVERLAP_BYTES:]


def _files(folder: Path) -> Iterator[Path]:
    return (
        path for path in (folder, *folder.rglob("*")) if path.is_file() and not path.is_symlink()
    )


def storage_folder(tables: TableStore) -> Path | None:
    """Return the folder of the tables; None where they are in an object store."""
    return Path(tables.root.path) if is_local(tables.root) else None
