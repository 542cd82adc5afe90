"""Google Jobs: SerpApi's answers read as postings."""

import base64
import binascii
import hashlib
import json
from datetime import UTC, datetime
from typing import Any, Literal

from signal_assets.domain.harvests import RejectedRow
from signal_assets.domain.posting_dates import parse_posted_at, resolve_relative_date
from signal_assets.domain.records import Record
from signal_assets.domain.vacancies import MAX_DESCRIPTION_CHARS, Posting, normalize_text
from signal_assets.domain.wire_fields import Fields, UnreadableAnswer, name_kind

SOURCE = "serpapi"

PageKind = Literal["jobs", "empty", "ended", "broken"]


class JobsPage(Record):
    """One page of a search.

    `empty`: the search found nothing at all. `ended`: no vacancies, and no word why, as Google
    sends after the last page. `broken`: what came is no answer to a search for jobs.
    """

    kind: PageKind
    postings: tuple[Posting, ...] = ()
    rejected: tuple[RejectedRow, ...] = ()
    next_page_token: str | None = None
    message: str | None = None


def classify_page(payload: dict[str, Any]) -> tuple[PageKind, str | None]:
    """Return what kind of page an answer with HTTP 200 is, and the service's own words about it.

    A search that found nothing has the status Success and an `error` beside it; the same `error`
    with another status is a failure. Some answers hold plain Google results instead of jobs.

    Raises:
        UnreadableAnswer: a field is of another kind; names it.
    """
    status = Fields(payload).part("search_metadata").text("status")
    error = Fields(payload).text("error")
    if status != "Success":
        return "broken", error or f"the search has the status {status}"
    jobs = payload.get("jobs_results")
    if jobs is not None and not isinstance(jobs, list):
        raise UnreadableAnswer(f"jobs_results is {name_kind(jobs)}, not a list")
    if jobs:
        return "jobs", None
    if error is not None:
        return "empty", error
    if payload.get("organic_results"):
        return "broken", "plain Google results came instead of jobs"
    return "ended", "neither vacancies came nor the word that there are none"


def parse_page(payload: dict[str, Any], term: str, page_number: int) -> JobsPage:
    """Return the vacancies of one page; a job that cannot be read is reported, the others kept.

    Raises:
        UnreadableAnswer: the page itself is not what SerpApi promises; names the field.
    """
    kind, message = classify_page(payload)
    if kind != "jobs":
        return JobsPage(kind=kind, message=message)
    answer = Fields(payload)
    processed_at = parse_posted_at(answer.part("search_metadata").text("processed_at") or "")
    postings, rejected = [], []
    for position, job in enumerate(payload["jobs_results"], start=1):
        try:
            postings.append(_parse_job(job, term, processed_at))
        except UnreadableAnswer as error:
            place = f"“{term}”, page {page_number}, job {position}"
            rejected.append(RejectedRow(place=place, reason=str(error)))
    return JobsPage(
        kind="jobs",
        postings=tuple(postings),
        rejected=tuple(rejected),
        next_page_token=answer.part("serpapi_pagination").text("next_page_token"),
    )


def _parse_job(job: Any, term: str, processed_at: datetime | None) -> Posting:
    if not isinstance(job, dict):
        raise UnreadableAnswer("the job is not an object")
    fields = Fields(job)
    title = fields.required_text("title")
    company_name, location = fields.text("company_name"), fields.text("location")
    posted_raw = fields.part("detected_extensions").text("posted_at")
    links = [option.text("link") for option in fields.parts("apply_options")]
    return Posting(
        source=SOURCE,
        external_id=find_stable_id(fields.text("job_id"), title, company_name, location),
        title=title,
        company_name=company_name,
        location=location,
        description=(fields.text("description") or "")[:MAX_DESCRIPTION_CHARS],
        url=_find_url(fields),
        apply_urls=tuple(dict.fromkeys(link for link in links if link is not None)),
        posted_at=_posted_at(posted_raw, processed_at),
        posted_raw=posted_raw,
        search_term=term,
    )


def find_stable_id(
    job_id: str | None, title: str, company_name: str | None, location: str | None
) -> str:
    """Return what is the same for a vacancy in every search.

    Google's `job_id` is base64 of JSON that also holds the search; inside it `htidocid` belongs to
    the vacancy. Without one, the id is made of title, company and place.

    >>> job_id = base64.b64encode(b'{"htidocid": "abc==", "fc": "of this search"}').decode()
    >>> find_stable_id(job_id, "Boekhouder", "Voorbeeld B.V.", "Utrecht")
    'abc=='
    """
    if job_id is not None:
        document_id = _document_id(job_id)
        if document_id is not None:
            return document_id
    city = (location or "").split(",")[0]
    words = "\n".join(normalize_text(text) for text in (title, company_name or "", city))
    return "words-" + hashlib.sha256(words.encode()).hexdigest()[:24]


def _document_id(job_id: str) -> str | None:
    padded = job_id + "=" * (-len(job_id) % 4)
    try:
        payload = json.loads(base64.b64decode(padded, altchars=b"-_"))
    except (binascii.Error, ValueError, RecursionError):
        return None
    found = payload.get("htidocid") if isinstance(payload, dict) else None
    return found if isinstance(found, str) and found.isascii() and found else None


def _posted_at(posted_raw: str | None, processed_at: datetime | None) -> datetime | None:
    if posted_raw is None or processed_at is None:
        return None
    return resolve_relative_date(posted_raw, processed_at.astimezone(UTC))


def _find_url(fields: Fields) -> str | None:
    """Return the page of the vacancy itself, else the first board that has it, else Google's."""
    links = [option.text("link") for option in fields.parts("apply_options")]
    board = next((link for link in links if link is not None), None)
    return fields.text("source_link") or board or fields.text("share_link")
