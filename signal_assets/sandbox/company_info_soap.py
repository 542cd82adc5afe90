"""Company.info's SOAP service: the dossier of one KvK number, and what can go wrong with it.

What is served follows the service's schema; the companies, and the contact persons that a client
must not keep, are invented.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from signal_assets.domain.soap import ENVELOPE_NAMESPACE, parse_xml
from signal_assets.domain.wire_fields import UnreadableAnswer
from signal_assets.sandbox.exchange import Answer, Asked, Question
from signal_assets.sandbox.fault_board import Fault
from signal_assets.sandbox.faults import FaultShelf, with_headers
from signal_assets.sandbox.keys import SANDBOX_KEYS, SOAP_USER_NAME
from signal_assets.sandbox.world import SandboxCompany, World

PATH = "/soap_doclit"
NAMESPACE = "http://www.webservices.nl/soap/"
OPERATION = "dutchBusinessGetDossierV3"
SOAP_ACTION = f"https://ws1.webservices.nl/soap_doclit.php/{OPERATION}"

CONTACT_SURNAME = "Verzonnen-Contactpersoon"
MOBILE_NUMBER = "06-00000099"

_SOAP = f"{{{ENVELOPE_NAMESPACE}}}"
_OURS = f"{{{NAMESPACE}}}"


class _Refused(Exception):
    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.answer = fault_answer(code, text)


class CompanyInfoSoapService:
    """Dossiers by number; each found one is billed."""

    name = "company_info_soap"

    def __init__(self, world: World) -> None:
        self._companies = {company.kvk_number: company for company in world.companies}
        self._sbi = world.sbi_descriptions

    def question(self, asked: Asked) -> Question:
        number = re.search(rb"dossier_number>\s*([0-9]+)", asked.body)
        if asked.path != PATH or number is None:
            return Question("unknown", asked.path)
        return Question("dossier", number[1].decode())

    def answer(self, asked: Asked) -> Answer:
        if asked.path != PATH:
            return Answer(404, b"Not Found", {"content-type": "text/plain"})
        if asked.method != "POST":
            return Answer(405, b"Only POST is allowed", {"content-type": "text/plain"})
        try:
            envelope = _read_envelope(asked)
            _check_login(envelope)
            company = self._find(_read_number(envelope))
        except _Refused as refused:
            return refused.answer
        return _xml_answer(200, _response(make_dossier(company, self._sbi)), is_billed=True)

    def _find(self, number: str) -> SandboxCompany:
        company = self._companies.get(number)
        if company is None or company.company_info is None:
            raise _Refused("Server.Data.NotFound", f"No business with dossier number {number}.")
        return company


def make_dossier(company: SandboxCompany, sbi: Mapping[str, str]) -> dict[str, Any]:
    """Return the dossier of a company, with fields as the service's schema names them."""
    known = company.company_info or {}
    figures = known.get("financials") or {}
    main = company.main_establishment
    codes = list(company.sbi)
    dossier: dict[str, Any] = {
        "dossier_number": company.kvk_number,
        "establishment_number": main.number if main else "",
        "main_establishment_number": main.number if main else "",
        "indication_main_establishment": main is not None,
        "rsin_number": company.rsin or "",
        "legal_name": company.statutory_name or company.name,
        "trade_name_full": company.name,
        "trade_name_45": company.name[:45],
        "trade_names": list(company.trade_names),
        "legal_form_code": "41" if company.statutory_name else "01",
        "legal_form_text": company.legal_form,
        "establishment_address": {"official": {"city": main.place, "country": "Nederland"}}
        if main
        else {},
        "domain_name": company.websites[0] if company.websites else "",
        "telephone_number": "",
        "mobile_number": MOBILE_NUMBER,
        "contact_title1": "",
        "contact_initials": "V.",
        "contact_prefix": "van",
        "contact_surname": CONTACT_SURNAME,
        "contact_gender": "F",
        "primary_sbi_code": codes[0] if codes else "",
        "primary_sbi_code_text": sbi[codes[0]] if codes else "",
        "secondary_sbi_code1": codes[1] if len(codes) > 1 else "",
        "secondary_sbi_code1_text": sbi[codes[1]] if len(codes) > 1 else "",
        "sbi_collection": {
            "original": [{"sbi_code": code, "description": sbi[code]} for code in codes],
            "company_info": [],
        },
        "personnel": company.employees,
        "personnel_reference_date": _date_parts("20260101"),
        "personnel_ci": known.get("employeeCount") or 0,
        "personnel_ci_reference_date": {"year": 2026, "month": 0, "day": 0},
        "class_personnel": "09",
        "founding_date": _date_parts(company.started),
        "discontinuation_date": _date_parts(company.ended or "00000000"),
        "indication_economically_active": company.ended is None,
        "indication_non_mailing": company.non_mailing == "Ja",
        "indication_bankruptcy": False,
        "indication_dip": False,
    }
    if figures:
        dossier["annual_financial_statement_summary"] = {
            "year": figures.get("year"),
            "turnover": _amount(figures.get("revenue")),
            "profit": _amount(figures.get("profit")),
        }
    return dossier


