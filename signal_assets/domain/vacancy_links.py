"""Vacancy links: when two links lead to the same vacancy."""

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlencode, urlsplit

_TRACKING = re.compile(
    r"utm_\w+|\w{0,2}clid|ref|referrer|refid|src|source|via|from|trk|trackingid|tracking|campaign|"
    r"cid|sid|sessionid|lang|locale|hl|position|pagenum|gh_src|lever-source|lever-origin|"
    r"sourceid|mode|apply|iis|iisn|jobboard|feed"
)
"""Parameters that say where a reader came from, not which vacancy it is."""

_SEARCH_HOST = re.compile(r"google\.\w{2,3}(?:\.\w{2})?")
"""Google shows a vacancy on its page of results; which one stands in the fragment, if anywhere."""

_ID = r"(?P<id>[^/?#]+)"
_BOARD_LINKS = tuple(
    (board, re.compile(pattern, re.IGNORECASE))
    for board, pattern in (
        ("greenhouse", r"(?:boards|job-boards)(?:\.eu)?\.greenhouse\.io/[^/]+/jobs/(?P<id>\d+)"),
        ("greenhouse", r"boards(?:\.eu)?\.greenhouse\.io/embed/job_app\?.*?token=(?P<id>\d+)"),
        ("greenhouse", r"[?&]gh_jid=(?P<id>\d+)"),
        ("lever", r"jobs(?:\.eu)?\.lever\.co/[^/]+/(?P<id>[0-9a-f-]{36})"),
        ("ashby", r"jobs\.ashbyhq\.com/[^/]+/(?P<id>[0-9a-f-]{36})"),
        ("workable", r"apply\.workable\.com/(?:[^/]+/)?j/(?P<id>[0-9A-Z]{6,})"),
        ("workable", r"\.workable\.com/jobs/(?P<id>\d+)"),
        ("smartrecruiters", r"jobs\.smartrecruiters\.com/[^/]+/(?P<id>\d{6,})"),
        ("teamtailor", r"\.teamtailor\.com/(?:[a-z-]{2,5}/)?jobs/(?P<id>\d+)"),
        ("recruitee", r"//(?P<company>[^/.]+)\.recruitee\.com/(?:[a-z]{2}/)?(?:o|l)/" + _ID),
        ("personio", r"//(?P<company>[^/.]+)\.jobs\.personio\.\w+/job/(?P<id>\d+)"),
        ("homerun", r"//(?P<company>[^/.]+)\.homerun\.(?:co|hr)/" + _ID),
        ("workday", r"//(?P<company>[^/.]+)\.[^/]*myworkdayjobs\.com/.*_(?P<id>[A-Z]*-?\d+)"),
    )
)


def normalize_vacancy_url(url: str) -> str | None:
    """Return what is the same in every link to one page; None if the link names no page of its own.

    The scheme, "www.", a slash at the end, the fragment and parameters that only say where a reader
    came from are gone; the other parameters are in order.

    >>> normalize_vacancy_url("http://www.werk.test/vacature/12/?utm_source=x&id=3#top")
    'werk.test/vacature/12?id=3'
    >>> normalize_vacancy_url("https://werk.test/") is None
    True
    >>> normalize_vacancy_url("https://www.google.nl/search?ibp=htl;jobs#fpstate=tldetail") is None
    True
    """
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return None
    kept = sorted(
        (name, value)
        for name, value in parse_qsl(parts.query)
        if not _TRACKING.fullmatch(name.lower())
    )
    path = parts.path.rstrip("/")
    if parts.scheme.lower() not in ("http", "https") or not host or not (path or kept):
        return None
    if path == "/search" and _SEARCH_HOST.fullmatch(host):
        return None
    return f"{host}{path}?{urlencode(kept)}" if kept else f"{host}{path}"


def find_board_jobs(urls: Iterable[str]) -> tuple[str, ...]:
    """Return the ids under which boards know the vacancy, each once, as `board:id`.

    The ids of most boards are theirs alone; where they are a company's, its token stands in front.

    >>> find_board_jobs(["https://boards.greenhouse.io/voorbeeld/jobs/4012?gh_src=x"])
    ('greenhouse:4012',)
    >>> find_board_jobs(["https://voorbeeld.recruitee.com/o/boekhouder"])
    ('recruitee:voorbeeld/boekhouder',)
    """
    found: dict[str, None] = {}
    for url in urls:
        for board, pattern in _BOARD_LINKS:
            if match := pattern.search(url):
                company = match.groupdict().get("company")
                job = f"{company}/{match['id']}" if company else match["id"]
                found[f"{board}:{job}".lower()] = None
                break
    return tuple(found)
