"""SBI: the codes of economic activities, edition 2025, as Statistics Netherlands (CBS) lists them.

The list is `data/sbi2025.csv`; its origin and licence (CC BY 4.0) stand in `sbi2025_notice.txt`
beside it. The register's own descriptions can differ in wording, so only the code counts.
"""

import csv
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Literal

from signal_assets.domain.records import Record

SbiLevel = Literal["section", "division", "group", "class", "subclass"]


class SbiCode(Record):
    """One entry of the list; `parent` is the code it belongs to, None for a section."""

    code: str
    level: SbiLevel
    parent: str | None
    name_nl: str
    name_en: str


@cache
def sbi_2025() -> dict[str, SbiCode]:
    """Return every entry of SBI 2025 by its code: sections (letters) down to subclasses."""
    file = resources.files("signal_assets.domain") / "data" / "sbi2025.csv"
    rows = csv.DictReader(file.read_text("utf-8").splitlines())
    return {row["code"]: _read(row) for row in rows}


def find_sbi_code(code: str) -> SbiCode | None:
    """Return the entry of SBI 2025 with this code.

    >>> find_sbi_code("78201").level
    'subclass'
    >>> find_sbi_code("6201") is None
    True
    """
    return sbi_2025().get(code)


def list_sbi_path(code: str) -> tuple[SbiCode, ...]:
    """Return an entry and all it belongs to, the section first; empty for an unknown code.

    >>> [entry.code for entry in list_sbi_path("78201")]
    ['O', '78', '782', '7820', '78201']
    """
    path: list[SbiCode] = []
    entry = find_sbi_code(code)
    while entry is not None:
        path.append(entry)
        entry = None if entry.parent is None else find_sbi_code(entry.parent)
    return tuple(reversed(path))


def note_unknown_codes(codes: Iterable[str], edition: str = "2025") -> tuple[str, ...]:
    """Say which codes SBI 2025 does not have, each once; codes of another edition are not judged.

    An unknown code is no error: the register may be ahead of the list, or write an older code. But
    a rule that waits for such a code would match nothing, in silence.

    >>> note_unknown_codes(["62100", "46380"])
    ('code 46380 is not in SBI 2025',)
    """
    if edition != "2025":
        return ()
    unknown = [code for code in dict.fromkeys(codes) if find_sbi_code(code) is None]
    return tuple(f"code {code[:20]} is not in SBI 2025" for code in unknown)


def _read(row: dict[str, str]) -> SbiCode:
    return SbiCode.model_validate(
        {
            "code": row["code"],
            "level": row["level"],
            "parent": row["parent"] or None,
            "name_nl": row["nl"],
            "name_en": row["en"],
        }
    )
