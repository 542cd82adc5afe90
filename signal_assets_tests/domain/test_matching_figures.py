"""How often a name alone leads to the right company: on invented names, and on real ones."""

import csv
import itertools
from collections.abc import Collection, Iterable
from pathlib import Path

import pytest

from signal_assets.domain.companies import Match
from signal_assets.domain.company_names import normalize_company_name
from signal_assets.domain.employer_lists import Employer, EmployerList
from signal_assets.domain.register_evidence import AdvertisedCompany, group_entries
from signal_assets.domain.register_matching import decide

FIRST = ("Zilver", "Noorder", "Klaver", "Duin", "Waal", "Ster", "Molen", "Hazel", "Berg", "Rijn")
SECOND = ("techniek", "logistiek", "zuivel", "staal", "zorg", "data", "hout", "verf", "textiel")
ENDINGS = (" B.V.", " Nederland B.V.", " Groep N.V.", " Holding B.V.", " Coöperatief U.A.")


def invented() -> list[Employer]:
    pairs = list(itertools.product(FIRST, SECOND))
    return [
        Employer(name=f"{first}{second}{ENDINGS[index % len(ENDINGS)]}", kvk_number=f"{index:08}")
        for index, (first, second) in enumerate(pairs)
    ]


INVENTED = invented()


def look_up(known: EmployerList, raw_name: str, without: Collection[str] = ()) -> Match:
    name = normalize_company_name(raw_name)
    assert name
    rows = [row for row in known.find(name) if row.kvk_number not in without]
    return decide(AdvertisedCompany(name=name), group_entries(rows, {}), is_complete=True)


def first(match: Match) -> str | None:
    if match.decision == "none" or not match.candidates:
        return None
    return match.candidates[0].kvk_number


@pytest.mark.parametrize(
    ("edit", "decision"),
    [
        (lambda name: name, "auto"),
        (lambda name: name.upper().replace(".", ""), "auto"),
        (lambda name: f"Werken bij {name}", "auto"),
        (lambda name: f"{name} - Utrecht", "auto"),
        (lambda name: name.split()[0], None),
        (lambda name: f"{name.split()[0]} International", None),
    ],
)
def test_the_usual_edits_of_a_name_lead_to_its_company(edit, decision):
    known = EmployerList(INVENTED)
    for employer in INVENTED:
        match = look_up(known, edit(employer.name))
        assert first(match) == employer.kvk_number, employer.name
        assert decision in (None, match.decision), employer.name


@pytest.mark.parametrize(
    "edit",
    [lambda name: name, lambda name: name.split()[0], lambda name: f"{name.split()[0]}s B.V."],
)
def test_with_the_right_one_missing_nobody_is_chosen(edit):
    known = EmployerList(INVENTED)
    for employer in INVENTED:
        match = look_up(known, edit(employer.name), without={employer.kvk_number})
        assert match.decision != "auto", employer.name


def test_a_letter_too_few_is_never_more_than_a_nomination():
    known = EmployerList(INVENTED)
    for employer in INVENTED:
        match = look_up(known, employer.name[1:])
        assert match.decision != "auto", employer.name


# On real names.


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def employers(rows: Iterable[dict[str, str]]) -> list[Employer]:
    return [Employer(name=row["name"], kvk_number=row["kvk_number"]) for row in rows]


@pytest.fixture(scope="module")
def listed(reference_data: Path) -> list[Employer]:
    return employers(read(reference_data / "data/employers/employers_kvk_nl.csv"))


@pytest.fixture(scope="module")
def advertisers(reference_data: Path, listed: list[Employer]) -> list[dict[str, str]]:
    numbers = {employer.kvk_number for employer in listed}
    path = reference_data / "data/name_matching/ad_company_to_kvk_silver.csv"
    return [row for row in read(path) if set(row["kvk_numbers"].split(";")) <= numbers]


def test_a_name_that_one_employer_has_is_found_without_a_person(listed, advertisers):
    known = EmployerList(listed)
    rows = [row for row in advertisers if row["status"] == "unique_exact_core"]
    right = sum(
        look_up(known, row["company_name_in_ad"]).kvk_number == row["kvk_numbers"] for row in rows
    )
    assert right / len(rows) >= 0.97


def test_a_name_without_its_group_word_has_the_right_company_first(listed, advertisers):
    known = EmployerList(listed)
    status = "unique_core_without_country_or_group_word"
    rows = [row for row in advertisers if row["status"] == status]
    right = sum(
        first(look_up(known, row["company_name_in_ad"])) == row["kvk_numbers"] for row in rows
    )
    assert right / len(rows) >= 0.97


def test_names_of_one_number_are_told_from_names_of_two(reference_data, listed):
    pairs = read(reference_data / "data/name_matching/register_name_pairs.csv")
    in_pairs = [
        Employer(name=row[f"name_{side}"], kvk_number=row[f"kvk_{side}"])
        for row in pairs
        for side in "ab"
        if row["label"] == "0" or side == "b"
    ]
    in_question = {employer.kvk_number for employer in in_pairs}
    others = [employer for employer in listed if employer.kvk_number not in in_question]
    known = EmployerList([*others, *in_pairs])
    usable = [row for row in pairs if row["kind"] != "same_kvk_renamed_no_overlap"]
    same = [row for row in usable if row["label"] == "1"]
    accepted = [row for row in usable if look_up(known, row["name_a"]).kvk_number == row["kvk_b"]]
    right = [row for row in accepted if row["label"] == "1"]
    assert len(right) / len(accepted) >= 0.98
    assert len(right) / len(same) >= 0.75
