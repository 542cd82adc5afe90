"""The imitated boards hold the traps of the real ones, and our sources see through them."""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from signal_assets.clients.http import Patience
from signal_assets.clients.open_web import OpenWeb
from signal_assets.clients.sources.boards import BoardSource
from signal_assets.clients.sources.jobposting import JobPostingSource
from signal_assets.domain.boards import BOARD_KINDS
from signal_assets.domain.duplicates import find_duplicates, mark_duplicates
from signal_assets.domain.harvests import SourceAnswer
from signal_assets.domain.search_profiles import BoardSourceOptions, JobPostingSourceOptions
from signal_assets.domain.vacancies import update_vacancies
from signal_assets.sandbox import SandboxServer
from signal_assets.sandbox.application import fault_catalogue
from signal_assets.sandbox.board_feeds import NOT_LISTED, PROSPECTS
from signal_assets.sandbox.boards import EMPTY, LARGE, MOVED, ONLY_IN_EUROPE
from signal_assets.sandbox.careers import AGENCY
from signal_assets.sandbox.world import shipped_world

COMPANY = "voorbeeld-staalbouw"
KINDS = sorted(BOARD_KINDS)
UNKNOWING = ("ashby", "recruitee", "smartrecruiters")
FIRST = shipped_world().vacancies[0]


@pytest.fixture
def web() -> Iterator[OpenWeb]:
    with OpenWeb(patience=Patience(attempts=2, first_wait_seconds=0.01)) as opened:
        yield opened


def ask(sandbox: SandboxServer, web: OpenWeb, kind: str, board: str = COMPANY) -> SourceAnswer:
    options = BoardSourceOptions.model_validate({"type": kind, "boards": [board]})
    source = BoardSource(BOARD_KINDS[kind], options, web, base_url=f"{sandbox.url}/boards")
    (answer,) = source.harvest([])
    return answer


def read_site(sandbox: SandboxServer, web: OpenWeb, path: str = "/careers/") -> SourceAnswer:
    options = JobPostingSourceOptions(type="jobposting", pages=(sandbox.url + path,))
    (answer,) = JobPostingSource(options, web).harvest([])
    return answer


def get(sandbox: SandboxServer, path: str) -> httpx.Response:
    return httpx.get(f"{sandbox.url}/boards/{path}")


@pytest.mark.parametrize("kind", KINDS)
def test_every_board_brings_the_same_vacancies_whole(sandbox, web, kind):
    answer = ask(sandbox, web, kind)
    assert answer.outcome == "rows"
    assert {found.title for found in answer.postings} == {
        row.title for row in shipped_world().vacancies if "Voorbeeld Staalbouw" in row.company_name
        and "Kampen" not in row.company_name
    }  # fmt: skip
    first = next(found for found in answer.postings if found.title == FIRST.title)
    assert set(FIRST.description.split()) <= set(first.description.split()) | {"-"}
    assert first.posted_at is not None
    assert first.posted_at.date() == FIRST.posted_at
    assert (first.location or "").startswith(FIRST.location)


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_and_empty_boards_are_told_apart_where_the_board_does(sandbox, web, kind):
    empty, unknown = ask(sandbox, web, kind, EMPTY), ask(sandbox, web, kind, "bestaat-niet")
    assert empty.outcome == "empty"
    if kind in UNKNOWING:
        assert (unknown.outcome, empty.listed_ids, unknown.listed_ids) == ("empty", None, None)
    else:
        assert (unknown.outcome, empty.listed_ids) == ("broken", frozenset())


@pytest.mark.parametrize("kind", KINDS)
def test_a_large_board_comes_whole(sandbox, web, kind):
    answer = ask(sandbox, web, kind, LARGE)
    assert (len(answer.postings), len(answer.listed_ids or ())) == (120, 120)


@pytest.mark.parametrize("kind", ["greenhouse", "lever"])
def test_a_board_that_only_europe_knows_is_found_there(sandbox, web, kind):
    answer = ask(sandbox, web, kind, ONLY_IN_EUROPE)
    assert (answer.outcome, answer.calls) == ("rows", 2)


