"""Teamtailor: the feeds of `{company}.teamtailor.com`, RSS and JSON Feed."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree

from signal_assets.domain.boards.board import (
    BoardKind,
    BoardPage,
    PageRequest,
    cut,
    join_html,
    join_place,
    name_of_token,
    parse_xml,
    read_rows,
    required_list,
)
from signal_assets.domain.harvests import RejectedRow
from signal_assets.domain.posting_dates import parse_posted_at
from signal_assets.domain.vacancies import Posting
from signal_assets.domain.wire_fields import Fields, UnreadableAnswer, parse_json_object

PAGE_SIZES = (200, 1000)
"""The feed has no pages: one that comes full is asked for again, longer."""


def first_page(board: str) -> PageRequest:
    """Return the question for the feed; without a length it stops at a hundred vacancies."""
    return _feed(PAGE_SIZES[0])


def _feed(size: int) -> PageRequest:
    return PageRequest(path="/jobs.rss", params=(("per_page", str(size)),))


def parse_page(body: str, board: str, asked: PageRequest) -> BoardPage:
    """Return the items of a feed, RSS or JSON Feed.

    Raises:
        UnreadableAnswer: the answer is neither.
    """
    page = _parse_json_feed(body, board) if body.lstrip()[:1] == "{" else _parse_rss(body, board)
    size = int(dict(asked.params).get("per_page", "0"))
    if not 0 < size <= len(page.postings) + len(page.rejected):
        return page
    longer = next((_feed(more) for more in PAGE_SIZES if more > size), None)
    return page.model_copy(update={"next_page": longer, "is_cut": longer is None})


def _parse_rss(body: str, board: str) -> BoardPage:
    root = parse_xml(body)
    channel = root.find("channel")
    if channel is None:
        raise UnreadableAnswer(f"the answer is a <{root.tag}> without a channel, not a feed")
    company_name = (channel.findtext("title") or "").strip() or name_of_token(board)
    postings: dict[str, Posting] = {}
    rejected = []
    for number, item in enumerate(channel.iterfind("item"), start=1):
        try:
            posting = _parse_item(item, board, company_name)
        except UnreadableAnswer as error:
            rejected.append(RejectedRow(place=f"item {number}", reason=str(error)))
        else:
            postings.setdefault(posting.external_id, posting)
    return BoardPage(postings=tuple(postings.values()), rejected=tuple(rejected))


def _parse_item(item: ElementTree.Element, board: str, company_name: str) -> Posting:
    values = {name: (item.findtext(name) or "").strip() for name in ("guid", "link", "title")}
    external_id = values["guid"] or values["link"]
    if not external_id or not values["title"]:
        raise UnreadableAnswer("guid and link, or title, are missing")
    posted_raw = (item.findtext("pubDate") or "").strip() or None
    description = join_html(item.findtext("description"))
    return Posting(
        source=TEAMTAILOR.name,
        external_id=external_id,
        title=cut(values["title"]),
        company_name=company_name,
        location=_rss_location(item),
        description=description,
        text_kind="full" if description else "snippet",
        url=values["link"] or None,
        posted_at=None if posted_raw is None else _parse_mail_date(posted_raw),
        posted_raw=posted_raw,
        board=board,
    )


def _rss_location(item: ElementTree.Element) -> str | None:
    """Return the first place; its fields stand in a namespace, whose address does not matter."""
    for place in item.iterfind("{*}locations/{*}location"):
        city = place.findtext("{*}city") or place.findtext("{*}name")
        if location := join_place(city, place.findtext("{*}country")):
            return location
    return None


def _parse_mail_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _parse_json_feed(body: str, board: str) -> BoardPage:
    payload = parse_json_object(body)
    company_name = Fields(payload).text("title") or name_of_token(board)
    items = required_list(payload, "items")
    postings, rejected = read_rows(items, lambda item: _parse_entry(item, board, company_name))
    return BoardPage(postings=postings, rejected=rejected)


def _parse_entry(item: Fields, board: str, company_name: str) -> Posting:
    posted_raw = item.text("date_published")
    description = join_html(item.text("content_html"))
    return Posting(
        source=TEAMTAILOR.name,
        external_id=item.required_id("id"),
        title=cut(item.required_text("title")),
        company_name=company_name,
        location=_entry_location(item.part("_jobposting")),
        description=description,
        text_kind="full" if description else "snippet",
        url=item.text("url"),
        posted_at=None if posted_raw is None else parse_posted_at(posted_raw),
        posted_raw=posted_raw,
        board=board,
    )


def _entry_location(job_posting: Fields) -> str | None:
    for place in job_posting.parts("jobLocation"):
        address = place.part("address")
        names = (address.text("addressLocality"), address.text("addressCountry"))
        if location := join_place(*names):
            return location
    return None


TEAMTAILOR = BoardKind(
    name="teamtailor",
    hosts=("https://{board}.teamtailor.com",),
    first_page=first_page,
    parse_page=parse_page,
    max_redirects=3,
)
