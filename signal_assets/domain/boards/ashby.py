"""Ashby: the boards of `api.ashbyhq.com`."""

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
from signal_assets.domain.wire_fields import Fields, UnreadableAnswer, parse_json_object


def first_page(board: str) -> PageRequest:
    """Return the only question: there are no pages."""
    return PageRequest(
        path=f"/posting-api/job-board/{board}", params=(("includeCompensation", "true"),)
    )


def parse_page(body: str, board: str, asked: PageRequest) -> BoardPage:
    """Return the listed jobs; one that is only reached by its own link is not published.

    Raises:
        UnreadableAnswer: the answer holds no list of jobs.
    """
    jobs = required_list(parse_json_object(body), "jobs")
    postings, rejected = read_rows(jobs, lambda job: _parse_job(job, board))
    return BoardPage(postings=postings, rejected=rejected)


def _parse_job(job: Fields, board: str) -> Posting | None:
    if job.boolean("isListed") is False:
        return None
    posted_raw, url, apply_url = (job.text(key) for key in ("publishedAt", "jobUrl", "applyUrl"))
    address = job.part("address").part("postalAddress")
    description = join_html(job.text("descriptionHtml")) or job.text("descriptionPlain") or ""
    external_id = job.text("id") or (url or "").rstrip("/").rpartition("/")[2]
    if not external_id:
        raise UnreadableAnswer("neither id nor jobUrl says which job it is")
    return Posting(
        source=ASHBY.name,
        external_id=external_id,
        title=cut(job.required_text("title")),
        company_name=name_of_token(board),
        location=job.text("location")
        or join_place(address.text("addressLocality"), address.text("addressCountry")),
        description=description,
        text_kind="full" if description else "snippet",
        url=url,
        posted_at=None if posted_raw is None else parse_posted_at(posted_raw),
        posted_raw=posted_raw,
        board=board,
        apply_urls=(apply_url,) if apply_url else (),
    )


ASHBY = BoardKind(
    name="ashby",
    hosts=("https://api.ashbyhq.com",),
    first_page=first_page,
    parse_page=parse_page,
    knows_its_boards=False,
)
