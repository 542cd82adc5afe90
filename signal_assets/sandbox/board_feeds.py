"""Board feeds: how each kind of job board writes the same invented vacancies."""

import html
import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any
from xml.sax.saxutils import escape

from signal_assets.sandbox.exchange import Answer, Asked, json_answer
from signal_assets.sandbox.world import SandboxVacancy

Rows = Sequence[SandboxVacancy]

NOT_LISTED = "Niet gepubliceerde functie"
PROSPECTS = "Open sollicitatie"
GERMAN = "Wir suchen Verstärkung für unsere Buchhaltung."
"""What Personio answers to whoever names no language."""


def number_of(row: SandboxVacancy) -> int:
    """Return the number a board knows the vacancy by."""
    return int(uuid.uuid5(uuid.NAMESPACE_URL, row.external_id).int % 10**9)


def key_of(row: SandboxVacancy) -> str:
    """Return the long id of boards that number nothing."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, row.external_id))


def paragraphs(text: str) -> list[str]:
    return [part for part in text.split("\n\n") if part]


def as_html(parts: Sequence[str]) -> str:
    return "".join(f"<p>{html.escape(part)}</p>" for part in parts)


def greenhouse(rows: Rows, board: str, asked: Asked) -> Answer:
    """The whole board; its last entry is a pool of prospects, which is no vacancy."""
    jobs: list[dict[str, Any]] = []
    for row in rows:
        number = number_of(row)
        own_page = f"https://www.{board}.example/werken-bij?gh_jid={number}"
        job = {
            "id": number,
            "internal_job_id": number + 1,
            "title": row.title,
            "company_name": row.company_name,
            "absolute_url": own_page
            if number % 2
            else f"https://boards.greenhouse.io/{board}/jobs/{number}",
            "location": {"name": row.location},
            "updated_at": f"{row.posted_at}T12:00:00-04:00",
            "first_published": f"{row.posted_at}T06:00:00-04:00",
            "language": row.language,
        }
        if asked.parameter("content") == "true":
            job["content"] = html.escape(as_html(paragraphs(row.description)))
            job["offices"], job["departments"] = [{"id": 1, "name": row.location}], []
        jobs.append(job)
    if jobs:
        jobs.append({**jobs[0], "id": 1, "internal_job_id": None, "title": PROSPECTS})
    return json_answer(200, {"jobs": jobs, "meta": {"total": len(jobs)}})


def lever(rows: Rows, board: str, asked: Asked) -> Answer:
    """A bare list; what the job asks for stands in `lists` alone."""
    skip, limit = int(asked.parameter("skip") or 0), int(asked.parameter("limit") or 100)
    return json_answer(200, [_lever_posting(row, board) for row in rows][skip : skip + limit])


def _lever_posting(row: SandboxVacancy, board: str) -> dict[str, Any]:
    *opening, asked_for = paragraphs(row.description)
    milliseconds = 1000 * int(_midnight(row))
    page = f"https://jobs.lever.co/{board}/{key_of(row)}"
    return {
        "id": key_of(row),
        "text": row.title,
        "categories": {"location": row.location, "allLocations": [row.location]},
        "country": "NL",
        "createdAt": milliseconds,
        "description": as_html(opening),
        "descriptionPlain": "\n\n".join(opening),
        "lists": [{"text": "Wat vragen wij?", "content": f"<li>{html.escape(asked_for)}</li>"}],
        "additional": "",
        "additionalPlain": "",
        "hostedUrl": page,
        "applyUrl": f"{page}/apply",
        "workplaceType": "onsite",
    }


def ashby(rows: Rows, board: str, asked: Asked) -> Answer:
    """The listed jobs, and one that only its own link leads to."""
    jobs = [_ashby_job(row, board) for row in rows]
    if jobs:
        jobs.append({**jobs[0], "id": "unlisted", "title": NOT_LISTED, "isListed": False})
    return json_answer(200, {"apiVersion": "1", "jobs": jobs})


def _ashby_job(row: SandboxVacancy, board: str) -> dict[str, Any]:
    page = f"https://jobs.ashbyhq.com/{board}/{key_of(row)}"
    return {
        "id": key_of(row),
        "title": f" {row.title}",
        "location": row.location,
        "secondaryLocations": [],
        "isListed": True,
        "isRemote": False,
        "publishedAt": f"{row.posted_at}T08:00:00.000+00:00",
        "employmentType": "FullTime",
        "address": {"postalAddress": {"addressLocality": row.location}},
        "jobUrl": page,
        "applyUrl": f"{page}/application",
        "descriptionHtml": as_html(paragraphs(row.description)),
        "descriptionPlain": row.description,
    }


def recruitee(rows: Rows, board: str, asked: Asked) -> Answer:
    """Offers whose text is split in two, one of them a draft; pages on the company's own domain."""
    offers = [_recruitee_offer(row, board) for row in rows]
    if offers:
        offers.append({**offers[0], "id": 2, "title": NOT_LISTED, "status": "draft"})
    return json_answer(200, {"offers": offers})


