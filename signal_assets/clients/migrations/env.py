"""What Alembic runs: the versions, on the connection and in the transaction it is given."""

from alembic import context

from signal_assets.clients.database_tables import metadata
from signal_assets.clients.migrations import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
context.run_migrations()
