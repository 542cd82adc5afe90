"""KvK: searches, profiles, and what is refused with which code."""

import json
from typing import Any

import pytest

from signal_assets.sandbox import SANDBOX_KEYS
from signal_assets.sandbox.exchange import Answer, Asked
from signal_assets.sandbox.kvk import KvkService
from signal_assets.sandbox.world import shipped_world

HEADERS = {"apikey": SANDBOX_KEYS["kvk"]}


@pytest.fixture(scope="module")
def kvk() -> KvkService:
    return KvkService(shipped_world())


def get(kvk: KvkService, path: str, *query: tuple[str, str], **headers: str) -> Answer:
    url = "http://127.0.0.1/kvk/api"
    return kvk.answer(Asked("GET", path, query, headers or HEADERS, base_url=url))


def search(kvk: KvkService, *query: tuple[str, str], **parameters: str) -> Answer:
    return get(kvk, "/v2/zoeken", *query, *parameters.items())


def profile(kvk: KvkService, number: str) -> dict[str, Any]:
    payload: dict[str, Any] = get(kvk, f"/v1/basisprofielen/{number}").payload
    return payload


def error_of(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.payload["fout"][0]["code"]


def test_one_company_gives_a_row_for_the_legal_person_and_each_establishment(kvk):
    rows = search(kvk, kvkNummer="00990017").payload["resultaten"]
    kinds = sorted(row["type"] for row in rows)
    assert kinds == ["hoofdvestiging", "nevenvestiging", "rechtspersoon"]
    assert {row["kvkNummer"] for row in rows} == {"00990017"}


def test_a_legal_person_row_has_no_establishment_number_and_no_address(kvk):
    (row,) = search(kvk, kvkNummer="99900011", type="rechtspersoon").payload["resultaten"]
    assert "vestigingsnummer" not in row
    assert "adres" not in row


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("TechCorp", {"99900011"}),
        ("techcorp", {"99900011"}),
        ("Tech", set()),
        ("TechCorp BV", set()),
        ("TechCorp B.V.", {"99900011"}),
        ("Techniek Bedacht", {"99900122", "99900133"}),
        ("VersVoorbeeld", {"99900033"}),
        ("Zonnedauw Levensmiddelen", {"99900033"}),
        ("Verzonnen Logistiek", {"99900044", "99900055"}),
        ("Crème Fictief", {"99900233"}),
        ("Creme Fictief", set()),
        ("Luchtkasteel Events", set()),
        ("Voorbeeldfonds", {"99900166"}),
    ],
)
def test_a_name_is_found_by_exact_whole_words(kvk, name, numbers):
    answer = search(kvk, naam=name)
    if numbers:
        assert {row["kvkNummer"] for row in answer.payload["resultaten"]} == numbers
    else:
        assert error_of(answer) == (404, "IPD5200")


def test_an_expired_name_says_so(kvk):
    rows = search(kvk, naam="Transportbedrijf Luchtbel").payload["resultaten"]
    assert {row["vervallenNaam"] for row in rows} == {"Transportbedrijf Luchtbel B.V."}


def test_pages_hold_every_row_once(kvk):
    pages = [
        search(kvk, kvkNummer="99900155", pagina=str(page), resultatenPerPagina="5").payload
        for page in (1, 2, 3)
    ]
    rows = [row.get("vestigingsnummer") for page in pages for row in page["resultaten"]]
    assert {page["totaal"] for page in pages} == {13}
    assert len(rows) == len(set(rows)) == 13
    assert ("volgende" in pages[0], "volgende" in pages[2]) == (True, False)


def test_a_page_past_the_end_is_an_empty_search(kvk):
    assert error_of(search(kvk, naam="TechCorp", pagina="9")) == (404, "IPD5200")


def test_types_can_be_repeated(kvk):
    rows = search(
        kvk, ("kvkNummer", "00990017"), ("type", "hoofdvestiging"), ("type", "nevenvestiging")
    ).payload["resultaten"]
    assert len(rows) == 2


def test_ended_companies_come_only_when_asked_for(kvk):
    assert search(kvk, naam="Vroeger").status == 404
    rows = search(kvk, naam="Vroeger", inclusiefInactieveRegistraties="true").payload["resultaten"]
    assert {row["actief"] for row in rows} == {"Nee"}


def test_a_shielded_address_shows_its_place_only(kvk):
    (row,) = search(kvk, kvkNummer="99900099", type="hoofdvestiging").payload["resultaten"]
    assert row["adres"] == {"binnenlandsAdres": {"type": "postadres", "plaats": "Apeldoorn"}}


def test_postcode_and_house_number_come_back_when_searched_on(kvk):
    (row,) = search(kvk, postcode="9999aa", huisnummer="12").payload["resultaten"]
    assert row["adres"]["binnenlandsAdres"]["postcode"] == "9999AA"


def test_a_search_by_rsin_returns_it(kvk):
    rsin = profile(kvk, "99900011")["_embedded"]["eigenaar"]["rsin"]
    rows = search(kvk, rsin=rsin).payload["resultaten"]
    assert {row["rsin"] for row in rows} == {rsin}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"q": "TechCorp"}, "IPD1999"),
        ({"handelsnaam": "TechCorp"}, "IPD1999"),
        ({"naam": "TechCorp", "aantal": "10"}, "IPD1999"),
        ({"naam": "TechCorp", "actief": "true"}, "IPD1999"),
        ({"naam": "TechCorp", "InclusiefInactieveRegistraties": "true"}, "IPD1999"),
        ({"naam": "TechCorp", "type": "hoofd"}, "IPD1999"),
        ({"naam": "TechCorp", "pagina": "0"}, "IPD1999"),
        ({"naam": "TechCorp", "pagina": "1001"}, "IPD1999"),
        ({"naam": "TechCorp", "resultatenPerPagina": "101"}, "IPD1999"),
        ({"naam": " "}, "IPD1999"),
        ({"kvkNummer": "990017"}, "IPD0004"),
        ({"vestigingsnummer": "12"}, "IPD0006"),
        ({"rsin": "12"}, "IPD0010"),
        ({"postcode": "9999AA"}, "IPD1999"),
        ({"naam": "x", "huisnummer": "12"}, "IPD1999"),
        ({"postcode": "9999AA", "huisletter": "a"}, "IPD1999"),
        ({}, "IPD1998"),
    ],
)
def test_a_wrong_search_is_a_400_with_its_code(kvk, query, code):
    assert error_of(search(kvk, **query)) == (400, code)


