"""SmartRecruiters: a listing without texts, and a question of its own for each text."""

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
from signal_assets.domain.vacancies import MAX_DESCRIPTION_CHARS, Posting
from signal_assets.domain.wire_fields import Fields, UnreadableAnswer, parse_json_object

PAGE_SIZE = 100
_SECTIONS = ("companyDescription", "jobDescription", "qualifications", "additionalInformation")
_LABELS = ("department", "function", "industry")


def first_page(board: str) -> PageRequest:
    """Return the question for the first postings."""
    return _page(board, 0)


def _page(board: str, offset: int) -> PageRequest:
    params = (("limit", str(PAGE_SIZE)), ("offset", str(offset)))
    return PageRequest(path=f"/v1/companies/{board}/postings", params=params)


def parse_page(body: str, board: str, asked: PageRequest) -> BoardPage:
    """Return the postings of a page, with the labels of the listing where the text will stand.

    Raises:
        UnreadableAnswer: the answer holds no list of postings.
    """
    payload = parse_json_object(body)
    content = required_list(payload, "content")
    total = Fields(payload).count("totalFound") or 0
    postings, rejected = read_rows(content, lambda row: _parse_posting(row, board))
    following = int(dict(asked.params)["offset"]) + len(content)
    return BoardPage(
        postings=postings,
        rejected=rejected,
        next_page=_page(board, following) if content and following < total else None,
        is_cut=not content and following < total,
    )


def _parse_posting(row: Fields, board: str) -> Posting:
    company, place = row.part("company"), row.part("location")
    external_id, posted_raw = row.required_id("id"), row.text("releasedDate")
    labels = [row.part(name).text("label") for name in _LABELS]
    address = f"https://jobs.smartrecruiters.com/{company.text('identifier') or board}"
    return Posting(
        source=SMARTRECRUITERS.name,
        external_id=external_id,
        title=cut(row.required_text("name")),
        company_name=company.text("name") or name_of_token(board),
        location=place.text("fullLocation")
        or join_place(place.text("city"), place.text("region"), place.text("country")),
        description="\n".join(label for label in labels if label),
        text_kind="snippet",
        url=f"{address}/{external_id}",
        posted_at=None if posted_raw is None else parse_posted_at(posted_raw),
        posted_raw=posted_raw,
        language=(row.part("language").text("code") or "")[:2].lower() or None,
        board=board,
    )


def detail_page(posting: Posting) -> PageRequest:
    """Return the question for the text of one posting."""
    return PageRequest(path=f"/v1/companies/{posting.board}/postings/{posting.external_id}")


def parse_detail(body: str, posting: Posting) -> Posting:
    """Return `posting` with its text and the link to apply by.

    Raises:
        UnreadableAnswer: the answer holds no text.
    """
    fields = Fields(parse_json_object(body))
    sections = fields.part("jobAd").part("sections")
    pieces = []
    for section in map(sections.part, _SECTIONS):
        if text := join_html(section.text("text")):
            pieces += [section.text("title") or "", text]
    description = "\n\n".join(piece for piece in pieces if piece)
    if not description:
        raise UnreadableAnswer("jobAd.sections holds no text")
    apply_url = fields.text("applyUrl")
    return posting.model_copy(
        update={
            "description": description[:MAX_DESCRIPTION_CHARS],
            "text_kind": "full",
            "apply_urls": (apply_url,) if apply_url else (),
        }
    )


SMARTRECRUITERS = BoardKind(
    name="smartrecruiters",
    hosts=("https://api.smartrecruiters.com",),
    first_page=first_page,
    parse_page=parse_page,
    detail_page=detail_page,
    parse_detail=parse_detail,
    knows_its_boards=False,
)
