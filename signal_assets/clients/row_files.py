"""Row files: JSON Lines, JSON and CSV, read row by row with the line where each one starts."""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

MAX_ROW_BYTES = 64_000_000
"""A longer line or cell is a damaged file; it is passed over without holding it in memory."""

MAX_JSON_BYTES = 512_000_000
"""A `.json` file is read whole; a larger one belongs into JSON Lines."""

FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".csv": "csv", ".tsv": "csv"}


class FileFault(Exception):
    """The file, or the rest of it, cannot be read."""


class FileRow(NamedTuple):
    """One row, or what is wrong with it; `place` is its line, or its position in a JSON list."""

    place: str
    values: dict[str, Any] | None
    fault: str | None = None


class _Line(NamedTuple):
    number: int
    text: str
    fault: str | None


def read_rows(path: Path, encoding: str) -> Iterator[FileRow]:
    """Yield the rows of a file; its ending says the format, `.gz` after it is unpacked.

    A row that cannot be read is yielded with its fault, and reading goes on. UTF-8 may start with
    a byte order mark. JSON Lines and CSV take no more memory than their longest row.

    Raises:
        FileFault: no row after this point can be read.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    is_packed = suffixes[-1:] == [".gz"]
    ending = suffixes[-2:-1] if is_packed else suffixes[-1:]
    file_format = FORMATS.get(ending[0]) if ending else None
    if file_format is None:
        raise FileFault(f"its ending is none of {', '.join(FORMATS)} (and .gz after it)")
    if encoding == "utf-8-sig":
        encoding = "utf-8"
    try:
        with gzip.open(path) if is_packed else path.open("rb") as file:
            stream: BinaryIO = file  # type: ignore[assignment]  # GzipFile reads like one
            if file_format == "json":
                yield from _read_json(stream, encoding)
            elif file_format == "jsonl":
                yield from _read_json_lines(_read_lines(stream, encoding))
            else:
                yield from _read_csv(_read_lines(stream, encoding))
    except (OSError, EOFError, zlib.error) as error:
        raise FileFault(f"cannot be read: {error}") from error


def _read_lines(file: BinaryIO, encoding: str) -> Iterator[_Line]:
    """Yield lines with their end; one that is not in `encoding` comes with the fault said."""
    if "\n".encode(encoding) != b"\n":
        yield from _read_wide_lines(file, encoding)
        return
    number = 0
    while content := file.readline(MAX_ROW_BYTES):
        number += 1
        if len(content) == MAX_ROW_BYTES:
            while content and not content.endswith(b"\n"):
                content = file.readline(MAX_ROW_BYTES)
            yield _Line(number, "\n", f"the line is longer than {MAX_ROW_BYTES:,} bytes")
            continue
        if number == 1 and encoding == "utf-8":
            content = content.removeprefix(b"\xef\xbb\xbf")
        try:
            yield _Line(number, content.decode(encoding), None)
        except UnicodeDecodeError as error:
            fault = (
                f"not {encoding}: byte {content[error.start]:#04x} at position {error.start + 1}"
            )
            yield _Line(number, content.decode(encoding, "replace"), fault)


def _read_wide_lines(file: BinaryIO, encoding: str) -> Iterator[_Line]:
    """The same for encodings such as UTF-16, whose lines cannot be told apart as bytes."""
    try:
        for number, text in enumerate(io.TextIOWrapper(file, encoding, newline=""), start=1):
            yield _Line(number, text, None)
    except UnicodeError as error:
        raise FileFault(f"not {encoding}: {error}") from error


def _read_json_lines(lines: Iterator[_Line]) -> Iterator[FileRow]:
    for line in lines:
        place = str(line.number)
        if line.fault is not None:
            yield FileRow(place, None, line.fault)
        elif line.text.strip():
            yield _as_row(place, *_parse_json(line.text))


def _parse_json(text: str) -> tuple[Any, str | None]:
    try:
        return json.loads(text), None
    except RecursionError:
        return None, "not JSON: nested too deep"
    except ValueError as error:
        return None, f"not JSON: {error}"


def _as_row(place: str, value: Any, fault: str | None) -> FileRow:
    if fault is None and not isinstance(value, dict):
        fault = "not a JSON object"
    return FileRow(place, None, fault) if fault else FileRow(place, value)


def _read_json(file: BinaryIO, encoding: str) -> Iterator[FileRow]:
    """Yield the items of the list in a JSON file, or of the only list in its object."""
    content = file.read(MAX_JSON_BYTES + 1)
    if len(content) > MAX_JSON_BYTES:
        raise FileFault(f"larger than {MAX_JSON_BYTES:,} bytes; use JSON Lines")
    try:
        text = content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise FileFault(f"not {encoding} in line {line}") from error
    value, fault = _parse_json(text)
    if fault is not None:
        raise FileFault(fault)
    lists = (
        [item for item in value.values() if isinstance(item, list)]
        if isinstance(value, dict)
        else [value]
    )
    if len(lists) != 1 or not isinstance(lists[0], list):
        raise FileFault("holds neither a list of vacancies nor an object with one such list")
    for index, item in enumerate(lists[0], start=1):
        yield _as_row(f"item {index}", item, None)


class _CsvLines:
    """Hands lines to the CSV reader and remembers what was wrong with those of the current row."""

    def __init__(self, lines: Iterator[_Line]) -> None:
        self._lines = lines
        self.last_number = 0
        self.faults: list[str] = []

    def __iter__(self) -> "_CsvLines":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.last_number = line.number
        if line.fault is not None:
            self.faults.append(f"line {line.number}: {line.fault}")
        return line.text


def _read_csv(lines: Iterator[_Line]) -> Iterator[FileRow]:
    """Yield the rows below the header; comma, semicolon or tab, whichever the header has most."""
    first = next(lines, None)
    if first is None:
        return
    if first.fault is not None:
        raise FileFault(f"the header, line 1, is {first.fault}")
    csv.field_size_limit(MAX_ROW_BYTES)
    delimiter = max(",;\t", key=first.text.count)
    source = _CsvLines(lines)
    header = _read_header(first.text, delimiter)
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    while True:
        place = str(source.last_number + 1 if source.last_number else 2)
        source.faults.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield FileRow(place, None, f"not CSV: {error}")
            continue
        if source.faults:
            yield FileRow(place, None, "; ".join(source.faults))
        elif len(cells) > len(header):
            fault = f"{len(cells)} cells where the header has {len(header)}"
            yield FileRow(place, None, fault)
        elif any(cell.strip() for cell in cells):
            yield FileRow(place, dict(zip(header, cells, strict=False)))


def _read_header(line: str, delimiter: str) -> list[str]:
    try:
        header = [
            name.strip() for name in next(csv.reader([line], delimiter=delimiter, strict=True))
        ]
    except csv.Error as error:
        raise FileFault(f"the header, line 1, is not CSV: {error}") from error
    repeated = sorted({name for name in header if name and header.count(name) > 1})
    if repeated:
        raise FileFault(f"the header, line 1, has {', '.join(repeated)} twice")
    return header
