"""Frames: the columns of every table, and the way between records and tables."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa

TEXT = pa.large_string()
TEXTS = pa.list_(pa.string())
JSON = pa.large_string()
MOMENT = pa.timestamp("us", tz="UTC")
DAY = pa.date32()
COUNT = pa.int64()
SCORE = pa.float64()
FLAG = pa.bool_()
USD = pa.decimal128(18, 9)
BYTES = pa.large_binary()
KEYS = pa.list_(pa.uint64())

_TYPE_NAMES = {
    TEXT: "text",
    TEXTS: "list of texts",
    MOMENT: "UTC time",
    DAY: "date",
    COUNT: "whole number",
    SCORE: "number",
    FLAG: "true or false",
    USD: "US dollars",
    BYTES: "bytes",
    KEYS: "list of whole numbers",
}


@dataclass(frozen=True)
class Column:
    """One column: numbers of registers are text, so that no leading zero is ever lost."""

    name: str
    type: pa.DataType
    description: str
    is_json: bool = False


@dataclass(frozen=True)
class Table:
    """The columns of one asset's table, in order."""

    asset: str
    columns: tuple[Column, ...]

    def without(self, name: str) -> "Table":
        """Return the same table but for one column."""
        return Table(self.asset, tuple(one for one in self.columns if one.name != name))

    @property
    def arrow_schema(self) -> pa.Schema:
        return pa.schema([(column.name, column.type) for column in self.columns])

    @property
    def column_schema(self) -> dg.TableSchema:
        """The columns as Dagster's UI shows them."""
        return dg.TableSchema(
            columns=[
                dg.TableColumn(
                    column.name,
                    "JSON" if column.is_json else _TYPE_NAMES[column.type],
                    description=column.description,
                )
                for column in self.columns
            ]
        )


def to_frame(rows: Iterable[Mapping[str, Any]], table: Table) -> pd.DataFrame:
    """Return the rows as a frame with exactly the columns of `table`, Arrow-typed.

    A row may leave columns out (null); JSON columns take any JSON value and hold its text.

    Raises:
        KeyError: a row has a column the table does not know.
        pyarrow.ArrowInvalid: a value does not fit its column.
    """
    building = TableBuilder(table)
    for row in rows:
        building.add(row)
    return from_arrow(building.finish())


class TableBuilder:
    """Makes an Arrow table of rows that come one by one; few of them are Python objects at a time.

    Raises:
        KeyError: a row has a column the table does not know.
        pyarrow.ArrowInvalid: a value does not fit its column.
    """

    def __init__(self, table: Table, *, batch_size: int = 2_000) -> None:
        self._table = table
        self._known = {column.name for column in table.columns}
        self._batch_size = batch_size
        self._waiting: list[Mapping[str, Any]] = []
        self._made: list[pa.Table] = []

    def add(self, row: Mapping[str, Any]) -> None:
        if not row.keys() <= self._known:
            raise KeyError(f"{self._table.asset}: no column {sorted(row.keys() - self._known)}")
        self._waiting.append(row)
        if len(self._waiting) >= self._batch_size:
            self._convert()

    def row(self, number: int) -> dict[str, Any]:
        """Return a row that was added, counted from 0; no table may have been added."""
        batch, place = divmod(number, self._batch_size)
        if batch < len(self._made):
            row: dict[str, Any] = self._made[batch].slice(place, 1).to_pylist()[0]
            return row
        return dict(self._waiting[place])

    def add_table(self, rows: pa.Table) -> None:
        """Add rows that are a table already."""
        self._convert()
        self._made.append(rows)

    def finish(self) -> pa.Table:
        self._convert()
        return (
            pa.concat_tables(self._made) if self._made else self._table.arrow_schema.empty_table()
        )

    def _convert(self) -> None:
        if not self._waiting:
            return
        arrays = []
        for column in self._table.columns:
            values = [row.get(column.name) for row in self._waiting]
            arrays.append(pa.array(_as_json(values) if column.is_json else values, column.type))
        self._made.append(pa.table(arrays, schema=self._table.arrow_schema))
        self._waiting = []


def from_arrow(table: pa.Table) -> pd.DataFrame:
    """Return an Arrow table as a frame whose columns keep their Arrow types."""
    # What pandas noted of the columns when it wrote them is of no use, and not always readable.
    plain = table.replace_schema_metadata(None)
    frame: pd.DataFrame = plain.to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def to_arrow(frame: pd.DataFrame, table: Table) -> pa.Table:
    """Return a frame as an Arrow table with exactly the columns of `table`.

    Raises:
        KeyError: a column is missing.
        pyarrow.ArrowInvalid, pyarrow.ArrowTypeError: a column holds values of another type.
    """
    return pa.Table.from_pandas(frame, schema=table.arrow_schema, preserve_index=False)


def rows_of(
    frame: pd.DataFrame, columns: Iterable[str] | None = None, *, batch_size: int = 2_000
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a frame as plain dictionaries, a batch in memory at a time."""
    picked = frame if columns is None else frame[list(columns)]
    for start in range(0, len(picked), batch_size):
        part = picked.iloc[start : start + batch_size]
        yield from pa.Table.from_pandas(part, preserve_index=False).to_pylist()


def replace_rows(
    previous: pd.DataFrame | None, kept: Collection[str], new: pd.DataFrame, order: pd.DataFrame
) -> pd.DataFrame:
    """Return the kept rows of `previous` with the `new` rows, in the order of `order`.

    Rows are known by `vacancy_id`; a row that is neither kept nor new is gone.
    """
    if previous is None:
        together = new
    else:
        together = pd.concat([previous[previous["vacancy_id"].isin(list(kept))], new])
    places = pd.Index(together["vacancy_id"].tolist()).get_indexer(order["vacancy_id"].tolist())
    ordered: pd.DataFrame = together.iloc[places[places >= 0]].reset_index(drop=True)
    return ordered


def with_column(
    frame: pd.DataFrame, table: Table, column: str, values: Mapping[str, Any]
) -> pd.DataFrame:
    """Return `frame` with one column filled anew, a value for each `vacancy_id`."""
    type_ = table.arrow_schema.field(column).type
    filled = pa.array([values.get(vacancy_id) for vacancy_id in frame["vacancy_id"]], type_)
    return frame.assign(**{column: pd.Series(pd.arrays.ArrowExtensionArray(filled))})


def preview(frame: pd.DataFrame, columns: Iterable[str], *, rows: int = 10) -> dg.MetadataValue:
    """Return the first rows as the table Dagster's UI shows beside a materialization."""
    head = frame[list(columns)].head(rows)
    return dg.MetadataValue.md(
        head.map(_short).to_markdown(index=False) if len(head) else "*no rows*"
    )


def _short(value: Any) -> str:
    if value is None or value is pd.NA:
        return ""
    if isinstance(value, (list, tuple)) or hasattr(value, "tolist"):
        value = ", ".join(map(str, value))
    text = " ".join(str(value).split()).replace("|", "/")
    return text if len(text) <= 80 else f"{text[:79]}…"


def _as_json(values: list[Any]) -> list[str | None]:
    return [
        None if value is None else json.dumps(value, ensure_ascii=False, default=str)
        for value in values
    ]
