"""Slices of a reading that several workers share."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "reading_slices",
        sa.Column("reading", sa.Text(), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("search_profile", sa.Text(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("led_by", sa.Text(), nullable=False),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("holder_id", sa.Text()),
        sa.Column("tally", sa.JSON()),
        comment=(
            "A part of the texts that one run of pass 1 reads; gone when its table is made. "
            "state: open, claimed (holder_id reads it), done (its part is written)."
        ),
    )
    op.create_index("reading_slices_by_profile", "reading_slices", ["search_profile"])
