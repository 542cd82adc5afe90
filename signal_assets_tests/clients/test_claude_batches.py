"""Batches against a real server: four kinds of rows, broken results, lost ids, killed runs."""

import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from signal_assets.clients.claude import ClaudeReader
from signal_assets.clients.claude_batches import BatchLimits
from signal_assets.clients.claude_run import ClaudeLimits
from signal_assets.clients.ledger import Ledger, LedgerSession, utc_now
from signal_assets.clients.metered_service import name_endpoint
from signal_assets.clients.paid_calls import BatchIntent, Budgets, Call, Caller
from signal_assets.clients.readers import TransportName
from signal_assets.domain.extractions import Reading, ReadingOutcome, VacancyText
from signal_assets.sandbox import SANDBOX_KEYS, SandboxServer
from signal_assets_tests.clients.claude_services import Outcomes, Prompt
from signal_assets_tests.clients.databases import BACKENDS, new_database

QUICK = BatchLimits(
    wait_seconds=5,
    first_poll_seconds=0.02,
    longest_poll_seconds=0.05,
    lost_wait_seconds=0.02,
    troubles_in_a_row=4,
)
PATIENT = BatchLimits(wait_seconds=60, first_poll_seconds=0.02, longest_poll_seconds=0.05)
SHORT_WAIT = BatchLimits(wait_seconds=1, first_poll_seconds=0.02, lost_wait_seconds=0.02)


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture
def desk(sandbox, tmp_path):
    sandbox.control.set_batch_rules(seconds=0)
    desk = Desk(sandbox, tmp_path)
    yield desk
    assert desk.ledger.drift() == []
    desk.ledger.close()


class Desk:
    """One ledger, and runs that read with it in batches."""

    def __init__(self, sandbox: SandboxServer, folder: Path, url: str | None = None) -> None:
        self.sandbox = sandbox
        self.ledger = Ledger.open(url or f"sqlite:///{folder / 'ledger.db'}")
        self._runs = 0

    def session(
        self,
        budget: str | None = None,
        *,
        kill_switch: bool = False,
        now: Callable[[], datetime] = utc_now,
    ) -> LedgerSession:
        self._runs += 1
        caller = Caller(
            run_id=f"run-{self._runs}", asset="extracted_vacancies", search_profile="example"
        )
        budgets = Budgets(run=Decimal(budget) if budget else None)
        return self.ledger.session(caller, budgets, kill_switch=kill_switch, now=now)

    def read(
        self,
        texts: list[VacancyText],
        transport: TransportName = "batch",
        *,
        limits: BatchLimits = QUICK,
        budget: str | None = None,
        kill_switch: bool = False,
        model: str = "claude-haiku-5-5",
    ) -> Outcomes:
        with self.session(budget, kill_switch=kill_switch) as session:
            return self.read_with(session, texts, transport, limits, model)

    def read_with(
        self,
        session: LedgerSession,
        texts: list[VacancyText],
        transport: TransportName = "batch",
        limits: BatchLimits = QUICK,
        model: str = "claude-haiku-5-5",
    ) -> Outcomes:
        outcomes = Outcomes()
        reader = ClaudeReader(
            session,
            Prompt(),
            model=model,
            api_key=SANDBOX_KEYS["claude"],
            base_url=self.sandbox.environment()["ANTHROPIC_BASE_URL"],
            limits=ClaudeLimits(attempt_seconds=10.0),
            batch_limits=limits,
        )
        reader.read_all(texts, outcomes.take, transport)
        outcomes.cost_usd = session.spend.cost_usd
        return outcomes

    def asked(self) -> Counter[str]:
        """Return how often each endpoint was asked, and how many rows were worked through."""
        counts: Counter[str] = Counter()
        for row in self.sandbox.control.counts("claude"):
            counts[row["endpoint"]] += row["requests"]
        return counts


