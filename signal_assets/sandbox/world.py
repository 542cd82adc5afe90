"""The invented world: companies as the registers know them, and the vacancies they publish."""

import json
from datetime import date
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Literal

import yaml

from signal_assets.domain.records import Record

YesNo = Literal["Ja", "Nee"]


class Address(Record):
    """A visiting address."""

    street: str
    house_number: int
    postcode: str
    place: str


class Establishment(Address):
    """One establishment of a company."""

    number: str
    trade_names: tuple[str, ...]
    is_main: bool = False
    is_shielded: bool = False
    employees: int | None = None


class SandboxCompany(Record):
    """One registered company. Dates are texts `YYYYMMDD`, as the register sends them."""

    kvk_number: str
    name: str
    statutory_name: str | None = None
    legal_form: str
    registered: str
    started: str
    ended: str | None = None
    employees: int | None = None
    sbi: tuple[str, ...] = ()
    non_mailing: YesNo = "Nee"
    establishments: tuple[Establishment, ...] = ()
    websites: tuple[str, ...] = ()
    expired_names: tuple[str, ...] = ()
    seat: Address | None = None
    """Where a company without establishments sits."""
    company_info: dict[str, Any] | None = None
    """What Company.info answers besides number and name; None: it does not know the company."""

    @property
    def rsin(self) -> str | None:
        """Nine digits that pass the register's own test; None for businesses of natural persons."""
        return make_rsin(self.kvk_number) if self.statutory_name else None

    @property
    def trade_names(self) -> tuple[str, ...]:
        names = [name for place in self.establishments for name in place.trade_names]
        return tuple(dict.fromkeys(names))

    @property
    def main_establishment(self) -> Establishment | None:
        return next((place for place in self.establishments if place.is_main), None)


class SandboxVacancy(Record):
    """One invented vacancy, with the columns of the product's file source."""

    external_id: str
    title: str
    company_name: str
    location: str
    description: str
    url: str
    posted_at: date
    language: Literal["nl", "en"]


class World(Record):
    """Everything the sandbox knows."""

    companies: tuple[SandboxCompany, ...]
    vacancies: tuple[SandboxVacancy, ...]
    sbi_descriptions: dict[str, str]


def make_rsin(kvk_number: str) -> str:
    """Return an invented legal-person number that passes the test on elevens.

    >>> make_rsin("99900011")
    '999000111'
    """
    stem = int("9" + kvk_number[1:])
    while True:
        digits = str(stem)
        remainder = sum((9 - place) * int(digit) for place, digit in enumerate(digits)) % 11
        if remainder != 10:
            return f"{digits}{remainder}"
        stem += 1


def data_folder() -> Traversable:
    """The folder of shipped data; its `vacancies/*.jsonl` also serve the file source."""
    return resources.files("signal_assets.sandbox") / "data"


@cache
def shipped_world() -> World:
    """Return the world that comes with the package."""
    data = yaml.safe_load((data_folder() / "companies.yaml").read_text("utf-8"))
    return World(
        companies=tuple(SandboxCompany.model_validate(row) for row in data["companies"]),
        vacancies=tuple(_read_vacancies()),
        sbi_descriptions=data["sbi_descriptions"],
    )


def _read_vacancies() -> list[SandboxVacancy]:
    files = sorted((data_folder() / "vacancies").iterdir(), key=lambda file: file.name)
    return [
        SandboxVacancy.model_validate(json.loads(line))
        for file in files
        if file.name.endswith(".jsonl")
        for line in file.read_text("utf-8").splitlines()
    ]
