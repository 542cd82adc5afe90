"""Dagster's storage in PostgreSQL with a connection that is kept, for `storage: custom`.

`dagster-postgres` opens a connection for every event it writes, of which a run has some hundred:
on one machine most of a small run's time went there.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage, PostgresRunStorage
from dagster_postgres.utils import (
    create_pg_engine,
    get_token_provider_from_config,
    pg_url_from_config,
)

from signal_assets.clients.database import with_driver

if TYPE_CHECKING:
    from dagster_postgres.auth import PgTokenProvider

KEPT_CONNECTIONS = 1
MORE_CONNECTIONS = 20
"""That a process may open for a moment, as many as Dagster's webserver may by default."""


class PooledPostgresRunStorage(PostgresRunStorage):
    """The one of the three that an instance disposes of, and with it the connections of all."""

    def dispose(self) -> None:
        self._engine.dispose()


class PooledPostgresStorage(DagsterPostgresStorage):
    """Runs, events and schedules in PostgreSQL; a process keeps one connection for all three.

    A connection that broke, as after a restart of the server, is noticed and replaced before it is
    used. The address may leave out the driver.
    """

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,
        inst_data: ConfigurableClassData | None = None,
        token_provider: "PgTokenProvider | None" = None,
    ) -> None:
        url = with_driver(postgres_url)
        super().__init__(url, should_autocreate_tables, inst_data, token_provider)
        self._run_storage = PooledPostgresRunStorage(url, False, token_provider=token_provider)
        engine = create_pg_engine(
            url,
            token_provider,
            isolation_level="AUTOCOMMIT",
            pool_size=KEPT_CONNECTIONS,
            max_overflow=MORE_CONNECTIONS,
            pool_pre_ping=True,
        )
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage._engine = engine

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "PooledPostgresStorage":
        return cls(
            pg_url_from_config(config_value),
            config_value.get("should_autocreate_tables", True),
            inst_data,
            get_token_provider_from_config(config_value),
        )
