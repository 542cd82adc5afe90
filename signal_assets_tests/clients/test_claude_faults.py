import anthropic
import httpx2
import pytest

from signal_assets.clients.claude_faults import (
    parse_retry_after,
    read_connection_error,
    read_status_error,
)


def status_error(
    status: int,
    kind: str = "api_error",
    message: str = "",
    code: str | None = None,
    **headers: str,
) -> anthropic.APIStatusError:
    error: dict[str, object] = {"type": kind, "message": message}
    if code:
        error["details"] = {"error_code": code}
    request = httpx2.Request("POST", "https://claude.test/v1/messages")
    response = httpx2.Response(status, request=request, headers={"request-id": "req_1", **headers})
    body = {"type": "error", "error": error, "request_id": "req_1"}
    return anthropic.APIStatusError(message, response=response, body=body)


@pytest.mark.parametrize(
    ("status", "verdict", "may_be_billed"),
    [
        (307, "reject", False),
        (400, "reject", False),
        (401, "stop", False),
        (402, "stop", False),
        (403, "stop", False),
        (404, "reject", False),
        (408, "retry", True),
        (409, "retry", True),
        (413, "reject", False),
        (422, "reject", False),
        (429, "wait", False),
        (500, "retry", True),
        (502, "retry", True),
        (503, "wait", False),
        (504, "retry", True),
        (520, "retry", True),
        (529, "wait", False),
    ],
)
def test_a_status_says_what_to_do_next_and_whether_it_may_be_billed(status, verdict, may_be_billed):
    fault = read_status_error(status_error(status))
    assert (fault.verdict, fault.may_be_billed) == (verdict, may_be_billed)


@pytest.mark.parametrize(
    "error",
    [
        status_error(429, "rate_limit_error", code="enforced_spend_limit_reached"),
        status_error(429, "rate_limit_error", code="contract_spend_limit_reached"),
        status_error(
            400,
            "invalid_request_error",
            "You have reached your specified API usage limits. You will regain access on x.",
        ),
        status_error(400, "invalid_request_error", "Your credit balance is too low to access"),
    ],
)
def test_an_empty_account_stops_the_run_whatever_its_status(error):
    assert read_status_error(error).verdict == "stop"


def test_a_ramp_that_was_too_steep_is_waited_out():
    error = status_error(429, code="ramp_limit_exceeded", **{"retry-after": "7"})
    fault = read_status_error(error)
    assert (fault.verdict, fault.wait_seconds) == ("wait", 7.0)


def test_the_reason_names_status_kind_and_request_and_nothing_the_service_wrote():
    error = status_error(400, "invalid_request_error", "text: Jan de Boekhouder")
    assert read_status_error(error).reason == "HTTP 400 invalid_request_error, request req_1"


@pytest.mark.parametrize(
    ("milliseconds", "value", "seconds"),
    [
        (None, "7", 7.0),
        (None, "0.5", 0.5),
        ("250", "7", 0.25),
        (None, "90000", 90_000.0),
        (None, "Fri, 20 Nov 2026 12:00:30 GMT", 30.0),
        (None, "Wed, 21 Oct 99999999 07:28:00 GMT", None),
        (None, "Fri, 20 Nov 2020 12:00:00 GMT", None),
        (None, "-5", None),
        (None, "nan", None),
        (None, "soon", None),
        (None, "", None),
        (None, None, None),
    ],
)
def test_a_wait_is_read_only_when_it_is_readable(milliseconds, value, seconds):
    now = 1_795_176_000.0
    assert parse_retry_after(milliseconds, value, now) == seconds


@pytest.mark.parametrize(
    ("cause", "may_be_billed"),
    [
        (httpx2.ConnectError("refused"), False),
        (httpx2.ConnectTimeout("slow"), False),
        (httpx2.PoolTimeout("full"), False),
        (httpx2.ReadTimeout("slow"), True),
        (httpx2.ReadError("reset"), True),
        (httpx2.RemoteProtocolError("cut"), True),
    ],
)
def test_a_call_that_may_have_arrived_may_be_billed(cause, may_be_billed):
    assert read_connection_error(caused_by(cause)).may_be_billed is may_be_billed


def caused_by(cause: Exception) -> BaseException:
    request = httpx2.Request("POST", "https://claude.test/v1/messages")
    error = anthropic.APIConnectionError(request=request)
    error.__cause__ = cause
    return error
