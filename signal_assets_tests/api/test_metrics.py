"""The metrics say what the ledger and Dagster say, after real runs."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from signal_assets.api.application import create_app
from signal_assets.api.dagster_runs import ProcessRuns
from signal_assets.api.metrics import LOAD_FACTOR, MAX_PROFILES, Kept, Look, families
from signal_assets.clients.budget_use import BudgetUse
from signal_assets.clients.ledger_figures import LedgerFigures
from signal_assets.settings import Settings
from signal_assets_tests.api.conftest import TOKEN
from signal_assets_tests.defs.conftest import Workspace, workspace

__all__ = ["workspace"]

Samples = dict[tuple[str, ...], float]
LABELS = ("service", "status", "direction", "pass", "asset", "outcome", "search_profile", "budget")


def scraped(text: str) -> dict[str, Samples]:
    """Return what Prometheus's own parser reads: sample name → label values → value."""
    found: dict[str, Samples] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            values = tuple(sample.labels[name] for name in LABELS if name in sample.labels)
            found.setdefault(sample.name, {})[values] = sample.value
    return found


@pytest.fixture
def scrape(workspace: Workspace) -> Iterator[Any]:
    app = create_app(Settings(), ProcessRuns(workspace.instance), TOKEN)
    with TestClient(app, headers={"authorization": f"Bearer {TOKEN}"}) as client:
        yield lambda: scraped(client.get("/metrics").raise_for_status().text)


@pytest.mark.slow
def test_after_a_run_every_figure_is_that_of_the_ledger(workspace: Workspace, scrape: Any) -> None:
    profile = workspace.profiles / "worked_example.yaml"
    profile.write_text(f"{profile.read_text()}\nbudget_usd: {{month: 2, services: {{kvk: 1}}}}\n")
    assert workspace.run("full_job").success
    assert workspace.run("full_job").success

    found = scrape()

    ledger = workspace.ledger()
    spending = {line.service: line for line in ledger.spending(("service",))}
    passes = ledger.passes()
    ledger.close()
    assert {"claude", "kvk", "company_info"} <= spending.keys()
    for service, line in spending.items():
        key = (str(service),)
        assert found["signal_assets_calls_total"][*key, "completed"] == line.answers
        assert found["signal_assets_spent_usd_total"][key] == float(line.cost_usd)
        assert found["signal_assets_month_spent_usd"][key] == float(line.cost_usd)
        assert found["signal_assets_tokens_total"][*key, "input"] == line.tokens_input
        assert found["signal_assets_tokens_total"][*key, "output"] == line.tokens_output
        assert found["signal_assets_unknown_outcomes"][key] == 0
        assert found["signal_assets_calls_in_flight"][key] == 0
        assert found["signal_assets_held_usd"][key] == 0
    for name, column in (
        ("rows_processed", "processed"),
        ("rows_failed", "failed"),
        ("ledger_answers", "answers_from_ledger"),
    ):
        sums: Samples = {}
        for record in passes:
            table = record.pass_name, record.asset
            sums[table] = sums.get(table, 0) + getattr(record, column)
        assert found[f"signal_assets_{name}_total"] == sums
    assert found["signal_assets_ledger_answers_total"]["external", "company_financials"] > 0
    assert sum(found["signal_assets_passes_total"].values()) == len(passes) == 6
    spent = sum((line.cost_usd for line in spending.values()), Decimal(0))
    assert found["signal_assets_budget_used_ratio"] == {
        ("worked_example", "month"): float(spent / 2),
        ("worked_example", "kvk"): float(spending["kvk"].cost_usd),
    }
    ended = max(each.finished_at for each in passes if each.pass_name == "llm" and each.finished_at)
    last = found["signal_assets_last_pass_timestamp_seconds"]
    assert last["llm", "worked_example"] == pytest.approx(ended.timestamp())
    assert found["signal_assets_ledger_drifted_sums"] == {(): 0}


@pytest.mark.slow
def test_a_profile_says_when_it_was_harvested_and_what_it_holds(
    workspace: Workspace, scrape: Any
) -> None:
    before = datetime.now(UTC).timestamp()
    assert workspace.run("full_job").success

    found = scrape()

    assert found["signal_assets_last_harvest_timestamp_seconds"]["worked_example",] >= before
    assert found["signal_assets_last_harvest_answered"] == {("worked_example",): 1}
    rows = len(workspace.table("raw_vacancies"))
    assert found["signal_assets_vacancies"] == {("worked_example",): rows}
    rows = len(workspace.table("merged_companies"))
    assert found["signal_assets_companies"] == {("worked_example",): rows}
    assert found["signal_assets_search_profiles"] == {(): 2}


def test_the_metrics_need_the_token(app: Any) -> None:
    with TestClient(app) as client:
        assert client.get("/metrics").status_code == 401


def test_a_look_is_kept_for_ten_times_what_it_took() -> None:
    now = 0.0
    made = []

    def make() -> int:
        nonlocal now
        now += 5.0
        made.append(now)
        return len(made)

    kept = Kept(make, 15.0, lambda: now)
    assert kept.get() == 1
    now = 5.0 + 5.0 * LOAD_FACTOR - 1
    assert kept.get() == 1
    now += 1
    assert kept.get() == 2


def look_at(profiles: tuple[str, ...]) -> Look:
    nothing = LedgerFigures(calls=(), passes=(), last_passes=(), month=())
    uses = tuple(
        BudgetUse(search_profile=name, budget="month", limit_usd=Decimal(4), used_usd=Decimal(3))
        for name in profiles
    )
    return Look(nothing, uses, {}, profiles, 0, 0.0, 0.0)


def test_the_number_of_series_is_bounded() -> None:
    names = tuple(f"profile_{number:05}" for number in range(MAX_PROFILES + 7))
    samples = {family.name: family.samples for family in families(look_at(names), drifted_sums=0)}
    assert len(samples["signal_assets_budget_used_ratio"]) == MAX_PROFILES
    assert samples["signal_assets_search_profiles_left_out"][0].value == 7