def vacancies(count: int, words: str = "") -> list[VacancyText]:
    return [
        VacancyText(
            vacancy_id=f"file:{number}",
            title=f"Crediteurenadministrateur {number}",
            description=f"Je werkt met SAP in een team van vijf collega's. {words}",
        )
        for number in range(count)
    ]


def kinds(outcomes: Outcomes) -> Counter[str]:
    return Counter(kind_of(outcome) for outcome in outcomes.by_id.values())


def kind_of(outcome: ReadingOutcome) -> str:
    return "read" if isinstance(outcome, Reading) else outcome.kind


def nothing_was_paid_twice(desk: Desk) -> bool:
    return desk.sandbox.control.repeated() == []


def test_texts_are_read_for_half_the_price_of_live_calls(desk, tmp_path_factory):
    desk.read(vacancies(1, "The prompt is in the cache from now on."), "live")
    batched = desk.read(vacancies(6))
    live = Desk(desk.sandbox, tmp_path_factory.mktemp("live")).read(vacancies(6), "live")
    assert kinds(batched) == kinds(live) == {"read": 6}
    for vacancy_id, outcome in batched.by_id.items():
        read_live = live.by_id[vacancy_id]
        assert outcome.claims == read_live.claims
        assert outcome.cost_usd == read_live.cost_usd / 2
    assert desk.asked()["batches"] == 1


def test_one_text_is_asked_live_so_that_the_others_find_the_prompt_in_the_cache(desk):
    desk.sandbox.control.advance_clock(7200)
    outcomes = desk.read(vacancies(30))
    costs = sorted(outcome.cost_usd for outcome in outcomes.of_type(Reading))
    assert (desk.asked()["messages"], desk.asked()["batched"]) == (1, 29)
    assert costs[-1] > 4 * costs[-2]
    assert sum(costs) == outcomes.cost_usd


def test_reading_again_asks_nothing_by_either_way(desk):
    desk.read(vacancies(5))
    asked = desk.asked()
    again = [desk.read(vacancies(5)), desk.read(vacancies(5), "live")]
    assert desk.asked() == asked
    assert [each.cost_usd for each in again] == [0, 0]


def test_what_was_read_live_is_not_sent_in_a_batch(desk):
    desk.read(vacancies(5), "live")
    assert kinds(desk.read(vacancies(7))) == {"read": 7}
    assert desk.asked()["batched"] == 2


def test_the_same_words_are_sent_once_and_paid_once(desk):
    texts = [each.model_copy(update={"title": "Clerk"}) for each in vacancies(9)]
    outcomes = desk.read(texts)
    assert desk.asked()["batched"] == 1
    assert sum(outcome.cost_usd for outcome in outcomes.of_type(Reading)) == outcomes.cost_usd > 0


def test_a_load_too_large_for_one_batch_goes_in_several(desk):
    limits = BatchLimits(wait_seconds=5, first_poll_seconds=0.02, requests=4, warms_up_from=99)
    assert kinds(desk.read(vacancies(10), limits=limits)) == {"read": 10}
    assert desk.asked()["batches"] == 3


# --- rows ----------------------------------------------------------------------------------


def test_a_row_that_errored_goes_into_the_next_batch(desk):
    desk.sandbox.control.set_batch_rules(seconds=0, errored_every=3)
    assert kinds(desk.read(vacancies(8))) == {"read": 8}
    assert desk.asked()["batches"] == 2
    assert nothing_was_paid_twice(desk)


def test_a_row_that_always_errors_fails_alone(desk):
    desk.sandbox.control.set_batch_rules(seconds=0, errored_every=1)
    outcomes = desk.read(vacancies(3))
    assert kinds(outcomes) == {"service": 3}
    assert outcomes.cost_usd == 0
    assert desk.ledger.unknown_outcomes() == []


