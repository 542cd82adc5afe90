"""Employer lists: a user's own table of names and KvK numbers, looked up by key."""

from collections import defaultdict
from collections.abc import Iterable

from signal_assets.domain.companies import Match, RegisterRow
from signal_assets.domain.company_names import CompanyName, register_keys
from signal_assets.domain.records import Record
from signal_assets.domain.register_evidence import AdvertisedCompany, group_entries
from signal_assets.domain.register_matching import decide


class Employer(Record):
    """One row of the list."""

    name: str
    kvk_number: str
    place: str | None = None


class EmployerList:
    """Finds the employers whose keys equal a name's; a look-up does not grow with the list."""

    def __init__(self, employers: Iterable[Employer]) -> None:
        self._by_key: dict[str, list[RegisterRow]] = defaultdict(list)
        self._by_number: dict[str, list[RegisterRow]] = defaultdict(list)
        for employer in employers:
            keys = register_keys(employer.name)
            if keys is None:
                continue
            row = RegisterRow(
                kvk_number=employer.kvk_number,
                name=employer.name,
                kind="hoofdvestiging",
                source="employer_list",
                place=employer.place,
            )
            self._by_number[row.kvk_number].append(row)
            for key in {keys.key_t1, keys.key_t2, keys.letters}:
                self._by_key[key].append(row)

    def find(self, name: CompanyName) -> tuple[RegisterRow, ...]:
        """Return the rows with one of the name's keys."""
        keys = {name.key_t1, name.full_key, name.key_t2, name.letters, name.full_letters}
        return tuple(row for key in sorted(keys) for row in self._by_key.get(key, ()))

    def get(self, kvk_number: str) -> tuple[RegisterRow, ...]:
        """Return the rows of one KvK number; none if it is not on the list."""
        return tuple(self._by_number.get(kvk_number, ()))

    def match(self, company: AdvertisedCompany) -> Match:
        """Decide which employer of the list the company is; the list counts as complete."""
        return decide(company, group_entries(self.find(company.name), {}), is_complete=True)
