"""Robots: what each host lets us read, asked once a run."""

from urllib.parse import urlsplit

from signal_assets.clients.open_web import (
    PAUSE_SECONDS,
    OpenWeb,
    PageForbidden,
    PageMissing,
)
from signal_assets.domain.robots_rules import RobotsRules, parse_robots

READER = "signal-assets"
"""The name by which a robots.txt can speak of us: the first word of our user agent."""
MAX_PAUSE_SECONDS = 30.0
"""A host that asks for longer pauses is read at this pace."""


class Robots:
    """The robots.txt of each host, as far as it was asked for."""

    def __init__(self, web: OpenWeb) -> None:
        self._web = web
        self._rules: dict[str, RobotsRules] = {}

    def pause_for(self, url: str, *, is_local: bool) -> float:
        """Return the seconds between two requests to the host of `url`, which lets us read it.

        Raises:
            PageForbidden: the host's robots.txt forbids the page.
            PageRefused: the robots.txt itself is refused.
            PageBroken: nobody knows what the robots.txt says, so nothing may be read.
        """
        parts = urlsplit(url)
        host = f"{parts.scheme}://{parts.netloc}"
        if host not in self._rules:
            self._rules[host] = self._read(host, is_local)
        rules = self._rules[host]
        if not rules.allows(url):
            raise PageForbidden("its robots.txt forbids it")
        return min(MAX_PAUSE_SECONDS, max(PAUSE_SECONDS, rules.crawl_delay or 0.0))

    def _read(self, host: str, is_local: bool) -> RobotsRules:
        try:
            page = self._web.get(f"{host}/robots.txt", is_local=is_local, max_redirects=5)
        except PageMissing:
            return RobotsRules()
        return parse_robots(page.body, READER)