def test_a_profile_has_the_recorded_fields(kvk):
    payload = profile(kvk, "99900011")
    assert payload["indNonMailing"] == "Nee"
    assert payload["materieleRegistratie"] == {"datumAanvang": "20080301"}
    assert payload["sbiActiviteiten"][0]["indHoofdactiviteit"] == "Ja"
    assert payload["_embedded"]["hoofdvestiging"]["adressen"][0]["plaats"] == "Utrecht"
    assert set(payload["_links"]) == {"self", "vestigingen"}


def test_an_association_of_owners_has_no_main_branch_head_count_or_trade_names(kvk):
    payload = profile(kvk, "99900100")
    assert not {"totaalWerkzamePersonen", "handelsnamen"} & set(payload)
    assert set(payload["_embedded"]) == {"eigenaar"}
    answer = get(kvk, "/v1/basisprofielen/99900100/hoofdvestiging")
    assert error_of(answer) == (404, "IPD0005")


def test_a_sole_proprietor_has_no_rsin_and_no_statutory_name(kvk):
    payload = profile(kvk, "99900066")
    assert "statutaireNaam" not in payload
    assert payload["_embedded"]["eigenaar"]["rechtsvorm"] == "Eenmanszaak"
    assert "rsin" not in payload["_embedded"]["eigenaar"]


def test_an_ended_company_has_an_end_date(kvk):
    assert profile(kvk, "99900211")["materieleRegistratie"]["datumEinde"] == "20230630"


def test_every_rsin_passes_the_test_on_elevens():
    for rsin in filter(None, (company.rsin for company in shipped_world().companies)):
        weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
        assert sum(w * int(d) for w, d in zip(weights, rsin, strict=True)) % 11 == 0


def test_establishments_are_listed_with_their_addresses(kvk):
    payload = get(kvk, "/v1/basisprofielen/99900155/vestigingen").payload
    assert payload["totaalAantalVestigingen"] == len(payload["vestigingen"]) == 12


def test_the_owner_stands_on_its_own_too(kvk):
    payload = get(kvk, "/v1/basisprofielen/99900111/eigenaar").payload
    assert payload["rechtsvorm"] == "Stichting"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/basisprofielen/99999999", (404, "IPD0005")),
        ("/v1/basisprofielen/9990001", (400, "IPD0004")),
        ("/v1/handelsregister/99900011", (404, "IPD0001")),
    ],
)
def test_a_profile_that_is_not_there_has_its_code(kvk, path, expected):
    assert error_of(get(kvk, path)) == expected


def test_only_geo_data_may_be_asked_of_a_profile(kvk):
    assert get(kvk, "/v1/basisprofielen/99900011", ("geoData", "false")).status == 200
    answer = get(kvk, "/v1/basisprofielen/99900011", ("fields", "all"))
    assert error_of(answer) == (400, "IPD1999")


def test_profiles_are_billed_and_searches_are_free(kvk):
    assert get(kvk, "/v1/basisprofielen/99900011").is_billed
    assert not search(kvk, naam="TechCorp").is_billed


def test_headers_are_those_of_the_gateway(kvk):
    assert search(kvk, naam="TechCorp").headers["api-version"] == "2.1.0"
    answer = get(kvk, "/v1/basisprofielen/99900011")
    assert answer.headers["content-type"] == "application/hal+json"
    assert get(kvk, "/v2/zoeken", ("naam", "x"), apikey="other").status == 401
    refused = get(kvk, "/v2/zoeken", ("naam", "x"), **HEADERS, accept="application/xml")
    assert refused.status == 406


def recorded_paths(payload: Any, path: str = "") -> set[str]:
    if isinstance(payload, dict):
        return {
            found
            for name, value in payload.items()
            if name not in ("_links", "links")
            for found in recorded_paths(value, f"{path}/{name}")
        }
    if isinstance(payload, list):
        return {found for value in payload for found in recorded_paths(value, f"{path}[]")}
    return {f"{path}:{type(payload).__name__}"}


@pytest.mark.parametrize(
    ("recording", "path", "query"),
    [
        ("zoeken-kvknummer-69599084.json", "/v2/zoeken", [("kvkNummer", "00990017")]),
        ("basisprofiel-68750110.json", "/v1/basisprofielen/99900011", []),
        ("basisprofiel-90000749-no-main-branch.json", "/v1/basisprofielen/99900100", []),
    ],
)
def test_fields_and_types_are_those_of_a_recorded_answer(
    kvk, reference_data, recording, path, query
):
    recorded = json.loads((reference_data / "wire/kvk/recorded" / recording).read_text("utf-8"))
    answer = recorded_paths(get(kvk, path, *query).payload)
    optional = {"huisletter", "huisnummerToevoeging", "postbusnummer"}
    missing = {
        row
        for row in recorded_paths(recorded) - answer
        if row.split(":")[0].split("/")[-1] not in optional
    }
    assert not missing
