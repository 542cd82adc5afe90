"""What reading a real load costs, against one full-price call per vacancy with the same model.

    python -m benchmarks.model_cost [--model claude-haiku-5-5] [--cache-hits 0.9] [--vacancies N]

The texts are the vacancies of the reference data (SIGNAL_ASSETS_REFERENCE_DATA), or invented ones
where there is none. Everything goes through the product's own reader to the sandbox, whose token
counts (2.5 characters a token) and shipped prices make the bill; the prompt is that of the profile
`accounts_payable`. First every vacancy is read live; its tokens at full price, without cache, are
the 100 %. Then the texts that the product would read, each once, go in batches.

How many requests of a batch find the prompt in the cache is not promised by the service; the last
lines show what the bill is for other shares.
"""

import argparse
import gzip
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from benchmarks.pass_one import write_vacancies
from signal_assets.clients.claude import ClaudeReader
from signal_assets.clients.claude_batches import BatchLimits
from signal_assets.clients.ledger import Ledger
from signal_assets.clients.paid_calls import Budgets, Caller
from signal_assets.clients.readers import TransportName
from signal_assets.domain.claude_answers import parse_message
from signal_assets.domain.duplicates import find_duplicates, mark_duplicates
from signal_assets.domain.extractions import Reading, ReadingOutcome, VacancyText
from signal_assets.domain.prices import PriceTable, TokenUsage
from signal_assets.domain.reading_plans import VacancyToRead, plan_reading
from signal_assets.domain.search_profiles import SearchProfile
from signal_assets.domain.vacancies import Posting, Vacancy, update_vacancies
from signal_assets.sandbox import SANDBOX_KEYS, SandboxProcess

GOAL = Decimal("0.5")
SHARES = (Decimal(1), Decimal("0.75"), Decimal("0.5"), Decimal(0))
REPOSITORY = Path(__file__).resolve().parent.parent
PROFILE = REPOSITORY / "profiles" / "accounts_payable.yaml"
FILES = ("vacancies_nl_be_other.jsonl.gz", "vacancies_finance.jsonl")


@dataclass(frozen=True)
class Prompt:
    number: int
    system_prompt: str
    questions: dict[str, str]


@dataclass(frozen=True)
class Bill:
    """What one way of reading asked and cost."""

    usages: tuple[TokenUsage, ...]
    spent_usd: Decimal
    seconds: float


def load_vacancies() -> tuple[str, list[Vacancy]]:
    """Return where the texts come from, and the vacancies with their copies marked."""
    reference = os.environ.get("SIGNAL_ASSETS_REFERENCE_DATA", str(REPOSITORY.parent / "shared"))
    folder = Path(reference) / "data" / "vacancies"
    is_real = all((folder / name).exists() for name in FILES)
    postings = _read_postings(folder) if is_real else _invent_postings()
    harvested = update_vacancies((), postings, datetime(2026, 11, 20, tzinfo=UTC)).vacancies
    marked = mark_duplicates(harvested, find_duplicates(harvested).copies)
    return "reference data" if is_real else "invented texts", list(marked)


def _read_postings(folder: Path) -> Iterator[Posting]:
    for name in FILES:
        path = folder / name
        content = path.read_bytes()
        lines = gzip.decompress(content) if name.endswith(".gz") else content
        for number, line in enumerate(lines.splitlines()):
            row = json.loads(line)
            yield Posting(
                source="bench",
                external_id=f"{name}:{number}",
                title=row["title"],
                company_name=row["company_name"],
                location=row["location"],
                description=row["description"],
                url=row["url"],
            )


def _invent_postings() -> Iterator[Posting]:
    """One in ten is a copy."""
    texts = write_vacancies(900)
    for number, text in enumerate([*texts, *texts[:100]]):
        yield Posting(
            source="bench",
            external_id=str(number),
            title=text.title,
            company_name="Voorbeeld Facturen B.V.",
            description=text.description,
        )


def load_prompt() -> Prompt:
    profile = SearchProfile.model_validate(yaml.safe_load(PROFILE.read_text("utf-8")))
    return Prompt(1, profile.extraction.system_prompt, dict(profile.extraction.schema_))


def texts_to_read(vacancies: Iterable[Vacancy]) -> list[VacancyText]:
    """Return the texts that pass 1 reads: of the same words and of copies one."""
    texts = {each.vacancy_id: each for each in vacancies}
    plan = plan_reading(
        (
            VacancyToRead(
                each.vacancy_id,
                each.content_hash,
                each.company_name,
                duplicate_of=each.duplicate_of,
            )
            for each in texts.values()
        ),
        {},
        prompt_version=1,
        extractor="claude",
    )
    first = (texts[group[0].vacancy_id] for group in plan.to_read.values())
    return [
        VacancyText(vacancy_id=each.vacancy_id, title=each.title, description=each.description)
        for each in first
    ]


