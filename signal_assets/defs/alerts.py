"""Alerts: sensors that tell people of a failed harvest, a blocked gate, and a budget used up.

They are plain sensors with cursors of their own. Dagster's run failure sensors count a failure as
told when telling it failed, and do not see runs that the command `signal-assets run` made. Here the
cursor holds what a channel has not taken yet, so a channel that is down loses nothing and holds up
nobody else.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

import dagster as dg
from dagster_shared.error import SerializableErrorInfo
from pydantic import Field

from signal_assets.clients.alerting import MAX_WAITING, Round, Waiting, deliver, line_up
from signal_assets.clients.budget_use import WHOLE_MONTH, BudgetUse, budget_uses
from signal_assets.clients.ledger import Ledger
from signal_assets.clients.profile_files import load_profiles
from signal_assets.defs.alert_channels import NO_CHANNEL, channel_names, open_channels
from signal_assets.defs.jobs import full_job, harvest_job
from signal_assets.defs.newest_tables import any_source_answered
from signal_assets.defs.partitions import profile_of
from signal_assets.defs.raw_vacancies import raw_vacancies
from signal_assets.domain.alerts import MAX_FACTS, Alert, AlertKind, shorten
from signal_assets.domain.masking import mask_contacts
from signal_assets.domain.records import Record
from signal_assets.settings import Settings

EVENTS_PER_TICK = 50
THRESHOLDS = (1.0, 0.8)
"""Shares of a budget that are told, the highest first."""
SECONDS_BETWEEN_TICKS = 60

_RUN_AGAIN = "signal-assets run --profile {}; what was read or bought stays."
_STATUS = (
    dg.DefaultSensorStatus.RUNNING if channel_names(Settings()) else dg.DefaultSensorStatus.STOPPED
)


class EventCursor(Record):
    """How far events were looked at, and the alerts that wait for a channel."""

    after: int | None = None
    waiting: tuple[Waiting, ...] = ()


class BudgetCursor(Record):
    """What was told of the budgets of one month, and the alerts that wait for a channel."""

    month: str = ""
    told: dict[str, float] = Field(default_factory=dict)
    """Budget with its limit → the highest share that was told."""
    waiting: tuple[Waiting, ...] = ()


Cursor = TypeVar("Cursor", EventCursor, BudgetCursor)


class Found(NamedTuple):
    """Alerts among some events, and the last event that was looked at."""

    alerts: list[Alert]
    after: int


Find = Callable[[dg.DagsterInstance, int, int], Found]


@dg.sensor(
    minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
    default_status=_STATUS,
    description="Tells people of a run that failed: its harvest, a blocked gate, or another step.",
)
def failed_run_alert(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Tell of each run that failed since the last look."""
    return _watch(context, _newest_failure, find_failed_runs)


