"""Prepared statements: SQLAlchemy compiles them once, the database driver runs them.

Running a statement through SQLAlchemy costs several times what SQLite needs for it, and a paid call
takes about ten. What is rare or large goes through SQLAlchemy as usual.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Dialect, Select
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.types import TypeEngine

Values = Mapping[str, object]
Row = Any
"""A named tuple with the columns of its statement."""

_Convert = Callable[[Any], Any]


class Prepared:
    """One statement, whose parameters are all named; `columns` are those an insert fills."""

    def __init__(self, statement: ClauseElement, columns: Sequence[str] = ()) -> None:
        self._statement = statement
        self._columns = list(columns) or None
        self._by_dialect: dict[str, _Compiled] = {}

    def compiled_for(self, dialect: Dialect) -> "_Compiled":
        compiled = self._by_dialect.get(dialect.name)
        if compiled is None:
            compiled = _compile(self._statement, self._columns, dialect)
            self._by_dialect[dialect.name] = compiled
        return compiled


class Transaction:
    """Runs prepared statements on one cursor."""

    def __init__(self, cursor: DBAPICursor, dialect: Dialect) -> None:
        self._cursor = cursor
        self._dialect = dialect

    def execute(self, statement: Prepared, values: Values) -> None:
        compiled = statement.compiled_for(self._dialect)
        self._cursor.execute(compiled.sql, compiled.parameters(values))

    def execute_each(self, statement: Prepared, values: Iterable[Values]) -> None:
        compiled = statement.compiled_for(self._dialect)
        self._cursor.executemany(compiled.sql, [compiled.parameters(each) for each in values])

    def rows(self, statement: Prepared, values: Values) -> list[Row]:
        compiled = statement.compiled_for(self._dialect)
        self._cursor.execute(compiled.sql, compiled.parameters(values))
        return [compiled.row(found) for found in self._cursor.fetchall()]

    def first(self, statement: Prepared, values: Values) -> Row | None:
        return next(iter(self.rows(statement, values)), None)


@dataclass(frozen=True)
class _Compiled:
    sql: str
    order: tuple[str, ...] | None
    """Names of the parameters by position; None where the driver takes them by name."""
    defaults: Mapping[str, object]
    to_database: Mapping[str, _Convert]
    row_type: Callable[..., Any]
    from_database: Sequence[tuple[int, _Convert]]

    def parameters(self, values: Values) -> Any:
        merged = {**self.defaults, **values}
        for name, convert in self.to_database.items():
            merged[name] = convert(merged[name])
        return merged if self.order is None else [merged[name] for name in self.order]

    def row(self, found: Sequence[Any]) -> Any:
        cells = list(found)
        for index, convert in self.from_database:
            cells[index] = convert(cells[index])
        return self.row_type(*cells)


def _compile(statement: ClauseElement, columns: list[str] | None, dialect: Dialect) -> _Compiled:
    compiled = statement.compile(dialect=dialect, column_keys=columns)
    if not isinstance(compiled, SQLCompiler):
        raise TypeError(f"{statement} is not a query or a change of rows")
    binds = {name: compiled.binds[name] for name in compiled.params}
    returned = _returned_columns(compiled)
    return _Compiled(
        sql=str(compiled),
        order=tuple(compiled.positiontup) if compiled.positiontup is not None else None,
        defaults={name: bind.value for name, bind in binds.items() if bind.value is not None},
        to_database={
            name: convert
            for name, bind in binds.items()
            if (convert := _implementation(bind.type, dialect).bind_processor(dialect))
        },
        row_type=namedtuple("Row", [column.key for column in returned]),
        from_database=[
            (index, convert)
            for index, column in enumerate(returned)
            if (convert := _implementation(column.type, dialect).result_processor(dialect, None))
        ],
    )


def _returned_columns(compiled: SQLCompiler) -> list[Any]:
    if isinstance(compiled.statement, Select):
        return list(compiled.statement.selected_columns)
    return list(compiled.effective_returning or ())


def _implementation(kind: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    return kind.dialect_impl(dialect)
