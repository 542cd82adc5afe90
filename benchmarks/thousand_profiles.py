"""A backfill of a thousand small search profiles: runs a minute, memory, and how the UI answers.

    python -m benchmarks.thousand_profiles [--profiles 100 1000] [--workers 2]

Everything is real and in processes of its own: PostgreSQL for runs and ledger, Redis, Celery
workers, code location, daemon, webserver, and a sandbox with the services. The backfill is asked
for as Dagster's UI asks for it. One profile has no money, one is broken by an edit after the start:
neither may hold up the others. A thousand take half an hour or so on two cores.
"""

import argparse
import math
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import psutil

from signal_assets.sandbox import SandboxProcess
from signal_assets_tests.clients.databases import new_schema
from signal_assets_tests.production.cluster import Cluster, ServerProcess, free_port
from signal_assets_tests.whole.generated import vacancies

VACANCIES = 3
ASSETS = (
    "raw_vacancies",
    "extracted_vacancies",
    "company_quality",
    "kvk_profiles",
    "company_financials",
    "merged_companies",
)
FAILING = "market_0001"
BROKEN = "market_0002"
POLL_SECONDS = 5.0
UNFINISHED = ("REQUESTED", "CANCELING", "FAILING")

LAUNCH = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}"""
STATUS = """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } }
}"""
PARTITIONS = """
query {
  assetNodes { assetKey { path }
    assetPartitionStatuses { ... on DefaultPartitionStatuses {
      materializedPartitions failedPartitions unmaterializedPartitions } } }
}"""
BACKFILL_PAGE = """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill {
    assetBackfillData { assetBackfillStatuses { ... on AssetPartitionsStatusCounts {
      assetKey { path } numPartitionsTargeted numPartitionsMaterialized numPartitionsFailed
  } } } } }
}"""
RUNS_PAGE = """
query { runsOrError(limit: 30) { ... on Runs { results { id status tags { key value } } } } }"""


class Webserver(ServerProcess):
    """Dagster's webserver, asked as its page asks it."""

    def __init__(self, cluster: Cluster) -> None:
        self.port = free_port()
        line = [sys.executable, "-m", "dagster_webserver", "-w", str(cluster.workspace)]
        line += ["-h", "127.0.0.1", "-p", str(self.port)]
        super().__init__("webserver", line, cluster.folder, cluster.dagsters)

    def is_ready(self, printed: str) -> bool:
        return "Serving dagster-webserver on" in printed

    def ask(self, query: str, **variables: Any) -> tuple[dict[str, Any], float]:
        """Return the answer, and how many seconds it took."""
        started = time.perf_counter()
        answer = httpx.post(
            f"http://127.0.0.1:{self.port}/graphql",
            json={"query": query, "variables": variables},
            timeout=120,
        ).json()
        if "errors" in answer:
            raise SystemExit(f"the webserver: {answer['errors']}")
        data: dict[str, Any] = answer["data"]
        return data, time.perf_counter() - started


class MemoryWatch:
    """Samples the memory of some processes and their children; keeps the highest of each."""

    def __init__(self, processes: Mapping[str, int]) -> None:
        self._processes = dict(processes)
        self.peaks: Counter[str] = Counter()
        self.peak_of_all = 0
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "MemoryWatch":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ends.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ends.wait(2):
            now = {name: _memory_of(pid) for name, pid in self._processes.items()}
            self.peaks |= Counter(now)
            self.peak_of_all = max(self.peak_of_all, sum(now.values()))


def _memory_of(pid: int) -> int:
    """Return the bytes that a process and its children hold alone (shared ones counted once)."""
    total = 0
    try:
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            total += one.memory_full_info().pss
    except psutil.NoSuchProcess:
        return total
    return total


def profile_names(count: int) -> list[str]:
    return [f"market_{number:04}" for number in range(count)]


@contextmanager
def deployment(count: int, workers: int) -> Iterator[tuple[Cluster, Webserver]]:
    """Start a deployment: of `count` profiles one has no money, and one cannot be read."""
    with (
        tempfile.TemporaryDirectory() as name,
        SandboxProcess() as sandbox,
        new_schema() as postgres,
        Cluster(Path(name) / "cluster", postgres, sandbox.environment()) as cluster,
    ):
        texts = vacancies(VACANCIES * count)
        for profile in profile_names(count):
            cluster.command.add_profile(profile, islice(texts, VACANCIES))
        profiles = cluster.command.profiles
        file = profiles / f"{FAILING}.yaml"
        without_money = file.read_text("utf-8").replace("{run: 1000}", "{run: 0}")
        file.write_text(without_money, "utf-8")
        cluster.start(workers=1, processes=workers)
        (profiles / f"{BROKEN}.yaml").write_text("name: [", "utf-8")
        webserver = Webserver(cluster)
        try:
            webserver.start()
            yield cluster, webserver
        finally:
            webserver.kill()


