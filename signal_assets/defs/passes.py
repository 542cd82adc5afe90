"""Passes: what one asset of one run did, as `signal-assets runs` shows it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

import dagster as dg

from signal_assets.clients.ledger import PassRecord
from signal_assets.domain.companies import Spend


def pass_record(
    context: dg.AssetExecutionContext,
    pass_name: Literal["llm", "external"],
    started_at: datetime,
    *,
    processed: int,
    succeeded: int,
    failed: int,
    waiting: int,
    spend: Spend,
    failures: Mapping[str, int] | None = None,
) -> PassRecord:
    """Return the record of the asset that is being made, finished now.

    `failures` tells the rows that failed or wait by kind; without it they are the service's.
    """
    return PassRecord(
        run_id=context.run.run_id,
        search_profile=context.partition_key,
        pass_name=pass_name,
        asset=context.asset_key.to_user_string(),
        started_at=started_at,
        finished_at=datetime.now(UTC),
        processed=processed,
        succeeded=succeeded,
        failed=failed,
        tokens_input=spend.tokens_input,
        tokens_output=spend.tokens_output,
        cost_usd=spend.cost_usd,
        outcome="stopped" if waiting else "completed",
        failures={"service": failed} if failures is None and failed else dict(failures or {}),
        answers_from_ledger=spend.from_ledger,
    )
