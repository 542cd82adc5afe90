"""Job postings: the schema.org JobPosting that career pages state for search engines."""

import hashlib
import html
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from selectolax.lexbor import LexborHTMLParser

from signal_assets.domain.harvests import RejectedRow
from signal_assets.domain.html_text import html_to_text, is_too_deep
from signal_assets.domain.posting_dates import parse_posted_at
from signal_assets.domain.records import Record
from signal_assets.domain.vacancies import MAX_DESCRIPTION_CHARS, Posting
from signal_assets.domain.wire_fields import UnreadableAnswer

SOURCE = "jobposting"

MAX_DEPTH = 20
"""Deeper nesting inside a script is not looked through."""
MAX_SHORT_TEXT_CHARS = 2_000

_MARKS_LENGTH = 50
"""Closing marks are looked for in so many last signs of a script."""
_TRACKING = re.compile(r"utm_\w+|gclid|fbclid|msclkid|_ga|mc_[ce]id|source|ref|referrer")
_VACANCY_WORDS = re.compile(
    r"vacatur|vacanc|vacan-|\bjobs?\b|\bcareers?\b|carriere|werken-?(?:bij|voor)|\bfuncties?\b"
    r"|position|opening|stellen|\brole\b",
    re.IGNORECASE,
)
_NO_PAGE = re.compile(r"\.(?:pdf|docx?|jpe?g|png|gif|svg|webp|css|js|zip|mp4|ics|rss)$", re.I)


class CareerPage(Record):
    """What one page states: vacancies that are open, and links that may lead to more."""

    postings: tuple[Posting, ...] = ()
    expired_count: int = 0
    rejected: tuple[RejectedRow, ...] = ()
    links: tuple[str, ...] = ()
    """Pages on the same host that look like vacancies, in the order of the page."""
    listings: tuple[str, ...] = ()
    """The next page of a listing, and sitemaps inside a sitemap."""


def parse_page(body: str, url: str, now: datetime) -> CareerPage:
    """Return what stands on a page or in a sitemap at `url`; never fails, whatever the page is."""
    if re.search(r"<(?:\w+:)?(?:urlset|sitemapindex)[\s>]", body[:2_000]):
        return _parse_sitemap(body, url)
    if is_too_deep(body):
        return CareerPage(rejected=(RejectedRow(place=url, reason="its HTML is nested too deep"),))
    tree = LexborHTMLParser(body)
    postings: dict[str, Posting] = {}
    rejected = []
    expired_count = 0
    canonical = _canonical_url(tree, url)
    found = list(_find_job_postings(tree))
    for number, node in enumerate(found, start=1):
        try:
            if isinstance(node, UnreadableAnswer):
                raise node
            if _is_expired(node, now):
                expired_count += 1
                continue
            posting = _parse_node(node, canonical, is_alone=len(found) == 1)
        except UnreadableAnswer as error:
            rejected.append(RejectedRow(place=f"{url}, JobPosting {number}", reason=str(error)))
        else:
            postings.setdefault(posting.external_id, posting)
    return CareerPage(
        postings=tuple(postings.values()),
        expired_count=expired_count,
        rejected=tuple(rejected),
        links=tuple(_vacancy_links(tree, url)),
        listings=tuple(_next_pages(tree, url)),
    )


def parse_loose_json(text: str) -> Any:
    """Return the JSON in `text`, forgiving what pages do to it.

    Forgiven are raw line breaks in texts, commas before a closing bracket, comment and CDATA marks
    around it, a semicolon after it, and entities instead of quotes.

    >>> parse_loose_json('<!-- {"title": "Boek\\nhouder", "tags": ["SAP", ], } -->;')
    {'title': 'Boek\\nhouder', 'tags': ['SAP']}

    Raises:
        UnreadableAnswer: it is no JSON, even so.
    """
    bare = re.sub(r"^(?://|/\*)?\s*(?:<!--|<!\[CDATA\[)\s*(?:\*/)?", "", text.strip())
    tail = re.sub(r"(?://|/\*)?\s*(?:-->|\]\]>)\s*(?:\*/)?\s*;?$", "", bare[-_MARKS_LENGTH:])
    bare = f"{bare[:-_MARKS_LENGTH]}{tail}".strip().rstrip(";")
    if re.match(r"[\[{]\s*&quot;", bare):
        bare = html.unescape(bare)
    try:
        return json.loads(bare, strict=False)
    except RecursionError:
        raise UnreadableAnswer("the script is nested too deep") from None
    except ValueError:
        pass  # a comma too many is the most frequent reason
    try:
        return json.loads(_without_spare_commas(bare), strict=False)
    except (ValueError, RecursionError) as error:
        raise UnreadableAnswer(f"the script is not JSON: {error}") from None


