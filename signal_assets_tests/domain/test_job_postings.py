import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.job_postings import CareerPage, parse_loose_json, parse_page
from signal_assets.domain.vacancies import Posting
from signal_assets.domain.wire_fields import UnreadableAnswer

NOW = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
URL = "https://www.voorbeeld.example/vacatures/boekhouder"
POSTING: dict[str, Any] = {
    "@context": "https://schema.org",
    "@type": "JobPosting",
    "title": "Boekhouder",
    "description": "<p>U werkt met <b>SAP</b>.</p>",
    "datePosted": "2026-03-05",
    "hiringOrganization": {"@type": "Organization", "name": "Voorbeeld B.V."},
    "jobLocation": {
        "@type": "Place",
        "address": {"addressLocality": "Utrecht", "addressCountry": "NL"},
    },
    "identifier": {"@type": "PropertyValue", "name": "Voorbeeld", "value": "vac-7"},
}


def page(*blocks: Any, head: str = "", body: str = "") -> str:
    scripts = "".join(
        f'<script type="application/ld+json">{b if isinstance(b, str) else json.dumps(b)}</script>'
        for b in blocks
    )
    return f"<!doctype html><html><head>{head}{scripts}</head><body>{body}</body></html>"


def read(*blocks: Any, **more: str) -> CareerPage:
    return parse_page(page(*blocks, **more), URL, NOW)


def only(*blocks: Any, **more: str) -> Posting:
    (posting,) = read(*blocks, **more).postings
    return posting


def test_a_posting_is_read_with_text_date_and_place():
    posting = only(POSTING)
    assert posting.external_id == "www.voorbeeld.example/vac-7"
    assert posting.company_name == "Voorbeeld B.V."
    assert posting.location == "Utrecht, NL"
    assert posting.description == "U werkt met SAP."
    assert posting.posted_at == datetime(2026, 3, 5, tzinfo=UTC)
    assert (posting.url, posting.text_kind) == (URL, "full")


RAW = json.dumps(POSTING)


@pytest.mark.parametrize(
    "block",
    [
        [POSTING],
        {"@context": "https://schema.org", "@graph": [{"@type": "WebSite"}, POSTING]},
        POSTING | {"@type": ["Thing", "JobPosting"]},
        POSTING | {"@type": "http://schema.org/JobPosting"},
        {"@type": "ItemList", "itemListElement": [{"@type": "ListItem", "item": POSTING}]},
        POSTING | {"description": "&lt;p&gt;U werkt met &lt;b&gt;SAP&lt;/b&gt;.&lt;/p&gt;"},
        POSTING | {"hiringOrganization": "Voorbeeld B.V."},
        POSTING | {"hiringOrganization": [{"name": "Voorbeeld B.V."}]},
        POSTING | {"jobLocation": [POSTING["jobLocation"], {"address": "Elders"}]},
        POSTING | {"datePosted": "2026-03-05T00:00:00+00:00"},
        POSTING | {"identifier": "vac-7"},
        POSTING | {"validThrough": "2026-03-10"},
        POSTING | {"validThrough": "2026-03-11T00:00"},
        POSTING | {"validThrough": "ooit"},
        f"{RAW[:-1]}, }}",
        f"<!-- {RAW} -->",
        f"//<![CDATA[\n{RAW}\n//]]>",
        f"{RAW};",
        RAW.replace('"', "&quot;"),
    ],
)
def test_the_ways_in_which_pages_state_a_posting_read_alike(block):
    posting = only({"@type": "BreadcrumbList"}, block)
    assert posting.model_copy(update={"posted_raw": "2026-03-05"}) == only(POSTING)


def test_raw_line_breaks_in_a_text_are_forgiven():
    text = RAW.replace("U werkt met ", "U werkt\nmet\t")
    assert only(text).description == "U werkt met SAP."


def test_an_identifier_that_is_a_number_counts():
    posting = only(POSTING | {"identifier": {"value": 7167985}})
    assert posting.external_id == "www.voorbeeld.example/7167985"


@pytest.mark.parametrize(
    "identifier", [None, {"value": "Voorbeeld"}, {"value": "https://voorbeeld.example/7"}, "", []]
)
def test_without_an_identifier_of_its_own_the_address_is_the_id(identifier):
    posting = only(POSTING | {"identifier": identifier})
    assert posting.external_id == "www.voorbeeld.example/vacatures/boekhouder"


def test_two_postings_on_one_page_without_ids_are_told_apart():
    bare = {name: value for name, value in POSTING.items() if name != "identifier"}
    first, second = read(bare, bare | {"title": "Controller"}).postings
    assert first.external_id != second.external_id


@pytest.mark.parametrize("day", ["2026-03-09", "2026-03-09T23:59:59+01:00", "2025-12-31"])
def test_a_posting_whose_time_is_over_is_dropped_and_counted(day):
    found = read(POSTING | {"validThrough": day})
    assert (found.postings, found.expired_count) == ((), 1)