def _recruitee_offer(row: SandboxVacancy, board: str) -> dict[str, Any]:
    parts = paragraphs(row.description)
    half = max(1, len(parts) // 2)
    page = f"https://jobs.{board}.example/o/{row.external_id}"
    text = {"description": as_html(parts[:half]), "requirements": as_html(parts[half:])}
    return {
        "id": number_of(row),
        "slug": row.external_id,
        "title": row.title,
        "status": "published",
        **text,
        "city": row.location,
        "country": "Netherlands",
        "country_code": "NL",
        "location": f"{row.location}, Netherlands",
        "published_at": f"{row.posted_at} 08:15:00 UTC",
        "created_at": f"{row.posted_at} 08:00:00 UTC",
        "careers_url": page,
        "careers_apply_url": f"{page}/c/new",
        "company_name": row.company_name,
        "translations": {row.language: {"title": row.title, **text}},
    }


def smartrecruiters(rows: Rows, board: str, asked: Asked) -> Answer:
    """A page of the listing, which holds no texts, or one posting with its text."""
    wanted = asked.path.rpartition("/postings")[2].strip("/")
    if wanted:
        found = next((row for row in rows if str(number_of(row)) == wanted), None)
        if found is None:
            return json_answer(404, {"message": "Posting not found"})
        return json_answer(200, _smart_detail(found, board))
    offset, limit = int(asked.parameter("offset") or 0), int(asked.parameter("limit") or 10)
    if limit > 100:
        return json_answer(400, {"message": "limit must be at most 100"})
    shown = [_smart_row(row, board) for row in rows][offset : offset + limit]
    total = {"offset": offset, "limit": limit, "totalFound": len(rows)}
    return json_answer(200, {**total, "content": shown})


def _smart_row(row: SandboxVacancy, board: str) -> dict[str, Any]:
    return {
        "id": str(number_of(row)),
        "uuid": key_of(row),
        "name": row.title,
        "refNumber": "REF1",
        "company": {"identifier": board, "name": row.company_name},
        "releasedDate": f"{row.posted_at}T07:00:00.000Z",
        "location": {"city": row.location, "country": "nl", "remote": False},
        "department": {},
        "function": {"id": "finance", "label": "Finance"},
        "language": {"code": row.language},
        "ref": f"https://api.smartrecruiters.com/v1/companies/{board}/postings/{number_of(row)}",
    }


def _smart_detail(row: SandboxVacancy, board: str) -> dict[str, Any]:
    first, *others = paragraphs(row.description)
    sections = {
        "companyDescription": {"title": "Bedrijf", "text": as_html([first])},
        "jobDescription": {"title": "Functie", "text": as_html(others)},
    }
    return {**_smart_row(row, board), "jobAd": {"sections": sections}}


def workable(rows: Rows, board: str, asked: Asked) -> Answer:
    """The widget; texts come only to whoever asks for details."""
    jobs = []
    for row in rows:
        shortcode = f"{number_of(row):010X}"
        page = f"https://apply.workable.com/{board}/j/{shortcode}"
        job = {
            "title": row.title,
            "shortcode": shortcode,
            "url": page,
            "application_url": f"{page}/apply",
            "city": row.location,
            "state": "",
            "country": "Netherlands",
            "published_on": str(row.posted_at),
            "created_at": str(row.posted_at),
        }
        if asked.parameter("details") == "true":
            job["description"] = as_html(paragraphs(row.description))
        jobs.append(job)
    name = rows[0].company_name if rows else board
    return json_answer(200, {"name": name, "description": None, "jobs": jobs})


def personio(rows: Rows, board: str, asked: Asked) -> Answer:
    """The XML feed, German unless a language is named."""
    is_dutch = asked.parameter("language") == "nl"
    positions = "".join(
        f"<position><id>{number_of(row)}</id><subcompany>{escape(row.company_name)}</subcompany>"
        f"<office>{escape(row.location)}</office><name>{escape(row.title)}</name>"
        "<jobDescriptions><jobDescription><name>Functie</name><value><![CDATA["
        f"{as_html(paragraphs(row.description) if is_dutch else [GERMAN])}"
        "]]></value></jobDescription></jobDescriptions>"
        f"<createdAt>{row.posted_at}T09:00:00+00:00</createdAt></position>"
        for row in rows
    )
    feed = f"<?xml version='1.0' encoding='UTF-8'?><workzag-jobs>{positions}</workzag-jobs>"
    return Answer(200, feed.encode(), {"content-type": "text/xml; charset=utf-8"})


def teamtailor(rows: Rows, board: str, asked: Asked) -> Answer:
    """RSS with fields in a namespace, or JSON Feed; a hundred items unless more are asked for."""
    shown = rows[: int(asked.parameter("per_page") or 100)]
    name = rows[0].company_name if rows else board
    if asked.path.endswith("/jobs.json"):
        items = [_feed_item(row, board) for row in shown]
        version = "https://jsonfeed.org/version/1.1"
        return json_answer(200, {"version": version, "title": name, "items": items})
    entries = "".join(_rss_item(row, board) for row in shown)
    feed = (
        '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" '
        'xmlns:tt="https://teamtailor.com/locations">'
        f"<channel><title>{escape(name)}</title>{entries}</channel></rss>"
    )
    return Answer(200, feed.encode(), {"content-type": "application/rss+xml; charset=utf-8"})


def _rss_item(row: SandboxVacancy, board: str) -> str:
    page = f"https://{board}.teamtailor.com/jobs/{number_of(row)}"
    return (
        f"<item><title>{escape(row.title)}</title><guid>{key_of(row)}</guid><link>{page}</link>"
        f"<description>{escape(as_html(paragraphs(row.description)))}</description>"
        f"<pubDate>{row.posted_at.strftime('%a, %d %b %Y')} 09:26:20 +0100</pubDate>"
        f"<tt:locations><tt:location><tt:name>Kantoor</tt:name>"
        f"<tt:city>{escape(row.location)}</tt:city><tt:country>Netherlands</tt:country>"
        "</tt:location></tt:locations><tt:department>Finance</tt:department></item>"
    )


def _feed_item(row: SandboxVacancy, board: str) -> dict[str, Any]:
    address = {"addressLocality": row.location, "addressCountry": "NL"}
    return {
        "id": key_of(row),
        "title": row.title,
        "url": f"https://{board}.teamtailor.com/jobs/{number_of(row)}",
        "content_html": as_html(paragraphs(row.description)),
        "date_published": f"{row.posted_at}T09:26:20+01:00",
        "_jobposting": {"@type": "JobPosting", "jobLocation": [{"address": address}]},
    }


def _midnight(row: SandboxVacancy) -> float:
    return datetime.combine(row.posted_at, time(), UTC).timestamp()


def job_posting(row: SandboxVacancy) -> dict[str, Any]:
    """Return a vacancy as schema.org JobPosting."""
    address = {"@type": "PostalAddress", "addressLocality": row.location, "addressCountry": "NL"}
    return {
        "@context": "https://schema.org",
        "@type": "JobPosting",
        "title": row.title,
        "description": as_html(paragraphs(row.description)),
        "datePosted": str(row.posted_at),
        "hiringOrganization": {"@type": "Organization", "name": row.company_name},
        "jobLocation": {"@type": "Place", "address": address},
        "identifier": {"@type": "PropertyValue", "value": row.external_id},
    }


def script(payload: object) -> str:
    """Return a script block that holds `payload`; a text goes in as it is."""
    text = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
    return f'<script type="application/ld+json">{text}</script>'
