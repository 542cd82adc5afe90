"""A cluster on servers that can be struck: PostgreSQL, object store, Redis, workers, daemon."""

import time
from collections.abc import Mapping
from pathlib import Path

from dagster import DagsterRunStatus

from signal_assets_tests.production.cluster import (
    RUN_SECONDS,
    Cluster,
    Daemon,
    ServerProcess,
    Worker,
)
from signal_assets_tests.production.machines import Machine
from signal_assets_tests.production.servers import Servers

SHORTER = {
    "  poll_interval_seconds: 30": "  poll_interval_seconds: 3",
    "  start_timeout_seconds: 180": "  start_timeout_seconds: 60",
}
"""Settings of `dagster.yaml` that make a test wait for less long."""

UNTIL_RETRIED_SECONDS = 15.0
"""After which a run that failed is not one that the daemon has yet to retry."""


class Deployment(Cluster):
    """The cluster with everything on `servers`; what ends by itself is started again.

    That is what a deployment has a supervisor for (systemd, Kubernetes, Compose). Each worker and
    the daemon have a machine of their own, whose clock can be set.
    """

    def __init__(
        self, folder: Path, servers: Servers, services: Mapping[str, str], **variables: str
    ) -> None:
        bucket = servers.store.make_bucket()
        places = {
            "SIGNAL_ASSETS_STORAGE": f"s3://{bucket}/tables",
            "SIGNAL_ASSETS_LOGS_BUCKET": bucket,
        }
        database = servers.postgres.new_database()
        super().__init__(folder, database, services, **places, **variables)
        self.servers = servers
        self._machines: dict[str, Machine] = {}
        of_daemon = {**self.dagsters, **self.machine(self.daemon.name).variables}
        self.daemon = Daemon(folder, of_daemon, self.workspace)

    def machine(self, process: str) -> Machine:
        """Return the machine of a worker or of the daemon, by the name of the process."""
        if process not in self._machines:
            self._machines[process] = Machine(process, self.folder)
        return self._machines[process]

    def _worker(self, number: int, processes: int) -> Worker:
        name = f"worker-{number}"
        variables = {**self.command.variables, **self.machine(name).variables}
        return Worker(name, self.folder, variables, processes)

    def start(self, workers: int = 2, processes: int = 1) -> None:
        for old, new in SHORTER.items():
            self.change_dagster_yaml(old, new)
        super().start(workers, processes)

    def supervise(self) -> list[str]:
        """Start again what has ended by itself, and return its names."""
        everything: list[ServerProcess] = [
            self.servers.postgres,
            self.servers.store,
            self.daemon,
            self.code_location,
            *self.workers,
        ]
        ended = [process for process in everything if not process.is_alive]
        for process in ended:
            process.start()
        return [process.name for process in ended]

    def settle(self, run_id: str) -> tuple[DagsterRunStatus, set[str]]:
        """Wait until a run and its retries are over; return how, and what was started again.

        Raises:
            TimeoutError: they are not over within some minutes.
        """
        started_again: set[str] = set()
        deadline = time.monotonic() + RUN_SECONDS
        failed_since = 0.0
        while time.monotonic() < deadline:
            started_again |= set(self.supervise())
            last = self.attempts(run_id)[-1]
            if last.status is DagsterRunStatus.SUCCESS:
                return last.status, started_again
            if not last.is_finished or last.tags.get("dagster/will_retry") == "true":
                failed_since = 0.0
            elif not failed_since:
                failed_since = time.monotonic()
            elif time.monotonic() > failed_since + UNTIL_RETRIED_SECONDS:
                return last.status, started_again
            time.sleep(0.5)
        raise TimeoutError(f"run {run_id} is {last.status.value} after {RUN_SECONDS:.0f} s")
