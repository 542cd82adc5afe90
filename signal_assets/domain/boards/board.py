"""Board: what the public job boards of employers have in common.

A board lists the vacancies of one company and cannot be searched. Each kind of board is one module
beside this one, which holds its addresses and reads its answers; nothing here touches the network.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from signal_assets.domain.harvests import RejectedRow
from signal_assets.domain.html_text import html_to_text
from signal_assets.domain.records import Record
from signal_assets.domain.vacancies import MAX_DESCRIPTION_CHARS, Posting
from signal_assets.domain.wire_fields import Fields, UnreadableAnswer, name_kind

MAX_SHORT_TEXT_CHARS = 2_000
"""Longest title, name, place or address kept."""


class PageRequest(Record):
    """One question to a board: what follows its host."""

    path: str
    params: tuple[tuple[str, str], ...] = ()


class BoardPage(Record):
    """What one answer of a board lists, whatever it is about."""

    postings: tuple[Posting, ...] = ()
    rejected: tuple[RejectedRow, ...] = ()
    next_page: PageRequest | None = None
    is_cut: bool = False
    """The board says that it has more, and offers no way to ask for it."""


@dataclass(frozen=True)
class BoardKind:
    """One kind of board; `{board}` in a host stands for the company's token.

    `first_page` makes the question for a token; `parse_page` reads its answer, given the token and
    the question, and raises `UnreadableAnswer` when the answer as a whole is no listing. Where a
    listing holds no texts, `detail_page` and `parse_detail` complete a posting that may matter.
    """

    name: str
    hosts: tuple[str, ...]
    """Asked in this order; one that does not know the board (404) leaves it to the next."""
    first_page: Callable[[str], PageRequest]
    parse_page: Callable[[str, str, PageRequest], BoardPage]
    detail_page: Callable[[Posting], PageRequest] | None = None
    parse_detail: Callable[[str, Posting], Posting] | None = None
    knows_its_boards: bool = True
    """It answers 404 for a company it does not know; else an empty list proves nothing."""
    pause_seconds: float = 1.0
    max_redirects: int = 0


def read_rows(
    rows: Iterable[Any], read: Callable[[Fields], Posting | None]
) -> tuple[tuple[Posting, ...], tuple[RejectedRow, ...]]:
    """Return the postings of a listing and the rows that could not be read.

    `read` returns None for a row that is no vacancy. An id that comes twice counts once.
    """
    postings: dict[str, Posting] = {}
    rejected = []
    for position, row in enumerate(rows, start=1):
        try:
            if not isinstance(row, dict):
                raise UnreadableAnswer(f"the vacancy is {name_kind(row)}, not an object")
            posting = read(Fields(row))
        except UnreadableAnswer as error:
            rejected.append(RejectedRow(place=f"vacancy {position}", reason=str(error)))
        else:
            if posting is not None:
                postings.setdefault(posting.external_id, posting)
    return tuple(postings.values()), tuple(rejected)


def required_list(payload: dict[str, Any], name: str) -> list[Any]:
    """Return a list that every listing holds, also one of no vacancies.

    Raises:
        UnreadableAnswer: it is missing, so the answer is no listing.
    """
    value = payload.get(name)
    if not isinstance(value, list):
        raise UnreadableAnswer(f"{name} is {name_kind(value)}, not a list")
    return value


def parse_xml(body: str) -> ElementTree.Element:
    """Return the root of an XML feed; one that declares entities is refused, as it may be a bomb.

    Raises:
        UnreadableAnswer: the body is no such XML.
    """
    if "<!DOCTYPE" in body[:2_000].upper() or "<!ENTITY" in body.upper():
        raise UnreadableAnswer("the answer is a page or declares entities, not a plain XML feed")
    try:
        return ElementTree.fromstring(body)  # noqa: S314 - no entities  # nosec B314
    except (ElementTree.ParseError, ValueError) as error:
        raise UnreadableAnswer(f"the answer is not XML: {error}") from None


def join_html(*parts: str | None) -> str:
    """Return the text of several pieces of HTML, one below the other, no longer than is kept."""
    texts = (html_to_text(part) for part in parts if part)
    return "\n\n".join(text for text in texts if text)[:MAX_DESCRIPTION_CHARS]


def join_place(*parts: str | None) -> str | None:
    """Return what is known of a place in one line, nothing twice.

    >>> join_place("Utrecht", "Utrecht", None, "Netherlands")
    'Utrecht, Netherlands'
    """
    return ", ".join(dict.fromkeys(part for part in parts if part)) or None


def name_of_token(board: str) -> str:
    """Return the company's name as its token spells it, where a board states no other.

    >>> name_of_token("voorbeeld-staalbouw")
    'voorbeeld staalbouw'
    """
    return " ".join(board.replace("-", " ").replace("_", " ").split()) or board


def cut(text: str) -> str:
    """Return a title, name or address no longer than is kept."""
    return text[:MAX_SHORT_TEXT_CHARS]
