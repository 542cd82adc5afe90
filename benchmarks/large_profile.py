"""One big search profile, read by one worker and by three: time, speed, memory, and how they grow.

    python -m benchmarks.large_profile [--vacancies 10000 100000] [--workers 1 3] [--latency 0.2]

Each worker is the command in a process of its own: `signal-assets run --pass llm` leads, and
`signal-assets help-reading` helps. The service is the sandbox's Claude, which takes as long for
each call as the latency says. Peak memory is that of each process (`wait4`), the leading one
first. With `--reader keyword` nobody is asked, so the time is all our own.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.rematerialise import prepare
from signal_assets.sandbox import SandboxProcess

MIB_GOAL = 1024
GROWTH_GOAL = 11.0
PROFILE = "accounts_payable"


@dataclass(frozen=True)
class Measured:
    """Seconds from the start of the leading process to its end, and peaks in MiB."""

    seconds: float
    peaks: list[float]


def run_commands(
    commands: Sequence[Sequence[str]], environment: Mapping[str, str], log: Path
) -> Measured:
    """Run commands of signal-assets at the same time, the first one until its end."""
    started = time.perf_counter()
    with log.open("ab") as file:
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "signal_assets", *words],
                env=dict(environment),
                stdout=file,
                stderr=file,
            )
            for words in commands
        ]
        peaks, seconds = [], 0.0
        for process in processes:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            seconds = seconds or time.perf_counter() - started
            peaks.append(usage.ru_maxrss / 1024)
    if any(process.returncode != 0 for process in processes):
        raise SystemExit(f"a worker failed:\n{log.read_text('utf-8')[-4_000:]}")
    return Measured(seconds, peaks)


def raise_budget(profile: Path) -> None:
    """Let a run spend what so many texts cost; what it costs here is the sandbox's."""
    content = yaml.safe_load(profile.read_text("utf-8"))
    content["budget_usd"] = {"run": 100_000, "month": 1_000_000}
    profile.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")


def start_anew(folder: Path, environment: Mapping[str, str]) -> None:
    """Put what was harvested in place of what was read."""
    for name in ("SIGNAL_ASSETS_STORAGE", "DAGSTER_HOME"):
        used = Path(environment[name])
        shutil.rmtree(used)
        shutil.copytree(folder / f"harvested-{used.name}", used)


def measure(
    count: int, workers: Sequence[int], options: argparse.Namespace
) -> tuple[Measured, list[Measured]]:
    """Return what the harvest took, and reading with each number of workers."""
    with tempfile.TemporaryDirectory() as name, SandboxProcess() as sandbox:
        folder = Path(name)
        environment = prepare(folder, count, sandbox.environment()) | {
            "SIGNAL_ASSETS_CONCURRENCY": str(options.in_flight),
            "SIGNAL_ASSETS_SLICE_SIZE": str(options.slice_size),
        }
        if options.reader == "keyword":
            environment["ANTHROPIC_API_KEY"] = ""
        raise_budget(folder / "profiles" / f"{PROFILE}.yaml")
        log, run = folder / "log", ("run", "--profile", PROFILE, "--pass")
        harvest = run_commands([(*run, "harvest")], environment, log)
        for used in ("SIGNAL_ASSETS_STORAGE", "DAGSTER_HOME"):
            path = Path(environment[used])
            shutil.copytree(path, folder / f"harvested-{path.name}")
        sandbox.control.set_latency("claude", options.latency)
        help_ = ("help-reading", "--profile", PROFILE, "--wait", "600")
        readings = []
        for number in workers:
            start_anew(folder, environment)
            sandbox.control.clear_journal()
            commands = [(*run, "llm"), *[help_] * (number - 1)]
            readings.append(run_commands(commands, environment, log))
    return harvest, readings


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--vacancies", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--in-flight", type=int, default=32, help="of each worker")
    parser.add_argument("--slice-size", type=int, default=1_000)
    parser.add_argument("--reader", choices=("claude", "keyword"), default="claude")
    options = parser.parse_args()
    print(
        f"pass 1 by {options.reader}, {options.latency * 1000:g} ms a call, {options.in_flight} in "
        f"flight a worker, slices of {options.slice_size:,}; {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    print(
        f"{'vacancies':>10} {'workers':>8} {'wall s':>8} {'a second':>9}  peak MiB of each process"
    )
    walls: dict[int, list[float]] = {number: [] for number in options.workers}
    worst = 0.0
    for count in options.vacancies:
        harvest, readings = measure(count, options.workers, options)
        lines = [("harvest", harvest), *zip(map(str, options.workers), readings, strict=True)]
        for workers, measured in lines:
            peaks = ", ".join(f"{peak:.0f}" for peak in measured.peaks)
            speed = count / measured.seconds
            print(
                f"{count:>10} {workers:>8} {measured.seconds:8.1f} {speed:9.0f}  {peaks}",
                flush=True,
            )
            worst = max(worst, *measured.peaks)
        for number, measured in zip(options.workers, readings, strict=True):
            walls[number].append(measured.seconds)
    for number, seconds in walls.items():
        if len(seconds) > 1:
            times = options.vacancies[-1] / options.vacancies[0]
            print(
                f"growth with {number} workers: {times:.0f} × the vacancies takes "
                f"{seconds[-1] / seconds[0]:.1f} × the time (goal {GROWTH_GOAL:.0f})"
            )
    print(f"largest process: {worst:.0f} MiB (goal {MIB_GOAL} for 100,000 vacancies)")


if __name__ == "__main__":
    main()
