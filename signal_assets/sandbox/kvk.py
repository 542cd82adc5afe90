"""KvK's Zoeken v2 and Basisprofiel v1, as the register answers them."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlencode

from signal_assets.domain.records import Record
from signal_assets.sandbox.exchange import Answer, Asked, Question, json_answer
from signal_assets.sandbox.keys import SANDBOX_KEYS
from signal_assets.sandbox.world import Address, Establishment, SandboxCompany, World

MAX_RESULTS = 1000
_FORMS = {
    "kvkNummer": r"[0-9]{8}",
    "rsin": r"[0-9]{9}",
    "vestigingsnummer": r"[0-9]{12}",
    "naam": r"(?s).*\S.*",
    "straatnaam": r"(?s).*\S.*",
    "plaats": r"(?s).*\S.*",
    "postcode": r"[0-9]{4}[a-zA-Z]{2}",
    "huisnummer": r"[0-9]{1,5}",
    "huisletter": r"[a-zA-Z]",
    "postbusnummer": r"[0-9]+",
    "type": r"hoofdvestiging|nevenvestiging|rechtspersoon",
    "inclusiefInactieveRegistraties": r"true|false",
    "pagina": r"[0-9]+",
    "resultatenPerPagina": r"[0-9]+",
}
_INVALID_CODES = {"kvkNummer": "IPD0004", "vestigingsnummer": "IPD0006", "rsin": "IPD0010"}
_CRITERIA = (
    "kvkNummer",
    "rsin",
    "vestigingsnummer",
    "naam",
    "straatnaam",
    "plaats",
    "postcode",
)
_NEEDS = {
    "huisnummer": ("postcode",),
    "huisletter": ("huisnummer",),
    "postbusnummer": ("postcode",),
    "postcode": ("huisnummer", "postbusnummer"),
}
_PROFILE_PATH = re.compile(r"/v1/basisprofielen/([^/]+)(?:/(eigenaar|hoofdvestiging|vestigingen))?")


class _Refused(Exception):
    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text


class _Row(Record):
    company: SandboxCompany
    kind: str
    names: tuple[str, ...]
    establishment: Establishment | None = None


class KvkService:
    """The Business Register; searching is free, each profile call is billed."""

    name = "kvk"

    def __init__(self, world: World) -> None:
        self._companies = {company.kvk_number: company for company in world.companies}
        self._sbi = world.sbi_descriptions
        self._rows = [row for company in world.companies for row in _rows_of(company)]

    def question(self, asked: Asked) -> Question:
        query = urlencode(sorted(asked.query))
        if asked.path == "/v2/zoeken":
            return Question("zoeken", query)
        found = _PROFILE_PATH.fullmatch(asked.path)
        if found is None:
            return Question("unknown", asked.path)
        product = f"basisprofielen/{found[2]}" if found[2] else "basisprofielen"
        return Question(product, found[1] + (f"?{query}" if query else ""))

    def answer(self, asked: Asked) -> Answer:
        try:
            _check_request(asked)
            if asked.path == "/v2/zoeken":
                return self._search(asked)
            return self._profile(asked)
        except _Refused as refused:
            return fault_answer(refused.status, refused.code, refused.text)

    def _search(self, asked: Asked) -> Answer:
        parameters = _read_search(asked.query)
        rows = [row for row in self._rows if _fits(row, parameters)]
        page = int(parameters.get("pagina", ["1"])[0])
        size = int(parameters.get("resultatenPerPagina", ["10"])[0])
        shown = rows[:MAX_RESULTS][(page - 1) * size : page * size]
        if not shown:
            raise _Refused(
                404,
                "IPD5200",
                "Er zijn geen gegevens gevonden die voldoen aan de opgegeven zoekparameters.",
            )
        payload: dict[str, Any] = {
            "pagina": page,
            "resultatenPerPagina": size,
            "totaal": len(rows),
            **_page_links(asked, page, size, len(rows)),
            "resultaten": [_render_row(row, parameters, asked.base_url) for row in shown],
            "_links": {"self": {"href": _search_url(asked, page)}},
        }
        return _hal(payload, "2.1.0", is_billed=False)

    def _profile(self, asked: Asked) -> Answer:
        found = _PROFILE_PATH.fullmatch(asked.path)
        if found is None:
            raise _Refused(404, "IPD0001", "Het product bestaat niet.")
        number, part = found[1], found[2]
        _check_profile_query(asked.query)
        if not re.fullmatch(r"[0-9]{8}", number):
            raise _Refused(400, "IPD0004", f"Het KVK-nummer {number} is niet valide.")
        company = self._companies.get(number)
        renderers: dict[str | None, Callable[[SandboxCompany, str], dict[str, Any] | None]] = {
            None: self._render_profile,
            "eigenaar": _render_owner,
            "hoofdvestiging": _render_main_establishment,
            "vestigingen": _render_establishments,
        }
        payload = renderers[part](company, asked.base_url) if company else None
        if payload is None:
            text = f"Op basis van het KVK-nummer {number} kan het product niet worden geleverd."
            raise _Refused(404, "IPD0005", text)
        return _hal(payload, "1.5.0", is_billed=True)

    def _render_profile(self, company: SandboxCompany, base_url: str) -> dict[str, Any]:
        number = company.kvk_number
        registration = {"datumAanvang": company.started}
        if company.ended:
            registration["datumEinde"] = company.ended
        embedded = {"hoofdvestiging": _render_main_establishment(company, base_url)}
        embedded["eigenaar"] = _render_owner(company, base_url)
        payload: dict[str, Any] = {
            "kvkNummer": number,
            "indNonMailing": company.non_mailing,
            "naam": company.name,
            "formeleRegistratiedatum": company.registered,
            "materieleRegistratie": registration,
            "totaalWerkzamePersonen": company.employees,
            "statutaireNaam": company.statutory_name,
            "handelsnamen": [
                {"naam": name, "volgorde": place} for place, name in enumerate(company.trade_names)
            ],
            "sbiActiviteiten": [
                {
                    "sbiCode": code,
                    "sbiOmschrijving": self._sbi[code],
                    "indHoofdactiviteit": "Nee" if place else "Ja",
                }
                for place, code in enumerate(company.sbi)
            ],
            "_embedded": _without_nulls(embedded),
            "_links": _links(base_url, number, "self", "vestigingen"),
        }
        return _without_nulls(payload)


def fault_answer(status: int, code: str, text: str) -> Answer:
    """Return KvK's error body."""
    return json_answer(status, {"fout": [{"code": code, "omschrijving": text}]})


