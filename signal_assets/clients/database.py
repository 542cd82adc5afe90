"""The database behind the ledger and the prompts: one SQLite file by default, Postgres by URL."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Context, Decimal
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Connection,
    DateTime,
    Dialect,
    Engine,
    PoolProxiedConnection,
    create_engine,
    event,
    select,
    text,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from signal_assets.clients import migrations
from signal_assets.clients.errors import SourceUnavailable
from signal_assets.clients.prepared import Transaction

SETTING = "SIGNAL_ASSETS_DATABASE_URL"

_BUSY_SECONDS = 30
_WRITE_ATTEMPTS = 5
_POSTGRES_TRY_AGAIN = {"40001", "40P01"}
"""Serialisation failure and deadlock: the transaction was undone and may be repeated."""
_POSTGRES_AWAY = {"57P01", "57P02", "57P03", "53100", "53300"}
"""Shut down, crashed, starting, disk full, all connections taken: may pass without us."""
_POSTGRES_LOST = "08"
"""The class of errors of a connection that broke."""
PATIENCE_SECONDS = 60.0
"""How long a server that was there may be away: it was started anew, or its disk was full."""
_AWAY_PAUSE_SECONDS = 0.5
_MIGRATION_LOCK = 7_405_991_182_033
"""Any constant will do: who changes the tables on Postgres holds this advisory lock."""
_KEPT_CONNECTIONS, _MORE_CONNECTIONS = 2, 2
"""What one open database takes of Postgres at most; a thread that finds none free waits."""

_POSTGRES_DEFAULTS = {"application_name": "signal_assets", "connect_timeout": "10"}
"""What the address may say otherwise."""

_TRANSACTION_NUMBER = "SELECT CAST(pg_current_xact_id_if_assigned() AS text)"
_TRANSACTION_STATUS = text("SELECT pg_xact_status(CAST(:number AS xid8))")

_EXACT = Context(prec=60)
_PICODOLLARS = Decimal(10) ** 12

Result = TypeVar("Result")

logger = logging.getLogger(__name__)


class DatabaseUnavailable(SourceUnavailable):
    """The database cannot be opened, read or written; names it and the setting that says where."""


class Money(TypeDecorator[Decimal]):
    """US dollars as a whole number of trillionths, so that sums are exact in every database.

    The finest price there is, a cached token in a batch, is some thousand trillionths. An amount
    that is finer still is rounded up.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        units = _EXACT.multiply(value, _PICODOLLARS)
        return int(units.to_integral_value(ROUND_CEILING, _EXACT))

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else _EXACT.divide(Decimal(value), _PICODOLLARS)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; refuses one that does not say its time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} does not say its time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class DatabaseNow(FunctionElement[datetime]):
    """The moment at which the statement is at work, by the clock that all who share it see.

    On Postgres that is the server's. SQLite has this machine's: its file has no other users.
    """

    type = UtcDateTime()
    inherit_cache = True


@compiles(DatabaseNow, "postgresql")
def _postgres_now(element: DatabaseNow, compiler: SQLCompiler, **options: Any) -> str:
    return "clock_timestamp()"


@compiles(DatabaseNow, "sqlite")
def _sqlite_now(element: DatabaseNow, compiler: SQLCompiler, **options: Any) -> str:
    return "strftime('%Y-%m-%d %H:%M:%f', 'now')"


def read_now(db: Connection) -> datetime:
    return db.execute(select(DatabaseNow())).scalar_one()


