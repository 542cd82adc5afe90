import json
from typing import Any

import httpx
import pytest

from signal_assets.clients.sources.boards import BoardSource
from signal_assets.domain.boards import BOARD_KINDS
from signal_assets.domain.harvests import SourceAnswer
from signal_assets.domain.search_profiles import BoardSourceOptions, SearchTerm
from signal_assets_tests.clients.open_hosts import OpenHosts, Reply

GLOBAL, EUROPE = "api.lever.co/v0/postings", "api.eu.lever.co/v0/postings"
SMART = "api.smartrecruiters.com/v1/companies"
GREENHOUSE = "boards-api.greenhouse.io/v1/boards"


def posting(number: int, title: str = "Boekhouder") -> dict[str, Any]:
    return {"id": str(number), "text": title, "descriptionPlain": "U werkt met SAP."}


def reply(payload: Any) -> httpx.Response:
    return httpx.Response(200, json=payload)


def harvest(
    hosts: OpenHosts, kind: str, *boards: Any, terms: tuple[SearchTerm, ...] = (), **options: Any
) -> list[SourceAnswer]:
    chosen = BoardSourceOptions(type=kind, boards=boards or ("voorbeeld",), **options)  # type: ignore[arg-type]
    source = BoardSource(BOARD_KINDS[kind], chosen, hosts.web(attempts=2))
    return list(source.harvest(terms))


def lever(found: Reply | list[Reply], **more: Any) -> SourceAnswer:
    (answer,) = harvest(OpenHosts({f"{GLOBAL}/voorbeeld": found}), "lever", **more)
    return answer


def test_a_board_brings_its_vacancies_and_proves_what_is_open():
    answer = lever(reply([posting(1), posting(2)]))
    assert (answer.source, answer.board, answer.outcome) == ("lever", "voorbeeld", "rows")
    assert [found.vacancy_id for found in answer.postings] == ["lever:1", "lever:2"]
    assert answer.listed_ids == frozenset({"1", "2"})


def test_the_term_that_stands_in_title_or_text_is_stored():
    terms = (SearchTerm(term="controller"), SearchTerm(term="SAP", priority="secondary"))
    rows = [posting(1), posting(2, "Controller"), posting(3) | {"descriptionPlain": "Exact"}]
    answer = lever(reply(rows), terms=terms)
    assert [(p.external_id, p.search_term) for p in answer.postings] == [
        ("1", "SAP"),
        ("2", "controller"),
    ]
    assert answer.message == "1 of 3 hold none of the search terms"
    assert answer.listed_ids == frozenset({"1", "2", "3"})


def test_terms_of_the_vacancys_own_language_go_first():
    terms = (SearchTerm(term="SAP", language="nl"), SearchTerm(term="ledger", language="en"))
    job = {"id": 1, "title": "General ledger", "content": "SAP", "language": "en"}
    hosts = OpenHosts({f"{GREENHOUSE}/voorbeeld/jobs": reply({"jobs": [job]})})
    (answer,) = harvest(hosts, "greenhouse", terms=terms)
    assert [found.search_term for found in answer.postings] == ["ledger"]


def test_the_language_of_a_text_is_found_where_the_board_does_not_say():
    terms = (SearchTerm(term="SAP", language="nl"), SearchTerm(term="ledger", language="en"))
    text = "You will keep our general ledger in SAP together with a team of six colleagues."
    answer = lever(reply([posting(1) | {"descriptionPlain": text}]), terms=terms)
    assert [found.search_term for found in answer.postings] == ["ledger"]


def test_a_board_without_a_vacancy_for_us_is_empty_and_says_how_many_it_has():
    answer = lever(reply([posting(1)]), terms=(SearchTerm(term="lasser"),))
    assert (answer.outcome, answer.message) == ("empty", "1 of 1 hold none of the search terms")


def test_an_empty_board_is_empty_and_proves_it():
    answer = lever(reply([]))
    assert (answer.outcome, answer.listed_ids) == ("empty", frozenset())


