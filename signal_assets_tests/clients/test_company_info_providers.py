"""Company.info's SOAP service and hub: what is sent, what is kept, what each answer leads to."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from signal_assets.clients.company_info import (
    CompanyInfoClient,
    CompanyInfoProvider,
    make_provider,
    open_company_info,
)
from signal_assets.clients.company_info_mappings import BadMapping
from signal_assets.clients.errors import LookupFailed, SourceUnavailable
from signal_assets.clients.metered_service import ServiceRefuses
from signal_assets.domain.companies import CompanyFinancials
from signal_assets.domain.soap import parse_xml
from signal_assets_tests.clients.open_ledgers import Waits, open_session
from signal_assets_tests.domain.test_dutch_business import NUMBER, answer

PASSWORD = "a-p&ssw<rd-of-company-info"
SOAP_URL = "https://ws1.webservices.nl/soap_doclit"

HUB_MAPPING = """
provider: hub
lookup: LOOKUP
search_path: /nl/organizations/profiles/v1/entities
path: /nl/organizations/profiles/v1/organizations/{organization_id}
kvk_number: /data/attributes/number
fields:
  employee_count: {pointers: [/data/attributes/staff], convert: count}
"""
ROW = {"type": "organizations", "id": "o/7", "attributes": {"number": NUMBER, "staff": 120}}


class Service:
    """Gives its answers in turn, the last one for ever, and keeps what was asked."""

    def __init__(self, *answers: httpx.Response) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        now = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return httpx.Response(now.status_code, content=now.content, headers=now.headers)

    def get(self, folder: Path, provider: CompanyInfoProvider) -> CompanyFinancials | None:
        transport = httpx.MockTransport(self)
        http = open_company_info(PASSWORD, provider=provider, transport=transport)
        with open_session(folder) as session:
            client = CompanyInfoClient(http, session, provider, patience=Waits().patience)
            return client.get_financials(NUMBER)


def soap() -> CompanyInfoProvider:
    return make_provider("soap", user_name="a-user")


def hub(folder: Path, lookup: str = "search", **changes: str) -> CompanyInfoProvider:
    text = HUB_MAPPING.replace("LOOKUP", lookup)
    for old, new in changes.items():
        text = text.replace(old, new)
    (folder / "hub.yaml").write_text(text)
    return make_provider("hub", mapping=folder / "hub.yaml")


def fault(code: str, status: int = 500) -> httpx.Response:
    body = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
        f"<faultcode>s:{code.partition('.')[0]}</faultcode><faultstring>Words</faultstring>"
        f"<detail><errorcode>{code}</errorcode></detail></s:Fault></s:Body></s:Envelope>"
    )
    return httpx.Response(status, text=body)


def data(rows: object, **more: object) -> httpx.Response:
    return httpx.Response(200, json={"data": rows, **more})


def errors(status: int, title: str) -> httpx.Response:
    return httpx.Response(status, json={"errors": [{"code": "x", "title": title}]})


def test_a_dossier_is_asked_for_with_the_login_in_the_envelope(tmp_path):
    service = Service(httpx.Response(200, text=answer()))
    record = service.get(tmp_path, soap())
    assert record is not None
    assert record.employee_count == 130
    (request,) = service.requests
    assert (request.method, str(request.url)) == ("POST", SOAP_URL)
    assert request.headers["soapaction"] == (
        '"https://ws1.webservices.nl/soap_doclit.php/dutchBusinessGetDossierV3"'
    )
    assert request.headers["content-length"] == str(len(request.content))
    envelope = parse_xml(request.content.decode())
    ours = "{http://www.webservices.nl/soap/}"
    assert envelope.findtext(f".//{ours}HeaderLogin/{ours}username") == "a-user"
    assert envelope.findtext(f".//{ours}HeaderLogin/{ours}password") == PASSWORD
    assert envelope.findtext(f".//{ours}dossier_number") == NUMBER


def test_no_header_carries_the_password(tmp_path):
    service = Service(httpx.Response(200, text=answer()))
    service.get(tmp_path, soap())
    assert PASSWORD not in str(service.requests[0].headers)


def test_each_dossier_is_a_question_of_its_own_and_is_paid_for_once(tmp_path):
    service = Service(httpx.Response(200, text=answer()))
    assert service.get(tmp_path, soap()) == service.get(tmp_path, soap())
    assert len(service.requests) == 1


def test_contact_persons_and_their_telephones_are_not_stored(tmp_path):
    body = answer(contact_surname="Jansen-Verzonnen", mobile_number="06-00000000")
    record = Service(httpx.Response(200, text=body)).get(tmp_path, soap())
    assert record is not None
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"Voorbeeld B.V." in stored
    assert b"Jansen-Verzonnen" not in stored
    assert b"06-00000000" not in stored


@pytest.mark.parametrize("body", ["{}", "<a>{}</a>", "<contact_surname>Jansen-Verzonnen"])
def test_of_an_answer_that_cannot_be_read_no_person_is_stored(tmp_path, body):
    person = "<contact_surname>Jansen-Verzonnen</contact_surname>"
    with pytest.raises(LookupFailed) as raised:
        Service(httpx.Response(200, text=body.format(person))).get(tmp_path, soap())
    assert "Jansen" not in str(raised.value)
    assert all(b"Jansen" not in path.read_bytes() for path in tmp_path.iterdir())


SOAP_OUTCOMES: Mapping[str, tuple[type[Exception] | None, int]] = {
    "Client.Authentication": (ServiceRefuses, 1),
    "Client.Authentication.HostRestriction": (ServiceRefuses, 1),
    "Client.Authentication.Password": (ServiceRefuses, 1),
    "Client.Authentication.Username": (ServiceRefuses, 1),
    "Client.Authorization": (ServiceRefuses, 1),
    "Client.Payment": (ServiceRefuses, 1),
    "Client.Input": (LookupFailed, 1),
    "Client.Input.FormatIncorrect": (LookupFailed, 1),
    "Client.Input.Incomplete": (LookupFailed, 1),
    "Client.Input.Invalid": (LookupFailed, 1),
    "Client": (LookupFailed, 1),
    "Server.Data": (LookupFailed, 1),
    "Server.Data.NotFound": (None, 1),
    "Server.Data.PageNotFound": (LookupFailed, 1),
    "Server.Unavailable": (LookupFailed, 4),
    "Server.Unavailable.InternalError": (LookupFailed, 4),
    "Server.Unavailable.Temporary": (LookupFailed, 4),
    "Server": (LookupFailed, 4),
}


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("code", SOAP_OUTCOMES)
def test_a_fault_tells_the_caller_what_to_do_next_whatever_its_status(tmp_path, code, status):
    error, calls = SOAP_OUTCOMES[code]
    service = Service(fault(code, status))
    if error is None:
        assert service.get(tmp_path, soap()) is None
    else:
        with pytest.raises((LookupFailed, SourceUnavailable), match=code) as raised:
            service.get(tmp_path, soap())
        assert type(raised.value) is error
    assert len(service.requests) == calls


@pytest.mark.parametrize(
    ("status", "error", "calls"),
    [
        (401, ServiceRefuses, 1),
        (403, ServiceRefuses, 1),
        (402, ServiceRefuses, 1),
        (404, LookupFailed, 1),
        (302, SourceUnavailable, 1),
        (429, LookupFailed, 4),
        (503, LookupFailed, 4),
    ],
)
def test_without_an_envelope_the_status_counts(tmp_path, status, error, calls):
    service = Service(httpx.Response(status, text="Back soon"))
    with pytest.raises((LookupFailed, SourceUnavailable)) as raised:
        service.get(tmp_path, soap())
    assert type(raised.value) is error
    assert len(service.requests) == calls


@pytest.mark.parametrize("status", [200, 401, 500])
def test_the_password_stands_in_no_error_no_log_and_not_in_the_ledger(tmp_path, caplog, status):
    caplog.set_level(logging.DEBUG)
    echo = f"<html>{PASSWORD} a-p&amp;ssw&lt;rd-of-company-info"
    with pytest.raises(Exception, match="company_info") as raised:
        Service(httpx.Response(status, text=echo)).get(tmp_path, soap())
    assert "rd-of-company" not in str(raised.value) + caplog.text
    assert all(b"rd-of-company" not in path.read_bytes() for path in tmp_path.iterdir())


def test_soap_needs_a_user_name_and_takes_no_mapping(tmp_path):
    with pytest.raises(ValueError, match="COMPANY_INFO_USERNAME"):
        make_provider("soap")
    with pytest.raises(BadMapping, match="fixed field table"):
        make_provider("soap", user_name="u", mapping=tmp_path / "own.yaml")


def test_the_shipped_mapping_of_the_hub_maps_nothing_and_guesses_nothing(tmp_path):
    record = Service(data([ROW])).get(tmp_path, make_provider("hub"))
    assert record is not None
    empty = CompanyFinancials(kvk_number=NUMBER, fetched_at=record.fetched_at)
    assert record == empty


def test_the_hub_is_searched_by_number_with_its_key(tmp_path):
    service = Service(data([ROW]))
    record = service.get(tmp_path, hub(tmp_path))
    assert record is not None
    assert record.employee_count == 120
    assert record.source_fields == {"employee_count": "/data/attributes/staff"}
    (request,) = service.requests
    assert str(request.url) == (
        f"https://api.company.info/nl/organizations/profiles/v1/entities?query={NUMBER}"
    )
    assert request.headers["x-api-key"] == PASSWORD
    assert request.headers["accept"] == "application/vnd.api+json"


def test_the_prefix_of_the_key_is_a_setting(tmp_path):
    service = Service(data([ROW]))
    service.get(tmp_path, hub(tmp_path, **{"provider: hub": 'provider: hub\nprefix: "Token "'}))
    assert service.requests[0].headers["x-api-key"] == f"Token {PASSWORD}"


def test_search_then_get_asks_for_the_id_that_was_found(tmp_path):
    service = Service(data([ROW]), data(ROW))
    record = service.get(tmp_path, hub(tmp_path, "search_then_get"))
    assert record is not None
    assert record.employee_count == 120
    paths = [request.url.raw_path.decode() for request in service.requests]
    assert paths[1] == "/nl/organizations/profiles/v1/organizations/o%2F7"


def test_direct_asks_by_the_number_alone(tmp_path):
    service = Service(data(ROW))
    assert service.get(tmp_path, hub(tmp_path, "direct")) is not None
    assert service.requests[0].url.path.endswith(f"/organizations/{NUMBER}")


@pytest.mark.parametrize("lookup", ["search", "search_then_get", "direct"])
@pytest.mark.parametrize("rows", [[], None])
def test_empty_data_is_a_company_they_do_not_have(tmp_path, lookup, rows):
    assert Service(data(rows)).get(tmp_path, hub(tmp_path, lookup)) is None


@pytest.mark.parametrize("lookup", ["search", "search_then_get", "direct"])
def test_figures_of_another_company_are_never_taken(tmp_path, lookup):
    other = {**ROW, "attributes": {"number": "11111111", "staff": 9}}
    with pytest.raises(LookupFailed, match=f"asked for {NUMBER}"):
        Service(data(other)).get(tmp_path, hub(tmp_path, lookup))


@pytest.mark.parametrize(
    ("response", "error", "calls", "words"),
    [
        (errors(401, "Authorization Field Missing"), ServiceRefuses, 1, "prefix: 'Token '"),
        (errors(400, "Access to this API has been disallowed"), ServiceRefuses, 1, "expired"),
        (errors(403, "Forbidden"), ServiceRefuses, 1, "Forbidden"),
        (errors(402, "No credit"), ServiceRefuses, 1, "credit"),
        (errors(400, "Bad filter"), LookupFailed, 1, "Bad filter"),
        (errors(404, "Not Found"), LookupFailed, 1, "Not Found"),
        (errors(429, "Slow down"), LookupFailed, 4, "too many"),
        (errors(500, "Oops"), LookupFailed, 4, "Oops"),
        (httpx.Response(200, text="<html>"), LookupFailed, 1, "not JSON"),
        (httpx.Response(200, json={"meta": {}}), LookupFailed, 1, "no data"),
        (httpx.Response(502, text="<html>"), LookupFailed, 4, "html"),
    ],
)
def test_each_answer_of_the_hub_tells_what_to_do_next(tmp_path, response, error, calls, words):
    service = Service(response)
    with pytest.raises((LookupFailed, SourceUnavailable), match=words) as raised:
        service.get(tmp_path, hub(tmp_path))
    assert type(raised.value) is error
    assert len(service.requests) == calls


def test_a_mapping_of_the_hub_must_say_where_the_number_is(tmp_path):
    with pytest.raises(BadMapping, match="kvk_number"):
        hub(tmp_path, **{"kvk_number: /data/attributes/number\n": ""})


@pytest.mark.parametrize("name", ["rest_v1", "hub"])
def test_the_mapping_of_another_provider_is_refused(tmp_path, name):
    (tmp_path / "own.yaml").write_text(json.dumps({"provider": "x", "fields": {}}))
    with pytest.raises(BadMapping, match="provider"):
        make_provider(name, mapping=tmp_path / "own.yaml")