@pytest.mark.parametrize(
    ("kind", "title"),
    [("greenhouse", PROSPECTS), ("ashby", NOT_LISTED), ("recruitee", NOT_LISTED)],
)
def test_what_is_no_vacancy_stands_in_the_answer_and_not_in_the_harvest(sandbox, web, kind, title):
    paths = {
        "greenhouse": f"boards-api.greenhouse.io/v1/boards/{COMPANY}/jobs",
        "ashby": f"api.ashbyhq.com/posting-api/job-board/{COMPANY}",
        "recruitee": f"{COMPANY}.recruitee.com/api/offers/",
    }
    assert title in get(sandbox, paths[kind]).text
    assert title not in {found.title for found in ask(sandbox, web, kind).postings}


def test_greenhouse_escapes_its_html_and_sends_some_readers_to_the_employer(sandbox):
    path = f"boards-api.greenhouse.io/v1/boards/{LARGE}/jobs?content=true"
    jobs = get(sandbox, path).json()["jobs"]
    assert jobs[0]["content"].startswith("&lt;p&gt;")
    assert any("gh_jid=" in job["absolute_url"] for job in jobs)


def test_lever_answers_a_bare_list_in_pages(sandbox):
    page = get(sandbox, f"api.lever.co/v0/postings/{LARGE}?mode=json&skip=100&limit=100").json()
    assert len(page) == 20
    assert page[0]["lists"][0]["content"].startswith("<li>")


def test_personio_speaks_german_to_whoever_names_no_language(sandbox):
    assert "Wir suchen" in get(sandbox, f"{COMPANY}.jobs.personio.de/xml").text
    assert "Wir suchen" not in get(sandbox, f"{COMPANY}.jobs.personio.de/xml?language=nl").text


def test_teamtailor_stops_at_a_hundred_unless_more_are_asked_for(sandbox):
    path = f"{LARGE}.teamtailor.com/jobs.rss"
    assert get(sandbox, path).text.count("<item>") == 100
    assert get(sandbox, f"{path}?per_page=200").text.count("<item>") == 120


def test_teamtailor_moves_boards_to_the_companys_own_domain(sandbox, web):
    assert get(sandbox, f"{MOVED}.teamtailor.com/jobs.rss").status_code == 301
    answer = ask(sandbox, web, "teamtailor", MOVED)
    assert [found.board for found in answer.postings] == [MOVED]


def test_workable_refuses_once_and_answers_then(sandbox, web):
    sandbox.control.switch_on("boards", "too_many", times=1)
    assert ask(sandbox, web, "workable").outcome == "rows"


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("too_many", "refused"),
        ("forbidden", "refused"),
        ("server_error", "broken"),
        ("gone", "broken"),
        ("rubbish", "broken"),
        ("bad_gateway_html", "broken"),
        ("html_with_200", "broken"),
        ("cut_json", "broken"),
        ("reset_before_headers", "broken"),
        ("reset_mid_body", "broken"),
    ],
)
@pytest.mark.parametrize("kind", ["greenhouse", "personio"])
def test_a_fault_of_a_board_is_what_it_is_and_proves_nothing(sandbox, web, kind, fault, outcome):
    sandbox.control.switch_on("boards", fault)
    answer = ask(sandbox, web, kind)
    assert (answer.outcome, answer.postings, answer.listed_ids) == (outcome, (), None)


