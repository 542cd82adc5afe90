import logging
import signal
from datetime import date
from decimal import Decimal

import httpx2
import pytest

from signal_assets.clients.claude import ClaudeReader
from signal_assets.clients.claude_run import ClaudeLimits
from signal_assets.clients.errors import SourceUnavailable
from signal_assets.domain.claude_models import UnknownModel
from signal_assets.domain.extractions import (
    Claim,
    Reading,
    ReadingFailed,
    ReadingPostponed,
    VacancyText,
)
from signal_assets.domain.prices import PriceTable, TokenUsage
from signal_assets_tests.clients.claude_services import (
    KEY,
    LIMITS,
    MODEL,
    Desk,
    Prompt,
    Service,
    answering,
    message,
    refusing,
    replying,
    vacancies,
)

ONE_ANSWER = Decimal("0.00015")
"""1,000 tokens in at $0.10 and 100 out at $0.50 a million."""


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path)
    yield desk
    desk.ledger.close()


def test_a_vacancy_is_read_and_its_cost_is_known(desk):
    outcome = desk.read(Service(), vacancies(1)).only()
    assert outcome == Reading(
        claims=(Claim(field="erp_systems", value="SAP", quote="met SAP"),),
        extractor="claude",
        model=MODEL,
        tokens_input=1000,
        tokens_output=100,
        cost_usd=ONE_ANSWER,
        answer_key=outcome.answer_key,
    )


def test_texts_with_the_same_words_name_the_same_answer(desk):
    same = vacancies(1)[0]
    again = same.model_copy(update={"vacancy_id": "again"})
    read = desk.read(Service(), [same, again, *vacancies(2)[1:]])
    keys = [outcome.answer_key for outcome in read.by_id.values()]
    assert [keys.count(key) for key in keys] == [2, 2, 1]


def test_the_call_has_the_headers_the_service_asks_for(desk):
    service = Service()
    desk.read(service, vacancies(1))
    headers = service.requests[0].headers
    assert headers["anthropic-version"] == "2026-10-21"
    assert headers["authorization"] == f"Bearer {KEY}"


def test_reading_again_asks_nothing_and_brings_the_same_claims(desk):
    first = desk.read(Service(), vacancies(100))
    service = Service()
    again = desk.read(service, vacancies(100))
    assert service.requests == []
    assert again.cost_usd == 0
    assert all(
        outcome == first.by_id[key].model_copy(update={"from_ledger": True})
        for key, outcome in again.by_id.items()
    )


def test_the_same_words_are_asked_once_and_paid_once(desk):
    texts = [
        VacancyText(vacancy_id=f"file:{number}", title="Clerk", description=f"SAP {number % 3}")
        for number in range(300)
    ]
    service = Service()
    outcomes = desk.read(service, texts)
    assert len(service.requests) == 3
    assert sum(outcome.cost_usd for outcome in outcomes.of_type(Reading)) == 3 * ONE_ANSWER
    assert len(outcomes.of_type(Reading)) == 300


def test_another_prompt_asks_anew(desk):
    desk.read(Service(), vacancies(1))
    service = Service()
    desk.read(service, vacancies(1), prompt=Prompt(number=2, system_prompt="Other words."))
    assert len(service.requests) == 1


def test_the_same_prompt_under_another_number_does_not(desk):
    desk.read(Service(), vacancies(1))
    service = Service()
    desk.read(service, vacancies(1), prompt=Prompt(number=2))
    assert service.requests == []


def test_no_more_calls_are_in_flight_than_asked_for(desk):
    service = Service(seconds=0.005)
    desk.read(service, vacancies(60), concurrency=5)
    assert service.most_in_flight == 5


def test_one_call_fills_the_cache_before_the_others_start(desk):
    seen = []
    service = Service(seconds=0.01)

    def note(request: httpx2.Request) -> httpx2.Response:
        seen.append(service.most_in_flight)
        return httpx2.Response(200, json=message())

    service._always = note
    desk.read(service, vacancies(4))
    assert (seen[0], max(seen)) == (1, 3)


# --- answers that cannot be used -----------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (answering(stop_reason="refusal", content=[]), "refused"),
        (answering("Sorry, I cannot."), "invalid"),
        (answering('{"facts": ['), "invalid"),
        (answering(content=[]), "invalid"),
        (answering(stop_reason="tool_use"), "invalid"),
    ],
)
def test_an_answer_that_cannot_be_used_is_paid_once_and_fails_the_vacancy(desk, step, kind):
    service = Service(step)
    outcomes = desk.read(service, vacancies(1))
    outcome = outcomes.only()
    assert (outcome.kind, outcome.cost_usd, outcomes.cost_usd) == (kind, ONE_ANSWER, ONE_ANSWER)
    assert (len(service.requests), "req_1" in outcome.reason) == (1, True)


