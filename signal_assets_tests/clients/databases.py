"""Databases for tests: a new SQLite file, or a schema of its own on a Postgres that is named.

Postgres takes part when `TEST_POSTGRES_URL` names a server.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

POSTGRES = os.environ.get("TEST_POSTGRES_URL")

BACKENDS = ["sqlite"] if POSTGRES is None else ["sqlite", "postgres"]


@contextmanager
def new_database(backend: str, folder: Path) -> Iterator[str]:
    if backend == "sqlite":
        yield f"sqlite:///{folder}/ledger.db"
        return
    address = make_url(str(POSTGRES)).set(drivername="postgresql+psycopg2")
    schema = f"test_{uuid.uuid4().hex}"
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    in_schema = make_url(str(POSTGRES)).update_query_dict({"options": f"-csearch_path={schema}"})
    yield in_schema.render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()
