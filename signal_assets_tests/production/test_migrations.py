"""Tables come into being, and change, by migrations only; on SQLite and on PostgreSQL."""

import multiprocessing
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text

from signal_assets.clients import migrations
from signal_assets.clients.database import Database, DatabaseUnavailable, with_driver
from signal_assets.clients.database_tables import metadata
from signal_assets.clients.ledger import Ledger
from signal_assets.clients.prompts import PromptStore
from signal_assets_tests.clients.databases import BACKENDS, new_database, new_schema

SPAWN = multiprocessing.get_context("spawn")
FIRST_RELEASE = Path(__file__).with_name("first_release.db")


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with new_database(request.param, tmp_path) as url:
        yield url


def differences(connection: Connection) -> list[Any]:
    """Return what must still change for the tables to be those of `database_tables`."""
    context = MigrationContext.configure(
        connection, opts={"version_table": migrations.VERSION_TABLE}
    )
    return list(compare_metadata(context, metadata))


POSTGRES_TABLES = text(
    """
    SELECT table_name, column_name, data_type, is_nullable, column_default IS NULL
    FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name <> 'signal_assets_version'
    UNION ALL
    SELECT tablename, regexp_replace(indexdef, 'test_[0-9a-f]+', '', 'g'), '', '', false
    FROM pg_indexes
    WHERE schemaname = current_schema() AND tablename <> 'signal_assets_version'
    """
)
SQLITE_TABLES = text(
    """
    SELECT made.name, field.name, field.type, field."notnull", field.pk, field.dflt_value
    FROM sqlite_master AS made JOIN pragma_table_info(made.name) AS field
    WHERE made.type = 'table' AND made.name <> 'signal_assets_version'
    UNION ALL
    SELECT tbl_name, sql, '', '', '', '' FROM sqlite_master WHERE type = 'index' AND sql NOT NULL
    """
)


def tables(connection: Connection) -> list[tuple[str, ...]]:
    """Return what the database itself says of its tables and indexes."""
    is_sqlite = connection.dialect.name == "sqlite"
    rows = connection.execute(SQLITE_TABLES if is_sqlite else POSTGRES_TABLES)
    return sorted(tuple(" ".join(str(cell).split()) for cell in row) for row in rows)


def made_directly(url: str) -> list[tuple[str, ...]]:
    engine = create_engine(with_driver(url))
    with engine.begin() as connection:
        metadata.create_all(connection)
        found = tables(connection)
    engine.dispose()
    return found


def test_the_migrations_make_the_tables_that_the_code_works_with(url: str, tmp_path: Path) -> None:
    database = Database.open(url)
    assert database.read(differences) == []
    migrated = database.read(tables)
    database.close()

    if url.startswith("sqlite"):
        assert migrated == made_directly(f"sqlite:///{tmp_path}/directly.db")
    else:
        with new_schema() as other:
            assert migrated == made_directly(other)


def test_the_newest_migration_is_the_one_the_code_works_with() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [migrations.REVISION]
    revisions = [version.revision for version in script.walk_revisions()]
    assert revisions == sorted(revisions, reverse=True)


def test_a_database_of_the_first_release_keeps_what_was_paid_for(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    shutil.copyfile(FIRST_RELEASE, path)
    ledger = Ledger.open(f"sqlite:///{path}")
    (row,) = ledger.spending()
    assert (row.service, row.answers, row.cost_usd) == ("claude", 1, Decimal("0.004"))
    assert [left.summary for left in ledger.unknown_outcomes()] == ["left open"]
    assert ledger.drift() == []
    assert ledger.database.read(migrations.stored_revision) == migrations.REVISION
    assert ledger.database.read(differences) == []
    ledger.close()
    prompts = PromptStore.open(f"sqlite:///{path}")
    assert prompts.active("accounts_payable").system_prompt == "Read it."
    prompts.close()


def test_a_database_without_a_version_gets_what_it_lacks(url: str) -> None:
    engine = create_engine(with_driver(url))
    with engine.begin() as connection:
        metadata.tables["ledger_totals"].create(connection)
        connection.execute(text("INSERT INTO ledger_totals VALUES ('kept', 1, 0)"))
    engine.dispose()

    database = Database.open(url)
    assert database.read(differences) == []
    kept = database.read(lambda db: db.execute(text("SELECT scope FROM ledger_totals")).scalar())
    assert kept == "kept"
    database.close()


def test_a_database_of_a_newer_release_is_refused_with_what_to_do(url: str) -> None:
    Database.open(url).close()
    engine = create_engine(with_driver(url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE signal_assets_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(DatabaseUnavailable, match=r"version 9999.*upgrade signal-assets"):
        Database.open(url)


def open_and_close(url: str, start: Any) -> None:
    start.wait(timeout=60)
    Ledger.open(url).close()


def test_several_processes_may_make_the_tables_at_once(url: str) -> None:
    start = SPAWN.Barrier(4)
    processes = [SPAWN.Process(target=open_and_close, args=(url, start)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0] * 4
    database = Database.open(url)
    assert database.read(differences) == []
    database.close()


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE claude_batches (made_by_hand TEXT)")
    with pytest.raises(DatabaseUnavailable, match="claude_batches already exists"):
        Database.open(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master")]
    assert names == ["claude_batches"]


OPEN_AND_LIST = """
import sys
from signal_assets.clients.database import Database
Database.open(sys.argv[1]).close()
print([name for name in sys.modules if name.split(".")[0] == "alembic"])
"""


def test_a_database_that_is_up_to_date_is_opened_without_alembic(url: str) -> None:
    Database.open(url).close()
    command = [sys.executable, "-c", OPEN_AND_LIST, url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


def test_a_database_that_is_up_to_date_is_only_asked_for_its_version(url: str) -> None:
    Database.open(url).close()
    asked: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        Database.open(url).close()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert asked[-1] == f"SELECT version_num FROM {migrations.VERSION_TABLE}"
    assert not [sql for sql in asked if "CREATE" in sql or "pg_advisory" in sql]
    assert len(asked) <= 12