def fault_answer(code: str, text: str) -> Answer:
    """Return a SOAP fault: the general kind in `faultcode`, the dotted one in `detail`."""
    kind = code.partition(".")[0]
    body = (
        f"<soap:Fault><faultcode>soap:{kind}</faultcode><faultstring>{escape(text)}</faultstring>"
        f"<detail><errorcode>{escape(code)}</errorcode></detail></soap:Fault>"
    )
    return _xml_answer(500, body)


def company_info_soap_faults() -> list[Fault]:
    """Return what can go wrong with the SOAP service."""
    shelf = FaultShelf("company_info_soap", ["dossier"])
    for name, code in (
        ("wrong_password", "Client.Authentication.Password"),
        ("wrong_username", "Client.Authentication.Username"),
        ("wrong_host", "Client.Authentication.HostRestriction"),
        ("not_authorized", "Client.Authorization"),
        ("balance_used_up", "Client.Payment"),
        ("input_invalid", "Client.Input.Invalid"),
        ("input_incomplete", "Client.Input.Incomplete"),
        ("input_misformatted", "Client.Input.FormatIncorrect"),
        ("not_found", "Server.Data.NotFound"),
        ("page_not_found", "Server.Data.PageNotFound"),
        ("unavailable", "Server.Unavailable"),
        ("unavailable_temporarily", "Server.Unavailable.Temporary"),
        ("internal_error", "Server.Unavailable.InternalError"),
    ):
        shelf.instead(name, f"fault {code}", _always(fault_answer(code, f"Fault {code}.")))
    shelf.instead(
        "fault_without_detail",
        "a fault that names only its kind, Server",
        _always(
            _xml_answer(
                500,
                "<soap:Fault><faultcode>soap:Server</faultcode>"
                "<faultstring>Error</faultstring></soap:Fault>",
            )
        ),
    )
    _add_shapes(shelf)
    shelf.add_transport_faults()
    return shelf.faults


def _add_shapes(shelf: FaultShelf) -> None:
    _change(
        shelf,
        "entity_expansion",
        "200 with a document type whose entities grow a billionfold",
        lambda body: body.replace(b"<soap:Envelope", _BOMB + b"<soap:Envelope", 1).replace(
            b"<legal_name>", b"<legal_name>&f;", 1
        ),
    )
    _change(
        shelf,
        "external_entity",
        "200 with a document type that names a file of the reader's",
        lambda body: body.replace(
            b"<soap:Envelope",
            b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]><soap:Envelope',
            1,
        ).replace(b"<legal_name>", b"<legal_name>&f;", 1),
    )
    _change(
        shelf,
        "other_number",
        "200 about another KvK number than was asked",
        lambda body: re.sub(
            rb"<dossier_number>[0-9]+</dossier_number>",
            b"<dossier_number>99999999</dossier_number>",
            body,
        ),
    )
    _change(
        shelf,
        "empty_out",
        "200 with an empty dossier",
        lambda body: re.sub(rb"(?s)<out>.*</out>", b"<out/>", body),
    )
    _change(
        shelf,
        "wrong_types",
        "200 with words where numbers, flags and dates belong",
        lambda body: re.sub(
            rb"(?s)<(personnel|personnel_ci|indication_non_mailing|founding_date|turnover)>.*?</\1>",
            rb"<\1>vele</\1>",
            body,
        ),
    )
    shelf.instead(
        "too_fast",
        "429 with retry-after: 1",
        _always(with_headers(_plain(429), {"retry-after": "1"})),
    )
    shelf.instead("bad_gateway_text", "502 with a plain text", _always(_plain(502)))


