"""Pass 1 against a server that takes 200 ms a call: wall time against the ideal, and own CPU.

    python benchmarks/pass_one.py [--vacancies 2000] [--in-flight 32] [--latency 0.2]

The server is the sandbox in a process of its own. The bare SDK sends the same request bodies, from
the same number of tasks, and parses the answers as JSON; what our reader needs of CPU beyond that
is our own: fences, keys, ledger, budget, validation and pacing.
"""

import argparse
import asyncio
import gc
import json
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import anthropic

from signal_assets.clients.claude import ClaudeReader
from signal_assets.clients.ledger import Ledger
from signal_assets.clients.paid_calls import Budgets, Caller
from signal_assets.domain.claude_models import get_claude_model
from signal_assets.domain.claude_requests import ClaudeQuestions, fence_vacancy
from signal_assets.domain.extractions import ReadingOutcome, VacancyText
from signal_assets.sandbox import SANDBOX_KEYS, SandboxProcess

MODEL = "claude-haiku-5-5"
WALL_GOAL = 1.15
CPU_GOAL = 1.0

_SENTENCES = (
    "Als crediteurenadministrateur verwerk je dagelijks de inkomende facturen van vestigingen.",
    "Je werkt in een team van vijf collega's en rapporteert aan de financieel manager.",
    "Wij werken met SAP S/4HANA en voor de scanstraat gebruiken we Basware.",
    "Per jaar verwerken wij ongeveer 15.000 facturen, waarvan een deel nog op papier binnenkomt.",
    "Je controleert inkooporders, boekt facturen in en bewaakt de openstaande posten.",
    "Je hebt een afgeronde mbo-opleiding en enkele jaren ervaring in een soortgelijke functie.",
    "Wij bieden een goed salaris, reiskostenvergoeding en een pensioenregeling.",
    "You will join an international team and speak English with colleagues abroad.",
)


@dataclass(frozen=True)
class Prompt:
    number = 1
    system_prompt = "You extract structured data from Dutch and English vacancy texts."
    questions: ClassVar[dict[str, str]] = {
        "erp_systems": "Which ERP systems are mentioned? Return as a list.",
        "p2p_tools": "Which purchase-to-pay or invoice tools are mentioned? Return as a list.",
        "team_size": "Any indication of team size?",
        "volume_indicators": "How many invoices or suppliers? Return as a list.",
        "complexity_signals": "Several entities, countries or currencies? Return as a list.",
        "automation_status": "How far is invoice processing automated?",
    }


@dataclass(frozen=True)
class Measured:
    name: str
    wall: float
    cpu: float


def write_vacancies(count: int) -> list[VacancyText]:
    """Texts of some 2,500 characters, all different."""
    return [
        VacancyText(
            vacancy_id=f"bench:{number}",
            title="Crediteurenadministrateur",
            description="\n".join(
                f"{sentence} ({number}.{place})" for place, sentence in enumerate(_SENTENCES * 4)
            ),
        )
        for number in range(count)
    ]


def measure(name: str, action: Any) -> Measured:
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    action()
    return Measured(name, time.perf_counter() - wall, time.process_time() - cpu)


def read_bare(url: str, bodies: list[dict[str, Any]], in_flight: int) -> None:
    """Send the bodies with the SDK alone."""

    async def send_all() -> None:
        async with anthropic.AsyncAnthropic(
            api_key=SANDBOX_KEYS["claude"],
            base_url=url,
            max_retries=0,
            timeout=60,
        ) as client:
            waiting: Iterator[dict[str, Any]] = iter(bodies)

            async def work() -> None:
                for body in waiting:
                    raw = await client.messages.with_raw_response.create(**body)
                    json.loads(await raw.read())

            await asyncio.gather(*(work() for _ in range(in_flight)))

    asyncio.run(send_all())


def read_ours(url: str, folder: Path, vacancies: list[VacancyText], in_flight: int) -> Counter[str]:
    """Read the vacancies as the product does; return the kinds of outcome."""
    kinds: Counter[str] = Counter()

    def count(_: VacancyText, outcome: ReadingOutcome) -> None:
        kinds[type(outcome).__name__] += 1

    ledger = Ledger.open(f"sqlite:///{folder / 'ledger.db'}")
    caller = Caller(
        run_id=datetime.now(UTC).isoformat(), asset="extracted_vacancies", search_profile="bench"
    )
    with ledger.session(caller, Budgets(run=Decimal(50), month=Decimal(500))) as session:
        reader = ClaudeReader(
            session,
            Prompt(),
            model=MODEL,
            api_key=SANDBOX_KEYS["claude"],
            base_url=url,
            concurrency=in_flight,
        )
        reader.read_all(vacancies, count)
    ledger.close()
    return kinds


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--vacancies", type=int, default=2000)
    arguments.add_argument("--in-flight", type=int, default=32)
    arguments.add_argument("--latency", type=float, default=0.2)
    asked = arguments.parse_args()
    logging.basicConfig(level=logging.WARNING)

    load = os.getloadavg()[0]
    vacancies = write_vacancies(asked.vacancies)
    questions = ClaudeQuestions(get_claude_model(MODEL), Prompt.system_prompt, Prompt.questions)
    bodies = [
        questions.build_request(fence_vacancy(one).message, questions.model.max_output_tokens)
        for one in vacancies
    ]
    ideal = asked.vacancies * asked.latency / asked.in_flight
    with SandboxProcess() as sandbox, tempfile.TemporaryDirectory() as folder:
        url = sandbox.environment()["ANTHROPIC_BASE_URL"]
        sandbox.control.set_latency("claude", asked.latency)
        read_bare(url, bodies[:50], asked.in_flight)
        bare = measure("bare SDK", lambda: read_bare(url, bodies, asked.in_flight))
        kinds: Counter[str] = Counter()
        ours = measure(
            "pass 1",
            lambda: kinds.update(read_ours(url, Path(folder), vacancies, asked.in_flight)),
        )
        again = measure(
            "pass 1 again", lambda: read_ours(url, Path(folder), vacancies, asked.in_flight)
        )
    print(f"{asked.vacancies:,} vacancies, {asked.latency * 1000:g} ms a call, ", end="")
    print(f"{asked.in_flight} in flight, ideal {ideal:.2f} s; outcomes {dict(kinds)}")
    print(f"{'':14}{'wall s':>8}{'/ ideal':>9}{'CPU s':>8}{'ms each':>9}")
    for row in (bare, ours, again):
        each = 1000 * row.cpu / asked.vacancies
        print(f"{row.name:14}{row.wall:8.2f}{row.wall / ideal:9.3f}{row.cpu:8.2f}{each:9.3f}")
    own = (ours.cpu - bare.cpu) / bare.cpu
    print(f"own CPU on top of the bare SDK: {own:.2f} x (goal {CPU_GOAL})")
    print(f"wall against the ideal: {ours.wall / ideal:.3f} x (goal {WALL_GOAL}), ", end="")
    print(f"against the bare SDK: {ours.wall / bare.wall:.3f} x")
    print(f"{load:.1f} of {os.cpu_count()} cores were busy with other work when it began")
    return 0 if own <= CPU_GOAL and ours.wall / ideal <= WALL_GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
