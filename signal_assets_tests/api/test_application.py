from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from signal_assets.api.application import create_app
from signal_assets.api.guard import MAX_BODY_BYTES
from signal_assets.defs.frames import to_frame
from signal_assets.defs.storage import TableStore
from signal_assets.defs.tables import MERGED_COMPANIES
from signal_assets_tests.api.conftest import TOKEN

PROMPT = {"system_prompt": "Read.", "fields": {"erp_systems": "Which ERP? Return as a list."}}


def test_profiles_are_listed_with_their_questions(client):
    names = {one["name"]: one for one in client.get("/profiles").json()}
    assert names["worked_example"]["fields"]
    assert client.get("/profiles/worked_example").json() == names["worked_example"]


def test_a_new_prompt_waits_until_it_is_activated(client, runs):
    made = client.post("/profiles/worked_example/prompts", json=PROMPT)
    assert (made.status_code, made.json()["version"], made.json()["is_active"]) == (201, 2, False)
    assert client.get("/profiles/worked_example/prompts/active").json()["version"] == 1
    active = client.post("/profiles/worked_example/prompts/2/activation", json={})
    assert active.json()["activation"]["decision"] == "unmeasured"
    assert "nothing was measured" in active.json()["activation"]["reason"]
    assert client.get("/profiles/worked_example/prompts/active").json()["version"] == 2
    assert runs.reported == [2]
    assert len(client.get("/profiles/worked_example/activations").json()) == 1


def test_a_run_is_started_and_can_be_followed(client, runs):
    started = client.post("/runs", json={"profile": "worked_example", "pass": "llm"})
    assert started.status_code == 202
    assert started.json() == {"run_id": "run-1", "profile": "worked_example", "pass": "llm"}
    assert client.get(started.headers["location"]).json()["status"] == "STARTED"
    assert runs.started == [("worked_example", "llm", False)]


def test_too_many_runs_are_refused(client, runs):
    runs.is_full = True
    answer = client.post("/runs", json={"profile": "worked_example"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "too_many_runs")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nothing", None, 404),
        ("GET", "/profiles/nobody", None, 404),
        ("GET", "/profiles/..%2F..%2Fetc", None, 404),
        ("GET", "/profiles/Nobody", None, 422),
        ("GET", "/profiles/worked_example/prompts/99", None, 404),
        ("POST", "/profiles/worked_example/prompts/99/activation", {}, 404),
        ("POST", "/profiles/worked_example/prompts", {"system_prompt": "Read."}, 422),
        ("POST", "/profiles/worked_example/prompts", PROMPT | {"fields": {"A b": "?"}}, 422),
        ("POST", "/runs", {"profile": "worked_example", "pass": "all"}, 422),
        ("POST", "/runs", {"profile": "worked_example", "nonsense": 1}, 422),
        ("POST", "/runs", {"profile": "nobody"}, 404),
        ("GET", "/runs/unknown", None, 404),
        ("GET", "/runs?pass=both", None, 422),
        ("DELETE", "/profiles", None, 405),
    ],
)
def test_every_error_is_json_of_one_shape(client, method, path, body, status):
    answer = client.request(method, path, json=body)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"code", "message", "places"}


def test_a_body_that_is_too_long_is_refused(client):
    prompt = PROMPT | {"notes": "x" * MAX_BODY_BYTES}
    assert client.post("/profiles/worked_example/prompts", json=prompt).status_code == 413


@pytest.mark.parametrize(
    "header", [None, "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"]
)
def test_without_the_token_nothing_is_answered(app, header):
    headers = {} if header is None else {"authorization": header.encode("latin-1")}
    with TestClient(app) as client:
        answer = client.get("/profiles", headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert client.get("/openapi.json", headers=headers).status_code == 401
        assert client.get("/health", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "localhost:8000"}, 200),
        ({"host": "evil.example"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1"}, 200),
    ],
)
def test_without_a_token_only_this_machine_and_no_page_of_another_origin(
    settings, runs, headers, status
):
    app = create_app(settings, runs, None)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        assert client.get("/profiles", headers=headers).status_code == status


def test_companies_come_with_the_words_that_prove_each_value(client, settings):
    signals = {
        "erp_systems": [
            {"value": "SAP", "quote": "werken in SAP", "vacancy_id": "file:1", "url": None}
        ]
    }
    row = {
        "company_id": "techcorp",
        "name": "TechCorp",
        "kvk_number": "90000001",
        "match_decision": "auto",
        "vacancy_ids": ["file:1"],
        "extraction_quality": 0.5,
        "signals": signals,
        "outreach": {},
        "is_natural_person_business": False,
        "first_seen_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    TableStore(settings.storage).write(
        MERGED_COMPANIES, "worked_example", to_frame([row], MERGED_COMPANIES)
    )
    answer = client.get("/profiles/worked_example/companies").json()
    assert answer["total"] == 1
    assert answer["companies"][0]["proofs"][0]["quote"] == "werken in SAP"


def test_a_profile_that_was_never_run_has_no_companies(client):
    assert client.get("/profiles/worked_example/companies").json() == {
        "total": 0,
        "companies": [],
    }