@dg.sensor(
    minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
    default_status=_STATUS,
    description="Tells people of a harvest in which no source answered.",
)
def silent_harvest_alert(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Tell of each harvest since the last look that got no answer from any source."""
    return _watch(context, _newest_harvest, find_silent_harvests)


@dg.sensor(
    minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
    default_status=_STATUS,
    description="Tells people when 80 % and when all of a month's budget is used.",
)
def budget_alert(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Tell once a month and budget of each threshold that is reached."""
    settings = Settings()
    if not channel_names(settings):
        return dg.SensorResult(skip_reason=NO_CHANNEL, cursor=context.cursor)
    cursor = BudgetCursor.model_validate_json(context.cursor or "{}")
    month = f"{datetime.now(UTC):%Y-%m}"
    if cursor.month != month:
        cursor = BudgetCursor(month=month, waiting=cursor.waiting)
    profiles = load_profiles(settings.profiles).profiles
    ledger = Ledger.open(settings.resolved_database_url)
    try:
        sums = ledger.month_sums(month)
    finally:
        ledger.close()
    uses = budget_uses({name: each.profile for name, each in profiles.items()}, sums)
    room = MAX_WAITING - len(cursor.waiting)
    due = dict(list(due_budgets(uses, cursor.told))[: max(room, 0)])
    alerts = [alert_of_budget(use, threshold, month) for use, threshold in due.items()]
    told = cursor.told | {_name_of(use): threshold for use, threshold in due.items()}
    return _deliver(context, settings, cursor.model_copy(update={"told": told}), alerts)


ALERTS = (failed_run_alert, silent_harvest_alert, budget_alert)


def due_budgets(
    uses: Iterable[BudgetUse], told: Mapping[str, float]
) -> Iterator[tuple[BudgetUse, float]]:
    """Yield each budget that has reached a threshold higher than what was told, with it.

    A budget that somebody changes is another one: what was told of the old limit does not count.
    """
    for use in uses:
        reached = next((each for each in THRESHOLDS if use.share >= each), None)
        if reached is not None and reached > told.get(_name_of(use), 0.0):
            yield use, reached


def alert_of_budget(use: BudgetUse, threshold: float, month: str) -> Alert:
    whose = "all services" if use.budget == WHOLE_MONTH else use.budget
    is_used_up = threshold >= 1
    stops = (
        "No further paid call within it is made; runs keep what they have and end. "
        if is_used_up
        else "Nothing stops yet. "
    )
    return Alert(
        alert_id=f"budget/{month}/{_name_of(use)}/{threshold:.2f}",
        kind="budget",
        title=f"{use.search_profile}: {threshold:.0%} of the budget of {month} for {whose} is used",
        search_profile=use.search_profile,
        facts=(f"{use.used_usd:.2f} of {use.limit_usd:.2f} USD spent or held",),
        next_step=stops + "See `signal-assets costs --profile "
        f"{use.search_profile} --by day`; `budget_usd` in the profile file is the limit.",
    )


def find_failed_runs(instance: dg.DagsterInstance, after: int, limit: int) -> Found:
    """Return an alert for each run that failed, oldest first."""
    records = instance.fetch_run_status_changes(
        dg.RunStatusChangeRecordsFilter(
            event_type=dg.DagsterEventType.RUN_FAILURE, after_storage_id=after
        ),
        limit=limit,
        ascending=True,
    ).records
    alerts = []
    for record in records:
        run = instance.get_run_by_id(record.run_id)
        if run is not None:
            alerts.append(alert_of_failure(instance, run))
    return Found(alerts, max((record.storage_id for record in records), default=after))


def alert_of_failure(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Alert:
    """Say what stopped a run: a check, its harvest, or something else."""
    profile = profile_of(run.tags)
    whose = profile or run.job_name
    checks, errors = _failed_checks(instance, run), _step_errors(instance, run)
    again = _RUN_AGAIN.format(profile) if profile else "run the job again."
    kind: AlertKind = "run_failed"
    title = f"{whose}: a run failed"
    facts = [f"{step}: {error}" for step, error in errors.items()]
    next_step = f"Read the error in the run's log, then {again}"
    if checks:
        kind, title = "gate_blocked", f"{whose}: the gate is blocked, nothing more is paid for"
        facts, next_step = checks, f"Mend what the checks name, then {again}"
    elif raw_vacancies.key.to_user_string() in errors or (not errors and _harvests(run)):
        kind, title = "harvest_failed", f"{whose}: the harvest failed"
        next_step = f"Read the error, see `signal-assets doctor`, then {again}"
    return Alert(
        alert_id=f"run/{run.run_id}",
        kind=kind,
        title=title,
        search_profile=profile,
        run_id=run.run_id,
        facts=_bounded(facts),
        next_step=next_step,
    )


def find_silent_harvests(instance: dg.DagsterInstance, after: int, limit: int) -> Found:
    """Return an alert for each harvest in which no source answered, oldest first."""
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=raw_vacancies.key, after_storage_id=after),
        limit=limit,
        ascending=True,
    ).records
    alerts = [
        _alert_of_silence(made, record.run_id)
        for record in records
        if (made := record.asset_materialization) is not None and any_source_answered(made) is False
    ]
    return Found(alerts, max((record.storage_id for record in records), default=after))


def _alert_of_silence(harvest: dg.AssetMaterialization, run_id: str) -> Alert:
    profile = harvest.partition or ""
    answers = harvest.metadata["source_answers"]
    assert isinstance(answers, dg.TableMetadataValue)  # noqa: S101 - else it would not be silent
    lines = dict.fromkeys(
        " ".join(str(line.data.get(key) or "") for key in ("source", "board", "outcome", "message"))
        for line in answers.records
    )
    return Alert(
        alert_id=f"harvest/{run_id}/{profile}",
        kind="no_source_answered",
        title=f"{profile}: no source answered the harvest",
        search_profile=profile,
        run_id=run_id,
        facts=_bounded(lines),
        next_step="Nothing was lost, and nothing new came in. See whether the sources answer "
        f"(`signal-assets doctor`), then signal-assets run --profile {profile} --pass harvest.",
    )


