import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from signal_assets.clients.sources.jobposting import JobPostingSource
from signal_assets.domain.harvests import SourceAnswer
from signal_assets.domain.search_profiles import JobPostingSourceOptions, SearchTerm
from signal_assets_tests.clients.open_hosts import OpenHosts, Reply

NOW = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
HOST = "www.voorbeeld.example"
START = f"https://{HOST}/vacatures/"


def vacancy(number: int, **fields: Any) -> httpx.Response:
    posting = {
        "@type": "JobPosting",
        "title": f"Boekhouder {number}",
        "description": "<p>U werkt met SAP.</p>",
        "identifier": {"value": f"vac-{number}"},
        "hiringOrganization": {"name": "Voorbeeld B.V."},
        **fields,
    }
    text = f'<script type="application/ld+json">{json.dumps(posting)}</script>'
    return httpx.Response(200, text=text)


def links(*paths: str) -> httpx.Response:
    return httpx.Response(200, text="".join(f'<a href="{path}">x</a>' for path in paths))


def site(**replies: Reply) -> OpenHosts:
    """A career site whose pages are named by the last part of their path."""
    named: dict[str, Reply | list[Reply]] = {
        f"{HOST}/vacatures/{name}": reply for name, reply in replies.items() if name != "robots"
    }
    if "start" in replies:
        named[f"{HOST}/vacatures/"] = replies["start"]
    if "robots" in replies:
        named[f"{HOST}/robots.txt"] = replies["robots"]
    return OpenHosts(named)


def harvest(
    hosts: OpenHosts, *pages: str, terms: tuple[SearchTerm, ...] = (), **options: Any
) -> list[SourceAnswer]:
    chosen = JobPostingSourceOptions(type="jobposting", pages=pages or (START,), **options)
    source = JobPostingSource(chosen, hosts.web(attempts=2), now=lambda: NOW)
    return list(source.harvest(terms))


def only(hosts: OpenHosts, **more: Any) -> SourceAnswer:
    (answer,) = harvest(hosts, **more)
    return answer


def test_a_career_page_leads_to_its_vacancies():
    answer = only(site(start=links("a", "b"), a=vacancy(1), b=vacancy(2)))
    assert (answer.outcome, answer.board) == ("rows", START)
    assert [found.vacancy_id for found in answer.postings] == [
        f"jobposting:{HOST}/vac-1",
        f"jobposting:{HOST}/vac-2",
    ]


def test_a_career_page_never_proves_that_a_vacancy_is_closed():
    assert only(site(start=links("a"), a=vacancy(1))).listed_ids is None


def test_one_request_a_second_goes_to_a_host():
    hosts = site(start=links("a", "b"), a=vacancy(1), b=vacancy(2))
    only(hosts)
    assert hosts.moments == [0.0, 1.0, 2.0, 3.0]


def test_a_site_that_asks_for_longer_pauses_gets_them():
    rules = httpx.Response(200, text="User-agent: *\nCrawl-delay: 5")
    hosts = site(robots=rules, start=links("a"), a=vacancy(1))
    only(hosts)
    assert hosts.moments == [0.0, 5.0, 10.0]


def test_what_robots_txt_forbids_is_not_read():
    rules = httpx.Response(200, text="User-agent: *\nDisallow: /vacatures/b")
    hosts = site(robots=rules, start=links("a", "b"), a=vacancy(1), b=vacancy(2))
    answer = only(hosts)
    assert [found.title for found in answer.postings] == ["Boekhouder 1"]
    assert f"{HOST}/vacatures/b" not in hosts.paths
    assert answer.message == "1 linked pages could not be read"


def test_a_career_page_that_robots_txt_forbids_is_refused_without_being_asked():
    hosts = site(robots=httpx.Response(200, text="User-agent: *\nDisallow: /"), start=vacancy(1))
    answer = only(hosts)
    assert (answer.outcome, answer.postings) == ("refused", ())
    assert "robots.txt" in (answer.message or "")
    assert hosts.paths == [f"{HOST}/robots.txt"]


def test_a_redirect_is_not_followed():
    moved = httpx.Response(302, headers={"location": "http://169.254.169.254/latest/meta-data/"})
    answer = only(site(start=moved))
    assert answer.outcome == "refused"
    assert "redirects to http://169.254.169.254" in (answer.message or "")


def test_links_to_other_hosts_are_not_followed():
    hosts = site(start=links("a", "https://elders.example/vacature/1"), a=vacancy(1))
    only(hosts)
    assert not any(path.startswith("elders") for path in hosts.paths)


def test_no_more_pages_are_read_than_the_profile_allows():
    hosts = site(start=links("a", "b", "c"), a=vacancy(1), b=vacancy(2), c=vacancy(3))
    answer = only(hosts, max_pages=2)
    assert len(answer.postings) == 1
    assert answer.message == "2 linked pages were not read"


def test_a_vacancy_that_is_over_is_left_out_and_counted():
    answer = only(site(start=links("a"), a=vacancy(1, validThrough="2026-01-31")))
    assert (answer.outcome, answer.message) == ("empty", "1 are past their validThrough")


def test_a_page_without_any_vacancy_is_broken_as_it_cannot_be_told_from_a_changed_site():
    answer = only(site(start=links("a"), a=links()))
    assert answer.outcome == "broken"
    assert answer.message == "no JobPosting stands on the 2 pages read"


def test_vacancies_without_a_term_are_left_out():
    hosts = site(start=links("a", "b"), a=vacancy(1), b=vacancy(2, title="Lasser"))
    answer = only(hosts, terms=(SearchTerm(term="lasser"),))
    assert [(found.title, found.search_term) for found in answer.postings] == [("Lasser", "lasser")]


def test_a_site_that_refuses_in_the_middle_leaves_what_it_brought():
    hosts = site(start=links("a", "b", "c"), a=vacancy(1), b=httpx.Response(403), c=vacancy(3))
    answer = only(hosts)
    assert (answer.outcome, len(answer.postings)) == ("refused", 1)
    assert f"{HOST}/vacatures/c" not in hosts.paths


def test_a_linked_page_that_is_gone_costs_only_itself():
    answer = only(site(start=links("a", "b"), b=vacancy(2)))
    assert (answer.outcome, answer.message) == ("rows", "1 linked pages could not be read")


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (httpx.Response(404), "broken"),
        (httpx.Response(500), "broken"),
        (httpx.Response(403), "refused"),
        (httpx.Response(429), "refused"),
    ],
)
def test_the_first_page_decides_between_refused_and_broken(reply, outcome):
    assert only(site(start=reply)).outcome == outcome


def test_each_configured_page_has_an_answer_of_its_own():
    hosts = OpenHosts({f"{HOST}/vacatures/": vacancy(1), "b.example/jobs": httpx.Response(403)})
    answers = harvest(hosts, START, "https://b.example/jobs")
    assert [answer.outcome for answer in answers] == ["rows", "refused"]


def test_vacancies_that_share_an_identifier_are_told_apart_by_their_address():
    shared = {"identifier": {"value": "2026"}}
    answer = only(site(start=links("a", "b"), a=vacancy(1, **shared), b=vacancy(2, **shared)))
    assert [found.external_id for found in answer.postings] == [
        f"{HOST}/2026",
        f"{HOST}/vacatures/b",
    ]


@pytest.mark.parametrize(
    "url", ["ftp://a.test/", "vacatures", "https://", "https://jan:geheim@a.test/", "file:///etc"]
)
def test_an_address_that_is_no_page_is_refused_by_the_profile(url):
    with pytest.raises(ValueError, match="address"):
        JobPostingSourceOptions(type="jobposting", pages=(url,))
