"""The invented world: whole, unmistakably invented, and hard where reality is hard."""

import re

from signal_assets.sandbox.world import data_folder, shipped_world


def test_every_number_is_of_the_invented_range():
    numbers = [company.kvk_number for company in shipped_world().companies]
    assert len(numbers) == len(set(numbers)) >= 25
    assert all(re.fullmatch(r"(00|999)\d+", number) and len(number) == 8 for number in numbers)


def test_an_establishment_belongs_to_one_company_and_a_company_has_one_main_one():
    companies = [company for company in shipped_world().companies if company.establishments]
    numbers = [place.number for company in companies for place in company.establishments]
    assert len(numbers) == len(set(numbers))
    assert all(re.fullmatch(r"\d{12}", number) for number in numbers)
    for company in companies:
        assert sum(place.is_main for place in company.establishments) == 1


def test_every_activity_code_is_described():
    world = shipped_world()
    used = {code for company in world.companies for code in company.sbi}
    assert used == set(world.sbi_descriptions)


def test_vacancies_are_unique_and_in_both_languages():
    vacancies = shipped_world().vacancies
    ids = [vacancy.external_id for vacancy in vacancies]
    assert len(ids) == len(set(ids)) >= 40
    assert {vacancy.language for vacancy in vacancies} == {"nl", "en"}


def test_addresses_of_people_and_sites_lead_nowhere():
    for vacancy in shipped_world().vacancies:
        assert ".example/" in vacancy.url
        assert all(found.endswith(".example") for found in _mail_hosts(vacancy.description))


def _mail_hosts(text: str) -> list[str]:
    return [host.rstrip(".") for host in re.findall(r"@([\w.-]+)", text)]


def test_the_worked_example_has_three_vacancies_of_two_companies():
    lines = (data_folder() / "vacancies" / "worked_example.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == 3
    vacancies = {vacancy.external_id: vacancy for vacancy in shipped_world().vacancies}
    names = [vacancies[f"we-{number}"].company_name for number in (1, 2, 3)]
    assert names == ["TechCorp B.V.", "TechCorp BV", "MiniStartup"]