def _watch(
    context: dg.SensorEvaluationContext, newest: Callable[[dg.DagsterInstance], int], find: Find
) -> dg.SensorResult:
    """Look at the events since the last tick; the first tick only notes where it begins."""
    settings = Settings()
    cursor = EventCursor.model_validate_json(context.cursor or "{}")
    if not channel_names(settings):
        cursor = cursor.model_copy(update={"after": newest(context.instance)})
        return dg.SensorResult(skip_reason=NO_CHANNEL, cursor=cursor.model_dump_json())
    if cursor.after is None:
        found = Found([], newest(context.instance))
    else:
        room = min(EVENTS_PER_TICK, MAX_WAITING - len(cursor.waiting))
        found = find(context.instance, cursor.after, room) if room > 0 else Found([], cursor.after)
    moved = cursor.model_copy(update={"after": found.after})
    return _deliver(context, settings, moved, found.alerts)


def _deliver(
    context: dg.SensorEvaluationContext,
    settings: Settings,
    cursor: Cursor,
    alerts: Iterable[Alert],
) -> dg.SensorResult:
    now = time.time()
    waiting = line_up(cursor.waiting, alerts, channel_names(settings), now)
    with open_channels(settings) as channels:
        done = deliver(waiting, channels, now=now, ui_url=settings.ui_url)
    for problem in done.problems:
        context.log.warning(f"Alert not delivered: {problem}")
    kept = cursor.model_copy(update={"waiting": done.waiting})
    return dg.SensorResult(skip_reason=_said(done), cursor=kept.model_dump_json())


def _said(done: Round) -> str:
    parts = [f"sent: {each}" for each in done.sent]
    parts += [f"not delivered: {each}" for each in done.problems]
    if done.waiting:
        parts.append(f"{len(done.waiting)} alerts wait for a channel")
    return "; ".join(parts) or "Nothing to tell."


def _newest_failure(instance: dg.DagsterInstance) -> int:
    records = instance.fetch_run_status_changes(dg.DagsterEventType.RUN_FAILURE, limit=1).records
    return records[0].storage_id if records else 0


def _newest_harvest(instance: dg.DagsterInstance) -> int:
    records = instance.fetch_materializations(raw_vacancies.key, limit=1).records
    return records[0].storage_id if records else 0


def _failed_checks(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[str]:
    """Return what blocked the run: checks of its own that failed, or of earlier runs."""
    blocking = []
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        assert entry.dagster_event is not None  # noqa: S101 - only check evaluations were asked for
        check = entry.dagster_event.asset_check_evaluation_data
        if not check.passed and check.blocking and check.severity == dg.AssetCheckSeverity.ERROR:
            said = f": {check.description}" if check.description else ""
            blocking.append(f"{check.asset_key.to_user_string()}: {check.check_name}{said}")
    for failure in _step_failures(instance, run).values():
        told = failure.user_failure_data
        refusals = told.metadata.get("refusals") if told else None
        blocking += [str(each) for each in (refusals.value if refusals else [])]
    return list(_bounded(dict.fromkeys(blocking)))


def _step_errors(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dict[str, str]:
    """Return step → why it failed, in a line without anybody's address."""
    return {
        step: shorten(mask_contacts(_words_of(failure)))
        for step, failure in _step_failures(instance, run).items()
    }


def _step_failures(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dict[str, Any]:
    return {
        entry.step_key or "": entry.dagster_event.step_failure_data
        for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
        if entry.dagster_event is not None
    }


def _words_of(failure: Any) -> str:
    if failure.user_failure_data and failure.user_failure_data.description:
        return str(failure.user_failure_data.description)
    error: SerializableErrorInfo | None = failure.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message if error is not None else "no reason is known"


def _harvests(run: dg.DagsterRun) -> bool:
    if not run.asset_selection:  # a whole job: none or an empty selection is recorded
        return run.job_name in (full_job.name, harvest_job.name)
    return raw_vacancies.key in run.asset_selection


def _bounded(lines: Iterable[str]) -> tuple[str, ...]:
    """Return lines short and few enough to wait in a cursor."""
    return tuple(shorten(line) for line in lines)[: 2 * MAX_FACTS]


def _name_of(use: BudgetUse) -> str:
    return json.dumps([use.search_profile, use.budget, f"{use.limit_usd:f}"])
