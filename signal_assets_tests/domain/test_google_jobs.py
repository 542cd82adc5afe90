import base64

import pytest

from signal_assets.domain.google_jobs import find_stable_id, parse_page


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_the_id_is_the_same_in_every_search():
    ids = {
        find_stable_id(encode(f'{{"htidocid": "x1", "fc": "{search}"}}'), "T", "C", "P")
        for search in ("one", "two")
    }
    assert ids == {"x1"}


def test_an_id_without_padding_is_read():
    assert find_stable_id(encode('{"htidocid": "x1"}').rstrip("="), "T", "C", "P") == "x1"


@pytest.mark.parametrize(
    "job_id", [None, "", "%%%", encode("no json"), encode("[1]"), encode('{"htidocid": 5}')]
)
def test_without_an_id_title_company_and_city_make_one(job_id):
    made = find_stable_id(job_id, "Boekhouder", "Voorbeeld B.V.", "Utrecht, Netherlands")
    assert made.startswith("words-")
    assert made == find_stable_id(None, " boekhouder", "VOORBEELD B.V.", "Utrecht")
    assert made != find_stable_id(None, "Boekhouder", "Voorbeeld B.V.", "Zwolle")


def test_every_link_to_apply_by_is_kept_once():
    links = ["https://jobs.lever.co/voorbeeld/1", "https://board.test/7", "https://board.test/7"]
    job = {"title": "Boekhouder", "apply_options": [{"title": "x", "link": link} for link in links]}
    payload = {"search_metadata": {"status": "Success"}, "jobs_results": [job]}
    (posting,) = parse_page(payload, "boekhouder", 1).postings
    assert posting.apply_urls == ("https://jobs.lever.co/voorbeeld/1", "https://board.test/7")
