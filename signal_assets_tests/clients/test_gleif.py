import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from signal_assets.clients.errors import LookupFailed, SourceUnavailable
from signal_assets.clients.gleif import GleifClient, open_gleif
from signal_assets.clients.rate_limit import RateLimit
from signal_assets.sandbox.keys import MOUNTS
from signal_assets.sandbox.server import SandboxServer
from signal_assets_tests.clients.open_ledgers import Waits, open_session
from signal_assets_tests.domain.test_lei_register import answer, record


class LeiRegister:
    """Answers each request with the same answer, and keeps what was asked."""

    def __init__(self, status: int, payload: object = None, text: str | None = None) -> None:
        self._status, self._payload, self._text = status, payload, text
        self._lock = threading.Lock()
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self.requests.append(request)
        if self._text is not None:
            return httpx.Response(self._status, text=self._text)
        return httpx.Response(self._status, json=self._payload)

    @contextmanager
    def client(self, folder: Path, waits: Waits | None = None) -> Iterator[GleifClient]:
        http = open_gleif(transport=httpx.MockTransport(self))
        with open_session(folder) as session:
            yield GleifClient(
                http,
                session,
                patience=(waits or Waits()).patience,
                rate_limit=RateLimit(10_000, 2),
            )


def test_a_name_is_asked_with_the_documented_parameters_and_without_a_key(tmp_path):
    register = LeiRegister(200, answer(record(), total=1))
    with register.client(tmp_path) as client:
        (row,) = client.search(" TechCorp ").rows
    assert row.kvk_number == "01234567"
    (request,) = register.requests
    assert dict(request.url.params) == {
        "filter[entity.legalName]": "TechCorp",
        "filter[entity.legalAddress.country]": "NL",
        "page[size]": "50",
        "page[number]": "1",
    }
    assert request.headers["accept"] == "application/vnd.api+json"
    assert "authorization" not in request.headers


def test_an_answer_is_asked_for_once_and_costs_nothing(tmp_path):
    register = LeiRegister(200, {"data": []})
    for _ in range(2):
        with register.client(tmp_path) as client:
            assert client.search("TechCorp").rows == ()
            assert client.spend.cost_usd == 0
    assert len(register.requests) == 1


@pytest.mark.parametrize(
    ("status", "text", "error"),
    [
        (429, "slow down", LookupFailed),
        (503, "", LookupFailed),
        (400, "unknown filter", SourceUnavailable),
        (404, "", SourceUnavailable),
        (200, "<html>hello</html>", LookupFailed),
        (200, '{"errors": []}', LookupFailed),
        (200, '{"data": [{"attributes": []}]}', LookupFailed),
    ],
)
def test_what_is_no_answer_is_never_an_absent_company(tmp_path, status, text, error):
    with (
        LeiRegister(status, text=text).client(tmp_path) as client,
        pytest.raises(error, match="gleif"),
    ):
        client.search("TechCorp")


def test_the_sandbox_knows_the_larger_companies(tmp_path):
    with SandboxServer() as server, open_session(tmp_path) as session:
        http = open_gleif(server.url + MOUNTS["gleif"])
        client = GleifClient(http, session, rate_limit=RateLimit(10_000, 2))
        (row,) = {row.kvk_number: row for row in client.search("Verzonnen Logistiek").rows}.values()
        assert client.get(row.kvk_number).rows[0].name == row.name
        assert client.search("Bestaat Niet").rows == ()