@pytest.mark.parametrize("service", ["boards", "careers"])
def test_a_slow_answer_is_waited_for(sandbox, web, service):
    sandbox.control.set_drip(0.01)
    sandbox.control.switch_on(service, "slow_drip")
    answer = ask(sandbox, web, "lever") if service == "boards" else read_site(sandbox, web)
    sandbox.control.set_drip(0.25)
    assert answer.outcome == "rows"


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("too_many", "refused"),
        ("forbidden", "refused"),
        ("server_error", "broken"),
        ("gone", "broken"),
        ("rubbish", "broken"),
        ("bad_gateway_html", "broken"),
        ("html_with_200", "broken"),
        ("reset_before_headers", "broken"),
        ("reset_mid_body", "broken"),
    ],
)
def test_a_fault_of_a_career_site_is_what_it_is(sandbox, web, fault, outcome):
    sandbox.control.switch_on("careers", fault)
    answer = read_site(sandbox, web)
    assert (answer.outcome, answer.postings) == (outcome, ())


def test_a_career_page_that_is_cut_off_brings_what_was_left_of_it(sandbox, web):
    sandbox.control.switch_on("careers", "cut_json", match="/careers/vacature/0")
    answer = read_site(sandbox, web)
    assert answer.outcome == "rows"
    assert (len(answer.postings), len(answer.rejected)) == (11, 1)


def test_every_fault_of_boards_and_career_sites_is_tested():
    tested = {
        "too_many", "forbidden", "server_error", "gone", "rubbish", "bad_gateway_html",
        "html_with_200", "cut_json", "reset_before_headers", "reset_mid_body", "slow_drip",
    }  # fmt: skip
    for service in ("boards", "careers"):
        assert {f.name for f in fault_catalogue() if f.service == service} == tested


def test_a_career_site_states_its_vacancies_in_every_way_and_all_are_read(sandbox, web):
    answer = read_site(sandbox, web)
    assert (len(answer.postings), answer.rejected) == (12, ())
    assert "2 are past their validThrough" in (answer.message or "")
    assert AGENCY in {found.company_name for found in answer.postings}
    assert all(found.description and "<" not in found.description for found in answer.postings)


def test_a_sitemap_leads_to_the_same_vacancies(sandbox, web):
    by_links, by_sitemap = (
        read_site(sandbox, web, f"/careers/{name}") for name in ("", "sitemap.xml")
    )
    assert {p.vacancy_id for p in by_links.postings} == {p.vacancy_id for p in by_sitemap.postings}


@pytest.mark.parametrize(
    ("path", "outcome", "words"),
    [
        ("/careers/intern/vacature", "refused", "robots.txt forbids"),
        ("/careers/vacature/verhuisd", "refused", "redirects to http://169.254.169.254"),
        ("/careers/leeg/", "broken", "no JobPosting"),
        ("/careers/weg", "broken", "HTTP 404"),
    ],
)
def test_a_page_of_the_site_that_brings_nothing_says_why(sandbox, web, path, outcome, words):
    answer = read_site(sandbox, web, path)
    assert (answer.outcome, answer.postings) == (outcome, ())
    assert words in (answer.message or "")


def test_what_the_site_forbids_is_never_asked_for(sandbox, web):
    read_site(sandbox, web)
    asked = {count["question"] for count in sandbox.control.counts("careers")}
    assert "/robots.txt" in asked
    assert "/careers/intern/vacature" not in asked


def test_one_vacancy_seen_on_five_boards_has_the_same_words(sandbox, web):
    texts = set()
    for kind in ("recruitee", "greenhouse", "ashby", "teamtailor", "workable"):
        answer = ask(sandbox, web, kind)
        posting = next(found for found in answer.postings if found.title == FIRST.title)
        texts.add(" ".join(posting.description.split()))
    assert len(texts) == 1


def test_one_vacancy_seen_in_five_sources_is_one_record(sandbox, web):
    kinds = ("recruitee", "greenhouse", "ashby", "teamtailor", "workable")
    postings = [found for kind in kinds for found in ask(sandbox, web, kind).postings]
    known = update_vacancies([], postings, datetime(2026, 3, 9, tzinfo=UTC)).vacancies
    marked = mark_duplicates(known, find_duplicates(known, {}).copies)
    assert len(marked) == 10
    assert len({row.title for row in marked if row.duplicate_of is None}) == 2
    assert sum(row.duplicate_of is None for row in marked) == 2