class Database:
    """Runs reads and writes as transactions; safe to use from several threads.

    On SQLite the file is in WAL mode with `synchronous=NORMAL`: what is committed survives the
    death of the process (`kill -9`); after a loss of power the last commits may be missing, but the
    file is intact. WAL needs a local disk; on a network share use Postgres.

    A Postgres that goes away is waited for, up to `patience_seconds`, and what was to be written is
    written then, once: when the connection broke while it was committed, the server is asked
    whether it was.
    """

    def __init__(self, engine: Engine, name: str, patience_seconds: float) -> None:
        self._engine = engine
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._writer = engine.execution_options(writes=True)
        # Several queries of one read agree with each other; SQLite always reads so.
        self._reader = (
            engine
            if self._is_sqlite
            else engine.execution_options(isolation_level="REPEATABLE READ")
        )
        self._driver: Any = engine.dialect.loaded_dbapi
        # SQLite makes writers wait by sleeping; threads of one process wait better for a lock.
        self._one_writer = threading.Lock() if self._is_sqlite else nullcontext()
        self._name = name
        self._kept: PoolProxiedConnection | None = None
        self._patience_seconds = 0.0
        self._bring_up_to_date()
        self._patience_seconds = patience_seconds

    @classmethod
    def open(cls, url: str, *, patience_seconds: float = PATIENCE_SECONDS) -> "Database":
        """Open the database at `url`, its tables brought to the version this code works with.

        Raises:
            DatabaseUnavailable: not a database address, no way to write there, not a database, or
                one that a newer signal_assets made.
        """
        address = _read_address(url)
        name = _name_without_secrets(address)
        if address.get_backend_name() == "sqlite":
            _make_folder(address, name)
        try:
            engine = _create_engine(address)
        except (ImportError, SQLAlchemyError) as error:
            raise DatabaseUnavailable(_explain(name, error)) from error
        try:
            return cls(engine, name, patience_seconds)
        except DatabaseUnavailable:
            engine.dispose()
            raise

    @property
    def name(self) -> str:
        """The path of the file, or the address without user and password."""
        return self._name

    def read(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` on one state of the database, whatever others write meanwhile."""
        return self._repeat(lambda: self._read_once(work))

    def write(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` in one transaction; it may run again when another process was first.

        What `work` raises undoes the transaction and reaches the caller.
        """
        return self._repeat(lambda: self._write_once(work))

    def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """The same for work done in prepared statements, which is what a paid call can afford."""
        return self._repeat(lambda: self._transact_once(work))

    def scrub(self, tables: Sequence[str]) -> None:
        """Write the file, or these tables on Postgres, anew without what was erased or replaced.

        Others wait meanwhile; on SQLite it takes as much free space as the file.

        Raises:
            DatabaseUnavailable: others use it without a pause; nothing is lost, try again.
        """
        try:
            if self._is_sqlite:
                self.close()
                scrub_file(Path(self._name))
            else:
                connect = self._engine.execution_options(isolation_level="AUTOCOMMIT").connect
                with connect() as connection:
                    for table in tables:
                        connection.exec_driver_sql(f'VACUUM (FULL) "{table}"')
        except (DBAPIError, sqlite3.Error) as error:
            raise DatabaseUnavailable(_explain(self._name, error)) from error

    def close(self) -> None:
        with self._one_writer:
            if self._kept is not None:
                self._kept.close()
                self._kept = None
        self._engine.dispose()

    def _repeat(self, once: Callable[[], Result]) -> Result:
        conflicts, lost_at = 0, None
        while True:
            try:
                return once()
            except (DBAPIError, self._driver.Error) as error:
                if self._is_conflict(error) and conflicts + 1 < _WRITE_ATTEMPTS:
                    conflicts += 1
                    continue
                lost_at = lost_at or time.monotonic()
                if not self._is_awaited(error, lost_at):
                    raise DatabaseUnavailable(_explain(self._name, error)) from error
                time.sleep(_AWAY_PAUSE_SECONDS)

    def _is_conflict(self, error: Exception) -> bool:
        """Whether another process was first, and the transaction was undone."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(cause, self._driver.IntegrityError):
            return True
        return getattr(cause, "pgcode", None) in _POSTGRES_TRY_AGAIN

    def _is_awaited(self, error: Exception, lost_at: float) -> bool:
        """Whether the server is away and may still come back; says so the first time."""
        waited = time.monotonic() - lost_at
        if not self._is_away(error) or waited >= self._patience_seconds:
            return False
        if waited < _AWAY_PAUSE_SECONDS:
            logger.warning(
                "%s; waiting for it up to %.0f s",
                _explain(self._name, error),
                self._patience_seconds,
            )
        return True

    def _is_away(self, error: Exception) -> bool:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if self._is_sqlite or not isinstance(
            cause, self._driver.OperationalError | self._driver.InterfaceError
        ):
            return False
        code: str | None = getattr(cause, "pgcode", None)
        return code is None or code in _POSTGRES_AWAY or code.startswith(_POSTGRES_LOST)

    def _read_once(self, work: Callable[[Connection], Result]) -> Result:
        with self._reader.begin() as connection:
            return work(connection)

    def _write_once(self, work: Callable[[Connection], Result]) -> Result:
        with self._one_writer, self._writer.connect() as connection, connection.begin() as opened:
            result = work(connection)
            if self._is_sqlite:
                return result
            number = connection.exec_driver_sql(_TRANSACTION_NUMBER).scalar_one()
            self._commit(opened.commit, number)
            return result

    def _transact_once(self, work: Callable[[Transaction], Result]) -> Result:
        with self._one_writer, self._driver_connection() as connection:
            cursor = connection.cursor()
            if self._is_sqlite:
                cursor.execute("BEGIN IMMEDIATE")
            result = work(Transaction(cursor, self._engine.dialect))
            if self._is_sqlite:
                connection.commit()
                return result
            cursor.execute(_TRANSACTION_NUMBER)
            ((number,),) = cursor.fetchall()
            self._commit(connection.commit, number)
            return result

    def _commit(self, commit: Callable[[], None], number: str | None) -> None:
        """Commit the transaction that Postgres knows by `number`; None: it wrote nothing.

        Returns also when the connection broke and the transaction was committed all the same.
        """
        try:
            commit()
        except (DBAPIError, self._driver.Error) as error:
            if number is None or not self._is_away(error) or not self._was_committed(number):
                raise

    def _was_committed(self, number: str) -> bool:
        """Ask the server, as soon as it is there and the transaction is over."""
        while True:
            status = self._repeat(
                lambda: self._read_once(
                    lambda connection: connection.execute(
                        _TRANSACTION_STATUS, {"number": number}
                    ).scalar_one()
                )
            )
            if status != "in progress":
                return bool(status == "committed")
            time.sleep(_AWAY_PAUSE_SECONDS)

    @contextmanager
    def _driver_connection(self) -> Iterator[PoolProxiedConnection]:
        """One connection is kept on SQLite, where one writes at a time; taking it costs time."""
        if self._is_sqlite:
            kept = self._kept = self._kept or self._engine.raw_connection()
            try:
                yield kept
            except BaseException:
                kept.rollback()
                raise
            return
        connection = self._engine.raw_connection()
        try:
            yield connection
        except (self._driver.OperationalError, self._driver.InterfaceError) as error:
            connection.invalidate(error)
            raise
        finally:
            connection.close()

    def _bring_up_to_date(self) -> None:
        if self.read(migrations.stored_revision) == migrations.REVISION:
            return
        try:
            self.write(self._migrate)
        except migrations.NewerTables as error:
            raise DatabaseUnavailable(_explain(self._name, error)) from error

    def _migrate(self, connection: Connection) -> None:
        """Change the tables, one process at a time: SQLite's writer lock sees to that by itself."""
        if not self._is_sqlite:
            connection.execute(
                text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK}
            )
        migrations.upgrade(connection)


