import pytest

from signal_assets.domain.boards.board import BoardPage
from signal_assets.domain.boards.personio import PERSONIO
from signal_assets.domain.wire_fields import UnreadableAnswer

POSITION = """<position><id>1834</id><subcompany>Voorbeeld &amp; Co</subcompany>
<office>Utrecht</office><name>Boekhouder</name><jobDescriptions><jobDescription>
<name>Functie</name><value><![CDATA[<p>U werkt met SAP &amp; Coupa.</p>]]></value>
</jobDescription></jobDescriptions><createdAt>2026-03-05T14:10:41+00:00</createdAt></position>"""


def read(content: str) -> BoardPage:
    body = f"<?xml version='1.0' encoding='UTF-8'?><workzag-jobs>{content}</workzag-jobs>"
    return PERSONIO.parse_page(body, "voorbeeld", PERSONIO.first_page("voorbeeld"))


def test_html_in_cdata_reads_as_text():
    (posting,) = read(POSITION).postings
    assert posting.description == "Functie\n\nU werkt met SAP & Coupa."
    assert posting.company_name == "Voorbeeld & Co"


def test_dutch_is_asked_for_as_the_feed_is_german_otherwise():
    assert PERSONIO.first_page("voorbeeld").params == (("language", "nl"),)


def test_the_address_is_made_of_company_and_id():
    (posting,) = read(POSITION).postings
    assert posting.url == "https://voorbeeld.jobs.personio.de/job/1834"


def test_a_position_that_stands_twice_is_one_vacancy():
    assert len(read(POSITION * 2).postings) == 1


def test_a_position_without_a_name_is_named_by_its_place():
    page = read("<position><id>1</id></position>")
    assert [(row.place, row.reason) for row in page.rejected] == [("position 1", "name is missing")]


def test_another_feed_is_unreadable():
    with pytest.raises(UnreadableAnswer, match="<rss>"):
        PERSONIO.parse_page("<rss/>", "voorbeeld", PERSONIO.first_page("voorbeeld"))
