"""The server in a thread and as a process: journal, latency, state."""

import json
import time

import httpx
import pytest

from signal_assets.sandbox import SANDBOX_KEYS, SandboxProcess, SandboxServer
from signal_assets.sandbox.world import World
from signal_assets_tests.sandbox.conftest import claude_body


def get_company(environment: dict[str, str], number: str = "99900011") -> httpx.Response:
    return httpx.get(
        f"{environment['COMPANY_INFO_BASE_URL']}/api/v1/companies/{number}",
        headers={"authorization": f"Bearer {environment['COMPANY_INFO_API_KEY']}"},
        verify=False,
    )


def search_kvk(environment: dict[str, str], **parameters: str) -> httpx.Response:
    return httpx.get(
        f"{environment['KVK_BASE_URL']}/v2/zoeken",
        params=parameters,
        headers={"apikey": environment["KVK_API_KEY"]},
        verify=False,
    )


def test_the_environment_points_every_service_to_the_sandbox(sandbox):
    environment = sandbox.environment()
    assert set(environment) == {
        f"{service}_{kind}"
        for service in ("ANTHROPIC", "KVK", "COMPANY_INFO", "SERPAPI")
        for kind in ("API_KEY", "BASE_URL")
    } | {"GLEIF_BASE_URL", "SIGNAL_ASSETS_BOARDS_BASE_URL"}
    assert all(
        value.startswith(sandbox.url) for name, value in environment.items() if "URL" in name
    )


def test_the_journal_counts_each_question(sandbox):
    environment = sandbox.environment()
    get_company(environment)
    get_company(environment)
    get_company(environment, "99999999")
    counts = {row["question"]: row for row in sandbox.control.counts("company_info")}
    assert (counts["99900011"]["requests"], counts["99900011"]["billed"]) == (2, 2)
    assert (counts["99999999"]["requests"], counts["99999999"]["billed"]) == (1, 0)
    assert [row["question"] for row in sandbox.control.repeated()] == ["99900011"]


def test_the_journal_shows_no_key(sandbox):
    environment = sandbox.environment()
    search_kvk(environment, naam="TechCorp")
    url = f"{environment['SERPAPI_BASE_URL']}/search.json"
    httpx.get(url, params={"q": "sap", "api_key": environment["SERPAPI_API_KEY"]}, verify=False)
    journal = json.dumps(sandbox.control.journal(bodies=True))
    assert not [key for key in SANDBOX_KEYS.values() if key in journal]


def test_the_journal_tells_status_and_fault_of_each_request(sandbox):
    sandbox.control.switch_on("kvk", "too_fast", times=1)
    search_kvk(sandbox.environment(), naam="TechCorp")
    search_kvk(sandbox.environment(), naam="TechCorp", pagina="1")
    first, second = sandbox.control.journal("kvk")["requests"]
    assert (first["status"], first["fault"]) == (429, "too_fast")
    assert (second["status"], second["fault"]) == (200, None)
    assert second["question"] == "naam=TechCorp&pagina=1"


def test_latency_is_waited_before_the_answer(sandbox):
    sandbox.control.set_latency("kvk", 0.2)
    started = time.monotonic()
    assert search_kvk(sandbox.environment(), naam="TechCorp").status_code == 200
    assert time.monotonic() - started >= 0.2


def test_an_address_outside_the_services_is_404(sandbox):
    assert httpx.get(f"{sandbox.url}/elsewhere", verify=False).status_code == 404


@pytest.mark.parametrize("body", ["{}", '{"service":"fax","fault":"x"}', "nonsense"])
def test_a_wrong_control_request_is_refused_with_its_reason(sandbox, body):
    answer = httpx.post(f"{sandbox.url}/_sandbox/faults", content=body, verify=False)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_a_world_of_ones_own_is_served(sandbox):
    empty = World(companies=(), vacancies=(), sbi_descriptions={})
    with SandboxServer(world=empty) as other:
        assert search_kvk(other.environment(), naam="TechCorp").status_code == 404


def test_faults_and_counts_outlive_the_server_in_its_state_file(tmp_path):
    state = tmp_path / "sandbox.json"
    with SandboxServer(state_file=state) as first:
        get_company(first.environment())
        first.control.switch_on("kvk", "technical_fault")
    with SandboxServer(state_file=state) as second:
        assert second.control.counts("company_info")[0]["billed"] == 1
        assert search_kvk(second.environment(), naam="TechCorp").status_code == 500


def test_a_process_of_its_own_serves_and_ends():
    with SandboxProcess() as process:
        assert get_company(process.environment()).json()["companyName"] == "TechCorp B.V."
        assert process.control.counts("company_info")[0]["requests"] == 1
    with pytest.raises(httpx.ConnectError):
        httpx.get(process.url, verify=False)


def test_a_process_keeps_its_state_when_it_is_terminated(tmp_path):
    state = tmp_path / "sandbox.json"
    with SandboxProcess(state_file=state) as process:
        get_company(process.environment())
    with SandboxProcess(state_file=state) as process:
        assert process.control.counts("company_info")[0]["billed"] == 1


def test_a_process_started_warm_answers_claude():
    with SandboxProcess(warm=True) as process:
        environment = process.environment()
        answer = httpx.post(
            f"{environment['ANTHROPIC_BASE_URL']}/v1/messages",
            json=claude_body(),
            headers={
                "x-api-key": environment["ANTHROPIC_API_KEY"],
                "anthropic-version": "2026-10-21",
            },
            verify=False,
        )
    assert answer.json()["stop_reason"] == "end_turn"