_BOMB = (
    b'<!DOCTYPE x [<!ENTITY a "ha">'
    + b"".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">'.encode()
        for before, name in zip("abcde", "bcdef", strict=True)
    )
    + b"]>"
)


def _change(shelf: FaultShelf, name: str, line: str, change: Callable[[bytes], bytes]) -> None:
    def apply(asked: Asked, answer: Answer) -> Answer:
        if answer.status != 200:
            return answer
        return Answer(200, change(answer.body), answer.headers, answer.is_billed)

    shelf.after(name, line, apply)


def _always(answer: Answer) -> Callable[[Asked], Answer]:
    return lambda asked: answer


def _plain(status: int) -> Answer:
    return Answer(status, b"Back soon", {"content-type": "text/plain"})


def _read_envelope(asked: Asked) -> ElementTree.Element:
    if asked.headers.get("soapaction", "").strip('"') != SOAP_ACTION:
        raise _Refused("Client.Input.Invalid", "The SOAPAction is missing or not known.")
    if not asked.headers.get("content-type", "").startswith("text/xml"):
        raise _Refused("Client.Input.FormatIncorrect", "The content type is not text/xml.")
    try:
        return parse_xml(asked.body.decode("utf-8", "replace"))
    except UnreadableAnswer:
        raise _Refused("Client.Input.FormatIncorrect", "The request is not XML.") from None


def _check_login(envelope: ElementTree.Element) -> None:
    login = f"{_SOAP}Header/{_OURS}HeaderLogin/{_OURS}"
    if envelope.findtext(f"{login}username") != SOAP_USER_NAME:
        raise _Refused("Client.Authentication.Username", "The user name is not known.")
    if envelope.findtext(f"{login}password") != SANDBOX_KEYS["company_info_soap"]:
        raise _Refused("Client.Authentication.Password", "The password is wrong.")


def _read_number(envelope: ElementTree.Element) -> str:
    question = envelope.find(f"{_SOAP}Body/{_OURS}{OPERATION}")
    if question is None:
        raise _Refused("Client.Input.Invalid", f"Only {OPERATION} is known here.")
    number = question.findtext(f"{_OURS}dossier_number")
    if not number:
        raise _Refused("Client.Input.Incomplete", "The dossier number is missing.")
    if not re.fullmatch(r"[0-9]{8}", number):
        raise _Refused("Client.Input.FormatIncorrect", "A dossier number has eight digits.")
    return number


def _response(dossier: Mapping[str, Any]) -> str:
    parts = "".join(_element(name, value) for name, value in dossier.items())
    name = f"ns1:{OPERATION}Response"
    return f'<{name} xmlns:ns1="{NAMESPACE}"><out>{parts}</out></{name}>'


def _element(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return f"<{name}>{str(value).lower()}</{name}>"
    if isinstance(value, Mapping):
        inner = "".join(_element(part, held) for part, held in value.items())
        return f"<{name}>{inner}</{name}>"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"<{name}>{''.join(_element('item', item) for item in value)}</{name}>"
    return f"<{name}>{escape(str(value))}</{name}>"


def _xml_answer(status: int, inner: str, *, is_billed: bool = False) -> Answer:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<soap:Envelope xmlns:soap="{ENVELOPE_NAMESPACE}"><soap:Body>{inner}</soap:Body>'
        "</soap:Envelope>"
    )
    return Answer(status, body.encode(), {"content-type": "text/xml; charset=utf-8"}, is_billed)


def _date_parts(text: str) -> dict[str, int]:
    return {"year": int(text[:4]), "month": int(text[4:6]), "day": int(text[6:])}


def _amount(value: int | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return {"amount": value, "currency": "EUR", "formatted": f"EUR {value:,}"}
