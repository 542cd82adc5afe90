"""Limits per service over all runs, and what each service cost all search profiles together."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_UTC = sa.DateTime(timezone=True)

_SUM_ALL_PROFILES = sa.text(
    """
    INSERT INTO ledger_totals (scope, spent_usd, held_usd)
    SELECT 'all_profiles/' || month || '/' || account, SUM(cost_usd), SUM(held_usd)
    FROM (
        SELECT
            substr(day, 1, 7) AS month,
            CASE service WHEN 'claude_step_up' THEN 'claude' ELSE service END AS account,
            cost_usd,
            held_usd
        FROM ledger_attempts
    ) AS each_attempt
    GROUP BY month, account
    """
)


def upgrade() -> None:
    op.create_table(
        "service_paces",
        sa.Column("service", sa.Text(), primary_key=True),
        sa.Column("next_start_at", _UTC),
        comment="When the next request to a service may start; its row is its lock, too.",
    )
    op.create_table(
        "service_slots",
        sa.Column("attempt_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("holder_id", sa.Text(), nullable=False),
        sa.Column("taken_at", _UTC, nullable=False),
        comment="One request in flight to a service with a limit; gone once it has its outcome.",
    )
    op.create_table(
        "service_waits",
        sa.Column("service", sa.Text(), primary_key=True),
        sa.Column("holder_id", sa.Text(), primary_key=True),
        sa.Column("since", _UTC, nullable=False),
        sa.Column("asked_at", _UTC, nullable=False),
        comment="A session that found no slot free, and when it asked for one last.",
    )
    op.execute(_SUM_ALL_PROFILES)
