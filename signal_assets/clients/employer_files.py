"""Employer files: a user's own list of employers with their KvK numbers, as a CSV."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from signal_assets.clients.decision_tables import TableRefused, parse_lines, read_lines
from signal_assets.domain.employer_lists import Employer, EmployerList
from signal_assets.domain.overrides import parse_number

COLUMNS = ("name", "kvk_number", "place")


class EmployerFile(NamedTuple):
    """The employers of a file, and a sentence for each row that could not be read."""

    employers: EmployerList
    employer_count: int
    problems: tuple[str, ...]


def read_employers(path: Path) -> EmployerFile:
    """Return the employers in the file; a row that is wrong is reported and left out.

    Raises:
        TableRefused: the file cannot be read, or no row of it can.
    """
    lines = read_lines(path, COLUMNS, required=("name", "kvk_number"))
    rows, problems = parse_lines(path, lines, _parse)
    if lines and not rows:
        raise TableRefused(f"no employer can be read: {problems[0]}")
    return EmployerFile(EmployerList(rows), len(rows), tuple(problems))


def _parse(cells: Mapping[str, str], line: int) -> Employer:
    name, number = cells.get("name", "").strip(), cells.get("kvk_number", "").strip()
    if not name:
        raise ValueError("the name is missing")
    if not number:
        raise ValueError("the KvK number is missing")
    return Employer(
        name=name, kvk_number=parse_number(number), place=cells.get("place", "").strip() or None
    )
