"""Personio: the XML feed that a company switches on at `{company}.jobs.personio.de`."""

from xml.etree import ElementTree

from signal_assets.domain.boards.board import (
    BoardKind,
    BoardPage,
    PageRequest,
    cut,
    join_html,
    name_of_token,
    parse_xml,
)
from signal_assets.domain.harvests import RejectedRow
from signal_assets.domain.posting_dates import parse_posted_at
from signal_assets.domain.vacancies import MAX_DESCRIPTION_CHARS, Posting
from signal_assets.domain.wire_fields import UnreadableAnswer

LANGUAGE = "nl"
"""Without a language the feed is German; what has no Dutch text comes in the company's own."""


def first_page(board: str) -> PageRequest:
    """Return the only question: there are no pages."""
    return PageRequest(path="/xml", params=(("language", LANGUAGE),))


def parse_page(body: str, board: str, asked: PageRequest) -> BoardPage:
    """Return the positions; the feed holds no link to them, so it is made of the id.

    Raises:
        UnreadableAnswer: the answer is another document, such as the page of a feed that is off.
    """
    root = parse_xml(body)
    if root.tag != "workzag-jobs":
        raise UnreadableAnswer(f"the answer is a <{root.tag}>, not a <workzag-jobs>")
    postings: dict[str, Posting] = {}
    rejected = []
    for number, position in enumerate(root.iter("position"), start=1):
        external_id, title = _text(position, "id"), _text(position, "name")
        if external_id and title:
            found = _parse_position(position, board, external_id, title)
            postings.setdefault(external_id, found)
        else:
            missing = "id" if external_id is None else "name"
            rejected.append(RejectedRow(place=f"position {number}", reason=f"{missing} is missing"))
    return BoardPage(postings=tuple(postings.values()), rejected=tuple(rejected))


def _parse_position(
    position: ElementTree.Element, board: str, external_id: str, title: str
) -> Posting:
    posted_raw = _text(position, "createdAt")
    description = _description(position)
    return Posting(
        source=PERSONIO.name,
        external_id=external_id,
        title=cut(title),
        company_name=_text(position, "subcompany") or name_of_token(board),
        location=_text(position, "office"),
        description=description,
        text_kind="full" if description else "snippet",
        url=f"https://{board}.jobs.personio.de/job/{external_id}",
        posted_at=None if posted_raw is None else parse_posted_at(posted_raw),
        posted_raw=posted_raw,
        board=board,
    )


def _description(position: ElementTree.Element) -> str:
    pieces = []
    for part in position.iterfind("jobDescriptions/jobDescription"):
        pieces += [_text(part, "name") or "", join_html(_text(part, "value"))]
    return "\n\n".join(piece for piece in pieces if piece)[:MAX_DESCRIPTION_CHARS]


def _text(element: ElementTree.Element, name: str) -> str | None:
    return (element.findtext(name) or "").strip() or None


PERSONIO = BoardKind(
    name="personio",
    hosts=("https://{board}.jobs.personio.de", "https://{board}.jobs.personio.com"),
    first_page=first_page,
    parse_page=parse_page,
)
