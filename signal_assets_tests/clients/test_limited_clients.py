"""Limits over all runs, as the clients that ask meet them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from signal_assets.cli import app
from signal_assets.clients.errors import BudgetExhausted
from signal_assets.clients.http import Patience, open_http
from signal_assets.clients.metered_service import MeteredService
from signal_assets.domain.extractions import Reading, ReadingPostponed
from signal_assets.domain.limits import ServiceLimits
from signal_assets_tests.clients.claude_services import Desk, Service, vacancies
from signal_assets_tests.clients.limited_ledgers import limited_ledger, open_run
from signal_assets_tests.clients.test_metered_service import BASE_URL, PRICES, judge, question


def limited(**claude: object) -> ServiceLimits:
    return ServiceLimits.model_validate({"claude": claude})


def test_claude_is_asked_by_no_more_at_a_time_than_all_runs_may(tmp_path: Path) -> None:
    desk, service = Desk(tmp_path, limited(in_flight=2)), Service(seconds=0.005)
    read = desk.read(service, vacancies(30), concurrency=8)

    assert service.most_in_flight == 2
    assert len(read.of_type(Reading)) == 30
    assert [line.in_flight for line in desk.ledger.limit_usage() if line.service == "claude"] == [
        ()
    ]


def test_two_readers_share_the_slots_of_claude(tmp_path: Path) -> None:
    desk, service = Desk(tmp_path, limited(in_flight=2)), Service(seconds=0.005)
    halves = vacancies(40)[:20], vacancies(40)[20:]
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda half: desk.read(service, half, concurrency=8), halves))

    assert service.most_in_flight <= 2
    assert [len(read.of_type(Reading)) for read in both] == [20, 20]


def test_claude_is_not_asked_beyond_the_dollars_of_all_search_profiles(tmp_path: Path) -> None:
    desk, service = Desk(tmp_path, limited(usd_per_month="0")), Service()
    read = desk.read(service, vacancies(3))

    assert service.requests == []
    kinds = {(type(outcome), outcome.kind) for outcome in read.by_id.values()}
    assert kinds == {(ReadingPostponed, "budget")}


class Register:
    """A service that is told how many ask it at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.in_flight = self.most = 0

    def answer(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self.in_flight += 1
            self.most = max(self.most, self.in_flight)
        time.sleep(0.005)
        with self._lock:
            self.in_flight -= 1
        return httpx.Response(200, text="{}")


def test_a_register_is_asked_by_no_more_at_a_time_than_all_runs_may(tmp_path: Path) -> None:
    register, url = Register(), f"sqlite:///{tmp_path}/ledger.db"
    with (
        limited_ledger(url, {"kvk": {"in_flight": 1}}) as ledger,
        open_run(ledger, "one") as one,
        open_run(ledger, "two") as two,
        ThreadPoolExecutor(6) as pool,
    ):
        http = open_http(BASE_URL, transport=httpx.MockTransport(register.answer))
        services = [
            MeteredService("kvk", http, session, PRICES, judge, patience=Patience())
            for session in (one, two)
        ]
        asked = [
            pool.submit(services[number % 2].ask, question(f"/{number}")) for number in range(12)
        ]
        answers = [each.result() for each in asked]

    assert (register.most, len(answers)) == (1, 12)


def test_a_register_is_not_asked_beyond_the_dollars_of_all_search_profiles(tmp_path: Path) -> None:
    register, url = Register(), f"sqlite:///{tmp_path}/ledger.db"
    one_question = PRICES.price_call("kvk", "basisprofiel", datetime.now(UTC).date()).usd
    with (
        limited_ledger(url, {"kvk": {"usd_per_month": str(one_question)}}) as ledger,
        open_run(ledger, "one", "first") as one,
        open_run(ledger, "two", "second") as two,
    ):
        http = open_http(BASE_URL, transport=httpx.MockTransport(register.answer))
        first, second = (
            MeteredService("kvk", http, session, PRICES, judge) for session in (one, two)
        )
        first.ask(question("/1"))
        with pytest.raises(BudgetExhausted, match="all search profiles"):
            second.ask(question("/2"))


def test_the_command_shows_the_limits_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "limits.yaml"
    file.write_text("claude: {in_flight: 7, usd_per_month: 12}\n", encoding="utf-8")
    monkeypatch.setenv("SIGNAL_ASSETS_LIMITS", str(file))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    shown = CliRunner().invoke(app, ["limits"])

    assert shown.exit_code == 0, shown.output
    (line,) = [line for line in shown.output.splitlines() if "claude" in line]
    assert "0 of 7" in line
    assert "of $12" in line or "of 12" in line
