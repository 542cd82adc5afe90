"""Suppression files: the companies that must not be approached, as a CSV."""

from pathlib import Path

from signal_assets.clients.decision_tables import parse_lines, read_lines, refuse_if_wrong
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
