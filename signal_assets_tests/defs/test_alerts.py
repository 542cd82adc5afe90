"""Alerts, from real runs over Dagster's events to a webhook and a mail server on this machine."""

import json
import uuid
from collections.abc import Iterator
from decimal import Decimal

import dagster as dg
import pytest

from signal_assets.clients.budget_use import BudgetUse
from signal_assets.clients.paid_calls import Budgets, Call, Caller, Ticket
from signal_assets.defs.alerts import (
    BudgetCursor,
    EventCursor,
    budget_alert,
    due_budgets,
    failed_run_alert,
    silent_harvest_alert,
)
from signal_assets_tests.clients.http_server import HttpServer, http_server
from signal_assets_tests.clients.smtp_server import SmtpServer, smtp_server
from signal_assets_tests.defs.conftest import Workspace
from signal_assets_tests.defs.test_gate import add_vacancies

UI = "https://dagster.example.org/"


@pytest.fixture
def slack(workspace: Workspace) -> Iterator[HttpServer]:
    with http_server() as server:
        workspace.set(
            SIGNAL_ASSETS_SLACK_WEBHOOK_URL=f"{server.url}/services/x", SIGNAL_ASSETS_UI_URL=UI
        )
        yield server


@pytest.fixture
def mail(workspace: Workspace) -> Iterator[SmtpServer]:
    with smtp_server() as server:
        workspace.set(
            SIGNAL_ASSETS_SMTP_HOST="127.0.0.1",
            SIGNAL_ASSETS_SMTP_PORT=str(server.port),
            SIGNAL_ASSETS_SMTP_STARTTLS="off",
            SIGNAL_ASSETS_SMTP_FROM="alerts@example.org",
            SIGNAL_ASSETS_SMTP_TO="oncall@example.org",
        )
        yield server


def tick(
    workspace: Workspace, sensor: dg.SensorDefinition, cursor: str | None = None
) -> dg.SensorResult:
    with dg.build_sensor_context(instance=workspace.instance, cursor=cursor) as context:
        result = sensor(context)
    assert isinstance(result, dg.SensorResult)
    return result


def said(slack: HttpServer) -> list[str]:
    return [json.loads(body)["text"] for _, body in slack.posts]


def reason(result: dg.SensorResult) -> str:
    assert result.skip_reason is not None
    return str(result.skip_reason.skip_message)


def break_profile_file(workspace: Workspace, name: str = "worked_example") -> None:
    """Name a file of vacancies that is none, so that the harvest itself fails."""
    (workspace.profiles / f"{name}.yaml").write_text("nonsense: [")


def test_a_failed_harvest_is_told_once_on_every_channel(
    workspace: Workspace, slack: HttpServer, mail: SmtpServer
) -> None:
    begun = tick(workspace, failed_run_alert)
    break_profile_file(workspace)
    run_id = workspace.run("harvest_job").run_id

    told = tick(workspace, failed_run_alert, begun.cursor)
    again = tick(workspace, failed_run_alert, told.cursor)

    [text] = said(slack)
    [letter] = mail.mails
    for words in (text, letter.get_content().replace("=\n", "")):
        assert "worked_example: the harvest failed" in words
        assert f"{UI}runs/{run_id}" in words
        assert "What to do: Read the error" in words
    assert letter["To"] == "oncall@example.org"
    assert reason(again) == "Nothing to tell."


def test_a_blocked_gate_names_the_check_and_its_profile(
    workspace: Workspace, slack: HttpServer
) -> None:
    begun = tick(workspace, failed_run_alert)
    workspace.control.switch_on("claude", "invalid_inner_json")
    assert not workspace.run("full_job").success

    tick(workspace, failed_run_alert, begun.cursor)

    [text] = said(slack)
    assert "worked_example: the gate is blocked" in text
    assert "extracted_vacancies: most_extractions_succeeded" in text


def test_a_paid_table_that_refuses_is_a_blocked_gate_too(
    workspace: Workspace, slack: HttpServer
) -> None:
    workspace.run("harvest_job")
    workspace.run("extraction_job")
    add_vacancies(workspace, 3)
    workspace.control.switch_on("claude", "invalid_inner_json")
    workspace.run("harvest_job")
    workspace.run("extraction_job")
    begun = tick(workspace, failed_run_alert)
    assert not workspace.run("enrichment_job").success

    tick(workspace, failed_run_alert, begun.cursor)

    [text] = said(slack)
    assert "the gate is blocked" in text
    assert "most_extractions_succeeded" in text


def test_a_budget_that_stops_a_run_says_how_to_go_on(
    workspace: Workspace, slack: HttpServer
) -> None:
    begun = tick(workspace, failed_run_alert)
    workspace.set(SIGNAL_ASSETS_RUN_BUDGET_USD="0.01")
    assert not workspace.run("full_job").success

    tick(workspace, failed_run_alert, begun.cursor)

    [text] = said(slack)
    assert "kvk_profiles: run_stayed_inside_budget" in text
    assert "raise `budget_usd`" in text


def test_a_run_that_succeeds_is_not_told(workspace: Workspace, slack: HttpServer) -> None:
    begun = tick(workspace, failed_run_alert)
    assert workspace.run("full_job").success

    tick(workspace, failed_run_alert, begun.cursor)

    assert slack.posts == []