@pytest.mark.parametrize("rule", ["expired_every", "canceled_every"])
def test_a_row_that_was_not_worked_through_waits_for_the_next_run(desk, rule):
    desk.sandbox.control.set_batch_rules(seconds=0, **{rule: 4})
    first = desk.read(vacancies(8))
    assert kinds(first) == {"read": 6, "waiting": 2}
    assert desk.ledger.unknown_outcomes() == []
    assert kinds(desk.read(vacancies(8))) == {"read": 8}
    assert nothing_was_paid_twice(desk)


def test_a_batch_that_expires_leaves_everything_for_the_next_run(desk):
    desk.sandbox.control.set_batch_rules(seconds=100_000)
    assert kinds(desk.read(vacancies(3), limits=SHORT_WAIT)) == {"waiting": 3}
    desk.sandbox.control.advance_clock(86_400)
    desk.sandbox.control.set_batch_rules(seconds=0)
    expired = desk.read(vacancies(3), limits=SHORT_WAIT)
    assert "expired" in expired.by_id["file:0"].reason
    assert kinds(desk.read(vacancies(3))) == {"read": 3}


def test_an_answer_that_was_cut_off_is_asked_for_with_the_double_room(desk):
    facts = [
        {"field": "erp_systems", "value": "SAP", "quote": f"met SAP {'x' * 180}"} for _ in range(50)
    ]
    desk.sandbox.control.script("administrateur 1\n", facts)
    outcomes = desk.read(vacancies(3))
    assert kinds(outcomes) == {"read": 3}
    assert desk.asked()["batches"] == 2
    assert outcomes.by_id["file:1"].cost_usd > 2 * outcomes.by_id["file:0"].cost_usd


def test_a_request_the_service_does_not_take_fails_its_own_text(desk):
    huge = [VacancyText(vacancy_id="file:9", title="Clerk", description="x")]
    limits = BatchLimits(wait_seconds=5, first_poll_seconds=0.02, warms_up_from=99)
    assert kinds(desk.read([*vacancies(2), *huge], limits=limits)) == {"read": 3}


# --- going on after a wait -----------------------------------------------------------------


def test_a_run_that_waits_too_long_ends_and_the_next_one_goes_on_with_the_batch(desk):
    desk.sandbox.control.set_batch_rules(seconds=3600)
    first = desk.read(vacancies(5), limits=SHORT_WAIT)
    assert kinds(first) == {"waiting": 5}
    assert "run again" in first.by_id["file:0"].reason
    assert len(desk.ledger.unknown_outcomes()) == 5
    desk.sandbox.control.advance_clock(3600)
    second = desk.read(vacancies(5))
    assert kinds(second) == {"read": 5}
    assert second.cost_usd > 0
    assert (desk.asked()["batches"], desk.asked()["batched"]) == (1, 5)
    assert desk.ledger.unknown_outcomes() == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_batch_is_gone_on_with_on_either_database(sandbox, tmp_path, backend):
    with new_database(backend, tmp_path) as url:
        desk = Desk(sandbox, tmp_path, url)
        sandbox.control.set_batch_rules(seconds=3600, errored_every=4)
        desk.read(vacancies(12), limits=SHORT_WAIT)
        sandbox.control.set_batch_rules(seconds=0)
        sandbox.control.advance_clock(3600)
        assert kinds(desk.read(vacancies(12))) == {"read": 12}
        assert (desk.ledger.drift(), desk.ledger.unknown_outcomes()) == ([], [])
        desk.ledger.close()


def test_a_live_run_does_not_pay_for_what_an_open_batch_will_bring(desk):
    desk.sandbox.control.set_batch_rules(seconds=3600)
    desk.read(vacancies(5), limits=SHORT_WAIT)
    meanwhile = desk.read(vacancies(8), "live")
    assert kinds(meanwhile) == {"waiting": 5, "read": 3}
    desk.sandbox.control.advance_clock(3600)
    asked = desk.asked()["messages"]
    assert kinds(desk.read(vacancies(8), "live")) == {"read": 8}
    assert desk.asked()["messages"] == asked


