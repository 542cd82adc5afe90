"""The newest answer to a question is found by one index, whatever the database knows of the table.

PostgreSQL without statistics went through all answers from the newest on.
"""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.drop_index("ledger_answers_by_key", "ledger_answers")
    op.create_index("ledger_answers_by_key", "ledger_answers", ["key", "answer_id"])
