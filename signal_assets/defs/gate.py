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
    """Knows from the instance which blocking checks of a search profile stand in the way.

    A check that the run at `run_id` has seen pass itself is trusted: another run of the same
    profile that began in the meantime, and plans the same checks, stands in nobody's way.
    """

    def __init__(self, instance: dg.DagsterInstance, run_id: str | None = None) -> None:
        self._instance = instance
        self._run_id = run_id

    def refusals(
        self, search_profile: str, checks: Iterable[dg.AssetChecksDefinition]
    ) -> tuple[str, ...]:
        """Return a sentence for each check that did not pass on the newest upstream table."""
        passed = self._passed_in_this_run()
        keys = [key for check in checks for key in check.check_keys if key not in passed]
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

    def _passed_in_this_run(self) -> set[dg.AssetCheckKey]:
        if self._run_id is None:
            return set()
        events = self._instance.all_logs(
            self._run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
        )
        evaluations = [
            entry.dagster_event.asset_check_evaluation_data
            for entry in events
            if entry.dagster_event is not None
        ]
        return {check.asset_check_key for check in evaluations if check.passed}


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
