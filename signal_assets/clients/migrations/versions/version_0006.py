"""Erasures, and answers of the ledger whose body was erased."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_UTC = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("ledger_answers", sa.Column("erased_at", _UTC))
    if op.get_bind().dialect.name == "postgresql":  # SQLite keeps no comments
        op.create_table_comment(
            "ledger_answers",
            "One answer as it was received; what was erased has no body and is never reused.",
        )
    op.create_table(
        "erasures",
        sa.Column("erasure_id", sa.Integer(), primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text()),
        sa.Column("salt", sa.Text(), nullable=False),
        sa.Column("search_profile", sa.Text()),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("started_at", _UTC, nullable=False),
        sa.Column("finished_at", _UTC),
        sa.Column("keeps_away", sa.Boolean(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        comment=(
            "One erasure: kind kvk_number, email, company or age; digest: what was asked for, "
            "keyed with the salt; counts: place → what was erased there."
        ),
    )
    op.create_table(
        "erasure_marks",
        sa.Column("mark_id", sa.Integer(), primary_key=True),
        sa.Column("erasure_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        comment=(
            "By what the subject of an erasure is known again; kind: kvk_number, email or name."
        ),
    )
    op.create_index("erasure_marks_by_erasure", "erasure_marks", ["erasure_id"])
