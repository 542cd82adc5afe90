"""The table of faults: what was struck, how it ended, and what that cost."""

from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, fields

PROPERTY = "fault_table"
"""Under this name the row of a test travels with its report, also from another process."""

Record = Callable[[str, object], None]


@dataclass(frozen=True, slots=True)
class FaultRow:
    """One fault that a test brought about."""

    where: str
    fault: str
    moment: str
    outcome: str
    asked_again: int
    """Paid calls that were made a second time, all of them under way when the fault struck."""
    seconds: float
    """From the fault to the end of the last run."""

    @property
    def cells(self) -> list[str]:
        return [f"{cell:.1f}" if isinstance(cell, float) else str(cell) for cell in astuple(self)]


def lines_of(rows: Iterable[list[str]]) -> list[str]:
    """Return the rows below a header, in columns."""
    header = [field.name.replace("_", " ") for field in fields(FaultRow)]
    table = [header, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