def test_new_texts_go_into_a_batch_of_their_own_while_another_is_under_way(desk):
    desk.sandbox.control.set_batch_rules(seconds=3600)
    desk.read(vacancies(5), limits=SHORT_WAIT)
    desk.sandbox.control.set_batch_rules(seconds=0)
    later = desk.read(vacancies(8), limits=BatchLimits(wait_seconds=0.5, first_poll_seconds=0.02))
    assert kinds(later) == {"waiting": 5, "read": 3}


def test_a_batch_another_run_waits_for_is_left_to_it(desk):
    desk.sandbox.control.set_batch_rules(seconds=3600)
    with desk.session() as waiting:
        desk.read_with(waiting, vacancies(5), limits=SHORT_WAIT)
        assert kinds(desk.read(vacancies(5), limits=SHORT_WAIT)) == {"waiting": 5}
    assert desk.asked()["batches"] == 1


def test_answers_to_an_older_prompt_are_still_paid_and_stored(desk):
    desk.sandbox.control.set_batch_rules(seconds=3600)
    desk.read(vacancies(2), limits=SHORT_WAIT, model="claude-haiku-5-5")
    desk.sandbox.control.advance_clock(3600)
    desk.sandbox.control.set_batch_rules(seconds=0)
    desk.read(vacancies(2), model="claude-sonnet-5-5")
    assert desk.ledger.unknown_outcomes() == []
    assert desk.read(vacancies(2), model="claude-haiku-5-5").cost_usd == 0


# --- broken results ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", ["batch_results_cut", "batch_results_reset", "batch_results_incomplete"]
)
def test_rows_that_were_read_before_the_results_broke_off_are_kept(desk, fault):
    desk.sandbox.control.switch_on("claude", fault, times=1)
    assert kinds(desk.read(vacancies(6))) == {"read": 6}
    assert desk.asked()["batch_results"] == 2
    assert nothing_was_paid_twice(desk)


@pytest.mark.parametrize("fault", ["batch_results_cut", "batch_results_reset"])
def test_results_that_always_break_off_leave_the_rest_for_the_next_run(desk, fault):
    desk.sandbox.control.switch_on("claude", fault)
    limits = BatchLimits(wait_seconds=0.5, first_poll_seconds=0.02, lost_wait_seconds=0.02)
    first = desk.read(vacancies(6), limits=limits)
    assert kinds(first)["read"] > 0
    assert kinds(first).keys() <= {"read", "waiting"}
    desk.sandbox.control.switch_off()
    assert kinds(desk.read(vacancies(6))) == {"read": 6}
    assert desk.asked()["batched"] == 6


def test_a_row_that_never_comes_fails_its_text_and_still_counts_against_the_budget(desk):
    desk.sandbox.control.switch_on("claude", "batch_results_incomplete")
    assert kinds(desk.read(vacancies(6))) == {"read": 5, "service": 1}
    assert len(desk.ledger.unknown_outcomes()) == 1


def test_rows_of_an_unknown_type_fail_their_texts(desk):
    desk.sandbox.control.switch_on("claude", "batch_results_strange")
    assert kinds(desk.read(vacancies(3))) == {"service": 3}
    assert len(desk.ledger.unknown_outcomes()) == 3


def test_the_key_does_not_go_to_another_host(desk):
    desk.sandbox.control.switch_on("claude", "batch_results_elsewhere")
    outcomes = desk.read(vacancies(3))
    assert kinds(outcomes) == {"waiting": 3}
    assert desk.asked()["batch_results"] == 0
    desk.sandbox.control.switch_off()
    assert kinds(desk.read(vacancies(3))) == {"read": 3}


# --- a service in trouble ------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["batch_poll_error", "batch_results_error", "batch_not_created"])
def test_a_trouble_that_passes_costs_nothing_but_time(desk, fault):
    desk.sandbox.control.switch_on("claude", fault, times=2)
    assert kinds(desk.read(vacancies(4))) == {"read": 4}
    assert nothing_was_paid_twice(desk)


