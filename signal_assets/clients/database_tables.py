"""Tables of the database: paid calls, their answers, sums, limits, passes, prompts."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)

from signal_assets.clients.database import Money, UtcDateTime

metadata = MetaData()

holders = Table(
    "ledger_holders",
    metadata,
    Column("holder_id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process_started", Float, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("search_profile", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("heartbeat_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    comment="One open or past session of a run; an intent without outcome belongs to one.",
)

attempts = Table(
    "ledger_attempts",
    metadata,
    Column("attempt_id", Integer, primary_key=True),
    Column("key", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("search_profile", Text, nullable=False),
    Column("holder_id", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("held_usd", Money, nullable=False),
    Column("cost_usd", Money, nullable=False),
    Column("tokens_input", Integer, nullable=False),
    Column("tokens_output", Integer, nullable=False),
    Column("reason", Text),
    comment=(
        "One paid call as it was meant, written before it was sent. "
        "status: asking, completed, released, unknown, "
        "settled (was unknown, and counts now at the price of its equal)."
    ),
)
Index("ledger_attempts_by_key", attempts.c.key)
Index(
    "ledger_one_asks_at_a_time",
    attempts.c.key,
    unique=True,
    sqlite_where=text("status = 'asking'"),
    postgresql_where=text("status = 'asking'"),
)

answers = Table(
    "ledger_answers",
    metadata,
    Column("answer_id", Integer, primary_key=True),
    Column("key", Text, nullable=False),
    Column("attempt_id", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("is_body_escaped", Boolean, nullable=False),
    Column("status_code", Integer, nullable=False),
    Column("is_absent", Boolean, nullable=False),
    Column("is_reusable", Boolean, nullable=False),
    Column("tokens_input", Integer, nullable=False),
    Column("tokens_output", Integer, nullable=False),
    Column("cost_usd", Money, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("erased_at", UtcDateTime),
    comment="One answer as it was received; what was erased has no body and is never reused.",
)
Index("ledger_answers_by_key", answers.c.key, answers.c.answer_id)

totals = Table(
    "ledger_totals",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("spent_usd", Money, nullable=False),
    Column("held_usd", Money, nullable=False),
    comment="Running sums of the attempts for each budget; always equal to summing them anew.",
)

service_paces = Table(
    "service_paces",
    metadata,
    Column("service", Text, primary_key=True),
    Column("next_start_at", UtcDateTime),
    comment="When the next request to a service may start; its row is its lock, too.",
)

service_slots = Table(
    "service_slots",
    metadata,
    Column("attempt_id", Integer, primary_key=True, autoincrement=False),
    Column("service", Text, nullable=False),
    Column("holder_id", Text, nullable=False),
    Column("taken_at", UtcDateTime, nullable=False),
    comment="One request in flight to a service with a limit; gone once it has its outcome.",
)

service_waits = Table(
    "service_waits",
    metadata,
    Column("service", Text, primary_key=True),
    Column("holder_id", Text, primary_key=True),
    Column("since", UtcDateTime, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    comment="A session that found no slot free, and when it asked for one last.",
)

passes = Table(
    "ledger_passes",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("search_profile", Text, primary_key=True),
    Column("asset", Text, primary_key=True),
    Column("pass_name", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("processed", Integer, nullable=False),
    Column("succeeded", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("tokens_input", Integer, nullable=False),
    Column("tokens_output", Integer, nullable=False),
    Column("cost_usd", Money, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("failures", JSON, nullable=False, server_default="{}"),
    Column("answers_from_ledger", Integer, nullable=False, server_default="0"),
    comment="What one run did in one asset; failures: kind → rows that failed or wait for it.",
)

prompts = Table(
    "prompt_versions",
    metadata,
    Column("search_profile", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("system_prompt", Text, nullable=False),
    Column("schema", JSON, nullable=False),
    Column("notes", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("is_active", Boolean, nullable=False),
    comment="A system prompt with its schema (field → question, in order), per search profile.",
)
Index(
    "prompt_versions_one_is_active",
    prompts.c.search_profile,
    unique=True,
    sqlite_where=text("is_active"),
    postgresql_where=text("is_active"),
)

claude_batches = Table(
    "claude_batches",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("service_id", Text),
    Column("endpoint", Text, nullable=False),
    Column("asked", Text, nullable=False),
    Column("fields", JSON, nullable=False),
    Column("search_profile", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("holder_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("request_count", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("outcome", Text),
    comment=(
        "One batch of model calls, written before it was sent. "
        "state: intent (the service's id is not known yet), submitted, closed."
    ),
)
Index("claude_batches_by_state", claude_batches.c.state)

claude_batch_items = Table(
    "claude_batch_items",
    metadata,
    Column("attempt_id", Integer, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),
    Column("batch_number", Integer, nullable=False),
    comment="A call whose outcome an open batch will bring; gone once the outcome is known.",
)
Index("claude_batch_items_by_key", claude_batch_items.c.key)
Index("claude_batch_items_by_batch", claude_batch_items.c.batch_number)

prompt_activations = Table(
    "prompt_activations",
    metadata,
    Column("activation_id", Integer, primary_key=True),
    Column("search_profile", Text, nullable=False),
    Column("prompt_version", Integer, nullable=False),
    Column("model", Text),
    Column("decision", Text, nullable=False),
    Column("accuracy", Float),
    Column("active_accuracy", Float),
    Column("bar", Float, nullable=False),
    Column("reason", Text, nullable=False),
    Column("activated_by", Text, nullable=False),
    Column("activated_at", UtcDateTime, nullable=False),
    comment="Each time a prompt with its model became active: what was measured, or who forced it.",
)
Index("prompt_activations_by_profile", prompt_activations.c.search_profile)

reading_slices = Table(
    "reading_slices",
    metadata,
    Column("reading", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("search_profile", Text, nullable=False),
    Column("asked", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("led_by", Text, nullable=False),
    Column("groups", JSON, nullable=False),
    Column("digest", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("holder_id", Text),
    Column("tally", JSON),
    comment=(
        "A part of the texts that one run of pass 1 reads; gone when its table is made. "
        "state: open, claimed (holder_id reads it), done (its part is written)."
    ),
)
Index("reading_slices_by_profile", reading_slices.c.search_profile)

erasures = Table(
    "erasures",
    metadata,
    Column("erasure_id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("digest", Text),
    Column("salt", Text, nullable=False),
    Column("search_profile", Text),
    Column("asked_by", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("keeps_away", Boolean, nullable=False),
    Column("counts", JSON, nullable=False),
    comment=(
        "One erasure: kind kvk_number, email, company or age; digest: what was asked for, keyed "
        "with the salt; counts: place → what was erased there."
    ),
)

erasure_marks = Table(
    "erasure_marks",
    metadata,
    Column("mark_id", Integer, primary_key=True),
    Column("erasure_id", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("digest", Text, nullable=False),
    comment="By what the subject of an erasure is known again; kind: kvk_number, email or name.",
)
Index("erasure_marks_by_erasure", erasure_marks.c.erasure_id)
