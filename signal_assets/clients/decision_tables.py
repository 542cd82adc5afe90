"""Decision tables: CSV files that people write, read with every mistake named by file and line."""

import csv
import io
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

MAX_FILE_BYTES = 100_000_000
MAX_PROBLEMS_SHOWN = 20
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet runs a cell that begins like this; it is written behind an apostrophe."""

T = TypeVar("T")


class TableRefused(Exception):
    """The file cannot be used; the message names the file and each line with its mistake."""


class TableLine(NamedTuple):
    """One row below the header, by column name in lower case."""

    number: int
    cells: dict[str, str]


def read_lines(path: Path, columns: Sequence[str], required: Sequence[str]) -> list[TableLine]:
    """Return the rows of a CSV file, its columns separated by comma, semicolon or tab.

    Empty rows are passed over; columns that are not ours are left alone, and may be anything.

    Raises:
        TableRefused: the file cannot be read, is not UTF-8, or its header lacks a column.
    """
    text = read_text(path)
    header_line = text.split("\n", 1)[0]
    delimiter = find_delimiter(header_line)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines: list[TableLine] = []
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _check_header(path, header, columns, required)
        while (cells := next(reader, None)) is not None:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(header):
                raise TableRefused(
                    f"{path}:{reader.line_num}: {len(cells)} cells where the header has "
                    f"{len(header)}"
                )
            found = dict(zip(header, map(_without_guard, cells), strict=False))
            lines.append(TableLine(reader.line_num, found))
    except csv.Error as error:
        raise TableRefused(f"{path}:{reader.line_num}: not CSV: {error}") from None
    return lines


def parse_lines(
    path: Path, lines: Iterable[TableLine], parse: Callable[[Mapping[str, str], int], T]
) -> tuple[list[T], list[str]]:
    """Return what `parse` makes of each row, and a sentence for each that it refuses."""
    rows: list[T] = []
    problems: list[str] = []
    for line in lines:
        try:
            rows.append(parse(line.cells, line.number))
        except ValueError as error:
            problems.append(f"{path}:{line.number}: {error}")
    return rows, problems


def refuse_if_wrong(problems: Sequence[str]) -> None:
    """Raise what is wrong with a file that may not be used in part.

    Raises:
        TableRefused: there is any problem.
    """
    if problems:
        shown = list(problems[:MAX_PROBLEMS_SHOWN])
        if len(problems) > len(shown):
            shown.append(f"and {len(problems) - len(shown)} more")
        raise TableRefused("\n".join(shown))


def read_text(path: Path) -> str:
    """Return the text of a file, without a byte order mark.

    Raises:
        TableRefused: it cannot be read, is too large, or is not UTF-8.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise TableRefused(f"{path}: larger than {MAX_FILE_BYTES:,} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise TableRefused(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\x00", "")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise TableRefused(
            f"{path}:{line}: not UTF-8; save it as “CSV UTF-8” in the spreadsheet"
        ) from None


def find_delimiter(header_line: str) -> str:
    return max(",;\t", key=header_line.count)


def split_header(text: str) -> tuple[list[str], str]:
    """Return the names of the columns, in lower case, and what separates them."""
    line = text.split("\n", 1)[0]
    delimiter = find_delimiter(line)
    return [name.strip().strip('"').lower() for name in line.split(delimiter)], delimiter


def write_atomically(path: Path, text: str) -> None:
    """Put `text` at `path` in one step: a reader sees the old file or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            temporary.chmod(path.stat().st_mode & 0o777)
        else:
            temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def format_row(header: Sequence[str], cells: Mapping[str, str], delimiter: str) -> str:
    """Return one row of CSV; no cell of it begins like a formula."""
    target = io.StringIO(newline="")
    writer = csv.writer(target, delimiter=delimiter, lineterminator="\n")
    writer.writerow([with_guard(cells.get(name, "")) for name in header])
    return target.getvalue()


def with_guard(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula.

    >>> with_guard("=1+1")
    "'=1+1"
    """
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell


def _without_guard(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA_STARTS) else cell


def _check_header(
    path: Path, header: Sequence[str], columns: Sequence[str], required: Sequence[str]
) -> None:
    missing = [name for name in required if name not in header]
    if missing:
        raise TableRefused(
            f"{path}:1: the header lacks {', '.join(missing)}; known columns are "
            f"{', '.join(columns)}"
        )
    repeated = sorted({name for name in header if name and header.count(name) > 1})
    if repeated:
        raise TableRefused(f"{path}:1: the header has {', '.join(repeated)} twice")
