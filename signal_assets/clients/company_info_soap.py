"""Company.info's SOAP service (webservices.nl): the dossier of one KvK number.

The login is a user name and a password in the header of the envelope. It is put in when a request
is sent, so it stands in no question, no key of the ledger and no error.
"""

from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape

import httpx

from signal_assets.clients.company_info_rest_v1 import judge_status
from signal_assets.clients.http import Posted, Received, SecretLogin, excerpt
from signal_assets.clients.metered_service import (
    Answered,
    ItemRefused,
    Question,
    RunStopped,
    TryLater,
    Unreadable,
    Verdict,
)
from signal_assets.clients.paid_calls import Answer
from signal_assets.domain.answer_shapes import AnswerShape, FieldCheck, FieldOutcome, list_paths
from signal_assets.domain.companies import CompanyFinancials
from signal_assets.domain.dutch_business import (
    FIELDS,
    NAMESPACE,
    OPERATION,
    check_number,
    get_dossier,
    parse_dossier,
    strip_persons,
)
from signal_assets.domain.soap import SoapFault, make_envelope, parse_soap
from signal_assets.domain.wire_fields import UnreadableAnswer

ENDPOINT = "/soap_doclit"
SOAP_ACTION = f"https://ws1.webservices.nl/soap_doclit.php/{OPERATION}"

DOSSIER_MAX_AGE = timedelta(days=90)
ABSENT_MAX_AGE = timedelta(days=7)

_EMPTY_HEADER = b"<soap:Header/>"


class EnvelopeLogin(SecretLogin):
    """Puts user name and password into the header of each envelope as it is sent."""

    requires_request_body = True

    def __init__(self, user_name: str, password: str) -> None:
        self.secrets = (password, escape(password))
        login = (
            f"<soap:Header><t:HeaderLogin><t:username>{escape(user_name)}</t:username>"
            f"<t:password>{escape(password)}</t:password></t:HeaderLogin></soap:Header>"
        )
        self._header = login.encode()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        headers = [
            (name, value)
            for name, value in request.headers.multi_items()
            if name.lower() != "content-length"
        ]
        yield httpx.Request(
            request.method,
            request.url,
            headers=headers,
            content=request.content.replace(_EMPTY_HEADER, self._header, 1),
            extensions=request.extensions,
        )


class SoapProvider:
    """One POST per KvK number; the field table is fixed, as the service's schema is known."""

    base_url = "https://ws1.webservices.nl"

    def __init__(self, user_name: str) -> None:
        self._user_name = user_name

    def headers(self, api_key: str) -> dict[str, str]:
        return {"Accept": "text/xml"}

    def login(self, api_key: str) -> SecretLogin | None:
        return EnvelopeLogin(self._user_name, api_key)

    def look_up(self, ask: Callable[[Question], Answer], kvk_number: str) -> Answer:
        return ask(self.question(kvk_number))

    def question(self, kvk_number: str) -> Question:
        return Question(
            operation="dossier",
            path=ENDPOINT,
            subject=kvk_number,
            posted=Posted(
                make_envelope(NAMESPACE, OPERATION, {"dossier_number": kvk_number}),
                (("Content-Type", "text/xml; charset=utf-8"), ("SOAPAction", f'"{SOAP_ACTION}"')),
            ),
            summary=f"dossier {kvk_number}",
            max_age=DOSSIER_MAX_AGE,
            absent_max_age=ABSENT_MAX_AGE,
        )

    def judge(self, question: Question, received: Received, /) -> Verdict:
        """Say what an answer means: by its fault, whatever the status; else by the status."""
        status = received.status_code
        try:
            answer = parse_soap(received.body)
            if answer.fault is not None:
                return judge_fault(answer.fault)
            if status == 200:
                check_number(get_dossier(received.body), question.subject or "")
                return Answered()
        except UnreadableAnswer as error:
            if status == 200:
                return Unreadable(str(error))
        names_person = "contact_" in received.body
        said = "an answer without a fault" if names_person else excerpt(received.body) or "no text"
        return judge_status(received, said) or ItemRefused(said, is_service_trouble=True)

    def redact(self, body: str) -> str:
        return strip_persons(body)

    def parse(self, kvk_number: str, body: str, fetched_at: datetime) -> CompanyFinancials:
        return parse_dossier(body, kvk_number, fetched_at)

    def describe(self, kvk_number: str, body: str) -> AnswerShape:
        record = parse_dossier(body, kvk_number, datetime.min.replace(tzinfo=UTC))
        checks = []
        for field, pointers in FIELDS.items():
            outcome: FieldOutcome = "read" if field in record.source_fields else "absent"
            if field in record.unread_fields:
                outcome = "unreadable"
            checks.append(
                FieldCheck(
                    field=field,
                    pointers=pointers,
                    found_at=record.source_fields.get(field),
                    outcome=outcome,
                )
            )
        return AnswerShape(paths=list_paths(get_dossier(body)), checks=tuple(checks))


def judge_fault(fault: SoapFault) -> Verdict:
    """Say what a dotted fault code means; of several words the most general ones decide.

    >>> judge_fault(SoapFault("Client.Payment", "no balance")).reason
    'Client.Payment: no balance'
    """
    said = f"{fault.code or 'a fault without a code'}: {excerpt(fault.text)}"
    family = tuple(fault.code.split(".")[:2])
    if family in (("Client", "Authentication"), ("Client", "Authorization"), ("Client", "Payment")):
        return RunStopped(said)
    if fault.code == "Server.Data.NotFound":
        return Answered(is_absent=True)
    if family == ("Client", "Input"):
        return ItemRefused(said)
    if family[:1] == ("Server",) and family != ("Server", "Data"):
        return TryLater(said)
    return ItemRefused(said, is_service_trouble=True)