def backfill(webserver: Webserver, profiles: Sequence[str]) -> str:
    params = {
        "assetSelection": [{"path": [asset]} for asset in ASSETS],
        "partitionNames": list(profiles),
    }
    data, _ = webserver.ask(LAUNCH, params=params)
    launched = data["launchPartitionBackfill"]
    if launched["__typename"] != "LaunchBackfillSuccess":
        raise SystemExit(f"the backfill was not launched: {launched}")
    return str(launched["backfillId"])


def measure(count: int, workers: int) -> None:
    with deployment(count, workers) as (cluster, webserver):
        pids = {
            "daemon": cluster.daemon.pid,
            "code location": cluster.code_location.pid,
            "webserver": webserver.pid,
            "workers": cluster.workers[0].pid,
            "redis": cluster.redis.pid,
        }
        with MemoryWatch(pids) as memory:
            started = time.perf_counter()
            backfill_id = backfill(webserver, profile_names(count))
            slowest = follow(webserver, backfill_id)
            seconds = time.perf_counter() - started
        records = cluster.instance.get_run_records()
        pages = {
            "assets with their partitions": webserver.ask(PARTITIONS)[1],
            "the backfill": webserver.ask(BACKFILL_PAGE, id=backfill_id)[1],
            "runs": webserver.ask(RUNS_PAGE)[1],
        }
        ticks = sensor_seconds(cluster.instance)
    outcomes = Counter(record.dagster_run.status.value for record in records)
    done = [record for record in records if record.dagster_run.is_success]
    took = sorted(_seconds(record.start_time, record.end_time) for record in done)
    busy = _seconds(
        min(record.start_time or math.inf for record in done),
        max(record.end_time or 0.0 for record in done),
    )
    print(f"\n{count:,} profiles, {workers} worker processes")
    print(f"  backfill        {seconds:.0f} s from its launch to its end")
    print(f"  runs            {len(done):,} in {busy:.0f} s, {60 * len(done) / busy:.0f} a minute")
    print(f"  a run           {took[len(took) // 2]:.1f} s (median), {took[-1]:.1f} s at most")
    print(f"  outcomes        {dict(outcomes)}")
    print(
        f"  memory          {memory.peak_of_all / 2**20:,.0f} MiB at most in all; highest of each:"
    )
    for name, peak in sorted(memory.peaks.items()):
        print(f"    {name:<14}{peak / 2**20:>7,.0f} MiB")
    print(f"  UI, afterwards  {', '.join(f'{page} {took:.2f} s' for page, took in pages.items())}")
    print(f"  UI, meanwhile   the page of the backfill took {slowest:.2f} s at most")
    print(f"  sensor ticks    {', '.join(f'{name} {took:.1f} s' for name, took in ticks.items())}")


def _seconds(start: float | None, end: float | None) -> float:
    return (end or math.nan) - (start or math.nan)


def follow(webserver: Webserver, backfill_id: str) -> float:
    """Wait until the backfill has ended; return the seconds its page took at most."""
    slowest = 0.0
    while True:
        data, _ = webserver.ask(STATUS, id=backfill_id)
        if data["partitionBackfillOrError"]["status"] not in UNFINISHED:
            return slowest
        slowest = max(slowest, webserver.ask(BACKFILL_PAGE, id=backfill_id)[1])
        time.sleep(POLL_SECONDS)


def sensor_seconds(instance: dg.DagsterInstance) -> dict[str, float]:
    """Return how long the slowest tick of each sensor took that ran meanwhile."""
    slowest: dict[str, float] = {}
    for state in instance.all_instigator_state():
        for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=500):
            if tick.end_timestamp is not None:
                took = tick.end_timestamp - tick.timestamp
                slowest[state.instigator_name] = max(slowest.get(state.instigator_name, 0), took)
    return slowest


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--profiles", type=int, nargs="+", default=[100, 1_000])
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    for count in options.profiles:
        measure(count, options.workers)


if __name__ == "__main__":
    main()
