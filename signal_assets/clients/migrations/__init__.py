"""Migrations: the versions of the tables, and the one way by which tables come into being.

A change of `database_tables` needs a file in `versions/` that makes the same change in databases
that exist; `REVISION` is then its number. A test compares what all versions make with
`database_tables`.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

REVISION = "0008"
"""The version of the tables this code works with; versions sort as text."""

VERSION_TABLE = "signal_assets_version"
"""Not Alembic's usual name: Dagster uses that one, and may live in the same database."""


class NewerTables(Exception):
    """A newer signal_assets changed the tables; this one could misread them."""


def stored_revision(connection: Connection) -> str | None:
    """Return the version of the tables that stand there; None before the first."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    version: str | None = connection.execute(
        text(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - our constant  # nosec B608
    ).scalar()
    return version


def upgrade(connection: Connection) -> None:
    """Bring the tables to `REVISION` inside the transaction of `connection`.

    The caller sees to it that nobody else does the same at the moment. Alembic is imported here
    because a database that is up to date, which is nearly every one, needs nothing of it.

    Raises:
        NewerTables: the tables are of a version that this code does not know.
    """
    stored = stored_revision(connection)
    if stored is not None and stored > REVISION:
        raise NewerTables(
            f"its tables are of version {stored} and this signal-assets knows up to {REVISION}: "
            "upgrade signal-assets"
        )
    from alembic import command
    from alembic.config import Config

    config = Config()
    folder = str(Path(__file__).parent)
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, REVISION)
