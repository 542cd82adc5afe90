"""Everything again with nothing new: time, paid calls and memory, and how they grow.

    python -m benchmarks.rematerialise [--vacancies 1000 10000] [--profile accounts_payable]

Each size runs in processes of its own, as `signal-assets run` does, against a sandbox in another
process: once to read everything, once with nothing new. Peak memory is that of the process
(`getrusage`), its children aside.
"""

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from signal_assets.sandbox import SandboxProcess
from signal_assets.shipped import shipped

SECONDS_GOAL = 10.0
GROWTH_GOAL = 11.0

_WORDS = [
    "facturen",
    "inkoop",
    "verwerken",
    "controleren",
    "team",
    "collega",
    "administratie",
    "leverancier",
    "betaling",
    "proces",
    "afdeling",
    "dagelijks",
    "boeken",
    "systeem",
    "klant",
    "order",
    "archief",
    "vraag",
    "bellen",
    "rapport",
    "maand",
    "jaar",
    "kantoor",
]
_FACTS = (
    "Wij werken met SAP S/4HANA.",
    "Je boekt facturen in Exact Online.",
    "De goedkeuring loopt via Basware.",
    "Je werkt in een team van 6 medewerkers.",
    "Samen verwerken jullie 15.000 facturen per jaar.",
    "Veel facturen worden nog handmatig ingevoerd.",
)


def write_vacancies(path: Path, count: int) -> None:
    """Write invented vacancies of about 2,500 characters; one in four states something.

    Their words are compounds: of few words any two texts would share as much as near-copies do.
    """
    random.seed(count)
    compounds = [f"{one}{other}" for one in _WORDS for other in _WORDS]
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            words = " ".join(random.choices(compounds, k=165))
            facts = " ".join(random.sample(_FACTS, k=3)) if number % 4 == 0 else ""
            row = {
                "external_id": f"v{number}",
                "title": f"Crediteurenadministrateur {number}",
                "company_name": f"Bedrijf {number % (count // 5 + 1)} B.V.",
                "location": "Utrecht",
                "description": f"{words}. {facts} Nummer {number}.",
                "posted_at": "2026-11-01",
            }
            file.write(f"{json.dumps(row, ensure_ascii=False)}\n")


def prepare(folder: Path, count: int, environment: dict[str, str]) -> dict[str, str]:
    """Make a workspace with the example profile and its vacancies; return its environment."""
    profiles = folder / "profiles"
    vacancies = profiles / "vacancies" / "accounts_payable"
    vacancies.mkdir(parents=True)
    shutil.copy(shipped("profiles") / "accounts_payable.yaml", profiles)
    write_vacancies(vacancies / "vacancies.jsonl", count)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SIGNAL_ASSETS_", "ANTHROPIC_", "KVK_", "COMPANY_", "SERPAPI_"))
    }
    return {
        **kept,
        **environment,
        "SERPAPI_API_KEY": "",
        "SIGNAL_ASSETS_PROFILES": str(profiles),
        "SIGNAL_ASSETS_STORAGE": str(folder / "data"),
        "SIGNAL_ASSETS_RUN_BUDGET_USD": "100000",
        "DAGSTER_HOME": str(folder / "dagster"),
    }


def run_once(folder: Path, environment: dict[str, str], job: str) -> dict[str, Any]:
    """Run `job` in a process of its own; return its seconds, CPU seconds and peak MiB."""
    command = [sys.executable, "-m", "benchmarks.rematerialise", "--inside", job]
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{job} failed:\n{done.stdout}\n{done.stderr}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**figures, "wall": time.perf_counter() - started}


def inside(job: str) -> None:
    """Execute one job here, as the command does, and print what it took."""
    from signal_assets.cli.console import TerminalProgress, err
    from signal_assets.cli.home import open_instance
    from signal_assets.settings import Settings

    with open_instance(Settings()) as instance:
        from signal_assets.definitions import defs

        result = defs.resolve_job_def(job).execute_in_process(
            instance=instance,
            partition_key="accounts_payable",
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
            resources={"progress": TerminalProgress(err)},
        )
    usage = resource.getrusage(resource.RUSAGE_SELF)
    figures = {"cpu": usage.ru_utime + usage.ru_stime, "peak_mib": usage.ru_maxrss / 1024}
    sys.stdout.write(f"{json.dumps({**figures, 'passed': result.success})}\n")


def measure(count: int, job: str, reader: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name, SandboxProcess() as sandbox:
        folder = Path(name)
        environment = prepare(folder, count, sandbox.environment())
        if reader == "keyword":
            environment["ANTHROPIC_API_KEY"] = ""
        first = run_once(folder, environment, job)
        sandbox.control.clear_journal()
        again = run_once(folder, environment, job)
        paid = sum(line["billed"] for line in sandbox.control.counts())
    return {"first": first, "again": again, "paid": paid}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--vacancies", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--job", default="full_job")
    parser.add_argument("--reader", choices=("claude", "keyword"), default="claude")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        inside(options.inside)
        return
    print(f"{options.job}, everything read once, then again with nothing new")
    print(
        f"{'vacancies':>10} {'first s':>8} {'MiB':>6} "
        f"{'again s':>8} {'CPU s':>6} {'MiB':>6} {'paid':>5}"
    )
    walls = []
    for count in options.vacancies:
        figures = measure(count, options.job, options.reader)
        first, again = figures["first"], figures["again"]
        walls.append(again["wall"])
        print(
            f"{count:>10} {first['wall']:8.1f} {first['peak_mib']:6.0f} {again['wall']:8.1f} "
            f"{again['cpu']:6.1f} {again['peak_mib']:6.0f} {figures['paid']:>5}"
        )
    print(f"goal: 10,000 vacancies again in at most {SECONDS_GOAL:.0f} s, 0 paid calls")
    if len(walls) > 1:
        growth = walls[-1] / walls[0]
        times = options.vacancies[-1] / options.vacancies[0]
        print(
            f"growth: {times:.0f} × the vacancies costs {growth:.1f} × the time "
            f"(goal {GROWTH_GOAL:.0f})"
        )


if __name__ == "__main__":
    main()
