"""The tables of the first release: ledger, passes, prompts.

Before there were versions, the same tables were made without one. In such a database this adds
what is missing and leaves the rest alone.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_UTC = sa.DateTime(timezone=True)
_USD = sa.BigInteger()
"""Trillionths of a dollar."""


def upgrade() -> None:
    _make_ledger()
    _make_passes()
    _make_prompts()


def _make_ledger() -> None:
    op.create_table(
        "ledger_holders",
        sa.Column("holder_id", sa.Text(), primary_key=True),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("process_started", sa.Float(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("search_profile", sa.Text(), nullable=False),
        sa.Column("started_at", _UTC, nullable=False),
        sa.Column("heartbeat_at", _UTC, nullable=False),
        sa.Column("ended_at", _UTC),
        comment="One open or past session of a run; an intent without outcome belongs to one.",
        if_not_exists=True,
    )
    op.create_table(
        "ledger_attempts",
        sa.Column("attempt_id", sa.Integer(), primary_key=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("search_profile", sa.Text(), nullable=False),
        sa.Column("holder_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("started_at", _UTC, nullable=False),
        sa.Column("finished_at", _UTC),
        sa.Column("held_usd", _USD, nullable=False),
        sa.Column("cost_usd", _USD, nullable=False),
        sa.Column("tokens_input", sa.Integer(), nullable=False),
        sa.Column("tokens_output", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text()),
        comment=(
            "One paid call as it was meant, written before it was sent. "
            "status: asking, completed, released, unknown, "
            "settled (was unknown, and counts now at the price of its equal)."
        ),
        if_not_exists=True,
    )
    op.create_index("ledger_attempts_by_key", "ledger_attempts", ["key"], if_not_exists=True)
    op.create_index(
        "ledger_one_asks_at_a_time",
        "ledger_attempts",
        ["key"],
        unique=True,
        sqlite_where=sa.text("status = 'asking'"),
        postgresql_where=sa.text("status = 'asking'"),
        if_not_exists=True,
    )
    op.create_table(
        "ledger_answers",
        sa.Column("answer_id", sa.Integer(), primary_key=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("is_body_escaped", sa.Boolean(), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=False),
        sa.Column("is_absent", sa.Boolean(), nullable=False),
        sa.Column("is_reusable", sa.Boolean(), nullable=False),
        sa.Column("tokens_input", sa.Integer(), nullable=False),
        sa.Column("tokens_output", sa.Integer(), nullable=False),
        sa.Column("cost_usd", _USD, nullable=False),
        sa.Column("received_at", _UTC, nullable=False),
        comment="One answer as it was received.",
        if_not_exists=True,
    )
    op.create_index("ledger_answers_by_key", "ledger_answers", ["key"], if_not_exists=True)
    op.create_table(
        "ledger_totals",
        sa.Column("scope", sa.Text(), primary_key=True),
        sa.Column("spent_usd", _USD, nullable=False),
        sa.Column("held_usd", _USD, nullable=False),
        comment=(
            "Running sums of the attempts for each budget; always equal to summing them anew."
        ),
        if_not_exists=True,
    )


def _make_passes() -> None:
    op.create_table(
        "ledger_passes",
        sa.Column("run_id", sa.Text(), primary_key=True),
        sa.Column("search_profile", sa.Text(), primary_key=True),
        sa.Column("asset", sa.Text(), primary_key=True),
        sa.Column("pass_name", sa.Text(), nullable=False),
        sa.Column("started_at", _UTC, nullable=False),
        sa.Column("finished_at", _UTC),
        sa.Column("processed", sa.Integer(), nullable=False),
        sa.Column("succeeded", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("tokens_input", sa.Integer(), nullable=False),
        sa.Column("tokens_output", sa.Integer(), nullable=False),
        sa.Column("cost_usd", _USD, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        comment="What one run did in one asset.",
        if_not_exists=True,
    )


def _make_prompts() -> None:
    op.create_table(
        "prompt_versions",
        sa.Column("search_profile", sa.Text(), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True),
        sa.Column("system_prompt", sa.Text(), nullable=False),
        sa.Column("schema", sa.JSON(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("created_at", _UTC, nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        comment="A system prompt with its schema (field → question, in order), per search profile.",
        if_not_exists=True,
    )
    op.create_index(
        "prompt_versions_one_is_active",
        "prompt_versions",
        ["search_profile"],
        unique=True,
        sqlite_where=sa.text("is_active"),
        postgresql_where=sa.text("is_active"),
        if_not_exists=True,
    )
