"""Each search profile's own freshness."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from signal_assets.defs.freshness import freshness_sensor, judge_freshness
from signal_assets_tests.defs.conftest import Workspace

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ALLOWED = timedelta(hours=72)


@pytest.mark.parametrize(
    ("last", "is_fresh"),
    [
        (None, False),
        (NOW - timedelta(hours=1), True),
        (NOW - timedelta(hours=72), True),
        (NOW - timedelta(hours=73), False),
    ],
)
def test_a_profile_is_stale_when_its_last_answered_harvest_is_too_old(
    last: datetime | None, is_fresh: bool
) -> None:
    assert judge_freshness(last, NOW, ALLOWED).passed is is_fresh


def tick(workspace: Workspace, cursor: str | None = None) -> dg.SensorResult:
    with dg.build_sensor_context(instance=workspace.instance, cursor=cursor) as context:
        result = freshness_sensor(context)
    assert isinstance(result, dg.SensorResult)
    return result


def verdicts(result: dg.SensorResult) -> dict[str | None, bool]:
    return {
        event.partition: event.passed
        for event in result.asset_events
        if isinstance(event, dg.AssetCheckEvaluation)
    }


def test_a_live_profile_does_not_hide_a_dead_one(workspace: Workspace) -> None:
    workspace.run("harvest_job", "worked_example")

    assert verdicts(tick(workspace)) == {"worked_example": True, "searching": False}


def test_a_verdict_is_reported_when_it_changes(workspace: Workspace) -> None:
    first = tick(workspace)
    workspace.run("harvest_job", "worked_example")
    second = tick(workspace, first.cursor)

    assert verdicts(second) == {"worked_example": True}
    assert not tick(workspace, second.cursor).asset_events
