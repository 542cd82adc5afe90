"""Overrides: what a person has decided about companies, which outranks every rule."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from signal_assets.domain.company_names import CompanyName, company_key
from signal_assets.domain.places import normalize_place
from signal_assets.domain.records import Record

Verdict = Literal["is", "is_not", "none", "same_as", "not_same_as"]
VERDICTS: tuple[Verdict, ...] = ("is", "is_not", "none", "same_as", "not_same_as")
COLUMNS = ("name", "place", "kvk_number", "verdict", "other_name", "note", "decided_at")

_NO_NUMBER = ("none", "geen", "-")


class Override(Record):
    """One decision. `is` and `is_not` are about a KvK number, `none` says that the register does
    not have the company, `same_as` and `not_same_as` are about two advertised names.
    """

    name: str
    place: str | None = None
    """Holds only for vacancies in this place; None: everywhere."""
    kvk_number: str | None = None
    verdict: Verdict
    other_name: str | None = None
    note: str | None = None
    decided_at: str | None = None
    line: int | None = None
    """Where it stands in its file."""


class Ruling(NamedTuple):
    """What a person's decisions say of one company."""

    decided: Override | None
    """The `is` or `none` that holds; None when nothing was decided."""
    rejected: frozenset[str]
    """KvK numbers it is not."""


class Sameness(NamedTuple):
    """Pairs of company ids that a person called the same, or not the same; the ids in order."""

    same: tuple[tuple[str, str], ...] = ()
    different: frozenset[tuple[str, str]] = frozenset()

    def is_apart(self, left: str, right: str) -> bool:
        return in_order(left, right) in self.different


class Overrides:
    """All decisions of one file; of two about the same question the later row holds."""

    def __init__(self, rows: Iterable[Override] = ()) -> None:
        self.rows: tuple[Override, ...] = tuple(rows)
        self._by_key: dict[str, list[Override]] = defaultdict(list)
        for row in self.rows:
            key = company_key(row.name)
            if key is not None and row.verdict in ("is", "is_not", "none"):
                self._by_key[key].append(row)

    def find(self, name: CompanyName, places: Sequence[str] = ()) -> Ruling:
        """Return what was decided of a company that advertises in `places` (normalised).

        A decision for one of its places goes before one for everywhere.
        """
        rows = list(self._by_key.get(name.key_t1, ()))
        if name.full_key != name.key_t1:
            rows += self._by_key.get(name.full_key, ())
        general = [row for row in rows if row.place is None]
        local = [row for row in rows if row.place and normalize_place(row.place) in places]
        decided: Override | None = None
        rejected: set[str] = set()
        for row in (*general, *local):
            if row.verdict == "is_not":
                rejected |= {row.kvk_number} if row.kvk_number else set()
                if decided and decided.kvk_number == row.kvk_number:
                    decided = None
            else:
                decided = row
                rejected -= {row.kvk_number} if row.kvk_number else set()
        return Ruling(decided, frozenset(rejected))

    @property
    def sameness(self) -> Sameness:
        """Which companies a person called the same, and which not; by company id."""
        verdicts: dict[tuple[str, str], Verdict] = {}
        for row in self.rows:
            left, right = company_key(row.name), company_key(row.other_name or "")
            if row.verdict in ("same_as", "not_same_as") and left and right and left != right:
                pair = in_order(left, right)
                verdicts.pop(pair, None)
                verdicts[pair] = row.verdict
        return Sameness(
            same=tuple(pair for pair, verdict in verdicts.items() if verdict == "same_as"),
            different=frozenset(
                pair for pair, verdict in verdicts.items() if verdict == "not_same_as"
            ),
        )


def in_order(left: str, right: str) -> tuple[str, str]:
    return (left, right) if left <= right else (right, left)


def parse_override(cells: Mapping[str, str], line: int) -> Override:
    """Return the decision in one row of the file; a verdict left empty follows from the rest.

    Raises:
        ValueError: says what is wrong with the row, in words for the person who wrote it.

    >>> parse_override({"name": "TechCorp", "kvk_number": "01 23 45 67"}, 2).verdict
    'is'
    """
    filled = {key: text for key, value in cells.items() if (text := value.strip())}
    name, other_name = filled.get("name"), filled.get("other_name")
    if name is None:
        raise ValueError("the name is missing")
    stated = filled.get("kvk_number") or filled.get("kvk")
    is_none = (stated or "").lower() in _NO_NUMBER
    number = parse_number(stated) if stated and not is_none else None
    verdict = _parse_verdict(filled.get("verdict"), number, other_name, is_none=is_none)
    _check(verdict, name, number, other_name)
    return Override(
        name=name,
        place=filled.get("place"),
        kvk_number=number,
        verdict=verdict,
        other_name=other_name,
        note=filled.get("note"),
        decided_at=filled.get("decided_at"),
        line=line,
    )


def parse_number(text: str) -> str:
    """Return a KvK number as eight digits.

    Raises:
        ValueError: it is none; a spreadsheet may have eaten its leading zero.
    """
    digits = re.sub(r"[\s.]", "", text).lstrip("'")
    if re.fullmatch(r"[0-9]{7}", digits):
        raise ValueError(
            f"KvK number {digits} has seven digits: did a spreadsheet take off its leading zero?"
        )
    if not re.fullmatch(r"[0-9]{8}", digits):
        raise ValueError(f"{text[:50]!r} is not a KvK number of eight digits")
    return digits


def _parse_verdict(
    text: str | None, number: str | None, other_name: str | None, *, is_none: bool
) -> Verdict:
    if text is None:
        if number:
            return "is"
        if is_none:
            return "none"
        if other_name:
            return "same_as"
        raise ValueError("it decides nothing: give a kvk_number, “none”, or an other_name")
    plain = text.lower().replace(" ", "_").replace("-", "_")
    for verdict in VERDICTS:
        if plain == verdict:
            return verdict
    raise ValueError(f"verdict {text[:50]!r} is none of {', '.join(VERDICTS)}")


def _check(verdict: Verdict, name: str, number: str | None, other_name: str | None) -> None:
    if company_key(name) is None:
        raise ValueError(f"the name {name[:50]!r} holds no letter or digit")
    if verdict in ("is", "is_not") and number is None:
        raise ValueError(f"verdict “{verdict}” needs a kvk_number")
    if verdict == "none" and number is not None:
        raise ValueError("verdict “none” goes without a kvk_number; “is_not” takes one")
    if verdict in ("same_as", "not_same_as"):
        if other_name is None or company_key(other_name) is None:
            raise ValueError(f"verdict “{verdict}” needs an other_name")
        if company_key(other_name) == company_key(name):
            raise ValueError("name and other_name are spellings of one name already")


def to_cells(override: Override) -> dict[str, str]:
    """Return a decision as the cells of a row."""
    stated = override.model_dump(exclude={"line"})
    cells = {key: "" if value is None else str(value) for key, value in stated.items()}
    return cells | ({"kvk_number": "none"} if override.verdict == "none" else {})
