import pytest

from signal_assets.domain.boards.links import find_board, suggest_boards


@pytest.mark.parametrize(
    ("url", "kind", "board"),
    [
        ("https://voorbeeld.recruitee.com/o/boekhouder?source=x", "recruitee", "voorbeeld"),
        ("https://job-boards.eu.greenhouse.io/voorbeeld/jobs/1", "greenhouse", "voorbeeld"),
        (
            "https://boards.greenhouse.io/embed/job_app?for=voorbeeld&token=1",
            "greenhouse",
            "voorbeeld",
        ),
        ("https://jobs.eu.lever.co/Voorbeeld/a24ec4e5/apply", "lever", "Voorbeeld"),
        ("https://jobs.ashbyhq.com/Voorbeeld%20BV/34413f8d", "ashby", "Voorbeeld BV"),
        (
            "https://jobs.smartrecruiters.com/Voorbeeld/743999-boekhouder",
            "smartrecruiters",
            "Voorbeeld",
        ),
        ("https://voorbeeld.teamtailor.com/jobs/7-boekhouder", "teamtailor", "voorbeeld"),
        ("https://apply.workable.com/voorbeeld/j/DD136DD7E7/", "workable", "voorbeeld"),
        ("https://voorbeeld.jobs.personio.de/job/1", "personio", "voorbeeld"),
    ],
)
def test_a_link_to_a_board_names_the_company(url, kind, board):
    assert find_board(url) == (kind, board)


@pytest.mark.parametrize(
    "url",
    [
        "https://www.recruitee.com/o/x",
        "https://apply.workable.com/j/DD136DD7E7",
        "https://recruitee.com.kwaad.example/o/x",
        "https://kwaad.example/?u=https://jobs.lever.co/x",
        "javascript:https://jobs.lever.co/x",
        "http://[",
        "",
    ],
)
def test_a_link_that_leads_elsewhere_names_none(url):
    assert find_board(url) is None


def test_boards_that_are_listed_are_not_suggested_again():
    urls = [
        "https://jobs.lever.co/a/1",
        "https://A.recruitee.com/o/x",
        "https://b.recruitee.com/o/y",
    ]
    assert suggest_boards(urls, [("recruitee", "a"), ("lever", "A")]) == {
        "lever": {"a": 1},
        "recruitee": {"b": 1},
    }


def test_the_board_with_most_links_comes_first():
    urls = [f"https://{name}.recruitee.com/o/{n}" for n, name in enumerate(["a", "b", "b"])]
    assert list(suggest_boards(urls, [])["recruitee"].items()) == [("b", 2), ("a", 1)]
