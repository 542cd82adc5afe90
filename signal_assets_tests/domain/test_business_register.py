import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from signal_assets.domain.business_register import (
    RegisterDate,
    parse_establishment,
    parse_establishments,
    parse_faults,
    parse_profile,
    parse_register_date,
    parse_search,
)
from signal_assets.domain.companies import KvkProfile
from signal_assets.domain.wire_fields import UnreadableAnswer

FETCHED = datetime(2026, 3, 1, tzinfo=UTC)

PROFILE: dict[str, Any] = {
    "kvkNummer": "02076358",
    "indNonMailing": "Ja",
    "naam": "Voorbeeld Installaties B.V.",
    "formeleRegistratiedatum": "20120301",
    "materieleRegistratie": {"datumAanvang": "20120215"},
    "totaalWerkzamePersonen": 87,
    "statutaireNaam": "Voorbeeld Installaties B.V.",
    "handelsnamen": [
        {"naam": "Voorbeeld Koeling", "volgorde": 1},
        {"naam": "Voorbeeld Installaties", "volgorde": 0},
        {"naam": "Voorbeeld Koeling", "volgorde": 2},
    ],
    "sbiActiviteiten": [
        {"sbiCode": "01241", "sbiOmschrijving": "Teelt", "indHoofdactiviteit": "Ja"},
        {"sbiCode": "43220", "indHoofdactiviteit": "Nee"},
    ],
    "_embedded": {
        "hoofdvestiging": {
            "websites": ["WWW.Voorbeeld.nl", "https://voorbeeld.nl/over", "geen adres"],
            "adressen": [
                {"type": "correspondentieadres", "indAfgeschermd": "Nee", "plaats": "Postdorp"},
                {"type": "bezoekadres", "indAfgeschermd": "Nee", "plaats": "Lollum"},
            ],
        },
        "eigenaar": {"rsin": "857587973", "rechtsvorm": "BeslotenVennootschap"},
    },
}


def parse(**changes: object) -> KvkProfile:
    return parse_profile(PROFILE | changes, FETCHED)


def test_a_profile_holds_what_the_product_uses():
    profile = parse()
    assert profile.kvk_number == "02076358"
    assert profile.trade_names == ("Voorbeeld Installaties", "Voorbeeld Koeling")
    assert profile.legal_form == "besloten_vennootschap"
    assert profile.is_natural_person_business is False
    assert [(row.sbi_code, row.is_main) for row in profile.sbi_activities] == [
        ("01241", True),
        ("43220", False),
    ]
    assert profile.registration_date == date(2012, 3, 1)
    assert profile.place == "Lollum"
    assert profile.websites == ("www.voorbeeld.nl", "voorbeeld.nl")
    assert (profile.is_active, profile.non_mailing, profile.employee_count) == (True, True, 87)


def test_what_the_register_does_not_say_is_none():
    bare = {"kvkNummer": "02076358", "naam": "Voorbeeld"}
    profile = parse_profile(bare, FETCHED)
    assert profile.employee_count is None
    assert profile.non_mailing is None
    assert profile.legal_form is None
    assert profile.is_natural_person_business is None
    assert profile.registration_date is None
    assert profile.place is None
    assert (profile.trade_names, profile.sbi_activities, profile.websites) == ((), (), ())


def test_the_shape_of_the_links_changes_nothing():
    listed = parse(links=[{"rel": "self", "href": "https://x.test"}])
    keyed = parse(_links={"self": {"href": "https://x.test"}})
    assert listed == keyed == parse(links="anything", _links=7)


def test_a_one_person_business_is_flagged_and_has_no_rsin():
    owner = {"rechtsvorm": "Eenmanszaak"}
    profile = parse(_embedded={"eigenaar": owner})
    assert (profile.is_natural_person_business, profile.rsin) == (True, None)