def _without_spare_commas(text: str) -> str:
    """Take out commas that stand before a closing bracket; those inside quotes stay."""
    pattern = r'("(?:[^"\\]|\\.)*")|,(\s*[}\]])'
    return re.sub(pattern, lambda match: match[1] or match[2], text, flags=re.DOTALL)


def _find_job_postings(tree: LexborHTMLParser) -> Iterator[dict[str, Any] | UnreadableAnswer]:
    """Yield every JobPosting of the page's scripts, and an error for each that should hold one."""
    for script in tree.css("script"):
        kind = (script.attributes.get("type") or "").split(";")[0].strip().lower()
        text = script.text()
        if kind != "application/ld+json" or "JobPosting" not in text:
            continue
        try:
            yield from _walk(parse_loose_json(text))
        except UnreadableAnswer as error:
            yield error


def _walk(node: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    if depth > MAX_DEPTH:
        return
    if isinstance(node, list):
        for item in node:
            yield from _walk(item, depth + 1)
    elif isinstance(node, dict):
        kinds = node.get("@type")
        names = kinds if isinstance(kinds, list) else [kinds]
        if any(isinstance(name, str) and _local(name) == "JobPosting" for name in names):
            yield node
            return
        for value in node.values():
            if isinstance(value, dict | list):
                yield from _walk(value, depth + 1)


def _local(name: str) -> str:
    return name.rpartition("/")[2].rpartition(":")[2]


def _is_expired(node: dict[str, Any], now: datetime) -> bool:
    """Whether `validThrough` is over; a day without a time lasts until its end."""
    text = _text(node.get("validThrough"))
    moment = None if text is None else parse_posted_at(text)
    if text is None or moment is None:
        return False
    is_whole_day = not re.search(r"\d[T ]\d", text)
    return moment + timedelta(days=1 if is_whole_day else 0) < now


def _parse_node(node: dict[str, Any], page_url: str, *, is_alone: bool) -> Posting:
    title = _plain(_text(node.get("title")) or _text(node.get("name")))
    if not title:
        raise UnreadableAnswer("title is missing")
    description = _description(_text(node.get("description")) or "")
    own_url = _own_url(node, page_url)
    url = own_url or page_url
    organization = _name_of(node.get("hiringOrganization"))
    posted_raw = _text(node.get("datePosted"))
    fallback = None if own_url is None and not is_alone else url
    return Posting(
        source=SOURCE,
        external_id=_find_id(node, url, fallback, organization, title),
        title=title[:MAX_SHORT_TEXT_CHARS],
        company_name=organization,
        location=_location(node),
        description=description[:MAX_DESCRIPTION_CHARS],
        text_kind="full" if description else "snippet",
        url=url,
        posted_at=None if posted_raw is None else parse_posted_at(posted_raw),
        posted_raw=posted_raw,
        language=_language(node),
        board=urlsplit(page_url).netloc,
    )


def _find_id(
    node: dict[str, Any], url: str, fallback: str | None, organization: str | None, title: str
) -> str:
    """Return the host with the page's own identifier, else the address of the vacancy.

    An identifier without a digit is a name that all vacancies of the site share. Where several
    vacancies without either stand on one page, the title tells them apart.
    """
    host = urlsplit(url).netloc
    identifier = node.get("identifier")
    value = identifier.get("value") if isinstance(identifier, dict) else identifier
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value)
    if text and re.search(r"\d", text) and text != organization and "://" not in text:
        return f"{host}/{text[:200]}"
    if fallback is not None:
        return fallback.partition("://")[2]
    digest = hashlib.sha256(title.encode("utf-8", "replace")).hexdigest()[:16]
    return f"{url.partition('://')[2]}#{digest}"


def _own_url(node: dict[str, Any], page_url: str) -> str | None:
    """Return the address the posting itself states, if it is another page of the same host."""
    text = _text(node.get("url")) or _text(node.get("mainEntityOfPage"))
    if text is None:
        return None
    try:
        url = tidy_url(urljoin(page_url, text))
    except ValueError:
        return None
    parts = urlsplit(url)
    is_same_site = parts.netloc == urlsplit(page_url).netloc
    return url if is_same_site and parts.path.strip("/") else None


def _description(text: str) -> str:
    """Return the words of a description, which some pages escape a second time."""
    if "<" not in text and re.search(r"&lt;/?\w", text):
        text = html.unescape(text)
    return html_to_text(text)


def _plain(text: str | None) -> str:
    return " ".join(html.unescape(text or "").split())


