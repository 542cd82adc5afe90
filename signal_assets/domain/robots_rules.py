"""Robots rules: what a robots.txt lets a reader see (RFC 9309)."""

import re
from collections.abc import Sequence
from urllib.parse import quote, unquote, urlsplit

from signal_assets.domain.records import Record

MAX_CHARS = 500_000
"""What follows in a longer file is not read; the standard asks for this much at least."""


class RobotsRules(Record):
    """The rules of one host for one reader: pattern and whether it allows, longest first."""

    rules: tuple[tuple[str, bool], ...] = ()
    crawl_delay: float | None = None
    """Seconds the host asks for between two requests."""
    sitemaps: tuple[str, ...] = ()

    def allows(self, url: str) -> bool:
        """Whether the page at `url` may be read; the longest pattern that fits decides.

        Of two that are equally long the one that allows wins. `*` stands for any signs, `$` at the
        end for the end of the address.

        >>> rules = parse_robots("User-agent: *\\nDisallow: /*?page=\\nDisallow: /intern$", "us")
        >>> [rules.allows(f"https://a.test{path}") for path in ("/x?page=2", "/intern", "/intern/")]
        [False, False, True]
        """
        parts = urlsplit(url)
        path = _spell(parts.path or "/") + (f"?{_spell(parts.query)}" if parts.query else "")
        return next((allows for pattern, allows in self.rules if _fits(pattern, path)), True)


def parse_robots(text: str, reader: str) -> RobotsRules:
    """Return the rules for `reader` (a product name): those of its own groups, else those of `*`.

    >>> text = "User-agent: *\\nDisallow: /\\n\\nUser-agent: Us\\nAllow: /jobs\\nCrawl-delay: 5"
    >>> parse_robots(text, "us").allows("https://a.test/x"), parse_robots(text, "us").crawl_delay
    (True, 5.0)
    """
    groups: dict[str, list[tuple[str, str]]] = {}
    names: list[str] = []
    sitemaps = []
    is_naming = False
    for line in text[:MAX_CHARS].splitlines():
        key, colon, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if not colon:
            continue
        if key == "sitemap":
            sitemaps.append(value)
        elif key == "user-agent":
            names = [*names, value.lower()] if is_naming else [value.lower()]
            is_naming = True
            groups.setdefault(value.lower(), [])
        elif key in ("allow", "disallow", "crawl-delay"):
            is_naming = False
            for name in names:
                groups[name].append((key, value))
    lines = groups.get(reader.lower(), groups.get("*", []))
    return RobotsRules(
        rules=_order(lines), crawl_delay=_longest_delay(lines), sitemaps=tuple(sitemaps)
    )


def _order(lines: Sequence[tuple[str, str]]) -> tuple[tuple[str, bool], ...]:
    rules = [(_spell(value), key == "allow") for key, value in lines if key != "crawl-delay"]
    return tuple(sorted((rule for rule in rules if rule[0]), key=lambda r: (-len(r[0]), not r[1])))


def _longest_delay(lines: Sequence[tuple[str, str]]) -> float | None:
    values = [value for key, value in lines if key == "crawl-delay"]
    delays = [float(value) for value in values if re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", value)]
    return max(delays, default=None)


def _spell(text: str) -> str:
    """Return an address in the one spelling in which patterns and paths are compared."""
    return quote(unquote(text, errors="replace"), safe="/*$?&=+:;,@!'()~-._%")


def _fits(pattern: str, path: str) -> bool:
    """Whether a pattern stands at the beginning of a path; no regular expression, so no blow-up."""
    is_whole = pattern.endswith("$")
    first, *pieces = (pattern[:-1] if is_whole else pattern).split("*")
    if not path.startswith(first):
        return False
    place = len(first)
    last = pieces.pop() if is_whole and pieces else None
    for piece in pieces:
        found = path.find(piece, place)
        if found < 0:
            return False
        place = found + len(piece)
    if last is not None:
        return len(path) - len(last) >= place and path.endswith(last)
    return not is_whole or place == len(path)
