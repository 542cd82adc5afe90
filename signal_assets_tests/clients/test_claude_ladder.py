"""The step up: when the stronger model is asked, what it costs, and what stands in the end."""

from decimal import Decimal

import pytest

from signal_assets.clients.claude import ClaudeReader
from signal_assets.clients.claude_batches import BatchLimits
from signal_assets.clients.claude_ladder import StepUp
from signal_assets.clients.ledger import Ledger
from signal_assets.clients.paid_calls import Budgets, Caller
from signal_assets.clients.readers import TransportName
from signal_assets.domain.extractions import Reading, VacancyText
from signal_assets.sandbox import SANDBOX_KEYS, SandboxServer
from signal_assets_tests.clients.claude_services import Outcomes, Prompt

CHEAP, STRONG = "claude-haiku-5-5", "claude-sonnet-5-5"
ONLY_CHEAP = f'"{CHEAP}"'


@pytest.fixture(scope="module")
def running_sandbox():
    with SandboxServer() as server:
        yield server


@pytest.fixture
def sandbox(running_sandbox):
    running_sandbox.control.clear_journal()
    running_sandbox.control.set_batch_rules(seconds=0)
    yield running_sandbox
    running_sandbox.control.switch_off()


def vacancies(count: int) -> list[VacancyText]:
    return [
        VacancyText(
            vacancy_id=f"file:{number}",
            title=f"Crediteurenadministrateur {number}",
            description="Je werkt met SAP in een team van vijf collega's.",
        )
        for number in range(count)
    ]


@pytest.fixture
def ledger(tmp_path):
    opened = Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield opened
    assert opened.drift() == []
    opened.close()


def read(
    sandbox: SandboxServer,
    ledger: Ledger,
    count: int = 3,
    *,
    budget: str = "10",
    transport: TransportName = "live",
    limits: BatchLimits | None = None,
    kill_switch: bool = False,
) -> Outcomes:
    caller = Caller(run_id="run-1", asset="extracted_vacancies", search_profile="example")
    budgets = Budgets(services={"claude_step_up": Decimal(budget)})
    outcomes = Outcomes()
    with ledger.session(caller, budgets, kill_switch=kill_switch) as session:
        reader = ClaudeReader(
            session,
            Prompt(),
            model=CHEAP,
            api_key=SANDBOX_KEYS["claude"],
            base_url=sandbox.environment()["ANTHROPIC_BASE_URL"],
            batch_limits=limits or BatchLimits(wait_seconds=10, first_poll_seconds=0.02),
            step_up=StepUp(STRONG),
        )
        reader.read_all(vacancies(count), outcomes.take, transport)
        outcomes.cost_usd = session.spend.cost_usd
    return outcomes


def models(outcomes: Outcomes) -> list[str]:
    return sorted(str(each.model) for each in outcomes.by_id.values())


def test_a_good_answer_of_the_cheap_model_is_enough(sandbox, ledger):
    assert models(read(sandbox, ledger)) == [CHEAP] * 3
    assert [row.service for row in ledger.spending()] == ["claude"]


@pytest.mark.parametrize(
    "fault",
    [
        "refusal_empty",
        "refusal_with_prose",
        "invalid_inner_json",
        "two_text_blocks",
        "unverifiable_quote",
        "translated_quote",
    ],
)
def test_the_stronger_model_reads_what_the_cheap_one_did_not(sandbox, ledger, fault):
    sandbox.control.switch_on("claude", fault, match=ONLY_CHEAP)
    outcomes = read(sandbox, ledger)
    assert models(outcomes) == [STRONG] * 3
    assert all(isinstance(each, Reading) for each in outcomes.by_id.values())
    by_service = {row.service: row.cost_usd for row in ledger.spending()}
    assert sum(each.cost_usd for each in outcomes.by_id.values()) == outcomes.cost_usd
    assert outcomes.cost_usd == by_service["claude"] + by_service["claude_step_up"]


@pytest.mark.parametrize("fault", ["server_error", "overloaded", "truncated"])
def test_a_service_in_trouble_is_no_reason_to_step_up(sandbox, ledger, fault):
    sandbox.control.switch_on("claude", fault, match=ONLY_CHEAP, times=1)
    assert STRONG not in models(read(sandbox, ledger))


def test_only_the_text_that_went_wrong_is_read_again(sandbox, ledger):
    sandbox.control.switch_on("claude", "unverifiable_quote", match="administrateur 1", times=1)
    assert models(read(sandbox, ledger)) == [CHEAP, CHEAP, STRONG]


def test_beyond_its_own_budget_the_first_outcome_stands(sandbox, ledger):
    sandbox.control.switch_on("claude", "unverifiable_quote", match=ONLY_CHEAP)
    assert models(read(sandbox, ledger, budget="0.0001")) == [CHEAP] * 3
    sandbox.control.switch_off()
    sandbox.control.switch_on("claude", "refusal_empty", match=ONLY_CHEAP)
    refused = read(sandbox, ledger, 5, budget="0.0001")
    assert refused.by_id["file:4"].kind == "refused"


def test_a_failure_of_both_models_is_a_failure_with_both_costs(sandbox, ledger):
    sandbox.control.switch_on("claude", "refusal_with_prose")
    outcomes = read(sandbox, ledger, 1)
    assert outcomes.only().kind == "refused"
    assert outcomes.only().cost_usd == outcomes.cost_usd > 0


def test_what_the_stronger_model_answered_is_not_asked_of_anybody_again(sandbox, ledger):
    sandbox.control.switch_on("claude", "refusal_with_prose", match=ONLY_CHEAP)
    read(sandbox, ledger)
    sandbox.control.clear_journal()
    again = read(sandbox, ledger)
    assert sandbox.control.counts("claude") == []
    assert models(again) == [STRONG] * 3
    assert again.cost_usd == 0


def test_the_step_up_goes_in_batches_too_and_waits_for_its_own(sandbox, ledger):
    doubtful = [{"field": "erp_systems", "value": "SAP", "quote": "nowhere"}]
    sandbox.control.script("administrateur 1", doubtful)
    done = read(sandbox, ledger, transport="batch")
    assert models(done) == [CHEAP, CHEAP, STRONG]
    by_service = {row.service: row.answers for row in ledger.spending()}
    assert by_service == {"claude": 3, "claude_step_up": 1}
    sandbox.control.clear_scripts()


def test_a_step_up_that_waits_for_its_batch_is_finished_by_the_next_run(sandbox, ledger):
    sandbox.control.script("administrateur", [{"field": "erp_systems", "value": "x", "quote": "?"}])
    read(sandbox, ledger, budget="0.0001")
    sandbox.control.set_batch_rules(seconds=3600)
    limits = BatchLimits(wait_seconds=0.05, first_poll_seconds=0.02)
    waiting = read(sandbox, ledger, transport="batch", limits=limits)
    assert {each.kind for each in waiting.by_id.values()} == {"waiting"}
    sandbox.control.advance_clock(3600)
    assert models(read(sandbox, ledger, transport="batch")) == [STRONG] * 3
    sandbox.control.clear_scripts()


def test_the_kill_switch_stops_the_stronger_model_as_well(sandbox, ledger):
    sandbox.control.switch_on("claude", "unverifiable_quote", match=ONLY_CHEAP)
    read(sandbox, ledger, budget="0.0001")
    sandbox.control.clear_journal()
    assert models(read(sandbox, ledger, kill_switch=True)) == [CHEAP] * 3
    assert sandbox.control.counts("claude") == []
