"""The gate's second layer: no paid call while an upstream table's blocking checks have not passed.

A blocking check holds only inside the run that contains it; a paid asset that is materialised alone
would go straight through. So each paid asset asks the instance first.
"""

from collections.abc import Iterable, Sequence

import dagster as dg
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecordStatus,
    AssetCheckPartitionInfo,
)


class Gate:
    """Knows from the instance which blocking checks of a search profile stand in the way."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance

    def refusals(
        self, search_profile: str, checks: Iterable[dg.AssetChecksDefinition]
    ) -> tuple[str, ...]:
        """Return a sentence for each check that did not pass on the newest upstream table."""
        keys = [key for check in checks for key in check.check_keys]
        known = {
            info.check_key: info
            for info in self._instance.event_log_storage.get_asset_check_partition_info(
                keys, partition_keys=[search_profile]
            )
        }
        return tuple(
            f"{key.asset_key.to_user_string()}: {key.name} {reason}"
            for key in keys
            if (reason := _reason(known.get(key)))
        )


def refuse_to_spend(
    gate: Gate, search_profile: str, checks: Sequence[dg.AssetChecksDefinition]
) -> None:
    """Stop the step before its first paid call if an upstream check stands in the way.

    Raises:
        dagster.Failure: names each check, and says how to go on.
    """
    refusals = gate.refusals(search_profile, checks)
    if refusals:
        raise dg.Failure(
            "Nothing was paid for: the tables this would spend money on are not fit for it. "
            + "; ".join(refusals)
            + ". Materialise the tables named here together with their checks, then try again.",
            metadata={"refusals": list(refusals)},
            allow_retries=False,
        )


def _reason(info: AssetCheckPartitionInfo | None) -> str | None:
    if info is None:
        return "has never run for this search profile"
    if info.latest_execution_status != AssetCheckExecutionRecordStatus.SUCCEEDED:
        return f"is {info.latest_execution_status.value.lower()}"
    if not info.is_current:
        return "has not run on the newest table"
    return None
