"""Vacancies: a posting as a source published it, and the vacancy a search profile keeps of it."""

import hashlib
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from signal_assets.domain.records import Record

TextKind = Literal["full", "snippet"]

DuplicateReason = Literal["url", "board", "words", "name", "text"]
"""How a copy is known, the surest first."""

MAX_DESCRIPTION_CHARS = 200_000
"""Longest text kept; real ones stay under 30,000 characters, one of 10 MB is a mistake."""

_INVISIBLE = "\x00\u00ad\u200b\u200c\u200d\u2060\ufeff"


class Posting(Record):
    """One vacancy as a source published it, in the words of the source."""

    source: str
    external_id: str
    title: str
    company_name: str | None = None
    location: str | None = None
    description: str = ""
    text_kind: TextKind = "full"
    url: str | None = None
    posted_at: datetime | None = None
    posted_raw: str | None = None
    language: str | None = None
    search_term: str | None = None
    board: str | None = None
    """The company's board or the site that lists it; None where the source has neither."""
    apply_urls: tuple[str, ...] = ()
    """Where a person can apply; `url` may be one of them."""

    @property
    def vacancy_id(self) -> str:
        """Stable over harvests and profiles: the source and its own id."""
        return f"{self.source}:{self.external_id}"


class Vacancy(Posting):
    """One posting as a search profile has seen it over time."""

    first_seen_at: datetime
    last_seen_at: datetime
    content_hash: str
    duplicate_of: str | None = None
    duplicate_reason: DuplicateReason | None = None
    """Which rung of the ladder says so, see `domain/duplicates.py`."""
    is_intermediary: bool | None = None
    """Whether an agency posted it for a client; None until `domain/posters.py` has judged it."""
    intermediary_reason: str | None = None
    closed_at: datetime | None = None
    """When its board was first seen without it; None while it is open, or nobody can say."""


class HarvestedVacancies(Record):
    """The vacancies after a harvest, the new ones counted."""

    vacancies: tuple[Vacancy, ...]
    new: int
    changed: int


def normalize_text(text: str) -> str:
    """Return `text` as it is compared: nothing invisible, one blank between words, lower case.

    >>> normalize_text("Wij  werken\\u200b met\\nSAP\\x00")
    'wij werken met sap'
    """
    visible = unicodedata.normalize("NFKC", text)
    for sign in _INVISIBLE:  # six times as fast as translate() on real texts
        if sign in visible:
            visible = visible.replace(sign, "")
    return " ".join(visible.split()).lower()


def hash_content(title: str, description: str) -> str:
    """Return the fingerprint by which two vacancies with the same words are read once."""
    words = f"{normalize_text(title)}\n{normalize_text(description)}"
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()


def update_vacancies(
    known: Iterable[Vacancy], postings: Iterable[Posting], seen_at: datetime
) -> HarvestedVacancies:
    """Fold a harvest into what the profile already knew.

    A vacancy that comes back is the same vacancy: `first_seen_at` stays, `last_seen_at` moves, the
    newest words count. One that did not come back stays as it was. Folding the same harvest in
    twice changes nothing but `last_seen_at`. Copies are marked afterwards, by `mark_duplicates`.
    """
    vacancies = {vacancy.vacancy_id: vacancy for vacancy in known}
    new = changed = 0
    for posting in postings:
        before = vacancies.get(posting.vacancy_id)
        content_hash = hash_content(posting.title, posting.description)
        new += before is None
        changed += before is not None and before.content_hash != content_hash
        vacancies[posting.vacancy_id] = Vacancy.model_construct(
            **posting.model_dump() | _kept_of(before, posting, content_hash),
            first_seen_at=before.first_seen_at if before else seen_at,
            last_seen_at=max(before.last_seen_at, seen_at) if before else seen_at,
            content_hash=content_hash,
        )
    return HarvestedVacancies.model_construct(
        vacancies=tuple(vacancies.values()), new=new, changed=changed
    )


def _kept_of(before: Vacancy | None, posting: Posting, content_hash: str) -> dict[str, Any]:
    """What stays of a vacancy that comes back; what its words decided stays while they do."""
    if before is None:
        return {}
    kept: dict[str, Any] = {
        "posted_at": before.posted_at or posting.posted_at,
        "search_term": before.search_term or posting.search_term,
        "duplicate_of": before.duplicate_of,
        "duplicate_reason": before.duplicate_reason,
    }
    if before.content_hash == content_hash:
        kept["language"] = posting.language or before.language
        if before.company_name == posting.company_name:
            kept["is_intermediary"] = before.is_intermediary
            kept["intermediary_reason"] = before.intermediary_reason
    return kept
