"""Printed numbers: KvK numbers and websites that a vacancy states, with the words that do."""

import re
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Literal

import yaml

from signal_assets.domain.records import Record

_KVK_NUMBER = re.compile(
    r"(?<![^\W_])(?:k\.?\s?v\.?\s?k\.?(?![^\W\d_])|handelsregister|kamer\s{1,9}van\s{1,9}koophandel"
    r"|chamber\s{1,9}of\s{1,9}commerce|coc(?![^\W\d_]))"
    r"(?:[\s:.#-]|(?:nummer|number|nr|no|num|inschrijving|registration|van|te|onder|is|utrecht"
    r"|amsterdam|rotterdam)(?![^\W\d_])){0,12}"
    r"(?P<number>[0-9](?:[ .]?[0-9]){7})(?!\d|[ .]\d{2,})",
    re.IGNORECASE,
)
_HOST = re.compile(
    r"(?:(?:https?://|(?<![\w@.-])www\.)|(?<=[a-z0-9])@)"
    r"(?P<host>[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?){1,6})"
    r"(?![a-z0-9-]|\.[a-z0-9])",
    re.IGNORECASE,
)
_TOP_LEVEL = re.compile(r"[a-z]{2,24}")
_TEAM = re.compile(
    r"\b(?:ons|onze|het|een|jouw)\s{1,9}(?:[\w-]{1,30}\s{1,9})?team\b|\bteam\s{1,9}(?:van|of)\b"
    r"|\b(?:our|the|a|your)\s{1,9}(?:[\w-]{1,30}\s{1,9})?team\b|\bcollega['’]?s\b|\bcolleagues\b"
    r"|(?<![0-9.,])[1-9][0-9.,]{1,9}\s{1,9}(?:medewerkers|werknemers|employees|fte)\b",
    re.IGNORECASE,
)


class PrintedFact(Record):
    """A number or website that stands in a vacancy; `text[start:end]` is the quote."""

    kind: Literal["kvk_number", "website"]
    value: str
    quote: str
    start: int
    end: int
    vacancy_id: str | None = None


def find_kvk_numbers(text: str) -> tuple[PrintedFact, ...]:
    """Return the KvK numbers in `text`, each once, in the order of the text.

    Eight digits count only where the words before them say what they are.

    >>> [fact.value for fact in find_kvk_numbers("KVK-nummer: 0123 4567, btw NL001234567B01")]
    ['01234567']
    """
    found: dict[str, PrintedFact] = {}
    for match in _KVK_NUMBER.finditer(text):
        number = re.sub(r"[^0-9]", "", match["number"])
        found.setdefault(
            number,
            PrintedFact(
                kind="kvk_number",
                value=number,
                quote=match[0],
                start=match.start(),
                end=match.end(),
            ),
        )
    return tuple(found.values())


def find_website_hosts(text: str) -> tuple[PrintedFact, ...]:
    """Return the hosts of websites and mail addresses in `text` that may be the company's own.

    >>> [fact.value for fact in find_website_hosts("Kijk op https://www.techcorp.example/jobs")]
    ['techcorp.example']
    """
    found: dict[str, PrintedFact] = {}
    for match in _HOST.finditer(text):
        host = match["host"].lower().removeprefix("www.")
        if "." not in host or not _TOP_LEVEL.fullmatch(host.rsplit(".", 1)[-1]):
            continue
        if is_host_of_others(host):
            continue
        found.setdefault(
            host,
            PrintedFact(
                kind="website", value=host, quote=match[0], start=match.start(), end=match.end()
            ),
        )
    return tuple(found.values())


def is_host_of_others(host: str) -> bool:
    """Whether a host belongs to a job board, network or the like, or lies below one.

    >>> is_host_of_others("nl.linkedin.com"), is_host_of_others("techcorp.example")
    (True, False)
    """
    parts = host.split(".")
    return any(".".join(parts[start:]) in _hosts_of_others() for start in range(len(parts) - 1))


@cache
def _hosts_of_others() -> frozenset[str]:
    file = resources.files("signal_assets.domain") / "data" / "hosts_of_others.yaml"
    groups: dict[str, Iterable[str]] = yaml.safe_load(file.read_text("utf-8"))
    return frozenset(host for hosts in groups.values() for host in hosts)


def speaks_of_team(text: str) -> bool:
    """Whether a vacancy speaks of a team, colleagues, or ten and more people.

    >>> speaks_of_team("Je komt in een hecht team."), speaks_of_team("Je werkt alleen.")
    (True, False)
    """
    return _TEAM.search(text) is not None
