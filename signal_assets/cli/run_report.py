"""Run reports: what a run made, which checks failed, and why it stopped, on the terminal."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from signal_assets.cli.console import err, out

if TYPE_CHECKING:
    import dagster as dg
    from dagster_shared.error import SerializableErrorInfo

SHOWN_NUMBERS = {
    "new_vacancies": "new",
    "changed_vacancies": "changed",
    "duplicates": "duplicates",
    "rejected_rows": "rows rejected",
    "read_now": "read",
    "kept_from_before": "kept",
    "values_found": "values found",
    "values_dropped": "values dropped",
    "qualified": "qualify",
    "intermediaries": "agencies",
    "found": "found",
    "review": "to review",
    "not_found": "not in the register",
    "absent": "absent",
    "failed": "failed",
    "waiting": "waiting",
    "skipped": "skipped",
    "merged_away": "merged away",
    "calls": "calls",
    "answers_from_ledger": "answers from the ledger",
    "cost_usd": "USD",
}
"""Number of a materialization → the words said with it."""

CHECK_DETAILS = ("without_answer", "wrong", "repeated", "lost", "outside", "reasons")
"""What of a failed check is printed, where its description does not say it already."""


def print_result(profile: str, result: "dg.ExecuteInProcessResult") -> None:
    """Print a run as a table, with a line for each check that failed and each other failure."""
    out.print(_table_of(profile, result))
    for check in result.get_asset_check_evaluations():
        if not check.passed:
            _print_check(check)
    print_failures(result)


def print_failures(result: "dg.ExecuteInProcessResult") -> None:
    """Print a line for each step that failed, and for a run that failed before its first."""
    for sentence in dict.fromkeys(_failures(result)):
        err.print(f"[bold red]✗[/] {escape(sentence)}", highlight=False, soft_wrap=True)


def _table_of(profile: str, result: "dg.ExecuteInProcessResult") -> Table:
    title = f"{profile} · run {result.run_id[:8]}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("table")
    table.add_column("rows", justify="right")
    table.add_column("what happened")
    for event in result.get_asset_materialization_events():
        materialization = event.step_materialization_data.materialization
        numbers = {key: value.value for key, value in materialization.metadata.items()}
        said = [
            f"{_number(numbers[key])} {words}"
            for key, words in SHOWN_NUMBERS.items()
            if numbers.get(key)
        ]
        table.add_row(
            materialization.asset_key.to_user_string(),
            str(numbers.get("dagster/partition_row_count", "")),
            ", ".join(said),
        )
    return table


def _print_check(check: "dg.AssetCheckEvaluation") -> None:
    name = f"{check.asset_key.to_user_string()}: {check.check_name}"
    mark = "[red]✗[/]" if check.severity.value == "ERROR" else "[yellow]![/]"
    why = f": {check.description}" if check.description else ""
    out.print(f"{mark} {escape(name + why)}", highlight=False, soft_wrap=True)
    if check.description:
        return
    for key in CHECK_DETAILS:
        for line in _lines(check.metadata[key].value if key in check.metadata else None):
            out.print(f"    {escape(line)}", highlight=False, soft_wrap=True)


def _lines(found: object) -> list[str]:
    if isinstance(found, Mapping):
        return [f"{count} × {reason}" for reason, count in found.items()]
    return [str(line) for line in found] if isinstance(found, list) else []


def _failures(result: "dg.ExecuteInProcessResult") -> Iterator[str]:
    """Yield why steps, or the run before its first step, failed; failed checks are told apart."""
    for event in result.all_events:
        if event.is_step_failure:
            failure = event.step_failure_data
            said = failure.user_failure_data.description if failure.user_failure_data else None
            error = _deepest(failure.error)
            if error is not None and not _is_failed_check(error):
                yield f"{event.step_key}: {said or error.message.strip()}"
        elif event.is_failure:
            error = _deepest(getattr(event.event_specific_data, "error", None))
            if error is not None and not event.is_step_event and not _has_step_failure(result):
                yield error.message.strip()


def _has_step_failure(result: "dg.ExecuteInProcessResult") -> bool:
    return any(event.is_step_failure for event in result.all_events)


def _is_failed_check(error: "SerializableErrorInfo") -> bool:
    return "AssetCheckFailed" in (error.cls_name or "")


def _deepest(error: "SerializableErrorInfo | None") -> "SerializableErrorInfo | None":
    while error is not None and error.cause is not None:
        error = error.cause
    return error


def _number(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
