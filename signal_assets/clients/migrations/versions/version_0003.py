"""Activations of prompts, and how many rows of a pass failed in which way."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "prompt_activations",
        sa.Column("activation_id", sa.Integer(), primary_key=True),
        sa.Column("search_profile", sa.Text(), nullable=False),
        sa.Column("prompt_version", sa.Integer(), nullable=False),
        sa.Column("model", sa.Text()),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("accuracy", sa.Float()),
        sa.Column("active_accuracy", sa.Float()),
        sa.Column("bar", sa.Float(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("activated_by", sa.Text(), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=False),
        comment=(
            "Each time a prompt with its model became active: what was measured, or who forced it."
        ),
    )
    op.create_index("prompt_activations_by_profile", "prompt_activations", ["search_profile"])
    op.add_column(
        "ledger_passes", sa.Column("failures", sa.JSON(), nullable=False, server_default="{}")
    )
    if op.get_bind().dialect.name == "postgresql":  # SQLite keeps no comments
        op.create_table_comment(
            "ledger_passes",
            "What one run did in one asset; failures: kind → rows that failed or wait for it.",
        )