def test_an_answer_that_was_cut_is_asked_for_once_more_with_the_double_cap(desk):
    service = Service(answering(stop_reason="max_tokens"))
    outcome = desk.read(service, vacancies(1)).only()
    caps = [body["max_tokens"] for body in service.bodies]
    assert caps == [4096, 8192]
    assert (type(outcome), outcome.cost_usd) == (Reading, 2 * ONE_ANSWER)


def test_an_answer_that_is_cut_twice_fails_with_both_prices(desk):
    service = Service(always=answering(stop_reason="max_tokens"))
    outcome = desk.read(service, vacancies(1)).only()
    assert (outcome.kind, outcome.cost_usd, len(service.requests)) == (
        "truncated",
        2 * ONE_ANSWER,
        2,
    )


def test_a_failed_vacancy_is_tried_again_by_the_next_run(desk):
    desk.read(Service(answering("no JSON")), vacancies(1))
    assert isinstance(desk.read(Service(), vacancies(1)).only(), Reading)


def test_after_three_useless_answers_a_text_is_not_paid_for_again(desk):
    service = Service(always=answering(stop_reason="refusal", content=[]))
    for _ in range(5):
        outcome = desk.read(service, vacancies(1)).only()
    assert (len(service.requests), outcome.kind, outcome.cost_usd) == (3, "refused", 0)
    assert "it is not asked again" in outcome.reason


def test_the_same_useless_text_is_asked_once_in_a_run(desk):
    texts = [
        VacancyText(vacancy_id=f"file:{number}", title="Clerk", description="SAP")
        for number in range(200)
    ]
    service = Service(always=answering("no JSON"))
    outcomes = desk.read(service, texts)
    assert (len(service.requests), len(outcomes.of_type(ReadingFailed))) == (1, 200)
    assert sum(outcome.cost_usd for outcome in outcomes.of_type(ReadingFailed)) == ONE_ANSWER


@pytest.mark.parametrize(
    "rubbish",
    [
        replying(200, b"<html>maintenance</html>", **{"content-type": "text/html"}),
        replying(200, [1, 2]),
        replying(200, b'{"id": "msg_1", "type": "mess', **{"content-type": "application/json"}),
        answering(usage=None),
        answering(usage={"input_tokens": "7", "output_tokens": 1}),
        replying(200, b"\xff\xfe\x00"),
    ],
)
def test_rubbish_is_asked_for_once_more_and_then_fails_the_vacancy_alone(desk, rubbish):
    def answer(request: httpx2.Request) -> httpx2.Response:
        is_second = b"SAP 1" in request.content
        return rubbish(request) if is_second else httpx2.Response(200, json=message())

    service = Service(always=answer)
    outcomes = desk.read(service, vacancies(3))
    assert outcomes.by_id["file:1"].kind == "invalid"
    assert (len(outcomes.of_type(Reading)), len(service.requests)) == (2, 4)


def test_one_rubbish_answer_is_made_good_by_the_next(desk):
    service = Service(replying(200, b"<html>"))
    assert isinstance(desk.read(service, vacancies(1)).only(), Reading)


# --- faults --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step",
    [
        refusing(429, "rate_limit_error", **{"retry-after": "0.01"}),
        refusing(429, "rate_limit_error", code="ramp_limit_exceeded"),
        refusing(429, "rate_limit_error", **{"retry-after": "Wed, 21 Oct 99999999 07:28:00 GMT"}),
        refusing(500),
        replying(502, b"<html>Bad gateway</html>"),
        refusing(503),
        refusing(504, "timeout_error"),
        refusing(529, "overloaded_error"),
        refusing(408),
        replying(200, b"not gzip", **{"content-encoding": "gzip"}),
        refusing(409, "conflict_error"),
        httpx2.ConnectError("refused"),
        httpx2.ReadError("reset"),
        httpx2.RemoteProtocolError("cut"),
        httpx2.ReadTimeout("slow"),
    ],
)
def test_what_passes_is_tried_again(desk, step):
    service = Service(step, step)
    outcomes = desk.read(service, vacancies(3))
    assert len(outcomes.of_type(Reading)) == 3
    assert len(service.requests) == 5


def test_what_was_certainly_not_billed_holds_no_budget(desk):
    service = Service(refusing(429), httpx2.ConnectError("refused"), refusing(529))
    outcomes = desk.read(service, vacancies(1), budget="0.004")
    assert isinstance(outcomes.only(), Reading)


def test_an_unknown_outcome_holds_its_budget_until_it_is_settled(desk):
    service = Service(httpx2.ReadError("reset"))
    outcomes = desk.read(service, vacancies(1), budget="0.004")
    assert outcomes.only().kind == "budget"


