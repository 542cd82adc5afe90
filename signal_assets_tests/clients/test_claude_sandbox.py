"""The Claude reader against a real server, with everything that can go wrong on the way."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from signal_assets.clients.claude import ClaudeReader
from signal_assets.clients.claude_run import ClaudeLimits
from signal_assets.clients.ledger import Ledger
from signal_assets.clients.pacing import PacingRules
from signal_assets.clients.paid_calls import Budgets, Caller
from signal_assets.domain.extractions import (
    Reading,
    ReadingFailed,
    ReadingOutcome,
    VacancyText,
)
from signal_assets.sandbox import SANDBOX_KEYS, SandboxServer
from signal_assets_tests.clients.claude_services import Outcomes, Prompt

LIMITS = ClaudeLimits(
    attempt_seconds=1.0,
    pacing=PacingRules(first_wait_seconds=0.01, longest_wait_seconds=0.05, rounds=4),
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture(autouse=True)
def _no_faults(sandbox: SandboxServer) -> Iterator[None]:
    yield
    sandbox.control.switch_off()
    sandbox.control.set_latency("claude", 0)


def vacancies(count: int) -> list[VacancyText]:
    return [
        VacancyText(
            vacancy_id=f"file:{number}",
            title=f"Crediteurenadministrateur {number}",
            description="Je werkt met SAP in een team van vijf collega's.",
        )
        for number in range(count)
    ]


def read(
    sandbox: SandboxServer, folder: Path, texts: list[VacancyText], limits: ClaudeLimits = LIMITS
) -> Outcomes:
    ledger = Ledger.open(f"sqlite:///{folder / 'ledger.db'}")
    caller = Caller(
        run_id=datetime.now(UTC).isoformat(), asset="extracted_vacancies", search_profile="example"
    )
    outcomes = Outcomes()
    with ledger.session(caller, Budgets()) as session:
        reader = ClaudeReader(
            session,
            Prompt(),
            model="claude-haiku-5-5",
            api_key=SANDBOX_KEYS["claude"],
            base_url=sandbox.environment()["ANTHROPIC_BASE_URL"],
            concurrency=4,
            limits=limits,
        )
        reader.read_all(texts, outcomes.take)
        outcomes.cost_usd = session.spend.cost_usd
    ledger.close()
    return outcomes


def kind_of(outcome: ReadingOutcome) -> str:
    return "read" if isinstance(outcome, Reading) else outcome.kind


def test_the_sandbox_accepts_every_request_and_is_asked_once(sandbox, tmp_path):
    sandbox.control.clear_journal()
    first = read(sandbox, tmp_path, vacancies(20))
    again = read(sandbox, tmp_path, vacancies(20))
    assert len(first.of_type(Reading)) == len(again.of_type(Reading)) == 20
    assert sandbox.control.repeated() == []
    assert sandbox.control.journal("claude")["totals"]["claude"]["requests"] == 20
    assert (first.cost_usd > 0, again.cost_usd) == (True, Decimal(0))


def test_the_prompt_is_written_to_the_cache_once_and_read_by_the_others(sandbox, tmp_path):
    sandbox.control.advance_clock(3600)
    outcomes = read(sandbox, tmp_path, vacancies(10))
    costs = sorted(outcome.cost_usd for outcome in outcomes.of_type(Reading))
    assert costs[-1] > costs[-2] == costs[0]


@pytest.mark.parametrize("text", ["SAP\x00", "SAP \ud800", "‮PAS‬", "<p>SAP</p>" * 9, "x" * 10**6])
def test_any_text_is_read(sandbox, tmp_path, text):
    vacancy = VacancyText(vacancy_id="file:1", title=text[:40], description=text)
    assert isinstance(read(sandbox, tmp_path, [vacancy]).only(), Reading)


WHAT_COMES_OF_A_FAULT = {
    # fault: (what becomes of a vacancy that meets it once, what becomes of ten that all meet it)
    "rate_limited_without_retry_after": ("read", {"unavailable"}),
    "rate_limited_absurd_retry_after": ("service", {"service", "unavailable"}),
    "rate_limited_invalid_retry_after": ("read", {"unavailable"}),
    "rate_limited_impossible_date": ("read", {"unavailable"}),
    "spend_limit_enforced": ("unavailable", {"unavailable"}),
    "usage_limit_reached": ("unavailable", {"unavailable"}),
    "credit_too_low": ("unavailable", {"unavailable"}),
    "billing_error": ("unavailable", {"unavailable"}),
    "wrong_key": ("unavailable", {"unavailable"}),
    "forbidden": ("unavailable", {"unavailable"}),
    "model_gone": ("service", {"service", "unavailable"}),
    "too_large": ("service", {"service", "unavailable"}),
    "server_error": ("read", {"service", "unavailable"}),
    "gateway_timeout": ("read", {"service", "unavailable"}),
    "overloaded": ("read", {"unavailable"}),
    "redirect": ("service", {"service", "unavailable"}),
    "truncated": ("read", {"truncated"}),
    "truncated_before_text": ("read", {"truncated"}),
    "context_window_exceeded": ("read", {"truncated"}),
    "refusal_empty": ("refused", {"refused"}),
    "refusal_with_prose": ("refused", {"refused"}),
    "enum_case_drift": ("read", {"read"}),
    "unverifiable_quote": ("read", {"read"}),
    "translated_quote": ("read", {"read"}),
    "whitespace_changed_quote": ("read", {"read"}),
    "unknown_field": ("read", {"read"}),
    "fact_without_quote": ("read", {"read"}),
    "two_text_blocks": ("invalid", {"invalid"}),
    "invalid_inner_json": ("invalid", {"invalid"}),
    "missing_usage": ("read", {"invalid", "unavailable"}),
    "usage_as_text": ("read", {"invalid", "unavailable"}),
    "unknown_block": ("invalid", {"invalid"}),
    "json_list": ("read", {"invalid", "unavailable"}),
    "bad_gateway_html": ("read", {"service", "unavailable"}),
    "html_with_200": ("read", {"invalid", "unavailable"}),
    "cut_json": ("read", {"invalid", "unavailable"}),
    "reset_before_headers": ("read", {"service", "unavailable"}),
    "reset_mid_body": ("read", {"service", "unavailable"}),
    "slow_drip": ("read", {"service", "unavailable"}),
}
WITH_A_SECOND_TO_WAIT = {
    "rate_limited": ("read", {"unavailable"}),
    "ramp_limited": ("read", {"unavailable"}),
}


def test_every_fault_of_the_sandbox_is_in_the_table(sandbox):
    faults = {
        row["fault"]
        for row in sandbox.control.catalogue()
        if row["service"] == "claude" and not row["fault"].startswith("batch_")
    }
    assert faults == WHAT_COMES_OF_A_FAULT.keys() | WITH_A_SECOND_TO_WAIT.keys()


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [(name, once) for name, (once, _) in (WHAT_COMES_OF_A_FAULT | WITH_A_SECOND_TO_WAIT).items()],
)
def test_a_fault_that_comes_once(sandbox, tmp_path, fault, outcome):
    sandbox.control.switch_on("claude", fault, times=1)
    assert kind_of(read(sandbox, tmp_path, vacancies(1)).only()) == outcome


@pytest.mark.parametrize(
    ("fault", "kinds"), [(name, always) for name, (_, always) in WHAT_COMES_OF_A_FAULT.items()]
)
def test_a_fault_that_stays(sandbox, tmp_path, fault, kinds):
    sandbox.control.set_drip(0.2)
    limits = ClaudeLimits(attempt_seconds=0.3, pacing=LIMITS.pacing)
    sandbox.control.switch_on("claude", fault)
    outcomes = read(sandbox, tmp_path, vacancies(10), limits)
    assert {kind_of(outcome) for outcome in outcomes.by_id.values()} <= kinds
    assert len(outcomes.by_id) == 10


ABOUT_ONE_VACANCY = [
    fault for fault, (_, kinds) in WHAT_COMES_OF_A_FAULT.items() if kinds != {"unavailable"}
]


@pytest.mark.parametrize("fault", ABOUT_ONE_VACANCY)
def test_a_vacancy_that_always_meets_a_fault_leaves_the_others_alone(sandbox, tmp_path, fault):
    sandbox.control.set_drip(0.2)
    limits = ClaudeLimits(attempt_seconds=0.3, pacing=LIMITS.pacing)
    sandbox.control.switch_on("claude", fault, match="Crediteurenadministrateur 5")
    outcomes = read(sandbox, tmp_path, vacancies(10), limits)
    others = [each for key, each in outcomes.by_id.items() if key != "file:5"]
    assert {kind_of(outcome) for outcome in others} == {"read"}


def test_what_was_spent_is_what_the_sandbox_billed(sandbox, tmp_path):
    sandbox.control.clear_journal()
    sandbox.control.switch_on("claude", "truncated", every=3)
    sandbox.control.switch_on("claude", "refusal_with_prose", every=4)
    outcomes = read(sandbox, tmp_path, vacancies(24))
    costs = [
        outcome.cost_usd
        for outcome in outcomes.by_id.values()
        if isinstance(outcome, Reading | ReadingFailed)
    ]
    assert sum(costs) == outcomes.cost_usd
    assert len(costs) == 24
