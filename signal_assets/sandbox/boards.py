"""The public job boards of the invented companies, all kinds below one address.

The first part of a path is the host that the real board has, so `/api.lever.co/v0/postings/x` is
what `https://api.lever.co/v0/postings/x` would be. A company's token is its name in small letters
with dashes. A few tokens stand for a situation: see `TOKENS`.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from signal_assets.domain.folding import fold
from signal_assets.sandbox import board_feeds as feeds
from signal_assets.sandbox.exchange import Answer, Asked, Question, json_answer
from signal_assets.sandbox.world import SandboxVacancy, World

EMPTY, LARGE, ONLY_IN_EUROPE, MOVED = "leeg", "honderdtwintig", "alleen-europa", "verhuisd"
TOKENS = {
    EMPTY: "a company that has no vacancies now",
    LARGE: "a company with 120 vacancies",
    ONLY_IN_EUROPE: "a company that only the European host knows",
    MOVED: "a company whose feed redirects to its own domain",
}
_LARGE_COUNT = 120
_LEGAL_FORM = re.compile(r"\s+(?:b\.?v\.?|n\.?v\.?)$", re.IGNORECASE)

Feed = Callable[[Sequence[SandboxVacancy], str, Asked], Answer]

_HOSTS: tuple[tuple[str, str, Feed, str], ...] = (
    ("greenhouse", r"boards-api(\.eu)?\.greenhouse\.io", feeds.greenhouse, "/v1/boards/{}/jobs"),
    ("lever", r"api(\.eu)?\.lever\.co", feeds.lever, "/v0/postings/{}"),
    ("ashby", r"api\.ashbyhq\.com()", feeds.ashby, "/posting-api/job-board/{}"),
    (
        "smartrecruiters",
        r"api\.smartrecruiters\.com()",
        feeds.smartrecruiters,
        r"/v1/companies/{}/postings(?:/\d+)?",
    ),
    ("workable", r"apply\.workable\.com()", feeds.workable, "/api/v1/widget/accounts/{}"),
    ("recruitee", r"(?P<board>[\w-]+)\.recruitee\.com()", feeds.recruitee, "/api/offers/"),
    ("personio", r"(?P<board>[\w-]+)\.jobs\.personio\.de()", feeds.personio, "/xml"),
    (
        "teamtailor",
        r"(?P<board>[\w-]+)\.teamtailor\.com()",
        feeds.teamtailor,
        r"/jobs\.(?:rss|json)",
    ),
    ("teamtailor", r"jobs\.(?P<board>[\w-]+)\.example()", feeds.teamtailor, r"/jobs\.rss"),
)
_UNKNOWN: Mapping[str, Answer] = {
    "recruitee": json_answer(200, {"offers": []}),
    "ashby": json_answer(200, {"apiVersion": "1", "jobs": []}),
    "smartrecruiters": json_answer(
        200, {"offset": 0, "limit": 100, "totalFound": 0, "content": []}
    ),
    "lever": json_answer(404, {"ok": False, "error": "Document not found"}),
}
"""What a board says of a company it does not know; the others answer a plain 404."""


def token_of(company_name: str) -> str:
    """Return the token of a company.

    >>> token_of("Crème Fictief Cosmetica B.V.")
    'creme-fictief-cosmetica'
    """
    return "-".join(re.findall(r"[a-z0-9]+", fold(_LEGAL_FORM.sub("", company_name))))


class BoardsService:
    """Each company has the same vacancies on every kind of board."""

    name = "boards"

    def __init__(self, world: World) -> None:
        self._rows: dict[str, list[SandboxVacancy]] = {EMPTY: []}
        for row in world.vacancies:
            self._rows.setdefault(token_of(row.company_name), []).append(row)
        first = list(world.vacancies[:1])
        self._rows[ONLY_IN_EUROPE] = self._rows[MOVED] = first
        self._rows[LARGE] = [
            row.model_copy(update={"external_id": f"{row.external_id}-{number}"})
            for row in first
            for number in range(_LARGE_COUNT)
        ]

    def question(self, asked: Asked) -> Question:
        host, path = _split(asked.path)
        found = _find_feed(host, path)
        return Question(found[0] if found else "unknown", asked.path, host)

    def answer(self, asked: Asked) -> Answer:
        host, path = _split(asked.path)
        found = _find_feed(host, path)
        if found is None or asked.method != "GET":
            return json_answer(404, {"error": "Not found"})
        name, feed, board, is_european = found
        rows = self._rows.get(board)
        if rows is None or is_european != (
            board == ONLY_IN_EUROPE and name in ("greenhouse", "lever")
        ):
            return _UNKNOWN.get(name, json_answer(404, {"error": "Not found"}))
        if board == MOVED and host.endswith("teamtailor.com"):
            target = f"{asked.base_url}/jobs.{board}.example{path}"
            return Answer(301, b"", {"location": target})
        return feed(rows, board, asked)


def _split(path: str) -> tuple[str, str]:
    host, slash, rest = path.removeprefix("/").partition("/")
    return host, slash + rest


def _find_feed(host: str, path: str) -> tuple[str, Feed, str, bool] | None:
    """Return kind, feed, token and whether the European host was asked."""
    for name, host_pattern, feed, path_pattern in _HOSTS:
        by_host = re.fullmatch(host_pattern, host)
        by_path = re.fullmatch(path_pattern.replace("{}", r"(?P<board>[^/]+)"), path)
        if by_host and by_path:
            board = {**by_host.groupdict(), **by_path.groupdict()}["board"]
            return name, feed, board, by_host.groups()[-1] == ".eu"
    return None