def test_an_unknown_outcome_is_settled_at_the_price_of_the_answer_that_came(desk):
    service = Service(httpx2.ReadError("reset"))
    outcomes = desk.read(service, vacancies(1))
    assert outcomes.cost_usd == 2 * ONE_ANSWER


def test_a_poisonous_vacancy_fails_alone(desk):
    def answer(request: httpx2.Request) -> httpx2.Response:
        if b"SAP 7" in request.content:
            return httpx2.Response(500)
        return httpx2.Response(200, json=message())

    outcomes = desk.read(Service(always=answer), vacancies(10))
    failed = {key for key, one in outcomes.by_id.items() if isinstance(one, ReadingFailed)}
    assert failed == {"file:7"}
    assert outcomes.by_id["file:7"].kind == "service"


def test_an_answer_that_never_ends_is_given_up(desk):
    limits = ClaudeLimits(attempt_seconds=0.05, tries=2, pacing=LIMITS.pacing)
    outcome = desk.read(Service(seconds=5), vacancies(1), limits=limits).only()
    assert (outcome.kind, "no answer within 0.05 s" in outcome.reason) == ("service", True)


def test_a_request_to_wait_for_hours_fails_the_vacancy_and_the_rest_goes_on(desk):
    service = Service(answering(), refusing(429, **{"retry-after": "10000"}))
    outcomes = desk.read(service, vacancies(5))
    (failed,) = outcomes.of_type(ReadingFailed)
    assert "wait 10000 s" in failed.reason
    assert len(outcomes.of_type(Reading)) == 4


def test_a_rejected_request_fails_the_vacancy_and_the_rest_goes_on(desk):
    service = Service(answering(), refusing(413, "request_too_large"))
    outcomes = desk.read(service, vacancies(5))
    (failed,) = outcomes.of_type(ReadingFailed)
    assert (failed.kind, "HTTP 413" in failed.reason) == ("service", True)


@pytest.mark.parametrize("status", [400, 404])
def test_requests_that_are_rejected_one_after_the_other_stop_the_run(desk, status):
    service = Service(always=refusing(status, "invalid_request_error"))
    outcomes = desk.read(service, vacancies(100))
    assert len(service.requests) == 5
    assert len(outcomes.of_type(ReadingFailed)) == 5
    (reason,) = {outcome.reason for outcome in outcomes.of_type(ReadingPostponed)}
    assert f"refused 5 requests in a row: HTTP {status}" in reason


@pytest.mark.parametrize(
    "step",
    [
        refusing(401, "authentication_error"),
        refusing(402, "billing_error"),
        refusing(403, "permission_error"),
        refusing(429, "rate_limit_error", code="enforced_spend_limit_reached"),
        replying(
            400,
            {
                "type": "error",
                "error": {
                    "type": "invalid_request_error",
                    "message": "You have reached your specified API usage limits.",
                },
            },
        ),
    ],
)
def test_a_service_that_will_not_serve_us_stops_the_run_at_once(desk, step):
    service = Service(answering(), always=step)
    outcomes = desk.read(service, vacancies(100), concurrency=2)
    postponed = outcomes.of_type(ReadingPostponed)
    assert {outcome.kind for outcome in postponed} == {"unavailable"}
    assert (len(outcomes.of_type(Reading)), len(postponed)) == (1, 99)
    assert len(service.requests) <= 3


@pytest.mark.parametrize(
    "step", [refusing(500), refusing(529), refusing(429), httpx2.ConnectError("refused")]
)
def test_a_service_that_is_down_is_given_up_within_bounds(desk, step):
    service = Service(always=step)
    outcomes = desk.read(service, vacancies(200))
    assert len(outcomes.by_id) == 200
    assert len(service.requests) <= 40
    assert len(outcomes.of_type(ReadingPostponed)) >= 190


def test_answers_of_the_ledger_still_come_when_the_service_is_gone(desk):
    desk.read(Service(), vacancies(50))
    gone = Service(always=refusing(401))
    outcomes = desk.read(gone, [*reversed(vacancies(150))])
    assert len(outcomes.of_type(Reading)) == 50
    assert len(outcomes.of_type(ReadingPostponed)) == 100


def test_a_limit_on_calls_in_flight_is_found_and_kept(desk):
    service = Service(seconds=0.004)

    def limited(_: httpx2.Request) -> httpx2.Response:
        if service.in_flight >= 6:
            return httpx2.Response(429)
        return httpx2.Response(200, json=message())

    service._always = limited
    outcomes = desk.read(service, vacancies(150), concurrency=32)
    assert len(outcomes.of_type(Reading)) == 150
    assert len(service.requests) < 250


# --- money ---------------------------------------------------------------------------------