@pytest.mark.parametrize(
    ("form", "natural"),
    [
        ("Vennootschap onder firma", True),
        ("Maatschap", True),
        ("Commanditaire vennootschap", True),
        ("Naamloze vennootschap", False),
        ("Rederij", None),
    ],
)
def test_who_stands_behind_a_form_is_known_or_none(form, natural):
    profile = parse(_embedded={"eigenaar": {"rechtsvorm": form}})
    assert profile.is_natural_person_business is natural
    assert profile.legal_form_text == form


def test_a_shielded_address_gives_its_place_only():
    shielded = {"type": "correspondentieadres", "indAfgeschermd": "Ja", "plaats": "Sterksel"}
    profile = parse(_embedded={"hoofdvestiging": {"adressen": [shielded]}})
    assert profile.place == "Sterksel"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20170519", RegisterDate(date(2017, 5, 19), 2017)),
        ("20190000", RegisterDate(None, 2019)),
        ("20190600", RegisterDate(None, 2019)),
        ("00000000", RegisterDate(None, None)),
    ],
)
def test_parts_of_a_date_may_be_unknown(text, expected):
    assert parse_register_date(text) == expected
    profile = parse(formeleRegistratiedatum=text)
    assert (profile.registration_date, profile.registration_year) == expected


@pytest.mark.parametrize("text", ["2017-05-19", "20170231", "2017", "abcdefgh"])
def test_what_is_no_date_is_an_error(text):
    with pytest.raises(UnreadableAnswer, match="formeleRegistratiedatum is no date"):
        parse(formeleRegistratiedatum=text)


@pytest.mark.parametrize("ended", ["20240131", "20240000"])
def test_an_end_date_ends_the_company_also_when_its_day_is_unknown(ended):
    profile = parse(materieleRegistratie={"datumAanvang": "20120215", "datumEinde": ended})
    assert profile.is_active is False


@pytest.mark.parametrize(
    ("fetched", "edition"),
    [
        (datetime(2025, 9, 6, 23, 59, tzinfo=UTC), "unknown"),
        (datetime(2025, 9, 7, tzinfo=UTC), "2025"),
    ],
)
def test_the_edition_of_the_codes_is_known_since_the_register_moved(fetched, edition):
    assert parse_profile(PROFILE, fetched).sbi_edition == edition


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kvkNummer": 2076358}, "kvkNummer is a number, not text"),
        ({"kvkNummer": "2076358"}, "kvkNummer is not 8 digits"),
        ({"naam": None}, "naam is missing"),
        ({"totaalWerkzamePersonen": "veel"}, "totaalWerkzamePersonen is text, not a whole number"),
        ({"totaalWerkzamePersonen": True}, "totaalWerkzamePersonen is true or false"),
        ({"totaalWerkzamePersonen": -1}, "totaalWerkzamePersonen is no count"),
        ({"indNonMailing": "Misschien"}, "indNonMailing is neither Ja nor Nee"),
        ({"indNonMailing": True}, "indNonMailing is true or false, not text"),
        ({"handelsnamen": "Voorbeeld"}, "handelsnamen is text, not a list"),
        ({"handelsnamen": [1]}, r"handelsnamen\[0\] is a number, not an object"),
        ({"sbiActiviteiten": [{"sbiCode": 1241}]}, r"sbiActiviteiten\[0\].sbiCode is a number"),
        ({"_embedded": []}, "_embedded is a list, not an object"),
        ({"_embedded": {"eigenaar": {"rsin": "1"}}}, "_embedded.eigenaar.rsin is not 9 digits"),
    ],
)
def test_a_value_of_another_kind_is_an_error_that_names_the_field(changes, words):
    with pytest.raises(UnreadableAnswer, match=words):
        parse(**changes)


