"""Slack's webhook: posted once, tried again when it may help, and its address kept secret."""

import json

import pytest

from signal_assets.clients.errors import LookupFailed, SourceUnavailable
from signal_assets.clients.http import Patience
from signal_assets.clients.slack import SlackWebhook
from signal_assets.domain.alerts import Message
from signal_assets_tests.clients.http_server import HttpServer, http_server

MESSAGE = Message(message_id="1", subject="A & B", body="said <so>")
PATH = "/services/T000/B000/a-secret-token"
IMPATIENT = Patience(attempts=3, first_wait_seconds=0, sleep=lambda _: None)


def send(server: HttpServer) -> None:
    with SlackWebhook(server.url + PATH, patience=IMPATIENT) as slack:
        slack.send(MESSAGE)


def test_a_message_is_posted_to_the_webhook_as_slack_wants_it():
    with http_server() as server:
        send(server)
    [(path, body)] = server.posts
    assert path == PATH
    assert json.loads(body) == {"text": "*A &amp; B*\nsaid &lt;so&gt;"}


def test_a_trouble_that_passes_is_tried_again():
    with http_server(HttpServer(statuses=[500, 429])) as server:
        send(server)
    assert len(server.posts) == 3


@pytest.mark.parametrize(
    ("statuses", "text", "error"),
    [
        ([500, 500, 500], "oops", SourceUnavailable),
        ([404], "no_service", SourceUnavailable),
        ([403], "a-secret-token is revoked", SourceUnavailable),
        ([400], "invalid_payload", LookupFailed),
        ([400], "no_team", SourceUnavailable),
    ],
)
def test_a_status_tells_whether_the_next_message_may_pass(statuses, text, error):
    with (
        http_server(HttpServer(statuses=statuses, text=text)) as server,
        pytest.raises(error, match=f"Slack: HTTP {statuses[0]}") as raised,
    ):
        send(server)
    assert "a-secret-token" not in str(raised.value)


def test_a_server_that_is_not_there_is_named_without_the_address():
    with http_server() as server:
        pass
    with pytest.raises(SourceUnavailable, match=r"^Slack: no connection \(ConnectError\)$"):
        send(server)


def test_what_is_no_web_address_is_not_repeated():
    with pytest.raises(ValueError, match="is not a web address"):
        SlackWebhook("hooks.slack.com/a-secret-token")
