import json
from datetime import UTC, datetime

from signal_assets.domain.boards.board import BoardPage, PageRequest
from signal_assets.domain.boards.teamtailor import PAGE_SIZES, TEAMTAILOR

ITEM = """<item><title>Boekhouder</title><guid>20fafb7d-{}</guid>
<link>https://voorbeeld.teamtailor.com/jobs/7</link>
<description>&lt;p&gt;U werkt met SAP.&lt;/p&gt;</description>
<pubDate>Wed, 04 Feb 2026 09:26:20 +0100</pubDate>
<tt:locations><tt:location><tt:name>Kantoor</tt:name><tt:city>Utrecht</tt:city>
<tt:country>Netherlands</tt:country></tt:location></tt:locations></item>"""


def read(count: int, asked: PageRequest | None = None) -> BoardPage:
    items = "".join(ITEM.format(number) for number in range(count))
    feed = (
        '<rss version="2.0" xmlns:tt="https://teamtailor.com/locations"><channel>'
        f"<title>Voorbeeld B.V.</title>{items}</channel></rss>"
    )
    return TEAMTAILOR.parse_page(feed, "voorbeeld", asked or TEAMTAILOR.first_page("voorbeeld"))


def test_fields_in_a_namespace_are_read():
    (posting,) = read(1).postings
    assert posting.location == "Utrecht, Netherlands"
    assert posting.company_name == "Voorbeeld B.V."
    assert posting.posted_at == datetime(2026, 2, 4, 8, 26, 20, tzinfo=UTC)
    assert posting.description == "U werkt met SAP."


def test_a_board_of_more_than_a_hundred_comes_whole():
    page = read(101)
    assert (len(page.postings), page.next_page, page.is_cut) == (101, None, False)


def test_a_feed_that_comes_full_is_asked_for_again_longer_and_then_counts_as_cut():
    longer = read(PAGE_SIZES[0]).next_page
    assert longer is not None
    assert dict(longer.params)["per_page"] == str(PAGE_SIZES[1])
    assert read(PAGE_SIZES[1], longer).is_cut


def test_json_feed_is_read_too():
    address = {"addressLocality": "Utrecht", "addressCountry": "NL"}
    item = {
        "id": "20fafb7d",
        "title": "Boekhouder",
        "url": "https://voorbeeld.teamtailor.com/jobs/7",
        "content_html": "<p>U werkt met SAP.</p>",
        "date_published": "2026-02-04T09:26:20+01:00",
        "_jobposting": {"jobLocation": [{"address": address}]},
    }
    body = json.dumps({"title": "Voorbeeld B.V.", "items": [item]})
    asked = TEAMTAILOR.first_page("voorbeeld")
    (posting,) = TEAMTAILOR.parse_page(body, "voorbeeld", asked).postings
    assert (posting.external_id, posting.location) == ("20fafb7d", "Utrecht, NL")
