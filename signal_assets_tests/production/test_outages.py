"""A Postgres that goes away for a moment is waited for, and nothing is written twice or lost."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    create_engine,
    insert,
    make_url,
    select,
)

from signal_assets.clients.database import Database, DatabaseUnavailable, with_driver
from signal_assets.clients.prepared import Prepared, Transaction
from signal_assets_tests.production.servers import PostgresServer, new_disk

MARKS = Table("marks", MetaData(), Column("mark", String))
ADD_MARK = Prepared(insert(MARKS), columns=["mark"])
DOWN_SECONDS = 1.0

Write = Callable[[Database, str], None]


def write(database: Database, mark: str) -> None:
    def work(connection: Connection) -> None:
        connection.execute(insert(MARKS), {"mark": mark})

    database.write(work)


def transact(database: Database, mark: str) -> None:
    def work(transaction: Transaction) -> None:
        transaction.execute(ADD_MARK, {"mark": mark})

    database.transact(work)


both_ways = pytest.mark.parametrize("put", [write, transact])


class Wire:
    """A loopback address that leads to a server; it breaks at the next COMMIT when it is told to.

    `before` the server is asked to commit, or `after` it did, its answer on the way.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._breaks: str | None = None
        self.broken = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def break_at_commit(self, when: str) -> None:
        self._breaks = when

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._to))
            arguments: tuple[tuple[socket.socket, socket.socket, bool], ...] = (
                (client, server, True),
                (server, client, False),
            )
            for each in arguments:
                threading.Thread(target=self._carry, args=each, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, is_question: bool) -> None:
        with source, target:
            try:
                while data := source.recv(65_536):
                    if is_question and self._breaks and b"COMMIT" in data:
                        self._break(data, target)
                        return
                    target.sendall(data)
            except OSError:
                return

    def _break(self, data: bytes, server: socket.socket) -> None:
        when, self._breaks = self._breaks, None
        self.broken += 1
        if when == "after":
            server.sendall(data)
            time.sleep(0.3)  # it commits; nobody hears of it


@contextmanager
def later(action: Callable[[], object], seconds: float = DOWN_SECONDS) -> Iterator[None]:
    timer = threading.Timer(seconds, action)
    timer.start()
    try:
        yield
    finally:
        timer.join()


@pytest.fixture
def url(postgres_server: PostgresServer) -> str:
    """Return the address of an empty database with the table of marks, on a server that runs."""
    if not postgres_server.is_alive:
        postgres_server.start()
    url = postgres_server.new_database()
    engine = create_engine(with_driver(url))
    MARKS.create(engine)
    engine.dispose()
    return url


def marks(url: str) -> list[str]:
    engine: Engine = create_engine(with_driver(url))
    try:
        with engine.connect() as connection:
            return sorted(connection.execute(select(MARKS.c.mark)).scalars())
    finally:
        engine.dispose()


@pytest.fixture
def wire(postgres_server: PostgresServer) -> Iterator[Wire]:
    wire = Wire(postgres_server.port)
    yield wire
    wire.close()


@contextmanager
def opened(url: str, patience_seconds: float = 30.0) -> Iterator[Database]:
    database = Database.open(url, patience_seconds=patience_seconds)
    try:
        yield database
    finally:
        database.close()


@both_ways
def test_what_is_to_be_written_waits_for_a_server_that_starts_anew(
    put: Write, url: str, postgres_server: PostgresServer
) -> None:
    with opened(url) as database:
        put(database, "before")
        postgres_server.kill()
        with later(postgres_server.start):
            put(database, "meanwhile")

    assert marks(url) == ["before", "meanwhile"]


def test_a_question_waits_for_a_server_that_starts_anew(
    url: str, postgres_server: PostgresServer
) -> None:
    with opened(url) as database:
        write(database, "before")
        postgres_server.kill()
        with later(postgres_server.start):
            found = database.read(lambda db: db.execute(select(MARKS.c.mark)).scalars().all())

    assert found == ["before"]


@both_ways
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_connection_that_breaks_at_the_commit_writes_once(
    put: Write, when: str, url: str, wire: Wire
) -> None:
    address = make_url(url).set(port=wire.port).render_as_string(hide_password=False)
    with opened(address) as database:
        put(database, "first")
        wire.break_at_commit(when)
        put(database, "second")
        put(database, "third")

    assert (wire.broken, marks(url)) == (1, ["first", "second", "third"])


def test_a_server_that_stays_away_is_named(url: str, postgres_server: PostgresServer) -> None:
    with opened(url, patience_seconds=1.0) as database:
        postgres_server.kill()
        with pytest.raises(DatabaseUnavailable, match=r"postgresql://127\.0\.0\.1/test_"):
            transact(database, "never")


@pytest.mark.parametrize("put", [pytest.param(write, marks=pytest.mark.slow), transact])
def test_what_is_to_be_written_waits_for_room_on_a_full_disk(put: Write, tmp_path: Path) -> None:
    with new_disk(120) as disk:
        server = PostgresServer(disk.folder, tmp_path)
        server.start()
        try:
            url = server.new_database()
            engine = create_engine(with_driver(url))
            MARKS.create(engine)
            engine.dispose()
            with opened(url) as database:
                disk.fill()
                with later(lambda: make_room(server, disk.make_room), 3.0):
                    for number in range(300):  # some fit into what is allocated already
                        put(database, f"{number:03}" * 100)
            written, printed = marks(url), server.printed()
        finally:
            server.kill()

    assert "No space left on device" in printed
    assert written == [f"{number:03}" * 100 for number in range(300)]


def make_room(server: PostgresServer, free: Callable[[], None]) -> None:
    free()
    if not server.is_alive:
        server.start()