@pytest.mark.parametrize(
    ("kind", "address", "payload"),
    [
        ("recruitee", "voorbeeld.recruitee.com/api/offers/", {"offers": []}),
        ("ashby", "api.ashbyhq.com/posting-api/job-board/voorbeeld", {"jobs": []}),
        ("smartrecruiters", f"{SMART}/voorbeeld/postings", {"content": [], "totalFound": 0}),
    ],
)
def test_an_empty_list_proves_nothing_where_unknown_companies_get_one_too(kind, address, payload):
    (answer,) = harvest(OpenHosts({address: reply(payload)}), kind)
    assert (answer.outcome, answer.listed_ids) == ("empty", None)
    assert "says the same of a company it does not know" in (answer.message or "")


@pytest.mark.parametrize("kind", ["lever", "greenhouse", "workable", "teamtailor", "personio"])
def test_an_unknown_board_is_broken_not_empty(kind):
    (answer,) = harvest(OpenHosts({}), kind)
    assert (answer.outcome, answer.listed_ids) == ("broken", None)
    assert answer.message == "there is no board 'voorbeeld' (HTTP 404)"


@pytest.mark.parametrize(
    ("found", "outcome", "words"),
    [
        (httpx.Response(403), "refused", "HTTP 403"),
        (httpx.Response(429), "refused", "HTTP 429"),
        (httpx.Response(500), "broken", "HTTP 500"),
        (httpx.Response(200, text="<html>Back soon</html>"), "broken", "not JSON"),
        (reply({"jobs": []}), "broken", "not a list"),
    ],
)
def test_refused_and_broken_boards_are_told_apart_and_prove_nothing(found, outcome, words):
    answer = lever(found)
    assert (answer.outcome, answer.postings, answer.listed_ids) == (outcome, (), None)
    assert words in (answer.message or "")


def test_the_european_host_is_asked_when_the_global_one_does_not_know_the_board():
    hosts = OpenHosts({f"{EUROPE}/voorbeeld": reply([posting(1)])})
    (answer,) = harvest(hosts, "lever")
    assert (answer.outcome, answer.calls) == ("rows", 2)


def test_a_global_host_in_trouble_does_not_send_us_to_europe():
    hosts = OpenHosts({f"{GLOBAL}/voorbeeld": httpx.Response(500)})
    (answer,) = harvest(hosts, "lever")
    assert answer.outcome == "broken"
    assert not any("eu.lever" in path for path in hosts.paths)


def pages(*found: httpx.Response) -> list[Reply]:
    return list(found)


def test_a_board_that_refuses_in_the_middle_leaves_what_it_brought_and_proves_nothing():
    first = reply([posting(number) for number in range(100)])
    answer = lever(pages(first, httpx.Response(403)))
    assert (answer.outcome, len(answer.postings), answer.listed_ids) == ("refused", 100, None)


def test_a_board_that_breaks_in_the_middle_leaves_what_it_brought_and_proves_nothing():
    first = reply([posting(number) for number in range(100)])
    answer = lever(pages(first, httpx.Response(200, text="<html>")))
    assert (answer.outcome, len(answer.postings), answer.listed_ids) == ("broken", 100, None)


def test_a_board_that_repeats_its_page_is_not_asked_for_ever():
    answer = lever(reply([posting(number) for number in range(100)]))
    assert (answer.outcome, answer.calls, answer.listed_ids) == ("rows", 2, None)
    assert answer.message == "the board lists more than it shows"


def test_a_vacancy_that_cannot_be_read_is_named_and_keeps_the_listing_from_proving():
    answer = lever(reply([posting(1), {"id": "2"}]))
    assert (answer.outcome, answer.listed_ids) == ("rows", None)
    assert [row.place for row in answer.rejected] == ["voorbeeld, vacancy 2"]


def test_a_host_that_wants_fewer_requests_is_spared_the_next_boards():
    hosts = OpenHosts({f"{GLOBAL}/een": httpx.Response(429), f"{GLOBAL}/twee": reply([posting(1)])})
    first, second = harvest(hosts, "lever", "een", "twee")
    assert [first.outcome, second.outcome] == ["refused", "refused"]
    assert (first.calls, second.calls) == (2, 0)


def test_a_board_that_is_refused_leaves_the_next_board_its_turn():
    hosts = OpenHosts({f"{GLOBAL}/een": httpx.Response(403), f"{GLOBAL}/twee": reply([posting(1)])})
    assert [answer.outcome for answer in harvest(hosts, "lever", "een", "twee")] == [
        "refused",
        "rows",
    ]