@pytest.mark.parametrize("fault", ["batch_poll_error", "batch_results_error"])
def test_a_trouble_that_stays_leaves_the_batch_for_the_next_run(desk, fault):
    desk.sandbox.control.switch_on("claude", fault)
    assert kinds(desk.read(vacancies(4))) == {"waiting": 4}
    desk.sandbox.control.switch_off()
    assert kinds(desk.read(vacancies(4))) == {"read": 4}
    assert desk.asked()["batched"] == 4


def test_a_key_that_is_refused_stops_the_run(desk):
    desk.sandbox.control.switch_on("claude", "batch_wrong_key")
    outcomes = desk.read(vacancies(4))
    assert kinds(outcomes) == {"unavailable": 4}
    assert desk.ledger.unknown_outcomes() == []


def test_a_batch_the_service_does_not_know_today_is_not_asked_anew(desk):
    desk.sandbox.control.switch_on("claude", "batch_gone")
    assert kinds(desk.read(vacancies(4))) == {"waiting": 4}
    desk.sandbox.control.switch_off()
    assert kinds(desk.read(vacancies(4))) == {"read": 4}
    assert desk.asked()["batches"] == 1


def test_a_batch_the_service_does_not_know_after_a_day_is_given_up(desk):
    desk.sandbox.control.set_batch_rules(seconds=3600)
    two_days_ago = datetime.now(UTC) - timedelta(days=2)
    with desk.session(now=lambda: two_days_ago) as session:
        desk.read_with(session, vacancies(4), limits=SHORT_WAIT)
    desk.sandbox.control.switch_on("claude", "batch_gone", times=1)
    assert kinds(desk.read(vacancies(4))) == {"service": 4}
    assert len(desk.ledger.unknown_outcomes()) == 4
    desk.sandbox.control.set_batch_rules(seconds=0)
    assert kinds(desk.read(vacancies(4))) == {"read": 4}


# --- batches whose creation was not confirmed ----------------------------------------------


@pytest.mark.parametrize("seconds", [0, 0.3])
def test_a_batch_that_was_created_unheard_is_found_in_the_list(desk, seconds):
    desk.sandbox.control.set_batch_rules(seconds=seconds)
    desk.sandbox.control.switch_on("claude", "batch_created_unheard", times=1)
    assert kinds(desk.read(vacancies(4))) == {"read": 4}
    assert (desk.asked()["batches"], desk.asked()["batched"]) == (1, 4)


def test_a_batch_that_the_list_does_not_name_is_sent_again_and_counts_once(desk):
    desk.sandbox.control.switch_on("claude", "batch_not_created", times=1)
    outcomes = desk.read(vacancies(4))
    assert kinds(outcomes) == {"read": 4}
    assert desk.asked()["batches"] == 2
    assert desk.ledger.unknown_outcomes() == []


def test_nothing_is_sent_again_before_the_list_was_read(desk):
    desk.sandbox.control.switch_on("claude", "batch_created_unheard", times=1)
    desk.sandbox.control.switch_on("claude", "batch_poll_error")
    assert kinds(desk.read(vacancies(4))) == {"waiting": 4}
    assert desk.asked()["batches"] == 1
    desk.sandbox.control.switch_off()
    assert kinds(desk.read(vacancies(4))) == {"read": 4}
    assert desk.asked()["batches"] == 1


def test_a_batch_of_another_ones_texts_is_not_taken_for_ours(desk, tmp_path_factory):
    other = Desk(desk.sandbox, tmp_path_factory.mktemp("other"))
    other.read(vacancies(4, "Of another one."))
    desk.sandbox.control.switch_on("claude", "batch_not_created", times=1)
    assert kinds(desk.read(vacancies(4))) == {"read": 4}