def read(
    sandbox: SandboxProcess,
    prompt: Prompt,
    model: str,
    texts: list[VacancyText],
    transport: TransportName,
) -> Bill:
    """Read the texts with a new ledger; return the tokens of each answer, and the bill."""
    usages: list[TokenUsage] = []
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger.open(f"sqlite:///{folder}/ledger.db")
        caller = Caller(run_id="bench", asset="extracted_vacancies", search_profile="bench")
        with ledger.session(caller, Budgets()) as session:
            reader = ClaudeReader(
                session,
                prompt,
                model=model,
                api_key=SANDBOX_KEYS["claude"],
                base_url=sandbox.environment()["ANTHROPIC_BASE_URL"],
                batch_limits=BatchLimits(first_poll_seconds=0.5),
            )
            failed: list[ReadingOutcome] = []
            reader.read_all(texts, _keep_failures(failed), transport)
            spent = session.spend.cost_usd
        usages += _usages(ledger)
        ledger.close()
    if failed:
        raise SystemExit(f"{len(failed)} texts were not read: {failed[0]}")
    return Bill(tuple(usages), spent, time.perf_counter() - started)


def _keep_failures(failed: list[ReadingOutcome]) -> Callable[[VacancyText, ReadingOutcome], None]:
    def keep(_: VacancyText, outcome: ReadingOutcome) -> None:
        if not isinstance(outcome, Reading):
            failed.append(outcome)

    return keep


def _usages(ledger: Ledger) -> Iterator[TokenUsage]:
    from sqlalchemy import select

    from signal_assets.clients.database_tables import answers

    def bodies(db: Any) -> list[str]:
        return list(db.execute(select(answers.c.body)).scalars())

    for body in ledger.database.read(bodies):
        yield parse_message(body).tokens


def _uncached(usage: TokenUsage) -> TokenUsage:
    return TokenUsage(input=usage.prompt, output=usage.output)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--model", default="claude-haiku-5-5")
    arguments.add_argument("--cache-hits", type=float, default=0.9)
    arguments.add_argument("--vacancies", type=int, default=None)
    asked = arguments.parse_args()

    origin, vacancies = load_vacancies()
    vacancies = vacancies[: asked.vacancies]
    prompt, prices, today = load_prompt(), PriceTable.shipped(), datetime.now(UTC).date()
    every = [
        # A mark of its own keeps the reader from sharing: this is one call per vacancy.
        VacancyText(
            vacancy_id=each.vacancy_id,
            title=each.title,
            description=f"{each.description}\n{number}",
        )
        for number, each in enumerate(vacancies)
        if each.description.strip()
    ]
    chosen = texts_to_read(vacancies)
    with SandboxProcess(warm=True) as sandbox:
        live = read(sandbox, prompt, asked.model, every, "live")
    with SandboxProcess(warm=True) as sandbox:
        once = read(sandbox, prompt, asked.model, chosen, "live")
    with SandboxProcess(warm=True) as sandbox:
        sandbox.control.set_batch_rules(seconds=0, cache_hits=asked.cache_hits)
        batched = read(sandbox, prompt, asked.model, chosen, "batch")

    def price(usages: Iterable[TokenUsage], *, batch: bool = False) -> Decimal:
        return sum(
            (prices.price_tokens(asked.model, each, today, batch=batch) for each in usages),
            Decimal(0),
        )

    full = price(map(_uncached, live.usages))
    print(f"{len(every):,} vacancies ({origin}), {len(chosen):,} texts to read, {asked.model}")
    print(f"{sum(each.prompt for each in live.usages) / len(every):,.0f} tokens in and ", end="")
    print(f"{sum(each.output for each in live.usages) / len(every):,.0f} out a vacancy")
    print(f"{'':66}{'USD':>10}{'%':>8}")

    def show(name: str, cost: Decimal) -> None:
        print(f"{name:66}{cost:10.4f}{100 * cost / full:8.1f}")

    show("one live call per vacancy, full price", full)
    show("one live call per vacancy, cached prompt (measured)", live.spent_usd)
    show("shared texts, live, full price", price(map(_uncached, once.usages)))
    show("shared texts, live, cached prompt (measured)", once.spent_usd)
    show(
        "one call per vacancy in batches, full price",
        price(map(_uncached, live.usages), batch=True),
    )
    hits = f"{asked.cache_hits:.0%} of the requests find the cache"
    show(f"all: shared, cached, batches; {hits}", batched.spent_usd)
    for share in SHARES:
        cost = _at_share(batched.usages, share, price)
        show(f"  the same, if {share:.0%} of the requests found the cache", cost)
    print(f"goal: {100 * GOAL:.0f} %; ", end="")
    print(f"live {live.seconds:.0f} s, batches {batched.seconds:.0f} s against the sandbox")
    return 0 if batched.spent_usd <= GOAL * full else 1


def _at_share(
    usages: Iterable[TokenUsage], share: Decimal, price: Callable[..., Decimal]
) -> Decimal:
    """Return what a batch costs when a share of the requests reads the prompt from the cache."""
    kept = list(usages)
    prefixes = [each.cache_read + each.cache_write_1h for each in kept]
    hit = [
        TokenUsage(input=each.input, output=each.output, cache_read=prefix)
        for each, prefix in zip(kept, prefixes, strict=True)
    ]
    missed = [
        TokenUsage(input=each.input, output=each.output, cache_write_1h=prefix)
        for each, prefix in zip(kept, prefixes, strict=True)
    ]
    return share * price(hit, batch=True) + (1 - share) * price(missed, batch=True)


if __name__ == "__main__":
    sys.exit(main())
