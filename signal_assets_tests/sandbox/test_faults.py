"""Every fault of the catalogue does over the wire what its line says."""

import http.client
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from signal_assets.sandbox import SANDBOX_KEYS, SandboxServer
from signal_assets.sandbox.application import fault_catalogue
from signal_assets.sandbox.keys import MOUNTS
from signal_assets_tests.sandbox.conftest import claude_body

Check = Callable[[httpx.Response], bool]

TEXT = "Je werkt met SAP in een team van 6 medewerkers."


def status(code: int, *words: str, **headers: str) -> Check:
    """The answer has this status, holds these words, and has these headers (`_` for `-`)."""

    def check(answer: httpx.Response) -> bool:
        return (
            answer.status_code == code
            and all(word in answer.text for word in words)
            and all(answer.headers.get(k.replace("_", "-")) == v for k, v in headers.items())
        )

    return check


def body(test: Callable[[Any], bool]) -> Check:
    """The answer is a 200 whose JSON fulfils `test`."""
    return lambda answer: answer.status_code == 200 and test(answer.json())


def message(test: Callable[[dict[str, Any], str], bool]) -> Check:
    """The answer is a 200 whose message and text fulfil `test`."""

    def check(answer: httpx.Response) -> bool:
        payload = answer.json()
        texts = [block["text"] for block in payload["content"] if block["type"] == "text"]
        return answer.status_code == 200 and test(payload, "".join(texts))

    return check


def facts(test: Callable[[dict[str, str]], bool]) -> Check:
    """The answer holds facts, and every one of them fulfils `test`."""

    def check(_: dict[str, Any], text: str) -> bool:
        found = json.loads(text)["facts"]
        return bool(found) and all(test(fact) for fact in found)

    return message(check)


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


TRANSPORT: dict[str, Check] = {
    "bad_gateway_html": status(502, "<html>"),
    "html_with_200": status(200, "<html>", content_type="text/html; charset=utf-8"),
    "cut_json": lambda answer: answer.status_code == 200 and not is_json(answer.text),
}

