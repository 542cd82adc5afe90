"""How many answers of a pass stood in the ledger already."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column(
        "ledger_passes",
        sa.Column("answers_from_ledger", sa.Integer(), nullable=False, server_default="0"),
    )
