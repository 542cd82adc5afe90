"""A career site at the root of the sandbox: pages with JobPosting, robots.txt and a sitemap.

Each vacancy page states its JobPosting in another of the ways that real pages do.
"""

import html
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from signal_assets.sandbox.board_feeds import job_posting, script
from signal_assets.sandbox.exchange import Answer, Asked, Question, json_answer
from signal_assets.sandbox.world import SandboxVacancy, World

AGENCY = "Verzonnen Kracht Uitzendgroep"
ROBOTS = "User-agent: *\nDisallow: /careers/intern/\nAllow: /careers/\n"

Way = Callable[[dict[str, Any]], str]


def _broken(posting: dict[str, Any]) -> str:
    """JSON with line breaks inside its texts and a comma too many."""
    text = json.dumps(posting, ensure_ascii=False).replace("</p><p>", "</p>\n<p>")
    return script(f"{text[:-1]},\n}}")


def _expired(posting: dict[str, Any]) -> str:
    return script({**posting, "validThrough": "2020-01-31"})


def _graph(posting: dict[str, Any]) -> str:
    site = {"@type": "WebSite", "name": "Werken bij"}
    return script({"@context": "https://schema.org", "@graph": [site, posting]})


def _listed(posting: dict[str, Any]) -> str:
    kinds = ["JobPosting", "Thing"]
    places = [posting["jobLocation"], {"@type": "Place", "address": "Elders"}]
    return script([{**posting, "@type": kinds, "jobLocation": places}])


def _by_agency(posting: dict[str, Any]) -> str:
    return script({**posting, "hiringOrganization": AGENCY})


def _escaped(posting: dict[str, Any]) -> str:
    """A script of another kind first; the description escaped a second time."""
    crumbs = script({"@type": "BreadcrumbList", "itemListElement": []})
    return crumbs + script({**posting, "description": html.escape(posting["description"])})


WAYS: tuple[Way, ...] = (script, _graph, _listed, _broken, _expired, _by_agency, _escaped)
"""Vacancy after vacancy, each in the next of these ways."""


class CareersService:
    """The career site of one group that advertises every vacancy there is."""

    name = "careers"

    def __init__(self, world: World) -> None:
        self._rows: Sequence[SandboxVacancy] = world.vacancies[:14]

    def question(self, asked: Asked) -> Question:
        return Question("robots" if asked.path == "/robots.txt" else "page", asked.path)

    def answer(self, asked: Asked) -> Answer:
        path = asked.path
        if path == "/robots.txt":
            return Answer(200, ROBOTS.encode(), {"content-type": "text/plain"})
        if path == "/careers/":
            return _page("Vacatures", self._links())
        if path == "/careers/sitemap.xml":
            return self._sitemap(asked.base_url)
        if path == "/careers/leeg/":
            return _page("Geen vacatures", "<p>Kijk later nog eens.</p>")
        if path == "/careers/vacature/verhuisd":
            return Answer(302, b"", {"location": "http://169.254.169.254/latest/meta-data/"})
        if path == "/careers/intern/vacature":
            return _page("Intern", script(job_posting(self._rows[0])))
        found = re.fullmatch(r"/careers/vacature/(\d+)", path)
        if found is None or int(found[1]) >= len(self._rows):
            return json_answer(404, {"error": "Not found"})
        number = int(found[1])
        return _page(
            self._rows[number].title, WAYS[number % len(WAYS)](job_posting(self._rows[number]))
        )

    def _links(self) -> str:
        pages = [f"/careers/vacature/{number}" for number in range(len(self._rows))]
        others = [
            "/careers/vacature/verhuisd",
            "/careers/intern/vacature",
            "https://elders.example/",
        ]
        return "".join(f'<a href="{page}">Bekijk</a>' for page in [*pages, *others])

    def _sitemap(self, base_url: str) -> Answer:
        pages = "".join(
            f"<url><loc>{base_url}/careers/vacature/{number}</loc></url>"
            for number in range(len(self._rows))
        )
        name = "http://www.sitemaps.org/schemas/sitemap/0.9"
        text = f'<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="{name}">{pages}</urlset>'
        return Answer(200, text.encode(), {"content-type": "application/xml"})


def _page(title: str, content: str) -> Answer:
    text = (
        f"<!doctype html><html lang=nl><head><title>{html.escape(title)}</title></head>"
        f"<body>{content}</body></html>"
    )
    return Answer(200, text.encode(), {"content-type": "text/html; charset=utf-8"})