EXPECTED: dict[str, dict[str, Check]] = {
    "claude": {
        "rate_limited": status(429, "rate_limit_error", retry_after="1"),
        "rate_limited_without_retry_after": lambda answer: (
            answer.status_code == 429 and "retry-after" not in answer.headers
        ),
        "rate_limited_absurd_retry_after": status(429, retry_after="90000"),
        "rate_limited_invalid_retry_after": status(429, retry_after="soon"),
        "rate_limited_impossible_date": lambda answer: (
            answer.status_code == 429 and "99999999" in answer.headers["retry-after"]
        ),
        "ramp_limited": status(429, "ramp_limit_exceeded", retry_after="1"),
        "spend_limit_enforced": lambda answer: (
            answer.status_code == 429
            and answer.json()["error"]["details"]["error_code"] == "enforced_spend_limit_reached"
            and "retry-after" not in answer.headers
        ),
        "usage_limit_reached": status(400, "You have reached your specified API usage limits."),
        "credit_too_low": status(400, "Your credit balance is too low"),
        "billing_error": status(402, "billing_error"),
        "wrong_key": status(401, "authentication_error"),
        "forbidden": status(403, "permission_error"),
        "model_gone": status(404, "not_found_error"),
        "too_large": status(413, "request_too_large"),
        "server_error": status(500, "api_error"),
        "gateway_timeout": status(504, "timeout_error"),
        "overloaded": status(529, "overloaded_error"),
        "redirect": lambda answer: (
            answer.status_code == 307 and answer.headers["location"] == str(answer.request.url)
        ),
        "truncated": message(
            lambda payload, text: payload["stop_reason"] == "max_tokens" and not is_json(text)
        ),
        "truncated_before_text": message(
            lambda payload, text: payload["stop_reason"] == "max_tokens" and not text
        ),
        "context_window_exceeded": message(
            lambda payload, text: (
                payload["stop_reason"] == "model_context_window_exceeded" and not is_json(text)
            )
        ),
        "refusal_empty": message(
            lambda payload, text: (
                payload["stop_reason"] == "refusal"
                and payload["content"] == []
                and payload["usage"]["output_tokens"] == 0
            )
        ),
        "refusal_with_prose": message(
            lambda payload, text: (
                payload["stop_reason"] == "refusal"
                and payload["stop_details"]["type"] == "refusal"
                and "can't help" in text
            )
        ),
        "enum_case_drift": facts(lambda fact: fact["field"] in ("Erp Systems", "Team Size")),
        "unverifiable_quote": facts(lambda fact: fact["quote"] not in TEXT),
        "translated_quote": facts(lambda fact: "Translated" in fact["quote"]),
        "whitespace_changed_quote": facts(
            lambda fact: fact["quote"] not in TEXT and " ".join(fact["quote"].split()) in TEXT
        ),
        "unknown_field": facts(lambda fact: fact["field"] == "favourite_colour"),
        "fact_without_quote": facts(lambda fact: "quote" not in fact),
        "two_text_blocks": message(
            lambda payload, text: (
                [block["type"] for block in payload["content"]] == ["text", "text"]
                and is_json(text)
            )
        ),
        "invalid_inner_json": message(
            lambda payload, text: payload["stop_reason"] == "end_turn" and not is_json(text)
        ),
        "missing_usage": body(lambda payload: "usage" not in payload),
        "usage_as_text": body(lambda payload: isinstance(payload["usage"]["input_tokens"], str)),
        "unknown_block": body(lambda payload: payload["content"][0]["type"] == "novel"),
        "json_list": body(lambda payload: isinstance(payload, list)),
        **TRANSPORT,
    },
    "kvk": {
        "nothing_found": status(404, "IPD5200"),
        "no_such_number": status(404, "IPD0005"),
        "being_processed": status(404, "IPD1002"),
        "try_in_five_minutes": status(404, "IPD1003"),
        "no_such_product": status(404, "IPD0001"),
        "type_invalid": status(404, "IPD5203"),
        "not_found_without_body": lambda answer: answer.status_code == 404 and not answer.content,
        "wrapped_error": status(404, '{"meldingen":{"fout":[{"code":"IPD5200"'),
        "wrong_key": status(401),
        "not_subscribed": status(403),
        "too_fast": status(429, retry_after="1"),
        "too_fast_without_retry_after": lambda answer: (
            answer.status_code == 429 and "retry-after" not in answer.headers
        ),
        "too_fast_absurd_retry_after": status(429, retry_after="90000"),
        "wrong_parameters": status(400, "IPD1999"),
        "technical_fault": status(500, "IPD9999"),
        "unavailable": lambda answer: answer.status_code == 503 and not answer.content,
        "links_as_array": body(
            lambda payload: "_links" not in json.dumps(payload) and payload["links"][0]["rel"]
        ),
        "retirement_warning": lambda answer: (
            answer.status_code == 200 and answer.headers["warning"].startswith("299 ")
        ),
        "wrong_types": body(lambda payload: payload["kvkNummer"] == 99900011),
        "unknown_dates": body(lambda payload: payload["formeleRegistratiedatum"] == "00000000"),
        **TRANSPORT,
    },
    "company_info": {
        "wrong_key": status(401, "unauthorized"),
        "no_credit": status(402, "insufficient_credit"),
        "forbidden": status(403),
        "not_found": status(404, "company_not_found"),
        "too_fast": status(429, retry_after="1"),
        "too_fast_without_retry_after": lambda answer: (
            answer.status_code == 429 and "retry-after" not in answer.headers
        ),
        "too_fast_absurd_retry_after": status(429, retry_after="90000"),
        "server_error": status(500),
        "wrong_types": body(
            lambda payload: (
                payload["employeeCount"] == "240" and isinstance(payload["financials"], list)
            )
        ),
        "empty_object": body(lambda payload: payload == {}),
        "other_number": body(lambda payload: payload["kvkNumber"] == "99999999"),
        "json_list": body(lambda payload: isinstance(payload, list)),
        **TRANSPORT,
    },
    "serpapi": {
        "wrong_key": status(401, "Invalid API key"),
        "forbidden": status(403),
        "out_of_searches": status(429, "Your account has run out of searches."),
        "too_fast": status(429, "throughput"),
        "server_error": status(500),
        "try_again": status(503, "Please try again later."),
        "empty_result": body(
            lambda payload: (
                payload["search_metadata"]["status"] == "Success"
                and "hasn't returned any results" in payload["error"]
                and "jobs_results" not in payload
            )
        ),
        "organic_results": body(
            lambda payload: payload["organic_results"] and "jobs_results" not in payload
        ),
        "search_failed": body(lambda payload: payload["search_metadata"]["status"] == "Error"),
        "wrong_types": body(lambda payload: payload["jobs_results"] == "none"),
        **TRANSPORT,
    },
}
OF_BATCHES = [  # see test_claude_batches.py
    ("claude", "batch_created_unheard"),
    ("claude", "batch_not_created"),
    ("claude", "batch_poll_error"),
    ("claude", "batch_gone"),
    ("claude", "batch_wrong_key"),
    ("claude", "batch_results_error"),
    ("claude", "batch_results_cut"),
    ("claude", "batch_results_reset"),
    ("claude", "batch_results_incomplete"),
    ("claude", "batch_results_strange"),
    ("claude", "batch_results_elsewhere"),
]
ON_SECOND_PAGE = [("serpapi", "page_two_empty")]
ON_THE_LINE = ["reset_before_headers", "reset_mid_body", "slow_drip"]


def ask(sandbox: SandboxServer, service: str, fault: str = "", **more: str) -> httpx.Response:
    key = SANDBOX_KEYS[service]
    with httpx.Client(base_url=sandbox.url + MOUNTS[service], timeout=10, verify=False) as http:
        if service == "claude":
            headers = {"authorization": f"Bearer {key}", "anthropic-version": "2026-10-21"}
            return http.post("/v1/messages", json=claude_body(TEXT), headers=headers)
        if service == "kvk" and fault in ("nothing_found", "wrapped_error"):
            return http.get("/v2/zoeken", params={"naam": "TechCorp"}, headers={"apikey": key})
        if service == "kvk":
            return http.get("/v1/basisprofielen/99900011", headers={"apikey": key})
        if service == "company_info":
            headers = {"authorization": f"Bearer {key}"}
            return http.get("/api/v1/companies/99900011", headers=headers)
        query = {"engine": "google_jobs", "q": "facturen", "gl": "nl", "api_key": key, **more}
        return http.get(f"/search.json?{urlencode(query)}")