def test_the_budget_stops_the_run_before_the_call_that_would_pass_it(desk):
    outcomes = desk.read(Service(), vacancies(200), budget="0.01")
    spent = len(outcomes.of_type(Reading)) * ONE_ANSWER
    assert outcomes.cost_usd == spent
    assert Decimal("0.005") < spent <= Decimal("0.01")
    assert {outcome.kind for outcome in outcomes.of_type(ReadingPostponed)} == {"budget"}


def test_calls_in_flight_do_not_use_up_a_budget_that_is_there(desk):
    outcomes = desk.read(Service(seconds=0.002), vacancies(40), budget="0.01", concurrency=32)
    assert len(outcomes.of_type(Reading)) == 40


def test_the_kill_switch_stops_every_call(desk):
    service = Service()
    outcomes = desk.read(service, vacancies(10), kill_switch=True)
    assert service.requests == []
    assert {outcome.kind for outcome in outcomes.of_type(ReadingPostponed)} == {"budget"}


def test_the_reserve_is_never_less_than_the_cost_of_the_longest_answer(desk):
    service = Service()
    desk.read(service, vacancies(1, "x" * 30_000), budget="0.0001")
    assert service.requests == []
    usage = TokenUsage(input=0, output=4096)
    floor = PriceTable.shipped().price_tokens(MODEL, usage, date(2026, 11, 20))
    desk.read(service, vacancies(1), budget=str(floor))
    assert service.requests == []


# --- two runs at once ----------------------------------------------------------------------


def test_what_another_run_is_asking_is_waited_for_and_not_paid_twice(desk):
    from threading import Thread

    service = Service(seconds=0.05)
    outcomes = []

    def read() -> None:
        outcomes.append(desk.read(service, vacancies(20)))

    runs = [Thread(target=read) for _ in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert len(service.requests) == 20
    assert [len(each.of_type(Reading)) for each in outcomes] == [20, 20]


# --- what people see -----------------------------------------------------------------------


def test_no_reason_and_no_log_holds_key_text_or_answer(desk, caplog):
    caplog.set_level(logging.DEBUG)
    steps = [
        answering("secret of the answer"),
        replying(200, b"<html>secret of the answer"),
        replying(200, b"<html>secret of the answer"),
        refusing(400, "Jan"),
        refusing(401, "authentication_error"),
    ]
    outcomes = desk.read(Service(*steps), vacancies(9, "secret of the text"), concurrency=1)
    said = caplog.text + "".join(
        outcome.reason for outcome in outcomes.by_id.values() if not isinstance(outcome, Reading)
    )
    assert not any(word in said for word in ("secret", KEY, "Jan"))


def test_the_reader_does_not_show_its_key(desk):
    with desk.session() as session:
        reader = ClaudeReader(session, Prompt(), model=MODEL, api_key=KEY)
        assert KEY not in repr(reader)


@pytest.mark.parametrize("key", ["", "  ", "sk-ant-ключ", "sk ant"])
def test_a_key_that_can_be_no_key_is_refused_at_once(desk, key):
    with desk.session() as session, pytest.raises(SourceUnavailable):
        ClaudeReader(session, Prompt(), model=MODEL, api_key=key)


def test_an_unknown_model_is_refused_at_once(desk):
    with desk.session() as session, pytest.raises(UnknownModel, match="claude-haiku-5-5"):
        ClaudeReader(session, Prompt(), model="claude-sonnet-4-20250514", api_key=KEY)


def test_an_error_of_the_caller_ends_the_run(desk):
    def fail(*_: object) -> None:
        raise RuntimeError("the disk is full")

    with desk.session() as session:
        reader = ClaudeReader(
            session,
            Prompt(),
            model=MODEL,
            api_key=KEY,
            base_url="https://claude.test",
            transport=httpx2.MockTransport(Service().answer),
        )
        with pytest.raises(RuntimeError, match="the disk is full"):
            reader.read_all(vacancies(10), fail)


def test_an_interrupted_run_leaves_its_calls_unknown_and_the_next_one_goes_on(desk):
    class Interrupting(Service):
        async def answer(self, request: httpx2.Request) -> httpx2.Response:
            if len(self.requests) == 3:
                signal.raise_signal(signal.SIGINT)
            return await super().answer(request)

    with pytest.raises(KeyboardInterrupt):
        desk.read(Interrupting(seconds=0.05), vacancies(10), concurrency=2)
    service = Service()
    outcomes = desk.read(service, vacancies(10))
    assert len(outcomes.of_type(Reading)) == 10
    assert 7 <= len(service.requests) <= 9


def test_nothing_to_read_asks_nothing(desk):
    service = Service()
    assert desk.read(service, []).by_id == {}
    assert service.requests == []
