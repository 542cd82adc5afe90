"""Large tables: texts lie on disk until they are written, so that they take no memory."""

import os
import tempfile
import weakref
from array import array
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from signal_assets.defs.frames import Table, from_arrow

ROWS_AT_ONCE = 5_000
"""Of a table that is read or written in batches."""


class TextSpool:
    """Texts in a file that nobody else sees, known by their number; gone with this object."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="signal-assets-texts-")  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._ends = array("q", [0])

    def add(self, text: str) -> int:
        """Keep `text` and return its number, counted from 0."""
        data = text.encode("utf-8", "surrogatepass")
        self._file.write(data)
        self._ends.append(self._ends[-1] + len(data))
        return len(self._ends) - 2

    def read(self, numbers: Sequence[int] | npt.NDArray[np.int64]) -> list[str]:
        """Return the texts with these numbers, in their order."""
        self._file.flush()
        file = self._file.fileno()
        return [
            os.pread(file, self._ends[number + 1] - self._ends[number], self._ends[number]).decode(
                "utf-8", "surrogatepass"
            )
            for number in map(int, numbers)
        ]


class LargeTable:
    """The rows of one asset, made when they are asked for, `ROWS_AT_ONCE` at a time.

    `rows(start, stop)` gives those from `start` up to `stop`, with the columns of `table`.
    """

    def __init__(self, table: Table, length: int, rows: Callable[[int, int], pa.Table]) -> None:
        self.table, self._length, self._rows = table, length, rows

    def __len__(self) -> int:
        return self._length

    def batches(self) -> Iterator[pa.Table]:
        for start in range(0, self._length, ROWS_AT_ONCE):
            yield self._rows(start, min(start + ROWS_AT_ONCE, self._length))

    def to_frame(self) -> pd.DataFrame:
        """Return all rows in memory."""
        empty = self.table.arrow_schema.empty_table()
        return from_arrow(pa.concat_tables([empty, *self.batches()]))