def _name_of(value: Any) -> str | None:
    """Return the name of an organisation: an object, a text, or the first of a list."""
    if isinstance(value, list):
        return next((name for name in map(_name_of, value) if name), None)
    text = _text(value.get("name") or value.get("legalName")) if isinstance(value, dict) else None
    return _plain(text if isinstance(value, dict) else _text(value))[:MAX_SHORT_TEXT_CHARS] or None


def _location(node: dict[str, Any]) -> str | None:
    places = node.get("jobLocation")
    for place in places if isinstance(places, list) else [places]:
        address = place.get("address") if isinstance(place, dict) else place
        address = address[0] if isinstance(address, list) and address else address
        if isinstance(address, dict):
            parts = (address.get(key) for key in ("addressLocality", "addressRegion"))
            names = [_text(part) for part in parts] + [_name_of(address.get("addressCountry"))]
            words = ", ".join(dict.fromkeys(_plain(name) for name in names if name))
        else:
            words = _plain(_text(address))
        if not words and isinstance(place, dict):
            words = _plain(_text(place.get("name")))
        if words:
            return words[:MAX_SHORT_TEXT_CHARS]
    return "Remote" if _text(node.get("jobLocationType")) == "TELECOMMUTE" else None


def _language(node: dict[str, Any]) -> str | None:
    match = re.match(r"([a-z]{2})(?![a-z])", (_text(node.get("inLanguage")) or "").lower())
    return match[1] if match else None


def _text(value: Any) -> str | None:
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        value = value.get("@value") or value.get("@id")
    if not isinstance(value, str):
        return None
    clean = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return clean.replace("\x00", "").strip() or None


def tidy_url(url: str) -> str:
    """Return an address without fragment and without what only counts visitors.

    >>> tidy_url("https://A.test/job/7?utm_source=x&id=7#apply")
    'https://a.test/job/7?id=7'

    Raises:
        ValueError: it is no address.
    """
    parts = urlsplit(url)
    kept = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if not _TRACKING.fullmatch(name.lower())
    ]
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path or "/", urlencode(kept), ""))


def _canonical_url(tree: LexborHTMLParser, url: str) -> str:
    """Return the address the page gives itself, if it is on the same host."""
    node = tree.css_first('link[rel="canonical"]')
    target = _same_host_url(url, node.attributes.get("href") if node else None)
    return target or tidy_url(url)


def _vacancy_links(tree: LexborHTMLParser, url: str) -> Iterator[str]:
    """Yield links that look like vacancies: below the page itself first, then by their words."""
    base = urlsplit(url).path.rstrip("/")
    below, others = [], []
    for anchor in tree.css("a[href]"):
        target = _same_host_url(url, anchor.attributes.get("href"))
        if target is None or target == tidy_url(url) or _NO_PAGE.search(urlsplit(target).path):
            continue
        path = urlsplit(target).path
        if base and path.startswith(f"{base}/"):
            below.append(target)
        elif _VACANCY_WORDS.search(f"{path}?{urlsplit(target).query}"):
            others.append(target)
    yield from dict.fromkeys([*below, *others])


def _next_pages(tree: LexborHTMLParser, url: str) -> Iterator[str]:
    for node in tree.css('a[rel~="next"], link[rel~="next"]'):
        target = _same_host_url(url, node.attributes.get("href"))
        if target is not None and target != tidy_url(url):
            yield target


def _same_host_url(url: str, href: str | None) -> str | None:
    if not href or href.strip().lower().startswith(
        ("mailto:", "tel:", "javascript:", "#", "data:")
    ):
        return None
    try:
        target = tidy_url(urljoin(url, href.strip()))
        is_same = urlsplit(target)[:2] == urlsplit(tidy_url(url))[:2]
    except ValueError:
        return None
    return target if is_same else None


def _parse_sitemap(body: str, url: str) -> CareerPage:
    """Return the addresses of a sitemap that look like vacancies, and the sitemaps inside it."""
    found = re.findall(r"<(?:\w+:)?loc>\s*(?:<!\[CDATA\[)?\s*([^<\]\s]+)", body)
    targets = [_same_host_url(url, html.unescape(text)) for text in found]
    pages = list(dict.fromkeys(target for target in targets if target is not None))
    if re.search(r"<(?:\w+:)?sitemapindex[\s>]", body[:2_000]):
        hints = [page for page in pages if _VACANCY_WORDS.search(page)]
        return CareerPage(listings=tuple(hints or pages))
    return CareerPage(links=tuple(page for page in pages if _VACANCY_WORDS.search(page)))
