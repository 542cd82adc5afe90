import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.vacancy_links import find_board_jobs, normalize_vacancy_url


@pytest.mark.parametrize(
    "url",
    [
        "https://werk.test/vacature/12",
        "http://www.werk.test/vacature/12/",
        "https://WERK.test/vacature/12#solliciteer",
        "https://werk.test/vacature/12?utm_source=x&gclid=y&ref=z",
    ],
)
def test_links_to_one_page_are_one(url):
    assert normalize_vacancy_url(url) == "werk.test/vacature/12"


@pytest.mark.parametrize(
    "url", ["", "werk.test/12", "https://werk.test", "ftp://x.test/1", "http://[x"]
)
def test_a_link_without_a_page_of_its_own_says_nothing(url):
    assert normalize_vacancy_url(url) is None


def test_a_parameter_that_names_the_vacancy_counts():
    first, second = (normalize_vacancy_url(f"https://werk.test/v?jk={key}") for key in "ab")
    assert first != second


@pytest.mark.parametrize(
    ("url", "job"),
    [
        ("https://boards.greenhouse.io/voorbeeld/jobs/4012345", "greenhouse:4012345"),
        ("https://job-boards.eu.greenhouse.io/voorbeeld/jobs/4012345", "greenhouse:4012345"),
        ("https://voorbeeld.test/werken?gh_jid=4012345", "greenhouse:4012345"),
        (
            "https://jobs.eu.lever.co/voorbeeld/0a1b2c3d-0000-4000-8000-0123456789ab/apply",
            "lever:0a1b2c3d-0000-4000-8000-0123456789ab",
        ),
        (
            "https://jobs.ashbyhq.com/voorbeeld/0a1b2c3d-0000-4000-8000-0123456789ab",
            "ashby:0a1b2c3d-0000-4000-8000-0123456789ab",
        ),
        ("https://apply.workable.com/voorbeeld/j/ABC123DEF4/apply", "workable:abc123def4"),
        ("https://jobs.smartrecruiters.com/Voorbeeld/743999-boekhouder", "smartrecruiters:743999"),
        ("https://voorbeeld.teamtailor.com/nl/jobs/123456-boekhouder", "teamtailor:123456"),
        ("https://voorbeeld.recruitee.com/o/boekhouder", "recruitee:voorbeeld/boekhouder"),
        ("https://voorbeeld.jobs.personio.de/job/123?language=nl", "personio:voorbeeld/123"),
    ],
)
def test_a_board_is_known_by_its_links(url, job):
    assert find_board_jobs([url, url]) == (job,)


@given(st.text())
def test_any_text_is_a_link_or_none(text):
    assert normalize_vacancy_url(text) != ""
    assert isinstance(find_board_jobs([text]), tuple)
