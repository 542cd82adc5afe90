import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime

import httpx
import pytest

from signal_assets.clients.errors import LookupFailed, SourceUnavailable
from signal_assets.clients.http import Patience, Received, open_http
from signal_assets.clients.ledger import LedgerSession
from signal_assets.clients.metered_service import (
    Answered,
    MeteredService,
    Question,
    RunStopped,
    TryLater,
    Unreadable,
    Verdict,
)
from signal_assets.domain.prices import PriceTable
from signal_assets_tests.clients.open_ledgers import Waits, open_session

PRICES = PriceTable.shipped()
BASE_URL = "https://service.test/api"


def question(path: str = "/x") -> Question:
    return Question(operation="basisprofiel", path=path, summary="a question")


def judge(question: Question, received: Received) -> Verdict:
    verdicts: dict[int, Verdict] = {
        200: Answered(),
        404: Answered(is_absent=True),
        429: TryLater("slow down", may_be_billed=False),
        500: TryLater("down"),
        403: RunStopped("no"),
        206: Unreadable("half"),
    }
    return verdicts[received.status_code]


def serve(
    session: LedgerSession,
    handler: Callable[[httpx.Request], httpx.Response],
    base_url: str = BASE_URL,
    patience: Patience | None = None,
) -> MeteredService:
    http = open_http(base_url, transport=httpx.MockTransport(handler))
    patience = patience or Waits().patience
    return MeteredService("kvk", http, session, PRICES, judge, patience=patience)


def status(code: int) -> Callable[[httpx.Request], httpx.Response]:
    return lambda request: httpx.Response(code, text="{}")


def test_the_body_is_kept_before_anybody_reads_it(tmp_path):
    with open_session(tmp_path) as session:
        service = serve(session, lambda request: httpx.Response(200, text="not even JSON"))
        assert service.ask(question()).body == "not even JSON"
        again = service.find_stored(question())
    assert again is not None
    assert again.from_ledger


@pytest.mark.parametrize(
    ("code", "calls"), [(200, 1), (404, 1), (206, 1), (403, 0), (429, 0), (500, 4)]
)
def test_calls_that_may_have_been_billed_are_counted_and_others_not(tmp_path, code, calls):
    with open_session(tmp_path) as session:
        with suppress(LookupFailed, SourceUnavailable):
            serve(session, status(code)).ask(question())
        assert session.spend.calls == calls


def test_an_answer_after_trouble_settles_what_was_unknown(tmp_path):
    codes = iter([500, 500, 200])
    with open_session(tmp_path, run_budget="0.10") as session:
        service = serve(session, lambda request: httpx.Response(next(codes), text="{}"))
        assert service.ask(question()).status_code == 200
        price = PRICES.price_call("kvk", "basisprofiel", datetime.now(UTC).date()).usd
        assert session.spend.cost_usd == 3 * price


def test_an_interrupted_call_stays_unknown(tmp_path):
    def interrupt(request: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    with open_session(tmp_path) as session:
        with pytest.raises(KeyboardInterrupt):
            serve(session, interrupt).ask(question())
        assert session.spend.calls == 1
        assert serve(session, status(200)).ask(question()).from_ledger is False


def test_a_mistake_of_ours_in_reading_a_verdict_does_not_lose_the_call(tmp_path):
    with open_session(tmp_path) as session:
        with pytest.raises(KeyError):
            serve(session, status(418)).ask(question())
        assert session.spend.calls == 1


def test_two_threads_with_one_question_pay_once(tmp_path):
    sent: list[int] = []

    def slow(request: httpx.Request) -> httpx.Response:
        sent.append(1)
        time.sleep(0.2)
        return httpx.Response(200, text="{}")

    with open_session(tmp_path, run_id="a") as first, open_session(tmp_path, run_id="b") as second:
        services = [serve(session, slow, patience=Patience()) for session in (first, second)]
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda service: service.ask(question()), services))
    assert len(sent) == 1
    assert {answer.body for answer in answers} == {"{}"}


def test_another_run_that_does_not_end_fails_the_item_not_the_run(tmp_path):
    waits = Waits()
    is_sent, may_answer = threading.Event(), threading.Event()

    def hang(request: httpx.Request) -> httpx.Response:
        is_sent.set()
        may_answer.wait(20)
        return httpx.Response(200, text="{}")

    with (
        open_session(tmp_path, run_id="a") as first,
        open_session(tmp_path, run_id="b") as second,
        ThreadPoolExecutor(1) as pool,
    ):
        hanging = pool.submit(serve(first, hang).ask, question())
        is_sent.wait(20)
        with pytest.raises(LookupFailed, match="another run is still asking"):
            serve(second, status(200), patience=waits.patience).ask(question())
        may_answer.set()
        assert hanging.result().body == "{}"
    assert 100 < sum(waits.seconds) < 130


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("https://api.test/api", "https://api.test/test/api", False),
        ("https://api.test/api", "https://other.test/api", False),
        ("https://api.test/api", "https://api.test/api/", True),
        ("http://127.0.0.1:4001/kvk", "http://localhost:4002/kvk", True),
        ("http://127.0.0.1:4001/kvk", "https://api.test/kvk", False),
    ],
)
def test_answers_of_a_test_environment_are_never_taken_for_real_ones(tmp_path, one, other, is_same):
    with open_session(tmp_path) as session:
        serve(session, status(200), one).ask(question())
        assert (serve(session, status(200), other).find_stored(question()) is not None) is is_same


def test_after_a_refusal_nothing_more_is_sent(tmp_path):
    with open_session(tmp_path) as session:
        service = serve(session, status(403))
        for _ in range(3):
            with pytest.raises(SourceUnavailable, match="kvk: HTTP 403: no"):
                service.ask(question())
    assert service.sent_count == 1
