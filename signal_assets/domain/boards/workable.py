"""Workable: the widget of a company's account, which refuses those who ask fast."""

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
    """Return the only question: there are no pages."""
    return PageRequest(path=f"/api/v1/widget/accounts/{board}", params=(("details", "true"),))


def parse_page(body: str, board: str, asked: PageRequest) -> BoardPage:
    """Return the jobs of the account.

    Raises:
        UnreadableAnswer: the answer holds no list of jobs.
    """
    payload = parse_json_object(body)
    company_name = Fields(payload).text("name") or name_of_token(board)
    jobs = required_list(payload, "jobs")
    postings, rejected = read_rows(jobs, lambda job: _parse_job(job, board, company_name))
    return BoardPage(postings=postings, rejected=rejected)


def _parse_job(job: Fields, board: str, company_name: str) -> Posting:
    posted_raw = job.text("published_on") or job.text("created_at")
    parts = (job.text(name) for name in ("description", "requirements", "benefits"))
    description = join_html(*parts)
    apply_url = job.text("application_url")
    return Posting(
        source=WORKABLE.name,
        external_id=job.required_text("shortcode"),
        title=cut(job.required_text("title")),
        company_name=company_name,
        location=join_place(job.text("city"), job.text("state"), job.text("country")),
        description=description,
        text_kind="full" if description else "snippet",
        url=job.text("url") or job.text("shortlink"),
        posted_at=None if posted_raw is None else parse_posted_at(posted_raw),
        posted_raw=posted_raw,
        board=board,
        apply_urls=(apply_url,) if apply_url else (),
    )


WORKABLE = BoardKind(
    name="workable",
    hosts=("https://apply.workable.com",),
    first_page=first_page,
    parse_page=parse_page,
    pause_seconds=1.5,
)
