"""Runs that the service starts: each a real Dagster run in a process of its own."""

import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Sequence
from typing import Protocol

import dagster as dg

from signal_assets.api.answers import PassToRun, RunState
from signal_assets.defs.extraction_prompts import report_active_prompt
from signal_assets.defs.newest_tables import NewestTable, NewestTables
from signal_assets.defs.partitions import PARTITION_TAG
from signal_assets.domain.prompts import PromptVersion

MAX_RUNS = 4
"""Runs that the service has going at once; a caller who asks for more is told to wait."""


class TooManyRuns(Exception):
    """As many runs as may be are going, or one of this search profile is."""


class Runs(Protocol):
    """What the service asks of Dagster."""

    def start(self, profile: str, pass_: PassToRun, *, reread: bool) -> str:
        """Start a run and return its id at once.

        Raises:
            TooManyRuns: it cannot be started now.
        """
        ...

    def state(self, run_id: str) -> RunState | None: ...

    def report_prompt(self, prompt: PromptVersion) -> None:
        """Tell Dagster which prompt is active, so that tables after it show as stale."""
        ...

    def newest_tables(self) -> dict[str, dict[str, NewestTable]]:
        """Return asset → search profile → its newest table."""
        ...


class ProcessRuns:
    """Starts `signal-assets run` with a run id of ours, which Dagster keeps as the run's own.

    So a run behaves as from the command line, with its logs in Dagster's UI, and goes on when the
    service is stopped. Needs no daemon.
    """

    def __init__(self, instance: dg.DagsterInstance, command: Sequence[str] | None = None) -> None:
        self._instance = instance
        self._command = list(command or [sys.executable, "-m", "signal_assets", "run"])
        self._going: dict[str, tuple[str, subprocess.Popen[bytes]]] = {}
        self._lock = threading.Lock()
        self._newest_tables = NewestTables(instance)

    def start(self, profile: str, pass_: PassToRun, *, reread: bool) -> str:
        run_id = str(uuid.uuid4())
        options = ["--profile", profile, "--pass", pass_, "--run-id", run_id]
        with self._lock:
            going = [name for name, process in self._going.values() if process.poll() is None]
            if profile in going:
                raise TooManyRuns(f"a run of {profile} is going; wait until it has finished")
            if len(going) >= MAX_RUNS:
                raise TooManyRuns(f"{MAX_RUNS} runs are going; wait until one has finished")
            process = subprocess.Popen(  # noqa: S603 - our own command  # nosec B603
                [*self._command, *options, *(["--reread"] if reread else [])],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            self._going[run_id] = profile, process
        return run_id

    def state(self, run_id: str) -> RunState | None:
        run = self._instance.get_run_by_id(run_id)
        profile, process = self._going.get(run_id, (None, None))
        if run is not None:
            return RunState(
                run_id=run_id, profile=run.tags.get(PARTITION_TAG), status=run.status.value
            )
        if process is None:
            return None
        code = process.poll()
        if code is None:
            return RunState(run_id=run_id, profile=profile, status="STARTING")
        return RunState(
            run_id=run_id,
            profile=profile,
            status="FAILURE",
            message=f"ended with exit code {code} before Dagster knew it",
        )

    def report_prompt(self, prompt: PromptVersion) -> None:
        report_active_prompt(self._instance, prompt.search_profile, prompt)

    def newest_tables(self) -> dict[str, dict[str, NewestTable]]:
        return self._newest_tables.look()


RunsFactory = Callable[[], Runs]