def scrub_file(path: Path) -> None:
    """Write an SQLite file anew, so that its bytes hold nothing that was deleted.

    Raises:
        sqlite3.Error: it is in use without a pause.
    """
    with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
        connection.execute("VACUUM")
        is_busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_busy:
            raise sqlite3.OperationalError("others still read what was erased; try again")


def with_driver(url: str) -> str:
    """Return an address of PostgreSQL with its driver, as Dagster needs it.

    SQLAlchemy 2.1 takes one without for psycopg 3, and Dagster fails with that.

    >>> with_driver("postgresql://user:secret@host/database")
    'postgresql+psycopg2://user:secret@host/database'
    """
    return _name_driver(make_url(url)).render_as_string(hide_password=False)


def _name_driver(address: URL) -> URL:
    is_bare = address.drivername in ("postgres", "postgresql")
    return address.set(drivername="postgresql+psycopg2") if is_bare else address


def _read_address(url: str) -> URL:
    try:
        address = _name_driver(make_url(url))
    except ArgumentError as error:
        raise DatabaseUnavailable(
            f"{SETTING} is not a database address; "
            "write sqlite:///path/to/file.db or postgresql://user:password@host/database"
        ) from error
    backend = address.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise DatabaseUnavailable(
            f"{SETTING}: {backend} is not supported; use sqlite or postgresql"
        )
    if backend == "sqlite" and address.database in (None, "", ":memory:"):
        raise DatabaseUnavailable(
            f"{SETTING}: a ledger in memory forgets what was paid; name a file"
        )
    return address


def _name_without_secrets(address: URL) -> str:
    if address.get_backend_name() == "sqlite":
        return str(Path(str(address.database)).absolute())
    return f"postgresql://{address.host or ''}/{address.database or ''}"


def _make_folder(address: URL, name: str) -> None:
    try:
        Path(str(address.database)).absolute().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseUnavailable(_explain(name, error)) from error


def _create_engine(address: URL) -> Engine:
    if address.get_backend_name() != "sqlite":
        return create_engine(
            address,
            hide_parameters=True,
            pool_pre_ping=True,
            pool_size=_KEPT_CONNECTIONS,
            max_overflow=_MORE_CONNECTIONS,
            connect_args={
                name: value
                for name, value in _POSTGRES_DEFAULTS.items()
                if name not in address.query
            },
        )
    engine = create_engine(
        address,
        hide_parameters=True,
        connect_args={"timeout": _BUSY_SECONDS, "isolation_level": None},
    )
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous=NORMAL")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Ask until it is so: SQLite does not wait here while another process does the same."""
    give_up_at = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up_at:
                raise
            time.sleep(0.02)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    """Writers take the lock at once: a reader that turns writer half-way can be refused."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _explain(name: str, error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    words = " ".join(str(cause).split())
    return f"database {name} cannot be used ({words}); {SETTING} says where it lies"