def _hal(payload: dict[str, Any], version: str, *, is_billed: bool) -> Answer:
    return json_answer(
        200,
        payload,
        headers={"api-version": version},
        content_type="application/hal+json",
        is_billed=is_billed,
    )


def _check_request(asked: Asked) -> None:
    if asked.headers.get("apikey") != SANDBOX_KEYS["kvk"]:
        raise _Refused(401, "401", "Geen geldige API key.")
    if asked.method != "GET":
        raise _Refused(405, "405", "Alleen GET is toegestaan.")
    accepted = asked.headers.get("accept", "*/*")
    kinds = {part.split(";")[0].strip() for part in accepted.split(",")}
    if not kinds & {"*/*", "application/*", "application/json", "application/hal+json"}:
        raise _Refused(406, "406", f"Accept {accepted} wordt niet ondersteund.")


def _check_profile_query(query: Iterable[tuple[str, str]]) -> None:
    for name, value in query:
        if name != "geoData" or value not in ("true", "false"):
            raise _Refused(400, "IPD1999", f"De parameter {name} is onbekend of onjuist.")


def _read_search(query: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    parameters: dict[str, list[str]] = {}
    for name, value in query:
        if name not in _FORMS:
            raise _Refused(400, "IPD1999", f"De parameter {name} is onbekend.")
        if not re.fullmatch(_FORMS[name], value):
            code = _INVALID_CODES.get(name, "IPD1999")
            raise _Refused(400, code, f"De waarde van {name} is niet valide.")
        if name in parameters and name != "type":
            raise _Refused(400, "IPD1999", f"De parameter {name} is meer dan eens opgegeven.")
        parameters.setdefault(name, []).append(value)
    _check_together(parameters)
    return parameters


def _check_together(parameters: dict[str, list[str]]) -> None:
    if not any(name in parameters for name in _CRITERIA):
        raise _Refused(400, "IPD1998", "Geef ten minste een zoekcriterium op.")
    for name, others in _NEEDS.items():
        if name in parameters and not any(other in parameters for other in others):
            text = f"De parameter {name} kan alleen samen met {' of '.join(others)}."
            raise _Refused(400, "IPD1999", text)
    limits = {"pagina": 1000, "resultatenPerPagina": 100}
    for name, limit in limits.items():
        if name in parameters and not 1 <= int(parameters[name][0]) <= limit:
            raise _Refused(400, "IPD1999", f"De parameter {name} moet tussen 1 en {limit} liggen.")


def _rows_of(company: SandboxCompany) -> Iterator[_Row]:
    """One row per legal person and establishment, in an order that differs per company."""
    rows = [
        _Row(
            company=company,
            kind="hoofdvestiging" if place.is_main else "nevenvestiging",
            names=place.trade_names,
            establishment=place,
        )
        for place in company.establishments
    ]
    if company.statutory_name:
        names = (company.statutory_name,)
        rows.insert(0, _Row(company=company, kind="rechtspersoon", names=names))
    return reversed(rows) if int(company.kvk_number) % 2 else iter(rows)


def _fits(row: _Row, parameters: dict[str, list[str]]) -> bool:
    company, place = row.company, row.establishment
    if "type" in parameters and row.kind not in parameters["type"]:
        return False
    inactive = parameters.get("inclusiefInactieveRegistraties") == ["true"]
    if company.ended and not inactive:
        return False
    wanted = {
        "kvkNummer": company.kvk_number,
        "rsin": company.rsin,
        "vestigingsnummer": place.number if place else None,
    }
    for name, value in wanted.items():
        if name in parameters and parameters[name][0] != value:
            return False
    if "naam" in parameters and not _matching_name(row, parameters["naam"][0]):
        return False
    return _address_fits(row, parameters)


def _matching_name(row: _Row, query: str) -> str | None:
    """Return the name that holds every word of `query` as a whole word, an expired one last."""
    wanted = set(_words(query))
    names = (*row.names, *row.company.expired_names)
    return next((name for name in names if wanted <= set(_words(name))), None)


def _words(text: str) -> list[str]:
    return text.casefold().replace(",", " ").split()


def _address_fits(row: _Row, parameters: dict[str, list[str]]) -> bool:
    place = row.establishment or row.company.seat
    is_open = place is not None and not (row.establishment and row.establishment.is_shielded)
    visible = place if is_open else None
    values = {
        "plaats": place.place if place else None,
        "straatnaam": visible.street if visible else None,
        "postcode": visible.postcode if visible else None,
        "huisnummer": str(visible.house_number) if visible else None,
        "huisletter": None,
        "postbusnummer": None,
    }
    return all(
        (value or "").casefold() == parameters[name][0].casefold()
        for name, value in values.items()
        if name in parameters
    )


def _render_row(row: _Row, parameters: dict[str, list[str]], base_url: str) -> dict[str, Any]:
    company, place = row.company, row.establishment
    name = row.names[0]
    links = {"basisprofiel": {"href": f"{base_url}/v1/basisprofielen/{company.kvk_number}"}}
    if place:
        href = f"{base_url}/v1/vestigingsprofielen/{place.number}"
        links["vestigingsprofiel"] = {"href": href}
    payload: dict[str, Any] = {
        "kvkNummer": company.kvk_number,
        "rsin": company.rsin if "rsin" in parameters else None,
        "vestigingsnummer": place.number if place else None,
        "naam": name,
        "adres": _render_row_address(row, parameters),
        "type": row.kind,
        "_links": links,
    }
    if "inclusiefInactieveRegistraties" in parameters:
        payload["actief"] = "Nee" if company.ended else "Ja"
    matched = _matching_name(row, parameters["naam"][0]) if "naam" in parameters else None
    if matched in company.expired_names:
        payload["vervallenNaam"] = matched
    return _without_nulls(payload)


def _render_row_address(row: _Row, parameters: dict[str, list[str]]) -> dict[str, Any] | None:
    """Postcode and house number come back only when they were asked for."""
    place = row.establishment
    if place is None:
        seat = row.company.seat
        return {"binnenlandsAdres": _visit(seat, parameters)} if seat else None
    if place.is_shielded:
        return {"binnenlandsAdres": {"type": "postadres", "plaats": place.place}}
    return {"binnenlandsAdres": _visit(place, parameters)}


def _visit(place: Address, parameters: dict[str, list[str]]) -> dict[str, Any]:
    address: dict[str, Any] = {"type": "bezoekadres", "straatnaam": place.street}
    if "postcode" in parameters:
        address |= {"huisnummer": place.house_number, "postcode": place.postcode}
    return {**address, "plaats": place.place}


def _search_url(asked: Asked, page: int) -> str:
    query = [(name, value) for name, value in asked.query if name != "pagina"]
    return f"{asked.base_url}/v2/zoeken?{urlencode([*query, ('pagina', str(page))])}"


def _page_links(asked: Asked, page: int, size: int, total: int) -> dict[str, str]:
    links = {}
    if page > 1:
        links["vorige"] = _search_url(asked, page - 1)
    if page * size < min(total, MAX_RESULTS):
        links["volgende"] = _search_url(asked, page + 1)
    return links


def _render_owner(company: SandboxCompany, base_url: str) -> dict[str, Any]:
    addresses = [_render_visiting_address(company.seat)] if company.seat else None
    return _without_nulls(
        {
            "rsin": company.rsin,
            "rechtsvorm": company.legal_form,
            "uitgebreideRechtsvorm": company.legal_form,
            "datumUitschrijving": company.ended,
            "adressen": addresses,
            "_links": _links(base_url, company.kvk_number, "eigenaar", "basisprofiel"),
        }
    )


def _render_main_establishment(company: SandboxCompany, base_url: str) -> dict[str, Any] | None:
    place = company.main_establishment
    if place is None:
        return None
    return _without_nulls(
        {
            "vestigingsnummer": place.number,
            "kvkNummer": company.kvk_number,
            "formeleRegistratiedatum": company.registered,
            "materieleRegistratie": {"datumAanvang": company.started},
            "eersteHandelsnaam": place.trade_names[0],
            "indHoofdvestiging": "Ja",
            "indCommercieleVestiging": "Ja",
            "totaalWerkzamePersonen": place.employees,
            "adressen": [_render_address(place)],
            "websites": list(company.websites),
            "_links": _links(base_url, company.kvk_number, "hoofdvestiging", "basisprofiel"),
        }
    )


def _render_address(place: Establishment) -> dict[str, Any]:
    if place.is_shielded:
        return {
            "type": "correspondentieadres",
            "indAfgeschermd": "Ja",
            "volledigAdres": place.place,
            "plaats": place.place,
            "land": "Nederland",
        }
    return _render_visiting_address(place)


def _render_visiting_address(place: Address) -> dict[str, Any]:
    return {
        "type": "bezoekadres",
        "indAfgeschermd": "Nee",
        "volledigAdres": f"{_street_line(place)}          {place.postcode} {place.place}",
        "straatnaam": place.street,
        "huisnummer": place.house_number,
        "postcode": place.postcode,
        "plaats": place.place,
        "land": "Nederland",
    }


def _street_line(place: Address) -> str:
    return f"{place.street} {place.house_number}"


def _render_establishments(company: SandboxCompany, base_url: str) -> dict[str, Any] | None:
    if not company.establishments:
        return None
    number = company.kvk_number
    return {
        "kvkNummer": number,
        "aantalCommercieleVestigingen": len(company.establishments),
        "aantalNietCommercieleVestigingen": 0,
        "totaalAantalVestigingen": len(company.establishments),
        "vestigingen": [
            {
                "vestigingsnummer": place.number,
                "kvkNummer": number,
                "eersteHandelsnaam": place.trade_names[0],
                "indHoofdvestiging": "Ja" if place.is_main else "Nee",
                "indAdresAfgeschermd": "Ja" if place.is_shielded else "Nee",
                "indCommercieleVestiging": "Ja",
                "volledigAdres": place.place
                if place.is_shielded
                else f"{_street_line(place)} {place.postcode} {place.place}",
            }
            for place in company.establishments
        ],
        "_links": _links(base_url, number, "vestigingen", "basisprofiel"),
    }


def _links(base_url: str, number: str, *relations: str) -> dict[str, Any]:
    """Return KvK's links; the first relation is the page itself."""
    base = f"{base_url}/v1/basisprofielen/{number}"
    own = relations[0]
    links = {"self": {"href": base if own == "self" else f"{base}/{own}"}}
    for relation in relations[1:]:
        tail = "" if relation == "basisprofiel" else f"/{relation}"
        links[relation] = {"href": base + tail}
    return links


def _without_nulls(payload: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in payload.items() if value not in (None, [])}
