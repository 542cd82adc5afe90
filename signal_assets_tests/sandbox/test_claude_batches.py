"""Message Batches of the sandbox: states, rows, results, and what can go wrong with them."""

import json
from typing import Any

import httpx
import pytest
from anthropic.types.messages import MessageBatch, MessageBatchIndividualResponse

from signal_assets.sandbox import SANDBOX_KEYS
from signal_assets.sandbox.claude import ClaudeService
from signal_assets.sandbox.claude_batches import BatchRules
from signal_assets.sandbox.clock import Clock
from signal_assets.sandbox.exchange import Answer, Asked
from signal_assets_tests.sandbox.conftest import claude_body

HEADERS = {
    "authorization": f"Bearer {SANDBOX_KEYS['claude']}",
    "anthropic-version": "2026-10-21",
}
BATCHES = "/v1/messages/batches"


class Caller:
    """Asks a service in this process, on a clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.service = ClaudeService(Clock())

    def ask(self, method: str, path: str = "", body: object = None, **query: str) -> Answer:
        now = self.service.clock.now()
        raw = b"" if body is None else json.dumps(body).encode()
        return self.service.answer(
            Asked(
                method,
                f"{BATCHES}{path}",
                tuple(query.items()),
                HEADERS,
                raw,
                "http://sandbox.test/claude",
                arrived_at=now,
            )
        )

    def create(self, *names: str, **params: Any) -> Any:
        requests = [{"custom_id": name, "params": {**claude_body(), **params}} for name in names]
        return self.ask("POST", body={"requests": requests}).payload

    def end(self) -> None:
        self.service.clock.advance(2)

    def rows(self, batch: Any) -> dict[str, Any]:
        lines = self.ask("GET", f"/{batch['id']}/results").body.splitlines()
        return {row["custom_id"]: row["result"] for row in map(json.loads, lines)}


@pytest.fixture
def caller() -> Caller:
    return Caller()


def test_a_batch_passes_the_types_of_the_sdk(caller):
    batch = caller.create("a", "b")
    assert MessageBatch.model_validate(batch).processing_status == "in_progress"
    caller.end()
    for line in caller.ask("GET", f"/{batch['id']}/results").body.splitlines():
        MessageBatchIndividualResponse.model_validate_json(line)


def test_counts_stay_at_processing_until_the_whole_batch_has_ended(caller):
    batch = caller.create("a", "b")
    assert batch["request_counts"]["processing"] == 2
    assert batch["results_url"] is None
    assert caller.ask("GET", f"/{batch['id']}/results").status == 404
    caller.end()
    ended = caller.ask("GET", f"/{batch['id']}").payload
    assert (ended["processing_status"], ended["request_counts"]["succeeded"]) == ("ended", 2)
    assert ended["results_url"].startswith("http://sandbox.test/claude/v1/messages/batches/")


def test_a_row_is_the_message_at_the_price_of_a_batch(caller):
    batch = caller.create("a")
    caller.end()
    message = caller.rows(batch)["a"]["message"]
    assert message["usage"]["service_tier"] == "batch"
    assert json.loads(message["content"][-1]["text"])["facts"]


def test_the_first_row_writes_the_prompt_cache_and_the_others_read_it(caller):
    system = [{"type": "text", "text": "x" * 5000, "cache_control": {"type": "ephemeral"}}]
    batch = caller.create("a", "b", "c", system=system)
    caller.end()
    usages = [row["message"]["usage"] for row in caller.rows(batch).values()]
    assert sorted(usage["cache_read_input_tokens"] for usage in usages) == [0, 2000, 2000]


def test_the_prompt_cache_helps_only_the_share_it_is_set_to(caller):
    caller.service.batches.rules = BatchRules(cache_hits=0)
    system = [{"type": "text", "text": "x" * 5000, "cache_control": {"type": "ephemeral"}}]
    batch = caller.create("a", "b", system=system)
    caller.end()
    usages = [row["message"]["usage"] for row in caller.rows(batch).values()]
    assert [usage["cache_creation_input_tokens"] for usage in usages] == [2000, 2000]


def test_all_four_types_of_row_come_in_another_order(caller):
    caller.service.batches.rules = BatchRules(errored_every=5, expired_every=3, canceled_every=4)
    names = [f"v_{number}" for number in range(1, 21)]
    batch = caller.create(*names)
    caller.end()
    rows = caller.rows(batch)
    assert {row["type"] for row in rows.values()} == {
        "succeeded",
        "errored",
        "expired",
        "canceled",
    }
    assert list(rows) != names


def test_wrong_parameters_spoil_only_their_own_row(caller):
    caller.service.batches.rules = BatchRules()
    good, bad = claude_body(), {**claude_body(), "temperature": 0}
    requests = [{"custom_id": "g", "params": good}, {"custom_id": "b", "params": bad}]
    batch = caller.ask("POST", body={"requests": requests}).payload
    caller.end()
    rows = caller.rows(batch)
    assert rows["g"]["type"] == "succeeded"
    assert rows["b"]["error"]["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("name", ["file:1", "", "x" * 65, "é"])
def test_one_bad_custom_id_refuses_the_whole_batch(caller, name):
    answer = caller.create("good", name)
    assert "custom_id: String should match pattern" in answer["error"]["message"]


def test_a_custom_id_is_unique(caller):
    assert "unique" in caller.create("a", "a")["error"]["message"]


@pytest.mark.parametrize("unfit", [{"stream": True}, {"speed": "fast"}, {"max_tokens": 0}])
def test_what_a_batch_does_not_take_is_an_errored_row(caller, unfit):
    batch = caller.create("a", **unfit)
    caller.end()
    assert caller.rows(batch)["a"]["type"] == "errored"


def test_a_batch_that_takes_more_than_a_day_expires(caller):
    caller.service.batches.rules = BatchRules(seconds=100_000)
    batch = caller.create("a")
    caller.service.clock.advance(86_400)
    assert caller.rows(batch) == {"a": {"type": "expired"}}


def test_a_canceled_batch_ends_with_canceled_rows(caller):
    batch = caller.create("a")
    canceling = caller.ask("POST", f"/{batch['id']}/cancel").payload
    assert canceling["processing_status"] == "canceling"
    assert caller.rows(batch) == {"a": {"type": "canceled"}}


def test_results_are_kept_for_29_days(caller):
    batch = caller.create("a")
    caller.end()
    assert caller.rows(batch)
    caller.service.clock.advance(29 * 86_400)
    assert caller.ask("GET", f"/{batch['id']}/results").status == 404


def test_batches_are_listed_newest_first_a_page_at_a_time(caller):
    names = [caller.create("a")["id"] for _ in range(3)]
    first = caller.ask("GET", limit="2").payload
    assert [batch["id"] for batch in first["data"]] == [names[2], names[1]]
    assert first["has_more"] is True
    rest = caller.ask("GET", limit="2", after_id=first["last_id"]).payload
    assert ([batch["id"] for batch in rest["data"]], rest["has_more"]) == ([names[0]], False)
    newer = caller.ask("GET", before_id=names[0]).payload
    assert [batch["id"] for batch in newer["data"]] == [names[2], names[1]]


def test_only_an_ended_batch_can_be_deleted(caller):
    batch = caller.create("a")
    assert caller.ask("DELETE", f"/{batch['id']}").status == 400
    caller.end()
    assert caller.ask("DELETE", f"/{batch['id']}").payload["type"] == "message_batch_deleted"
    assert caller.ask("GET", f"/{batch['id']}").status == 404


# --- faults, over the wire -----------------------------------------------------------------


def ended_batch(http: httpx.Client) -> str:
    requests = [{"custom_id": f"v_{number}", "params": claude_body()} for number in range(6)]
    name: str = http.post(BATCHES, json={"requests": requests}).json()["id"]
    return name


@pytest.fixture
def http(sandbox):
    sandbox.control.set_batch_rules(seconds=0)
    url = sandbox.environment()["ANTHROPIC_BASE_URL"]
    with httpx.Client(base_url=url, headers=HEADERS, timeout=10, verify=False) as client:
        yield client
    sandbox.control.set_batch_rules()


def results(http: httpx.Client, name: str) -> httpx.Response:
    return http.get(f"{BATCHES}/{name}/results")


def test_each_row_is_billed_once_however_often_it_is_fetched(sandbox, http):
    name = ended_batch(http)
    assert results(http, name).content == results(http, name).content
    (counted,) = [row for row in sandbox.control.counts() if row["endpoint"] == "batched"]
    assert counted["billed"] == 6  # six rows with one and the same request


def test_a_batch_can_be_created_without_the_client_hearing_of_it(sandbox, http):
    known = {batch["id"] for batch in http.get(BATCHES).json()["data"]}
    sandbox.control.switch_on("claude", "batch_created_unheard", times=1)
    with pytest.raises(httpx.ReadError):
        ended_batch(http)
    assert len({batch["id"] for batch in http.get(BATCHES).json()["data"]} - known) == 1


@pytest.mark.parametrize(
    ("fault", "status"),
    [("batch_poll_error", 500), ("batch_gone", 404), ("batch_wrong_key", 401)],
)
def test_looking_at_a_batch_can_fail(sandbox, http, fault, status):
    name = ended_batch(http)
    sandbox.control.switch_on("claude", fault, times=1)
    assert http.get(f"{BATCHES}/{name}").status_code == status
    assert http.get(f"{BATCHES}/{name}").status_code == 200


def test_creating_a_batch_can_fail_before_anything_is_done(sandbox, http):
    known = len(http.get(BATCHES).json()["data"])
    sandbox.control.switch_on("claude", "batch_not_created", times=1)
    assert http.post(BATCHES, json={}).status_code == 500
    assert len(http.get(BATCHES).json()["data"]) == known


def test_the_results_can_be_unavailable_for_a_moment(sandbox, http):
    name = ended_batch(http)
    sandbox.control.switch_on("claude", "batch_results_error", times=1)
    assert results(http, name).status_code == 529
    assert results(http, name).status_code == 200


def test_the_results_can_stop_in_the_middle_of_a_row(sandbox, http):
    name = ended_batch(http)
    whole = results(http, name).text
    sandbox.control.switch_on("claude", "batch_results_cut", times=1)
    cut = results(http, name).text
    assert whole.startswith(cut)
    assert not cut.endswith("}\n")


def test_the_results_can_miss_their_last_row(sandbox, http):
    name = ended_batch(http)
    sandbox.control.switch_on("claude", "batch_results_incomplete", times=1)
    assert len(results(http, name).text.splitlines()) == 5


def test_the_connection_can_break_in_the_middle_of_the_results(sandbox, http):
    name = ended_batch(http)
    sandbox.control.switch_on("claude", "batch_results_reset", times=1)
    with pytest.raises(httpx.ReadError):
        results(http, name)


def test_rows_can_be_of_an_unknown_type(sandbox, http):
    name = ended_batch(http)
    sandbox.control.switch_on("claude", "batch_results_strange", times=1)
    lines = map(json.loads, results(http, name).text.splitlines())
    assert {row["result"]["type"] for row in lines} == {"unsucceeded"}


def test_the_results_can_be_said_to_lie_on_another_host(sandbox, http):
    name = ended_batch(http)
    sandbox.control.switch_on("claude", "batch_results_elsewhere", times=1)
    assert "results.example.com" in http.get(f"{BATCHES}/{name}").json()["results_url"]
