"""Suppression files: the companies that must not be approached, as a CSV."""

from pathlib import Path

from signal_assets.clients.decision_tables import (
    TableRefused,
    format_row,
    parse_lines,
    read_lines,
    read_text,
    refuse_if_wrong,
    split_header,
    write_atomically,
)
from signal_assets.domain.suppression import COLUMNS, SuppressionList, parse_suppressed


def read_suppression(path: Path | None) -> SuppressionList:
    """Return the list in the file; an empty one where no file is set.

    Raises:
        TableRefused: the file that is set cannot be read, or a row is wrong. Without the whole
            list nobody may be approached.
    """
    if path is None:
        return SuppressionList()
    lines = read_lines(path, COLUMNS, required=())
    rows, problems = parse_lines(path, lines, parse_suppressed)
    refuse_if_wrong(problems)
    return SuppressionList(rows)


def add_suppressed(path: Path, column: str, value: str, note: str) -> None:
    """Write one row below the others; the file is made where there is none.

    Raises:
        TableRefused: the file cannot be read, or has no such column.
    """
    text = read_text(path) if path.exists() else ",".join(COLUMNS) + "\n"
    header, delimiter = split_header(text)
    if column not in header:
        raise TableRefused(f"{path}:1: the header lacks {column}")
    row = format_row(header, {column: value, "note": note}, delimiter)
    write_atomically(path, (text if text.endswith("\n") else f"{text}\n") + row)