@pytest.mark.parametrize(
    ("service", "fault"), [(service, name) for service, table in EXPECTED.items() for name in table]
)
def test_a_fault_does_what_its_line_says(sandbox, service, fault):
    assert ask(sandbox, service, fault).status_code == 200
    sandbox.control.switch_on(service, fault, times=1)
    answer = ask(sandbox, service, fault)
    assert EXPECTED[service][fault](answer), f"{answer.status_code} {answer.text[:300]}"
    assert ask(sandbox, service, fault).status_code == 200


def test_every_fault_of_the_catalogue_is_tested():
    tested = {(service, name) for service, table in EXPECTED.items() for name in table}
    tested |= {(service, name) for service in EXPECTED for name in ON_THE_LINE}
    tested |= {*ON_SECOND_PAGE, *OF_BATCHES}
    assert tested == {(f.service, f.name) for f in fault_catalogue() if f.service in EXPECTED}


@pytest.mark.parametrize("service", EXPECTED)
def test_a_reset_before_headers_tears_the_connection_down_without_a_byte(sandbox, service):
    sandbox.control.switch_on(service, "reset_before_headers", times=1)
    with pytest.raises(httpx.ReadError):
        ask(sandbox, service)
    assert ask(sandbox, service).status_code == 200


@pytest.mark.parametrize("service", EXPECTED)
def test_a_reset_mid_body_comes_after_headers_and_half_of_the_body(sandbox, service):
    sandbox.control.switch_on(service, "reset_mid_body", times=1)
    with pytest.raises(httpx.ReadError):
        ask(sandbox, service)
    assert sandbox.control.counts(service)[0]["billed"] == 1
    assert sandbox.control.counts(service)[0]["answered"] == 0


def test_half_of_the_body_is_there_when_the_reset_comes(sandbox):
    sandbox.control.switch_on("company_info", "reset_mid_body", times=1)
    connection = http.client.HTTPConnection(sandbox.url.removeprefix("http://"))
    headers = {"authorization": f"Bearer {SANDBOX_KEYS['company_info']}"}
    connection.request("GET", "/company-info/api/v1/companies/99900011", headers=headers)
    answer = connection.getresponse()
    promised = int(answer.headers["content-length"])
    assert answer.read(promised // 2).startswith(b'{"kvkNumber"')
    with pytest.raises(ConnectionResetError):
        answer.read(1)
    connection.close()


@pytest.mark.parametrize("service", EXPECTED)
def test_a_drip_is_slow_and_complete(sandbox, service):
    sandbox.control.set_drip(0.02)
    sandbox.control.switch_on(service, "slow_drip", times=1)
    started = time.monotonic()
    assert ask(sandbox, service).json()
    assert time.monotonic() - started >= 0.15
    sandbox.control.set_drip(0.25)


def test_only_the_first_page_has_results_when_page_two_is_empty(sandbox):
    sandbox.control.switch_on("serpapi", "page_two_empty")
    first = ask(sandbox, "serpapi").json()
    token = first["serpapi_pagination"]["next_page_token"]
    assert len(first["jobs_results"]) == 10
    assert "jobs_results" not in ask(sandbox, "serpapi", next_page_token=token).json()


def test_a_fault_strikes_every_third_request(sandbox):
    sandbox.control.switch_on("company_info", "server_error", every=3)
    codes = [ask(sandbox, "company_info").status_code for _ in range(6)]
    assert codes == [200, 200, 500, 200, 200, 500]


def test_a_seed_makes_chance_repeatable(sandbox):
    def draw() -> list[int]:
        sandbox.control.switch_off()
        sandbox.control.switch_on("company_info", "server_error", probability=0.5, seed=7)
        return [ask(sandbox, "company_info").status_code for _ in range(12)]

    first = draw()
    assert first == draw()
    assert set(first) == {200, 500}


def test_a_fault_strikes_only_what_it_matches(sandbox):
    sandbox.control.switch_on("kvk", "technical_fault", match="99900011")
    assert ask(sandbox, "kvk").status_code == 500
    assert ask(sandbox, "kvk", "nothing_found").status_code == 200


def test_an_unknown_fault_is_refused(sandbox):
    with pytest.raises(ValueError, match="claude has no fault 'gremlins'"):
        sandbox.control.switch_on("claude", "gremlins")


def test_the_catalogue_has_one_line_for_each_fault(sandbox):
    catalogue = sandbox.control.catalogue()
    assert len(catalogue) == len(fault_catalogue())
    assert all(row["line"] and "\n" not in row["line"] for row in catalogue)
