"""Lever: the sites of `api.lever.co`, and those of its European host, which are other data."""

from datetime import UTC, datetime

from signal_assets.domain.boards.board import (
    BoardKind,
    BoardPage,
    PageRequest,
    cut,
    join_html,
    join_place,
    name_of_token,
    read_rows,
)
from signal_assets.domain.vacancies import MAX_DESCRIPTION_CHARS, Posting
from signal_assets.domain.wire_fields import Fields, parse_json_list

PAGE_SIZE = 100


def first_page(board: str) -> PageRequest:
    """Return the question for the first postings; site names are case-sensitive."""
    return _page(board, 0)


def _page(board: str, skip: int) -> PageRequest:
    params = (("mode", "json"), ("skip", str(skip)), ("limit", str(PAGE_SIZE)))
    return PageRequest(path=f"/v0/postings/{board}", params=params)


def parse_page(body: str, board: str, asked: PageRequest) -> BoardPage:
    """Return the postings of a page; a full one may have another behind it.

    Raises:
        UnreadableAnswer: the answer is no list.
    """
    rows = parse_json_list(body)
    postings, rejected = read_rows(rows, lambda row: _parse_posting(row, board))
    skip = int(dict(asked.params)["skip"])
    following = _page(board, skip + PAGE_SIZE) if len(rows) >= PAGE_SIZE else None
    return BoardPage(postings=postings, rejected=rejected, next_page=following)


def _parse_posting(row: Fields, board: str) -> Posting:
    created_at = row.whole_number("createdAt")
    categories = row.part("categories")
    apply_url = row.text("applyUrl")
    description = _text(row)
    return Posting(
        source=LEVER.name,
        external_id=row.required_id("id"),
        title=cut(row.required_text("text")),
        company_name=name_of_token(board),
        location=join_place(
            categories.text("location") or next(iter(categories.texts("allLocations")), None),
            row.text("country"),
        ),
        description=description,
        text_kind="full" if description else "snippet",
        url=row.text("hostedUrl"),
        posted_at=None if created_at is None else _moment(created_at),
        posted_raw=None if created_at is None else str(created_at),
        board=board,
        apply_urls=(apply_url,) if apply_url else (),
    )


def _text(row: Fields) -> str:
    """Return opening and body, then the lists (what the job asks for), then the closing words."""
    pieces = [row.text("descriptionPlain") or join_html(row.text("description"))]
    for part in row.parts("lists"):
        pieces += [part.text("text") or "", join_html(f"<ul>{part.text('content') or ''}</ul>")]
    pieces.append(row.text("additionalPlain") or join_html(row.text("additional")))
    return "\n\n".join(piece for piece in pieces if piece)[:MAX_DESCRIPTION_CHARS]


def _moment(milliseconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


LEVER = BoardKind(
    name="lever",
    hosts=("https://api.lever.co", "https://api.eu.lever.co"),
    first_page=first_page,
    parse_page=parse_page,
)