def test_an_agency_that_stands_as_the_organisation_is_named_as_it_is():
    agency = {"@type": "Organization", "name": "Verzonnen Kracht Uitzendgroep"}
    assert only(POSTING | {"hiringOrganization": agency}).company_name == agency["name"]


def test_work_from_anywhere_has_a_place_too():
    remote = POSTING | {"jobLocation": None, "jobLocationType": "TELECOMMUTE"}
    assert only(remote).location == "Remote"


def test_a_posting_without_a_title_and_a_script_that_is_no_json_are_named():
    found = read(POSTING | {"title": ""}, '{"@type": "JobPosting", "title": oeps}')
    assert [row.place for row in found.rejected] == [
        f"{URL}, JobPosting 1",
        f"{URL}, JobPosting 2",
    ]
    assert found.rejected[0].reason == "title is missing"


def test_the_canonical_address_counts_before_the_one_that_was_asked_for():
    bare = {name: value for name, value in POSTING.items() if name != "identifier"}
    head = '<link rel="canonical" href="https://www.voorbeeld.example/v/7?utm_source=x">'
    assert only(bare, head=head).url == "https://www.voorbeeld.example/v/7"


def test_a_canonical_address_on_another_host_is_not_believed():
    head = '<link rel="canonical" href="https://elders.example/v/7">'
    assert only(POSTING, head=head).url == URL


def test_links_below_the_page_and_links_that_speak_of_vacancies_are_followed():
    links = [
        "/vacatures/controller",
        "/over-ons",
        "/jobs/12",
        "https://elders.example/vacature/1",
        "mailto:x@voorbeeld.example",
        "/vacatures/folder.pdf",
        "/vacatures/controller#top",
    ]
    body = "".join(f'<a href="{link}">x</a>' for link in links)
    found = parse_page(page(body=body), "https://www.voorbeeld.example/vacatures/", NOW)
    assert found.links == (
        "https://www.voorbeeld.example/vacatures/controller",
        "https://www.voorbeeld.example/jobs/12",
    )


def test_the_next_page_of_a_listing_is_a_listing():
    body = '<a rel="next" href="/vacatures/?page=2">verder</a>'
    found = parse_page(page(body=body), "https://www.voorbeeld.example/vacatures/", NOW)
    assert found.listings == ("https://www.voorbeeld.example/vacatures/?page=2",)


def test_a_sitemap_leads_to_vacancies_on_the_same_host():
    text = (
        '<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
        "<url><loc>https://www.voorbeeld.example/vacature/1</loc></url>"
        "<url><loc>https://www.voorbeeld.example/nieuws</loc></url>"
        "<url><loc>https://elders.example/vacature/2</loc></url></urlset>"
    )
    found = parse_page(text, "https://www.voorbeeld.example/sitemap.xml", NOW)
    assert found.links == ("https://www.voorbeeld.example/vacature/1",)


def test_a_sitemap_of_sitemaps_leads_to_the_ones_about_vacancies():
    text = (
        "<sitemapindex><sitemap><loc>https://www.voorbeeld.example/sitemap-vacatures.xml</loc>"
        "</sitemap><sitemap><loc>https://www.voorbeeld.example/sitemap-nieuws.xml</loc></sitemap>"
        "</sitemapindex>"
    )
    found = parse_page(text, "https://www.voorbeeld.example/sitemap.xml", NOW)
    assert found.listings == ("https://www.voorbeeld.example/sitemap-vacatures.xml",)


@given(text=st.text())
def test_no_script_breaks_the_reader(text):
    with suppress(UnreadableAnswer):
        parse_loose_json(text)


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=10),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([*POSTING, "name", "address", "value"]), inner)
        ),
        max_leaves=10,
    ),
    field=st.sampled_from([*POSTING, "validThrough", "url", "inLanguage", "jobLocationType"]),
)
def test_a_posting_of_any_shape_is_read_or_named(value, field):
    found = read(POSTING | {field: value})
    assert len(found.postings) + len(found.rejected) + found.expired_count <= 3


LD_JSON = "<script type='application/ld+json'>"


@pytest.mark.parametrize(
    "markup",
    [
        "<div>" * 200_000,
        LD_JSON + "JobPosting" + " " * 500_000 + "x",
        LD_JSON + "JobPosting" + '"' * 500_000,
        LD_JSON + "{" + "&quot;," * 200_000 + "JobPosting",
        LD_JSON + "[" * 500_000 + "JobPosting",
    ],
    ids=["deep markup", "blanks", "quotes", "entities", "deep JSON"],
)
def test_a_page_made_to_be_slow_is_over_soon(markup):
    started = time.monotonic()
    parse_page(markup, URL, NOW)
    assert time.monotonic() - started < 5
