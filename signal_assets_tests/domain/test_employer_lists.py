import csv

import pytest

from signal_assets.domain.company_names import normalize_company_name
from signal_assets.domain.employer_lists import Employer, EmployerList
from signal_assets.domain.register_evidence import AdvertisedCompany

EMPLOYERS = EmployerList(
    Employer(name=name, kvk_number=kvk_number)
    for name, kvk_number in [
        ("TechCorp B.V.", "01234567"),
        ("Voorbeeld Groep N.V.", "12345678"),
        ("Dubbel B.V.", "23456789"),
        ("Dubbel N.V.", "34567890"),
        ("Hogeschool Voorbeeldstad", "45678901"),
        ("Gebroeders Voorbeeld v.o.f.", "56789012"),
    ]
)


def look_up(raw_name: str):
    name = normalize_company_name(raw_name)
    assert name
    return EMPLOYERS.match(AdvertisedCompany(name=name))


@pytest.mark.parametrize(
    ("raw_name", "decision", "kvk_number"),
    [
        ("Werken bij TechCorp", "auto", "01234567"),
        ("Hogeschool Voorbeeldstad", "auto", "45678901"),
        ("Voorbeeld", "review", None),
        ("Dubbel", "review", None),
        ("Dubbel N.V.", "auto", "34567890"),
        ("Gebroeders Voorbeeld", "review", None),
        ("Onbekend Bedrijf", "none", None),
    ],
)
def test_the_list_decides_by_name(raw_name, decision, kvk_number):
    match = look_up(raw_name)
    assert (match.decision, match.kvk_number) == (decision, kvk_number)


def test_with_the_right_employer_taken_out_hardly_any_other_is_chosen(reference_data):
    with (reference_data / "data/employers/employers_kvk_nl.csv").open(encoding="utf-8") as file:
        known = EmployerList(
            Employer(name=row["name"], kvk_number=row["kvk_number"]) for row in csv.DictReader(file)
        )
    path = reference_data / "data/name_matching/ad_company_to_kvk_silver.csv"
    with path.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["kvk_numbers"]]
    wrong = 0
    for row in rows:
        name = normalize_company_name(row["company_name_in_ad"])
        assert name
        right = set(row["kvk_numbers"].split(";"))
        others = EmployerList(
            Employer(name=found.name, kvk_number=found.kvk_number)
            for found in known.find(name)
            if found.kvk_number not in right
        )
        wrong += others.match(AdvertisedCompany(name=name)).decision == "auto"
    assert wrong / len(rows) <= 0.01
