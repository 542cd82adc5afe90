"""Override files: a person's decisions as a CSV, which the review writes and anyone may edit."""

from pathlib import Path

from signal_assets.clients.decision_tables import (
    format_row,
    parse_lines,
    read_lines,
    read_text,
    refuse_if_wrong,
    split_header,
    write_atomically,
)
from signal_assets.domain.overrides import COLUMNS, Override, Overrides, parse_override, to_cells


def read_overrides(path: Path | None) -> Overrides:
    """Return the decisions in the file; none if there is no file yet.

    Raises:
        TableRefused: names each line that is wrong. A file with a mistake decides nothing, as the
            row that cannot be read may be the one that keeps a wrong company out.
    """
    if path is None or not path.exists():
        return Overrides()
    lines = read_lines(path, COLUMNS, required=("name",))
    rows, problems = parse_lines(path, lines, parse_override)
    refuse_if_wrong(problems)
    return Overrides(rows)


class OverrideFile:
    """Adds decisions to the file, and takes the newest of its own back.

    Rows and columns of others stay as they are.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._added: list[tuple[str | None, str]] = []

    def read(self) -> Overrides:
        return read_overrides(self.path)

    def add(self, override: Override) -> None:
        """Write one decision below the others.

        Raises:
            TableRefused: the file cannot be read, or lacks a column that the decision needs.
        """
        before = read_text(self.path) if self.path.exists() else None
        text = before or ",".join(COLUMNS) + "\n"
        header, delimiter = split_header(text)
        cells = {key: cell for key, cell in to_cells(override).items() if cell}
        if "kvk_number" not in header and "kvk" in header and "kvk_number" in cells:
            cells["kvk"] = cells.pop("kvk_number")
        missing = sorted(cells.keys() - set(header))
        if missing:
            text = _with_columns(text, missing, delimiter)
            header += missing
        text = text if text.endswith("\n") else f"{text}\n"
        after = text + format_row(header, cells, delimiter)
        write_atomically(self.path, after)
        self._added.append((before, after))

    def undo(self) -> bool:
        """Take back the newest decision that this object added; False when there is none left.

        Where somebody has changed the file since, nothing is taken back.
        """
        if not self._added:
            return False
        before, after = self._added[-1]
        if not self.path.exists() or read_text(self.path) != after:
            return False
        self._added.pop()
        if before is None:
            self.path.unlink()
        else:
            write_atomically(self.path, before)
        return True


def _with_columns(text: str, names: list[str], delimiter: str) -> str:
    """Return the file with columns added at the end; rows may be shorter than the header."""
    header_line, _, rest = text.partition("\n")
    return f"{delimiter.join([header_line, *names])}\n{rest}"
