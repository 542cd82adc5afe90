"""Runs whose process died: who is taken for lost, and what is reported of them."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterRunStatus

from signal_assets.clients.holders import Holder, process_started, this_host
from signal_assets.clients.ledger import Caller, Ledger
from signal_assets.defs.jobs import full_job
from signal_assets.defs.lost_runs import (
    StartedRun,
    Suspicion,
    Verdict,
    judge,
    lost_runs,
    opens_ledger,
    read_cursor,
    write_cursor,
)
from signal_assets.defs.merged_companies import merged_companies
from signal_assets.defs.raw_vacancies import raw_vacancies

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
A_MINUTE = timedelta(minutes=1)

SHOWS_LIFE = """
import sys, time
from signal_assets.clients.ledger import Caller, Ledger
caller = Caller(run_id=sys.argv[2], asset="", search_profile="a")
with Ledger.open(sys.argv[1]).presence(caller):
    print("seen", flush=True)
    time.sleep(60)
"""


def started(ago: timedelta = A_MINUTE, opens: bool = True) -> StartedRun:
    return StartedRun("run", NOW - ago, opens)


def elsewhere(silent: timedelta, ended: bool = False) -> Holder:
    """Return a process on a machine of which only the heartbeats are seen."""
    return Holder(
        holder_id="holder",
        host="another machine",
        pid=1,
        process_started=0,
        heartbeat_at=NOW - silent,
        ended_at=NOW if ended else None,
    )


def since(ago: timedelta, last_heard: timedelta) -> dict[str, Suspicion]:
    return {"run": Suspicion(NOW - ago, NOW - last_heard)}


SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("run", "holders", "suspected", "verdict"),
    [
        pytest.param(started(), [], {}, "goes", id="not at the ledger yet"),
        pytest.param(started(6 * A_MINUTE), [], {}, "lost", id="never got to the ledger"),
        pytest.param(started(6 * A_MINUTE, opens=False), [], {}, "goes", id="needs no ledger"),
        pytest.param(started(), [elsewhere(9 * SECOND)], {}, "goes", id="heard of lately"),
        pytest.param(started(), [elsewhere(A_MINUTE)], {}, "suspected", id="silent"),
        pytest.param(
            started(), [elsewhere(9 * SECOND, ended=True)], {}, "suspected", id="ends just now"
        ),
        pytest.param(
            started(),
            [elsewhere(A_MINUTE)],
            since(30 * SECOND, A_MINUTE),
            "lost",
            id="silent since the last look",
        ),
        pytest.param(
            started(),
            [elsewhere(A_MINUTE)],
            since(5 * SECOND, A_MINUTE),
            "suspected",
            id="the last look was just now",
        ),
        pytest.param(
            started(),
            [elsewhere(40 * SECOND)],
            since(30 * SECOND, A_MINUTE),
            "suspected",
            id="stirred since the last look, on a clock that is behind",
        ),
        pytest.param(
            started(),
            [elsewhere(A_MINUTE), elsewhere(9 * SECOND)],
            since(30 * SECOND, A_MINUTE),
            "goes",
            id="one of its processes lives",
        ),
    ],
)
def test_a_run_is_lost_when_nothing_of_it_stirs(
    run: StartedRun, holders: list[Holder], suspected: dict[str, Suspicion], verdict: str
) -> None:
    lost, doubtful = judge([run], {"run": holders}, suspected, NOW)
    found = "lost" if lost else "suspected" if doubtful else "goes"
    assert found == verdict


def test_a_live_process_on_this_machine_is_never_lost_however_silent() -> None:
    here = elsewhere(60 * A_MINUTE).model_copy(
        update={"host": this_host(), "pid": os.getpid(), "process_started": process_started()}
    )
    suspected = since(30 * SECOND, 60 * A_MINUTE)
    assert judge([started()], {"run": [here]}, suspected, NOW) == Verdict({}, {})


def test_a_suspicion_since_the_first_look_keeps_its_age() -> None:
    before = since(5 * SECOND, A_MINUTE)
    assert judge([started()], {"run": [elsewhere(A_MINUTE)]}, before, NOW).suspected == before


def test_the_cursor_says_what_was_suspected() -> None:
    suspected = since(A_MINUTE, 2 * A_MINUTE)
    assert read_cursor(write_cursor(suspected)) == suspected
    assert read_cursor(None) == read_cursor("") == {}


@pytest.mark.parametrize(
    ("job", "selection", "steps", "opens"),
    [
        ("full_job", None, None, True),
        ("accounts_job", None, None, False),
        ("__ASSET_JOB", [raw_vacancies.key], None, True),
        ("__ASSET_JOB", [merged_companies.key], None, False),
        ("full_job", None, ["merged_companies"], False),
        ("full_job", None, ["kvk_profiles", "merged_companies"], True),
    ],
)
def test_which_runs_must_show_up_at_the_ledger(
    job: str, selection: list[dg.AssetKey] | None, steps: list[str] | None, opens: bool
) -> None:
    run = dg.DagsterRun(
        job_name=job,
        asset_selection=frozenset(selection) if selection else None,
        step_keys_to_execute=steps,
    )
    assert opens_ledger(run) is opens


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path}/ledger.db"
    monkeypatch.setenv("SIGNAL_ASSETS_DATABASE_URL", url)
    Ledger.open(url).close()
    return url


def going(instance: dg.DagsterInstance) -> str:
    run = dg.DagsterRun(job_name=full_job.name, status=DagsterRunStatus.STARTED)
    return instance.add_run(run).run_id


@contextmanager
def process_of(run_id: str, database: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a process that shows life for a run as long as it is let."""
    line = [sys.executable, "-c", SHOWS_LIFE, database, run_id]
    with subprocess.Popen(line, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"seen"
        yield process
        process.kill()


def look(instance: dg.DagsterInstance, cursor: str | None) -> str:
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        result = lost_runs(context)
    assert isinstance(result, dg.SensorResult)
    assert not result.run_requests
    return result.cursor or ""


def half_a_minute_later(cursor: str) -> str:
    """Return the cursor as if the look that left it was so long ago."""
    return write_cursor(
        {
            run_id: Suspicion(seen.since - timedelta(seconds=30), seen.last_heard_at)
            for run_id, seen in read_cursor(cursor).items()
        }
    )


def test_a_run_whose_process_was_killed_is_reported_failed(
    instance: dg.DagsterInstance, database: str
) -> None:
    run_id = going(instance)
    with process_of(run_id, database) as process:
        process.kill()
        process.wait()
        cursor = look(instance, None)
        assert _status(instance, run_id) is DagsterRunStatus.STARTED
        look(instance, half_a_minute_later(cursor))
    assert _status(instance, run_id) is DagsterRunStatus.FAILURE
    (event,) = instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    assert "The run lost its process: it was last heard of at" in event.message


def test_a_run_whose_process_lives_is_left_alone(
    instance: dg.DagsterInstance, database: str
) -> None:
    run_id = going(instance)
    with process_of(run_id, database):
        assert read_cursor(look(instance, None)) == {}
    assert _status(instance, run_id) is DagsterRunStatus.STARTED


@pytest.mark.parametrize(
    "end", [DagsterRunStatus.CANCELING, DagsterRunStatus.CANCELED, DagsterRunStatus.SUCCESS]
)
def test_a_run_that_ended_or_that_somebody_ends_is_left_alone(
    instance: dg.DagsterInstance, database: str, end: DagsterRunStatus
) -> None:
    run_id = instance.add_run(dg.DagsterRun(job_name=full_job.name, status=end)).run_id
    with process_of(run_id, database) as process:
        process.kill()
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    look(instance, write_cursor({run_id: Suspicion(long_ago, long_ago)}))
    assert _status(instance, run_id) is end


def test_a_run_shows_its_life_while_its_ledger_is_open(tmp_path: Path) -> None:
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    run_id = uuid.uuid4().hex
    with ledger.presence(Caller(run_id=run_id, asset="", search_profile="a")):
        (first,) = ledger.holders([run_id])[run_id]
        assert first.ended_at is None
    (last,) = ledger.holders([run_id])[run_id]
    assert last.ended_at is not None
    assert ledger.holders(["another"]) == {}
    ledger.close()


def _status(instance: dg.DagsterInstance, run_id: str) -> DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status
