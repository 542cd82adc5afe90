"""`signal-assets alerts test` and what the doctor says of the channels."""

import json

import pytest
from typer.testing import CliRunner

from signal_assets.cli import app
from signal_assets_tests.clients.http_server import HttpServer, http_server


def alerts_test() -> tuple[int, str]:
    done = CliRunner().invoke(app, ["alerts", "test"])
    return done.exit_code, done.output


def test_without_a_channel_the_settings_are_named() -> None:
    code, said = alerts_test()
    assert code == 2
    assert "SIGNAL_ASSETS_SLACK_WEBHOOK_URL" in said


def test_a_test_message_reaches_the_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    with http_server() as server:
        monkeypatch.setenv("SIGNAL_ASSETS_SLACK_WEBHOOK_URL", f"{server.url}/services/secret")
        code, said = alerts_test()

    assert code == 0, said
    assert "sent" in said
    [(_, body)] = server.posts
    assert "A test message" in json.loads(body)["text"]


def test_a_channel_that_refuses_is_a_failure_without_its_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with http_server(HttpServer(statuses=[403] * 20, text="invalid_token")) as server:
        monkeypatch.setenv("SIGNAL_ASSETS_SLACK_WEBHOOK_URL", f"{server.url}/services/secret")
        code, said = alerts_test()

    assert code == 1
    assert "slack" in said.lower()
    assert "services/secret" not in said