def test_a_search_keeps_all_rows_of_one_company():
    found = parse_search(
        {
            "totaal": 250,
            "resultaten": [
                {"kvkNummer": "02076358", "naam": "Voorbeeld", "type": "rechtspersoon"},
                {
                    "kvkNummer": "02076358",
                    "vestigingsnummer": "000012345678",
                    "naam": "Voorbeeld Noord",
                    "type": "nevenvestiging",
                    "adres": {"binnenlandsAdres": {"type": "bezoekadres", "plaats": "Lollum"}},
                    "actief": "Nee",
                    "vervallenNaam": "Oud Voorbeeld",
                },
                {
                    "kvkNummer": "12345678",
                    "naam": "Abroad",
                    "type": "hoofdvestiging",
                    "adres": {"buitenlandsAdres": {"land": "België"}},
                },
            ],
        }
    )
    assert (found.total, found.is_complete) == (250, False)
    assert [row.place for row in found.rows] == [None, "Lollum", None]
    assert (found.rows[1].is_active, found.rows[1].expired_name) == (False, "Oud Voorbeeld")


def test_a_row_of_an_unknown_kind_is_an_error():
    rows = [{"kvkNummer": "02076358", "naam": "X", "type": "onderneming"}]
    with pytest.raises(UnreadableAnswer, match=r"resultaten\[0\].type is none of"):
        parse_search({"resultaten": rows})


def test_the_place_of_an_establishment_stands_behind_its_postcode():
    rows = [{"vestigingsnummer": "000012345678", "volledigAdres": "Plein 1 A   3015CX 's  Hage"}]
    found = parse_establishments({"kvkNummer": "02076358", "vestigingen": rows})
    assert (found.total, found.rows[0].place) == (1, "'s Hage")


@pytest.mark.parametrize(
    "payload",
    [
        {"fout": [{"code": "IPD0005", "omschrijving": "Geen."}]},
        {"meldingen": {"fout": [{"code": "IPD0005", "omschrijving": "Geen."}]}},
    ],
)
def test_both_shapes_of_an_error_are_read(payload):
    (fault,) = parse_faults(payload)
    assert (fault.code, fault.text) == ("IPD0005", "Geen.")


@pytest.mark.parametrize("payload", [{}, {"fout": "stuk"}, {"fout": ["stuk"]}, {"meldingen": []}])
def test_an_error_of_another_shape_gives_no_reasons(payload):
    assert parse_faults(payload) == ()


def test_every_recorded_answer_parses(reference_data):
    folder = reference_data / "wire" / "kvk" / "recorded"
    parsed = []
    for path in sorted(folder.glob("*-*.json")):
        payload = json.loads(path.read_text("utf-8"))
        kind = path.name.split("-")[0]
        if "404" in path.name or "400" in path.name or "500" in path.name:
            parsed.append(bool(parse_faults(payload)))
        elif kind == "zoeken":
            found = parse_search(payload)
            parsed.append(found.total == len(found.rows) > 0)
        elif kind == "basisprofiel":
            profile = parse_profile(payload, FETCHED)
            parsed.append(profile.is_active is True and profile.place is not None)
        else:
            place = parse_establishment(payload)
            parsed.append(place.kvk_number is not None and place.place is not None)
    assert len(parsed) == len(list(folder.glob("*.json"))) - 1  # the index
    assert all(parsed)


def test_recorded_answers_with_either_shape_of_links_give_the_same_record(reference_data):
    folder = reference_data / "wire" / "kvk" / "recorded"
    for kind, parse_one in (
        ("basisprofiel", lambda payload: parse_profile(payload, FETCHED)),
        ("zoeken-kvknummer", parse_search),
    ):
        keyed = json.loads((folder / f"{kind}-69599084.json").read_text("utf-8"))
        listed = json.loads((folder / f"{kind}-69599084-links-array.json").read_text("utf-8"))
        assert parse_one(keyed) == parse_one(listed)


def test_the_recorded_owners_association_gives_nulls_not_a_crash(reference_data):
    path = (
        reference_data / "wire" / "kvk" / "recorded" / "basisprofiel-90000749-no-main-branch.json"
    )
    profile = parse_profile(json.loads(path.read_text("utf-8")), FETCHED)
    assert profile.legal_form == "vereniging_van_eigenaars"
    assert (profile.employee_count, profile.trade_names) == (None, ())
    assert profile.place == "Dordrecht"
