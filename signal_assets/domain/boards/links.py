"""Links: the company's board that a link to apply by leads to."""

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from signal_assets.domain.search_profiles import BoardType

_NO_COMPANIES = frozenset(
    ("www", "app", "api", "career", "careers", "help", "support", "blog", "embed", "j", "jobs")
)
"""Parts of addresses that stand where a company would."""

_ADDRESSES: tuple[tuple[BoardType, str], ...] = (
    ("recruitee", r"(?P<board>[\w-]+)\.recruitee\.com"),
    ("greenhouse", r"(?:boards|job-boards)(?:\.eu)?\.greenhouse\.io/(?P<board>[\w-]+)"),
    ("lever", r"jobs(?:\.eu)?\.lever\.co/(?P<board>[^/]+)"),
    ("ashby", r"jobs\.ashbyhq\.com/(?P<board>[^/]+)"),
    ("smartrecruiters", r"(?:jobs|careers)\.smartrecruiters\.com/(?P<board>[^/]+)"),
    ("teamtailor", r"(?P<board>[\w-]+)\.teamtailor\.com"),
    ("workable", r"apply\.workable\.com/(?P<board>[^/]+)"),
    ("personio", r"(?P<board>[\w-]+)\.jobs\.personio\.(?:de|com)"),
)
_PATTERNS = [(kind, re.compile(rf"{address}(?:/.*)?")) for kind, address in _ADDRESSES]
_GREENHOUSE_FORM = re.compile(
    r"(?:boards|job-boards)(?:\.eu)?\.greenhouse\.io/embed/job_(?:app|board)"
)


class BoardLink(NamedTuple):
    """A company's board."""

    kind: BoardType
    board: str


def find_board(url: str) -> BoardLink | None:
    """Return the board that `url` leads to, None when it leads elsewhere.

    >>> find_board("https://boards.greenhouse.io/voorbeeld/jobs/4012345?gh_src=x")
    BoardLink(kind='greenhouse', board='voorbeeld')
    >>> find_board("https://www.voorbeeld.example/vacature/7") is None
    True
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    if parts.scheme not in ("http", "https"):
        return None
    place = f"{parts.hostname or ''}{unquote(parts.path).rstrip('/')}"
    if _GREENHOUSE_FORM.fullmatch(place):
        board = parse_qs(parts.query).get("for", [""])[0]
        return BoardLink("greenhouse", board) if board else None
    for kind, pattern in _PATTERNS:
        if match := pattern.fullmatch(place):
            if match["board"].lower() in _NO_COMPANIES:
                return None
            return BoardLink(kind, match["board"])
    return None


def suggest_boards(
    urls: Iterable[str], listed: Iterable[tuple[str, str]]
) -> dict[BoardType, dict[str, int]]:
    """Return the boards that `urls` lead to and that are not `listed` yet (kind and token).

    Each with how many links lead there, the most frequent first. Lever's tokens differ by upper and
    lower case; those of the others do not.
    """
    known = {(kind, _spell(kind, token)) for kind, token in listed}
    counts: dict[BoardType, dict[str, int]] = {}
    spellings: dict[tuple[str, str], str] = {}
    for url in urls:
        link = find_board(url)
        if link is None or (link.kind, _spell(link.kind, link.board)) in known:
            continue
        token = spellings.setdefault((link.kind, _spell(link.kind, link.board)), link.board)
        found = counts.setdefault(link.kind, {})
        found[token] = found.get(token, 0) + 1
    return {
        kind: dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
        for kind, found in sorted(counts.items())
    }


def _spell(kind: str, token: str) -> str:
    return token if kind == "lever" else token.lower()
