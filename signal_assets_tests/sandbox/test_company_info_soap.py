"""Company.info's SOAP service in the sandbox: dossiers by number, and the faults around them."""

import pytest

from signal_assets.domain.soap import make_envelope, parse_soap
from signal_assets.sandbox import SANDBOX_KEYS
from signal_assets.sandbox.company_info_soap import (
    NAMESPACE,
    OPERATION,
    PATH,
    SOAP_ACTION,
    CompanyInfoSoapService,
)
from signal_assets.sandbox.exchange import Answer, Asked
from signal_assets.sandbox.keys import SOAP_USER_NAME
from signal_assets.sandbox.world import shipped_world

HEADERS = {"content-type": "text/xml; charset=utf-8", "soapaction": f'"{SOAP_ACTION}"'}
PASSWORD = SANDBOX_KEYS["company_info_soap"]


def post(
    number: str = "99900011",
    *,
    user_name: str = SOAP_USER_NAME,
    password: str = PASSWORD,
    headers: dict[str, str] = HEADERS,
    operation: str = OPERATION,
) -> Answer:
    login = (
        f"<soap:Header><t:HeaderLogin><t:username>{user_name}</t:username>"
        f"<t:password>{password}</t:password></t:HeaderLogin></soap:Header>"
    )
    envelope = make_envelope(NAMESPACE, operation, {"dossier_number": number})
    body = envelope.replace("<soap:Header/>", login).encode()
    service = CompanyInfoSoapService(shipped_world())
    return service.answer(Asked("POST", PATH, (), headers, body))


def code_of(answer: Answer) -> str:
    fault = parse_soap(answer.body.decode()).fault
    assert fault is not None
    return fault.code


def test_a_known_company_has_a_dossier_and_is_billed():
    answer = post()
    assert (answer.status, answer.is_billed) == (200, True)
    assert OPERATION + "Response" in parse_soap(answer.body.decode()).content


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (post("99999999"), "Server.Data.NotFound"),
        (post("99900022"), "Server.Data.NotFound"),
        (post("9990001"), "Client.Input.FormatIncorrect"),
        (post(""), "Client.Input.Incomplete"),
        (post(password="other"), "Client.Authentication.Password"),
        (post(user_name="other"), "Client.Authentication.Username"),
        (post(operation="dutchBusinessSearch"), "Client.Input.Invalid"),
        (post(headers={"content-type": "text/xml"}), "Client.Input.Invalid"),
        (
            post(headers=HEADERS | {"content-type": "application/json"}),
            "Client.Input.FormatIncorrect",
        ),
    ],
)
def test_anything_else_is_a_fault_that_is_not_billed(answer, code):
    assert (answer.status, answer.is_billed, code_of(answer)) == (500, False, code)