def test_a_channel_that_is_down_loses_nothing_and_the_other_hears_once(
    workspace: Workspace, slack: HttpServer, mail: SmtpServer
) -> None:
    begun = tick(workspace, failed_run_alert)
    break_profile_file(workspace, "worked_example")
    break_profile_file(workspace, "searching")
    workspace.run("harvest_job", "worked_example")
    workspace.run("harvest_job", "searching")
    mail.is_down = True

    first = tick(workspace, failed_run_alert, begun.cursor)
    mail.is_down = False
    second = tick(workspace, failed_run_alert, first.cursor)

    assert "2 alerts wait for a channel" in reason(first)
    assert len(slack.posts) == 2
    assert sorted(letter["Subject"] for letter in mail.mails) == [
        "signal_assets: searching: the harvest failed",
        "signal_assets: worked_example: the harvest failed",
    ]
    assert EventCursor.model_validate_json(second.cursor or "").waiting == ()


def test_without_a_channel_nothing_is_kept_for_later(workspace: Workspace) -> None:
    break_profile_file(workspace)
    workspace.run("harvest_job")

    result = tick(workspace, failed_run_alert, EventCursor(after=0).model_dump_json())

    assert "No alert channel is configured" in reason(result)
    cursor = EventCursor.model_validate_json(result.cursor or "")
    assert cursor.waiting == ()
    assert cursor.after is not None
    assert cursor.after > 0


def test_mail_without_a_recipient_says_so_and_slack_hears_all_the_same(
    workspace: Workspace, slack: HttpServer
) -> None:
    workspace.set(SIGNAL_ASSETS_SMTP_HOST="127.0.0.1")
    begun = tick(workspace, failed_run_alert)
    break_profile_file(workspace)
    workspace.run("harvest_job")

    result = tick(workspace, failed_run_alert, begun.cursor)

    assert len(slack.posts) == 1
    assert "SIGNAL_ASSETS_SMTP_FROM" in reason(result)


def test_a_harvest_in_which_no_source_answered_is_told(
    workspace: Workspace, slack: HttpServer
) -> None:
    begun = tick(workspace, silent_harvest_alert)
    workspace.run("harvest_job")
    for file in (workspace.profiles / "vacancies" / "worked_example").iterdir():
        file.unlink()
    run_id = workspace.run("harvest_job").run_id

    told = tick(workspace, silent_harvest_alert, begun.cursor)
    tick(workspace, silent_harvest_alert, told.cursor)

    [text] = said(slack)
    assert "worked_example: no source answered the harvest" in text
    assert run_id in text


def spend(workspace: Workspace, dollars: str) -> None:
    caller = Caller(run_id="run-1", asset="kvk_profiles", search_profile="worked_example")
    ledger = workspace.ledger()
    with ledger.session(caller, Budgets()) as session:
        amount = Decimal(dollars)
        ticket = session.begin(
            Call(service="kvk", key=uuid.uuid4().hex, summary="", reserve_usd=amount)
        )
        assert isinstance(ticket, Ticket)
        session.complete(ticket, body="{}", cost_usd=amount)
    ledger.close()


def limit(workspace: Workspace, budget: str) -> None:
    file = workspace.profiles / "worked_example.yaml"
    kept = [line for line in file.read_text().splitlines() if not line.startswith("budget_usd")]
    file.write_text("\n".join([*kept, f"budget_usd: {budget}", ""]))


def test_a_budget_is_told_at_80_percent_and_when_it_is_used_up(
    workspace: Workspace, slack: HttpServer
) -> None:
    limit(workspace, "{month: 10, services: {kvk: 100}}")
    cursor = None
    for dollars in ("7.99", "0.01", "1", "1", "1"):
        spend(workspace, dollars)
        cursor = tick(workspace, budget_alert, cursor).cursor

    titles = [text.splitlines()[0].strip("*") for text in said(slack)]
    assert [title.partition("worked_example: ")[2][:4].strip() for title in titles] == [
        "80%",
        "100%",
    ]
    assert "8.00 of 10.00 USD" in said(slack)[0]


def test_a_service_has_a_budget_of_its_own(workspace: Workspace, slack: HttpServer) -> None:
    limit(workspace, "{month: 100, services: {kvk: 1}}")
    spend(workspace, "0.9")

    tick(workspace, budget_alert)

    [text] = said(slack)
    assert "for kvk is used" in text


def test_a_budget_told_while_the_channel_was_down_is_told_when_it_is_back(
    workspace: Workspace, slack: HttpServer
) -> None:
    limit(workspace, "{month: 10}")
    spend(workspace, "8")
    slack.statuses = [404]

    first = tick(workspace, budget_alert)
    second = tick(workspace, budget_alert, first.cursor)

    assert len(slack.posts) == 2
    assert BudgetCursor.model_validate_json(second.cursor or "").waiting == ()


def use(share: str, budget_limit: str = "10") -> BudgetUse:
    used = Decimal(share) * Decimal(budget_limit)
    return BudgetUse(
        search_profile="a", budget="month", limit_usd=Decimal(budget_limit), used_usd=used
    )


@pytest.mark.parametrize(
    ("share", "told_before", "due"),
    [
        ("0.79", None, []),
        ("0.8", None, [0.8]),
        ("0.99", 0.8, []),
        ("1", 0.8, [1.0]),
        ("3", None, [1.0]),
        ("3", 1.0, []),
    ],
)
def test_each_threshold_is_due_once(
    share: str, told_before: float | None, due: list[float]
) -> None:
    told = {} if told_before is None else {'["a", "month", "10"]': told_before}
    assert [threshold for _, threshold in due_budgets([use(share)], told)] == due


def test_what_was_told_of_another_limit_does_not_count() -> None:
    told = {'["a", "month", "5"]': 1.0}
    assert [threshold for _, threshold in due_budgets([use("0.85")], told)] == [0.8]
