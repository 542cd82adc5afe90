"""Batches of model calls, and the calls whose outcome an open batch will bring."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_UTC = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "claude_batches",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("service_id", sa.Text()),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("search_profile", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("holder_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("request_count", sa.Integer(), nullable=False),
        sa.Column("created_at", _UTC, nullable=False),
        sa.Column("closed_at", _UTC),
        sa.Column("outcome", sa.Text()),
        comment=(
            "One batch of model calls, written before it was sent. "
            "state: intent (the service's id is not known yet), submitted, closed."
        ),
    )
    op.create_index("claude_batches_by_state", "claude_batches", ["state"])
    op.create_table(
        "claude_batch_items",
        sa.Column("attempt_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("batch_number", sa.Integer(), nullable=False),
        comment="A call whose outcome an open batch will bring; gone once the outcome is known.",
    )
    op.create_index("claude_batch_items_by_key", "claude_batch_items", ["key"])
    op.create_index("claude_batch_items_by_batch", "claude_batch_items", ["batch_number"])