def test_an_intent_that_was_never_sent_is_released_by_the_next_run(desk):
    url = desk.sandbox.environment()["ANTHROPIC_BASE_URL"]
    endpoint = name_endpoint(httpx.URL(url))
    intent = BatchIntent(endpoint=endpoint, asked="digest", fields=("erp_systems",))
    call = Call(service="claude", key="a" * 64, summary="s", reserve_usd=Decimal("0.5"))
    with desk.session() as session:
        begun = session.begin_batch([call], intent)
        assert begun.batch.request_count == 1
    assert len(desk.ledger.unknown_outcomes()) == 1
    assert kinds(desk.read(vacancies(1))) == {"read": 1}
    assert desk.ledger.unknown_outcomes() == []


# --- money ---------------------------------------------------------------------------------


def test_what_does_not_fit_the_budget_follows_when_the_batch_before_it_is_settled(desk):
    outcomes = desk.read(vacancies(9), budget="0.006")
    assert kinds(outcomes) == {"read": 9}
    assert desk.asked()["batches"] > 1
    assert outcomes.cost_usd < Decimal("0.006")


def test_nothing_is_sent_beyond_the_budget(desk):
    outcomes = desk.read(vacancies(5), budget="0.0001")
    assert kinds(outcomes) == {"budget": 5}
    assert desk.asked() == {}


def test_the_kill_switch_asks_nobody_anything_also_about_open_batches(desk):
    desk.sandbox.control.set_batch_rules(seconds=3600)
    desk.read(vacancies(3), limits=SHORT_WAIT)
    desk.sandbox.control.advance_clock(3600)
    asked = desk.asked()
    for transport in ("batch", "live"):
        killed = desk.read(vacancies(5), transport, kill_switch=True)
        assert kinds(killed).keys() <= {"budget", "waiting"}
    assert desk.asked() == asked


def test_a_model_whose_batch_price_is_not_known_is_refused(desk):
    with pytest.raises(Exception, match="not every price"):
        desk.read(vacancies(1), model="claude-fable-5-2")
    assert desk.asked() == {}


# --- killed runs ---------------------------------------------------------------------------

KILLED = textwrap.dedent(
    """
    import sys
    from decimal import Decimal
    from pathlib import Path
    from signal_assets_tests.clients import test_claude_batches as tests

    class There:
        def environment(self):
            return {"ANTHROPIC_BASE_URL": sys.argv[1]}

    desk = tests.Desk(There(), Path(sys.argv[2]))
    desk.read(tests.vacancies(40), limits=tests.PATIENT)
    """
)


@pytest.mark.slow
@pytest.mark.parametrize("after", ["batches", "batch", "batch_results"])
def test_a_killed_run_is_gone_on_with_and_pays_for_nothing_twice(desk, tmp_path, after):
    desk.sandbox.control.set_batch_rules(seconds=0 if after == "batch_results" else 0.5)
    desk.sandbox.control.set_latency("claude", 0.05)
    url = desk.sandbox.environment()["ANTHROPIC_BASE_URL"]
    process = subprocess.Popen([sys.executable, "-c", KILLED, url, str(tmp_path)])
    deadline = time.monotonic() + 30
    while not desk.asked()[after] and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.wait()
    desk.sandbox.control.set_latency("claude", 0)
    outcomes = desk.read(vacancies(40), limits=PATIENT)
    assert kinds(outcomes) == {"read": 40}
    assert desk.asked()["batches"] == 1
    assert desk.asked()["batched"] == 39
    assert desk.asked()["messages"] == 1
    assert desk.ledger.unknown_outcomes() == []


def test_progress_is_said(desk, caplog):
    caplog.set_level("INFO")
    desk.sandbox.control.set_batch_rules(seconds=0.2)
    desk.read(vacancies(3))
    said: Any = caplog.text
    assert "sending a batch of 3 texts" in said
    assert "under way" in said
