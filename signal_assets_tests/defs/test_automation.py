"""What runs by itself: the sensors, and the two schedules."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from signal_assets.clients.ledger import Budgets, Caller
from signal_assets.clients.reading_slices import Reading, ReadingSlices, ReadingState
from signal_assets.definitions import defs
from signal_assets.defs.partitions import HELPED_RUN_TAG, PARTITION_TAG, PROFILE_TAG
from signal_assets.defs.schedules import due_profiles, harvest_schedule, weekly_schedule
from signal_assets.defs.sensors import (
    Harvest,
    count_helpers,
    enrichment_after_harvest,
    help_with_reading,
    newest_to_follow_up,
)
from signal_assets.domain.reading_slices import ReadingSlice
from signal_assets_tests.defs.conftest import Workspace


def harvest(
    storage_id: int, profile: str = "a", new: int = 1, followed_up: bool = False
) -> Harvest:
    return Harvest(storage_id, profile, new, followed_up)


@pytest.mark.parametrize(
    ("harvests", "followed_up"),
    [
        ([], []),
        ([harvest(1, new=0)], []),
        ([harvest(1)], [1]),
        ([harvest(1, "a"), harvest(2, "b"), harvest(3, "c")], [1, 2, 3]),
        ([harvest(1, "a"), harvest(2, "a")], [2]),
        ([harvest(1, "a"), harvest(2, "a", new=0)], [1]),
        ([harvest(1, "a", followed_up=True), harvest(2, "b")], [2]),
    ],
)
def test_each_profile_with_news_gets_one_run(
    harvests: list[Harvest], followed_up: list[int]
) -> None:
    assert [item.storage_id for item in newest_to_follow_up(harvests)] == followed_up


def tick(workspace: Workspace, cursor: str | None) -> dg.SensorResult:
    with dg.build_sensor_context(
        instance=workspace.instance,
        cursor=cursor,
        repository_def=defs.get_repository_def(),
    ) as context:
        result = enrichment_after_harvest(context)
    assert isinstance(result, dg.SensorResult)
    return result


def test_every_profile_harvested_is_followed_up_once(workspace: Workspace) -> None:
    workspace.run("harvest_job", "worked_example")
    workspace.run("harvest_job", "searching")

    first = tick(workspace, None)
    second = tick(workspace, first.cursor)

    requests = first.run_requests or []
    assert sorted(str(request.partition_key) for request in requests) == [
        "searching",
        "worked_example",
    ]
    assert all(len(request.asset_selection or ()) == 6 for request in requests)
    assert not second.run_requests


def test_a_harvest_without_news_starts_nothing(workspace: Workspace) -> None:
    workspace.run("harvest_job")
    cursor = tick(workspace, None).cursor
    workspace.run("harvest_job")

    assert not tick(workspace, cursor).run_requests


def test_a_run_that_reads_on_itself_is_not_followed_up(workspace: Workspace) -> None:
    workspace.run("full_job")

    assert not tick(workspace, None).run_requests


def test_a_profile_is_harvested_at_the_minute_it_names() -> None:
    crons = {"daily": "0 6 * * *", "weekdays": "30 6 * * 1-5", "never": "0 0 31 2 *"}
    friday = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)

    assert due_profiles(crons, friday) == ["daily"]
    assert due_profiles(crons, friday.replace(minute=30)) == ["weekdays"]
    assert due_profiles(crons, friday.replace(day=21, minute=30)) == []


@pytest.mark.parametrize(
    ("schedule", "hour"), [(harvest_schedule, 6), (weekly_schedule, 8)], ids=["harvest", "weekly"]
)
def test_a_schedule_asks_for_every_profile_that_is_due(
    schedule: dg.ScheduleDefinition, hour: int
) -> None:
    monday = datetime(2026, 11, 23, hour - 1, 0, tzinfo=UTC)  # winter: Amsterdam is one hour ahead
    with dg.build_schedule_context(
        scheduled_execution_time=monday, repository_def=defs.get_repository_def()
    ) as context:
        requests = schedule.evaluate_tick(context).run_requests or []

    assert sorted(str(request.partition_key) for request in requests) == [
        "searching",
        "worked_example",
    ]


def a_reading(**changes: Any) -> ReadingState:
    reading = ReadingState(
        reading="a-reading",
        search_profile="worked_example",
        asked="question",
        run_id="leading",
        is_led=True,
        open=9,
        claimed=1,
        done=0,
    )
    return reading.model_copy(update=changes)


@pytest.mark.parametrize(
    ("changes", "running", "asked", "more"),
    [
        ({}, 0, 0, 2),
        ({}, 1, 1, 1),
        ({}, 2, 2, 0),
        ({"open": 1}, 0, 0, 1),
        ({"open": 0}, 0, 0, 0),
        ({}, 0, 2, 2),  # both died
        ({}, 0, 5, 1),
        ({}, 0, 6, 0),  # something is wrong with them
        ({"is_led": False}, 0, 0, 0),
    ],
)
def test_a_reading_gets_helpers_while_it_has_slices_that_nobody_reads(
    changes: dict[str, Any], running: int, asked: int, more: int
) -> None:
    assert count_helpers(a_reading(**changes), running=running, asked=asked, at_most=2) == more


def test_the_sensor_asks_for_help_with_what_is_read_in_slices(workspace: Workspace) -> None:
    def requests() -> list[dg.RunRequest]:
        with dg.build_sensor_context(
            instance=workspace.instance, repository_def=defs.get_repository_def()
        ) as context:
            result = help_with_reading(context)
        assert isinstance(result, dg.SensorResult)
        return list(result.run_requests or [])

    assert requests() == []
    ledger = workspace.ledger()
    caller = Caller(run_id="leading", asset="extracted_vacancies", search_profile="worked_example")
    with ledger.session(caller, Budgets()) as session:
        reading = Reading(
            reading="a-reading", search_profile="worked_example", asked="q", run_id="leading"
        )
        cut = [ReadingSlice(number=number, groups=(("a",),), digest="d") for number in range(9)]
        ReadingSlices(ledger.database).lead(reading, cut, session)
        asked = requests()
    ledger.close()
    assert len({request.run_key for request in asked}) == 2
    for request in asked:
        assert request.tags[HELPED_RUN_TAG] == "leading"
        assert request.tags[PROFILE_TAG] == "worked_example"
        assert PARTITION_TAG not in request.tags, "the queue would hold it up"
    assert requests() == [], "the run that leads is gone"
