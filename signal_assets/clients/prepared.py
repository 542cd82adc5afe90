"""Prepared statements: SQLAlchemy compiles them once, the database driver runs them.

Running a statement through SQLAlchemy costs several times what SQLite needs for it, and a paid call
takes about ten. What is rare or large goes through SQLAlchemy as usual.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
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

    @property
    def sees_one_state(self) -> bool:
        """Whether nobody else writes while it is open; else each statement can see more."""
        return self._dialect.name == "sqlite"

    def execute(self, statement: Prepared, values: Values) -> None:
        compiled = statement.compiled_for(self._dialect)
        self._cursor.execute(compiled.sql, compiled.parameters(values))

    def execute_each(self, statement: Prepared, values: Iterable[Values]) -> None:
        compiled = statement.compiled_for(self._dialect)
        self._cursor.executemany(compiled.sql, [compiled.parameters(each) for each in values])

    def rows(self, statement: Prepared, values: Values) -> list[Row]:
        compiled = statement.compiled_for(self._dialect)
        self._cursor.execute(compiled.sql, compiled.parameters(values))
        found = self._cursor.fetchall()
        if not found:
            return []
        compiled.learn_types(self._cursor.description, self._dialect)
        return [compiled.row(each) for each in found]

    def first(self, statement: Prepared, values: Values) -> Row | None:
        return next(iter(self.rows(statement, values)), None)


class _Compiled:
    """The text of a statement in one dialect, and how its values go in and come out."""

    def __init__(self, compiled: SQLCompiler, dialect: Dialect) -> None:
        binds = {name: compiled.binds[name] for name in compiled.params}
        self.sql = str(compiled)
        # Names of the parameters by position; None where the driver takes them by name.
        self._order = tuple(compiled.positiontup) if compiled.positiontup is not None else None
        self._defaults = {
            name: bind.value for name, bind in binds.items() if bind.value is not None
        }
        self._to_database = {
            name: convert
            for name, bind in binds.items()
            if (convert := _implementation(bind.type, dialect).bind_processor(dialect))
        }
        self._columns = _returned_columns(compiled)
        self._row_type = _row_type([column.key for column in self._columns])
        self._from_database: list[tuple[int, _Convert]] | None = None

    def parameters(self, values: Values) -> Any:
        merged = {**self._defaults, **values}
        for name, convert in self._to_database.items():
            merged[name] = convert(merged[name])
        return merged if self._order is None else [merged[name] for name in self._order]

    def learn_types(self, description: Any, dialect: Dialect) -> None:
        """Choose how columns are read, which can depend on the type the driver says they have."""
        if self._from_database is None:
            self._from_database = [
                (index, convert)
                for index, column in enumerate(self._columns)
                if (
                    convert := _implementation(column.type, dialect).result_processor(
                        dialect, description[index][1]
                    )
                )
            ]

    def row(self, found: Sequence[Any]) -> Row:
        cells = list(found)
        for index, convert in self._from_database or ():
            cells[index] = convert(cells[index])
        return self._row_type(*cells)


def _compile(statement: ClauseElement, columns: list[str] | None, dialect: Dialect) -> _Compiled:
    compiled = statement.compile(dialect=dialect, column_keys=columns)
    if not isinstance(compiled, SQLCompiler):
        raise TypeError(f"{statement} is not a query or a change of rows")
    return _Compiled(compiled, dialect)


def _row_type(names: list[str]) -> Callable[..., Row]:
    return namedtuple("Row", names)


def _returned_columns(compiled: SQLCompiler) -> list[Any]:
    if isinstance(compiled.statement, Select):
        return list(compiled.statement.selected_columns)
    return list(compiled.effective_returning or ())


def _implementation(kind: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    return kind.dialect_impl(dialect)
