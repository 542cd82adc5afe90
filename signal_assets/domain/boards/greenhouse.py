"""Greenhouse: the boards of `boards-api.greenhouse.io`, and those of its European host."""

from html import unescape

from signal_assets.domain.boards.board import (
    BoardKind,
    BoardPage,
    PageRequest,
    cut,
    join_html,
    join_place,
    name_of_token,
    read_rows,
    required_list,
)
from signal_assets.domain.posting_dates import parse_posted_at
from signal_assets.domain.vacancies import Posting
from signal_assets.domain.wire_fields import Fields, parse_json_object


def first_page(board: str) -> PageRequest:
    """Return the only question: a board comes whole."""
    return PageRequest(path=f"/v1/boards/{board}/jobs", params=(("content", "true"),))


def parse_page(body: str, board: str, asked: PageRequest) -> BoardPage:
    """Return the jobs; a prospect pool, which has no internal job, is no vacancy.

    Raises:
        UnreadableAnswer: the answer holds no list of jobs.
    """
    payload = parse_json_object(body)
    jobs = required_list(payload, "jobs")
    total = Fields(payload).part("meta").count("total")
    postings, rejected = read_rows(jobs, lambda job: _parse_job(job, board))
    is_cut = total is not None and total > len(jobs)
    return BoardPage(postings=postings, rejected=rejected, is_cut=is_cut)


def _parse_job(job: Fields, board: str) -> Posting | None:
    if "internal_job_id" in job.names() and job.is_absent("internal_job_id"):
        return None
    posted_raw = job.text("first_published") or job.text("updated_at")
    description = join_html(unescape(job.text("content") or ""))
    offices = [office.text("name") for office in job.parts("offices")]
    return Posting(
        source=GREENHOUSE.name,
        external_id=job.required_id("id"),
        title=cut(job.required_text("title")),
        company_name=job.text("company_name") or name_of_token(board),
        location=job.part("location").text("name") or join_place(*offices),
        description=description,
        text_kind="full" if description else "snippet",
        url=job.text("absolute_url"),
        posted_at=None if posted_raw is None else parse_posted_at(posted_raw),
        posted_raw=posted_raw,
        language=(job.text("language") or "")[:2].lower() or None,
        board=board,
    )


GREENHOUSE = BoardKind(
    name="greenhouse",
    hosts=("https://boards-api.greenhouse.io", "https://boards-api.eu.greenhouse.io"),
    first_page=first_page,
    parse_page=parse_page,
)