def test_the_name_that_the_profile_gives_a_company_counts():
    hosts = OpenHosts({f"{GLOBAL}/voorbeeld": reply([posting(1)])})
    entry = {"token": "voorbeeld", "company": "Voorbeeld B.V."}
    (answer,) = harvest(hosts, "lever", entry)
    assert [found.company_name for found in answer.postings] == ["Voorbeeld B.V."]


def test_workable_gets_a_second_try_after_its_429_and_a_second_and_a_half_between():
    listing = reply({"name": "Voorbeeld", "jobs": [{"shortcode": "A1", "title": "Boekhouder"}]})
    hosts = OpenHosts(
        {"apply.workable.com/api/v1/widget/accounts/voorbeeld": [httpx.Response(429), listing]}
    )
    (answer,) = harvest(hosts, "workable")
    assert answer.outcome == "rows"
    assert hosts.moments == [0.0, 1.5]


def smart_row(number: int, title: str) -> dict[str, Any]:
    return {"id": str(number), "name": title}


def smart_hosts(*titles: str, detail: Reply | None = None) -> OpenHosts:
    rows = [smart_row(number, title) for number, title in enumerate(titles)]
    text = {"jobAd": {"sections": {"jobDescription": {"text": "<p>U werkt met SAP.</p>"}}}}
    replies: dict[str, Reply | list[Reply]] = {
        f"{SMART}/voorbeeld/postings": reply({"content": rows, "totalFound": len(rows)})
    }
    for number in range(len(titles)):
        replies[f"{SMART}/voorbeeld/postings/{number}"] = detail or reply(text)
    return OpenHosts(replies)


def test_only_the_texts_of_vacancies_that_may_matter_are_asked_for():
    hosts = smart_hosts("Boekhouder", "Lasser", "Kok")
    (answer,) = harvest(hosts, "smartrecruiters", terms=(SearchTerm(term="boekhouder"),))
    assert [found.description for found in answer.postings] == ["U werkt met SAP."]
    assert answer.calls == 2
    assert answer.listed_ids == frozenset({"0", "1", "2"})


def test_no_more_texts_are_asked_for_than_the_profile_allows():
    (answer,) = harvest(smart_hosts("een", "twee", "drie"), "smartrecruiters", max_details=2)
    assert (len(answer.postings), answer.calls) == (2, 3)
    assert answer.message == "1 texts were not asked for"


def test_a_refusal_among_the_texts_ends_them_and_closes_nothing():
    hosts = smart_hosts("een", "twee", "drie", detail=httpx.Response(403))
    (answer,) = harvest(hosts, "smartrecruiters")
    assert (answer.outcome, answer.calls, answer.listed_ids) == ("refused", 2, None)


def test_a_text_that_cannot_be_read_costs_only_itself():
    hosts = smart_hosts("een", "twee", detail=reply({}))
    (answer,) = harvest(hosts, "smartrecruiters")
    assert (answer.outcome, len(answer.rejected)) == ("broken", 2)
    assert answer.listed_ids == frozenset({"0", "1"})


def test_a_board_that_moved_to_the_companys_domain_is_followed_and_keeps_its_token():
    feed = "<rss><channel><item><guid>1</guid><title>Boekhouder</title></item></channel></rss>"
    moved = httpx.Response(301, headers={"location": "https://jobs.voorbeeld.example/jobs.rss"})
    hosts = OpenHosts(
        {
            "voorbeeld.teamtailor.com/jobs.rss": moved,
            "jobs.voorbeeld.example/jobs.rss": httpx.Response(200, text=feed),
        }
    )
    (answer,) = harvest(hosts, "teamtailor")
    assert [found.board for found in answer.postings] == ["voorbeeld"]


@pytest.mark.parametrize("token", ["../x", "a/b", "", "x?y", "a.b"])
def test_a_token_that_is_no_part_of_a_host_name_is_refused(token):
    with pytest.raises(ValueError):
        BoardSourceOptions(type="recruitee", boards=(token,))


def test_an_answer_can_be_stored_as_it_came():
    answer = lever(reply([posting(1)]))
    assert json.loads(answer.model_dump_json())["listed_ids"] == ["1"]


@pytest.mark.parametrize("token", [123, True])
def test_a_token_that_yaml_does_not_read_as_text_is_asked_for_in_quotes(token):
    with pytest.raises(ValueError, match="write the token in quotes"):
        BoardSourceOptions(type="lever", boards=(token,))
