"""Stops: the checks by which a run that was stopped before its end says so and goes no further."""

from collections import Counter
from typing import Any, TypeVar

import dagster as dg
import pandas as pd

from signal_assets.clients.lookups import Lookups
from signal_assets.defs.partitions import search_profiles
from signal_assets.domain.companies import Spend

Item = TypeVar("Item")

RUN_AGAIN = "Run again when it answers: what was read or bought stays, the rest follows."
RAISE_THE_BUDGET = (
    "To go on, raise `budget_usd` in the search profile (or SIGNAL_ASSETS_RUN_BUDGET_USD), name "
    "your contract's prices in SIGNAL_ASSETS_PRICES, and run again: what was bought stays."
)


def paid_checks(
    asset: dg.AssetsDefinition, status_column: str
) -> tuple[dg.AssetChecksDefinition, dg.AssetChecksDefinition]:
    """Return the two checks every paid table has: inside its budget, and served to the end.

    What was paid for before a stop stays in the table; the rows that were not reached are
    `pending` with the reason, so the next run goes on with them.
    """

    @dg.asset_check(
        asset=asset,
        name="run_stayed_inside_budget",
        blocking=True,
        partitions_def=search_profiles,
        description="No row waits because the next call would have passed a budget, or because "
        "the kill switch is on.",
    )
    def run_stayed_inside_budget(table: pd.DataFrame) -> dg.AssetCheckResult:
        return _nothing_waits(table, status_column, is_budget=True)

    @dg.asset_check(
        asset=asset,
        name="service_answered_to_the_end",
        blocking=True,
        partitions_def=search_profiles,
        description="No row waits because the service was down, refused the key or had no credit.",
    )
    def service_answered_to_the_end(table: pd.DataFrame) -> dg.AssetCheckResult:
        return _nothing_waits(table, status_column, is_budget=False)

    return run_stayed_inside_budget, service_answered_to_the_end


def lookup_numbers(lookups: Lookups[Item, Any], spend: Spend) -> dict[str, int | float]:
    """Return the counts every paid look-up reports, for the plots of Dagster's UI."""
    return {
        "found": len(lookups.found),
        "absent": len(lookups.absent),
        "failed": len(lookups.failed),
        "waiting": len(lookups.waiting),
        "calls": spend.calls,
        "answers_from_ledger": spend.from_ledger,
        "cost_usd": float(spend.cost_usd),
    }


def without_answer(item: Item, lookups: Lookups[Item, Any]) -> dict[str, Any]:
    """Return the status columns of an item that nothing was found for."""
    if item in lookups.failed:
        return {
            "enrichment_status": "failed",
            "failure_kind": "service",
            "error": lookups.failed[item],
        }
    if item in lookups.waiting:
        stop = lookups.waiting[item]
        return {
            "enrichment_status": "pending",
            "failure_kind": stop.kind,
            "error": stop.reason,
        }
    return {"enrichment_status": "completed"}


def _nothing_waits(
    table: pd.DataFrame, status_column: str, *, is_budget: bool
) -> dg.AssetCheckResult:
    pending = table[table[status_column] == "pending"]
    stopped = pending[(pending["failure_kind"] == "budget") == is_budget]
    reasons = Counter(map(str, stopped["error"])).most_common(5)
    said = "; ".join(reason for reason, _ in reasons)
    hint = RAISE_THE_BUDGET if is_budget else RUN_AGAIN
    return dg.AssetCheckResult(
        passed=stopped.empty,
        description=f"{len(stopped)} rows wait: {said}. {hint}" if reasons else None,
        metadata={"waiting": len(stopped), "reasons": dict(reasons)},
    )
