import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from signal_assets.clients.errors import BudgetExhausted, LookupFailed, SourceUnavailable
from signal_assets.clients.kvk import KvkClient, open_kvk
from signal_assets.clients.metered_service import ServiceRefuses
from signal_assets.clients.rate_limit import RateLimit
from signal_assets_tests.clients.open_ledgers import Waits, open_session

KEY = "a-secret-key-of-the-register"

PROFILE = {
    "kvkNummer": "02076358",
    "indNonMailing": "Nee",
    "naam": "Voorbeeld Installaties B.V.",
    "formeleRegistratiedatum": "20120301",
    "materieleRegistratie": {"datumAanvang": "20120215"},
    "totaalWerkzamePersonen": 87,
}
ROWS = {
    "totaal": 1,
    "resultaten": [
        {"kvkNummer": "02076358", "naam": "Voorbeeld Installaties B.V.", "type": "rechtspersoon"}
    ],
}


class Register:
    """Answers each request with the next of its answers, the last one again and again."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)

    @contextmanager
    def client(self, folder: Path, waits: Waits | None = None, **session) -> Iterator[KvkClient]:
        http = open_kvk(KEY, transport=httpx.MockTransport(self))
        with open_session(folder, **session) as opened:
            fast = RateLimit(10_000, 2)
            patience = (waits or Waits()).patience
            now = session.get("now", lambda: datetime.now(UTC))
            yield KvkClient(http, opened, patience=patience, rate_limit=fast, now=now)


def ok(payload: object) -> httpx.Response:
    return httpx.Response(200, json=payload)


def fault(status: int, code: str | None = None, **headers: str) -> httpx.Response:
    body = {"fout": [{"code": code, "omschrijving": "Uitleg."}]} if code else None
    return (
        httpx.Response(status, json=body, headers=headers)
        if body
        else httpx.Response(status, headers=headers)
    )


def test_a_profile_keeps_the_zero_its_number_begins_with(tmp_path):
    register = Register(ok(PROFILE))
    with register.client(tmp_path) as kvk:
        profile = kvk.get_profile("02076358")
    assert profile is not None
    assert (profile.kvk_number, profile.employee_count) == ("02076358", 87)
    assert register.requests[0].url.path == "/api/v1/basisprofielen/02076358"
    assert register.requests[0].headers["apikey"] == KEY


def test_a_search_sends_the_documented_names_and_nothing_else(tmp_path):
    register = Register(ok(ROWS))
    with register.client(tmp_path) as kvk:
        found = kvk.search(
            name=" Voorbeeld ", place="Lollum", kinds=("hoofdvestiging", "rechtspersoon"),
            include_inactive=True, page=2, per_page=50,
        )  # fmt: skip
    assert found.rows[0].kvk_number == "02076358"
    assert register.requests[0].url.path == "/api/v2/zoeken"
    assert register.requests[0].url.params.multi_items() == [
        ("naam", "Voorbeeld"),
        ("plaats", "Lollum"),
        ("type", "hoofdvestiging"),
        ("type", "rechtspersoon"),
        ("inclusiefInactieveRegistraties", "true"),
        ("pagina", "2"),
        ("resultatenPerPagina", "50"),
    ]


def test_nothing_found_is_an_empty_search_and_an_unknown_number_is_none(tmp_path):
    with Register(fault(404, "IPD5200")).client(tmp_path) as kvk:
        assert kvk.search(name="Bestaat Niet").total == 0
    with Register(fault(404, "IPD0005")).client(tmp_path) as kvk:
        assert kvk.get_profile("99999999") is None


@pytest.mark.parametrize(
    ("answer", "error", "calls"),
    [
        (fault(401, "401"), ServiceRefuses, 1),
        (fault(403), ServiceRefuses, 1),
        (fault(400, "IPD1999"), SourceUnavailable, 1),
        (fault(400, "IPD1998"), SourceUnavailable, 1),
        (fault(404, "IPD0001"), SourceUnavailable, 1),
        (fault(404, "IPD5203"), SourceUnavailable, 1),
        (fault(406), SourceUnavailable, 1),
        (fault(302, location="https://elsewhere.test/?apikey=x"), SourceUnavailable, 1),
        (fault(400, "IPD0004"), LookupFailed, 1),
        (fault(404), LookupFailed, 1),
        (httpx.Response(404, text="<html>"), LookupFailed, 1),
        (fault(404, "IPD1002"), LookupFailed, 4),
        (fault(404, "IPD1003"), LookupFailed, 1),
        (fault(429), LookupFailed, 4),
        (fault(500, "IPD9999"), LookupFailed, 4),
        (fault(503), LookupFailed, 4),
        (httpx.Response(200, text="<html>Onderhoud</html>"), LookupFailed, 1),
        (httpx.Response(200, text='{"kvkNummer": "0207'), LookupFailed, 1),
        (httpx.Response(200, text="[]"), LookupFailed, 1),
        (httpx.Response(200, text="{}"), LookupFailed, 1),
        (ok(PROFILE | {"totaalWerkzamePersonen": "veel"}), LookupFailed, 1),
        (ok(PROFILE | {"kvkNummer": "11111111"}), LookupFailed, 1),
    ],
)
def test_each_answer_tells_the_caller_what_to_do_next(tmp_path, answer, error, calls):
    register = Register(answer)
    with (
        register.client(tmp_path) as kvk,
        pytest.raises((LookupFailed, SourceUnavailable)) as raised,
    ):
        kvk.get_profile("02076358")
    assert type(raised.value) is error
    assert str(raised.value).startswith("kvk: ")
    assert len(register.requests) == calls


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("x"),
        httpx.ReadTimeout("x"),
        httpx.ReadError("x"),
        httpx.RemoteProtocolError("x"),
    ],
)
def test_a_connection_that_breaks_is_tried_again(tmp_path, error):
    register = Register(error, ok(PROFILE))
    with register.client(tmp_path) as kvk:
        assert kvk.get_profile("02076358") is not None
    assert len(register.requests) == 2


@pytest.mark.parametrize("code", ["IPD1002", "IPD1003"])
def test_try_later_is_never_remembered_as_absent(tmp_path, code):
    register = Register(*[fault(404, code)] * (4 if code == "IPD1002" else 1), ok(PROFILE))
    with register.client(tmp_path) as kvk:
        with pytest.raises(LookupFailed):
            kvk.get_profile("02076358")
        assert kvk.get_profile("02076358") is not None


def test_try_later_of_single_numbers_does_not_stop_the_run(tmp_path):
    with Register(fault(404, "IPD1003")).client(tmp_path) as kvk:
        for number in range(10_000_000, 10_000_006):
            with pytest.raises(LookupFailed):
                kvk.get_profile(str(number))


def test_three_failures_in_a_row_stop_the_run_and_nothing_more_is_sent(tmp_path):
    register = Register(fault(503))
    with register.client(tmp_path) as kvk:
        for number, error in (("1", LookupFailed), ("2", LookupFailed), ("3", SourceUnavailable)):
            with pytest.raises(error):
                kvk.get_profile(number * 8)
        sent = len(register.requests)
        with pytest.raises(SourceUnavailable, match="kvk: HTTP 503"):
            kvk.get_profile("44444444")
    assert len(register.requests) == sent == 12


def test_an_answer_in_between_begins_the_count_anew(tmp_path):
    down = [fault(503)] * 8
    register = Register(*down, fault(404, "IPD0005"), *down, fault(404, "IPD0005"))
    with register.client(tmp_path) as kvk:
        for digit in "1235678":
            if digit in "37":
                assert kvk.get_profile(digit * 8) is None
            elif digit != "8":
                with pytest.raises(LookupFailed):
                    kvk.get_profile(digit * 8)


def test_a_pause_the_service_asks_for_is_kept_and_an_endless_one_is_not_waited_for(tmp_path):
    waits = Waits()
    answers = fault(429, **{"retry-after": "7"}), fault(429, **{"retry-after": "10000"})
    register = Register(*answers)
    with (
        register.client(tmp_path, waits) as kvk,
        pytest.raises(LookupFailed, match="too many calls"),
    ):
        kvk.get_profile("02076358")
    assert waits.seconds == [7.0]
    assert len(register.requests) == 2


def test_a_paid_profile_is_not_bought_twice(tmp_path):
    register = Register(ok(PROFILE))
    for run_id in ("first", "second"):
        with register.client(tmp_path, run_id=run_id) as kvk:
            assert kvk.get_profile("02076358") is not None
    assert len(register.requests) == 1


@pytest.mark.parametrize(("answer", "days"), [(ok(PROFILE), 30), (fault(404, "IPD0005"), 7)])
def test_what_the_register_said_is_asked_again_when_it_is_old(tmp_path, answer, days):
    register = Register(answer)
    start = datetime(2026, 3, 1, tzinfo=UTC)
    for age in (timedelta(), timedelta(days=days, hours=-1), timedelta(days=days, hours=1)):
        with register.client(tmp_path, now=lambda age=age: start + age) as kvk:
            kvk.get_profile("02076358")
    assert len(register.requests) == 2


def test_the_budget_stops_before_the_call_that_would_pass_it(tmp_path):
    register = Register(fault(404, "IPD0005"))
    with register.client(tmp_path, run_budget="0.05") as kvk:
        kvk.get_profile("11111111")
        kvk.get_profile("22222222")
        with pytest.raises(BudgetExhausted):
            kvk.get_profile("33333333")
        assert kvk.search(name="Zoeken is vrij").total == 0
    assert len(register.requests) == 3


def test_a_number_that_is_none_is_not_sent(tmp_path):
    register = Register(ok(PROFILE))
    with register.client(tmp_path) as kvk, pytest.raises(LookupFailed, match="not a KvK number"):
        kvk.get_profile("2076358")
    assert register.requests == []


def test_a_warning_of_retirement_is_said_once(tmp_path, caplog):
    register = Register(httpx.Response(200, json=ROWS, headers={"warning": "299 - v2 ends soon"}))
    with register.client(tmp_path) as kvk, caplog.at_level(logging.WARNING):
        kvk.search(name="een")
        kvk.search(name="twee")
        assert kvk.version_warning == "299 - v2 ends soon"
    assert [record.message for record in caplog.records] == ["KvK warns: 299 - v2 ends soon"]


@pytest.mark.parametrize("status", [200, 401, 500, 404])
def test_the_key_stands_in_no_error_no_log_and_not_in_the_ledger(tmp_path, caplog, status):
    register = Register(httpx.Response(status, json={"kvkNummer": "x", "echo": f"apikey={KEY}"}))
    caplog.set_level(logging.DEBUG)
    with register.client(tmp_path) as kvk, pytest.raises(Exception, match="kvk") as raised:
        kvk.get_profile("02076358")
    assert KEY not in str(raised.value) + caplog.text
    assert all(KEY.encode() not in path.read_bytes() for path in tmp_path.iterdir())


def test_establishments_come_with_the_registers_own_count(tmp_path):
    place = {
        "vestigingsnummer": "000012345678",
        "eersteHandelsnaam": "Voorbeeld",
        "indHoofdvestiging": "Ja",
        "volledigAdres": "Dorpsstraat 1     8823SJ Lollum",
    }
    payload = {
        "kvkNummer": "02076358",
        "totaalAantalVestigingen": 12,
        "vestigingen": [place],
    }
    with Register(ok(payload)).client(tmp_path) as kvk:
        found = kvk.get_establishments("02076358")
    assert found is not None
    assert (found.total, found.rows[0].place, found.rows[0].is_main) == (12, "Lollum", True)


def test_an_establishment_is_a_product_of_its_own(tmp_path):
    number = "000012345678"
    payload = {"vestigingsnummer": number, "kvkNummer": "02076358", "totaalWerkzamePersonen": 4}
    register = Register(ok(payload))
    with register.client(tmp_path) as kvk:
        place = kvk.get_establishment(number)
        with pytest.raises(LookupFailed, match="twelve digits"):
            kvk.get_establishment("12345678")
    assert place is not None
    assert (place.kvk_number, place.employee_count) == ("02076358", 4)
    assert [request.url.path for request in register.requests] == [
        f"/api/v1/vestigingsprofielen/{number}"
    ]


def test_another_establishment_than_was_asked_for_is_never_taken(tmp_path):
    payload = {"vestigingsnummer": "000099999999", "kvkNummer": "02076358"}
    with (
        Register(ok(payload)).client(tmp_path) as kvk,
        pytest.raises(LookupFailed, match="about another number"),
    ):
        kvk.get_establishment("000012345678")
