"""Recruitee: the boards at `{company}.recruitee.com`, the most common ones in the Netherlands."""

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
    return PageRequest(path="/api/offers/")


def parse_page(body: str, board: str, asked: PageRequest) -> BoardPage:
    """Return the published offers.

    Raises:
        UnreadableAnswer: the answer holds no list of offers.
    """
    offers = required_list(parse_json_object(body), "offers")
    postings, rejected = read_rows(offers, lambda offer: _parse_offer(offer, board))
    return BoardPage(postings=postings, rejected=rejected)


def _parse_offer(offer: Fields, board: str) -> Posting | None:
    if offer.text("status") not in (None, "published"):
        return None
    posted_raw = offer.text("published_at") or offer.text("created_at")
    description = join_html(offer.text("description"), offer.text("requirements"))
    apply_url = offer.text("careers_apply_url")
    languages = offer.part("translations").names()
    return Posting(
        source=RECRUITEE.name,
        external_id=offer.required_id("id"),
        title=cut(offer.required_text("title")),
        company_name=offer.text("company_name") or name_of_token(board),
        location=offer.text("location") or join_place(offer.text("city"), offer.text("country")),
        description=description,
        text_kind="full" if description else "snippet",
        url=offer.text("careers_url"),
        posted_at=None if posted_raw is None else parse_posted_at(posted_raw),
        posted_raw=posted_raw,
        language=languages[0][:2].lower() if len(languages) == 1 else None,
        board=board,
        apply_urls=(apply_url,) if apply_url else (),
    )


RECRUITEE = BoardKind(
    name="recruitee",
    hosts=("https://{board}.recruitee.com",),
    first_page=first_page,
    parse_page=parse_page,
    knows_its_boards=False,
)
