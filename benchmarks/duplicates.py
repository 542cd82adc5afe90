"""Duplicates: how many copies are found, how many vacancies wrongly joined, how fast, how big.

Run it with `python benchmarks/duplicates.py [count]`. The rates are those of real advertisements,
read from the folder that SIGNAL_ASSETS_REFERENCE_DATA names; without it only invented vacancies
are timed. Each timing runs in a process of its own, so that its memory is its own.
"""

import gzip
import itertools
import json
import multiprocessing
import os
import random
import resource
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from signal_assets.domain.duplicates import SAME_TEXT_SHARE, Copy, find_duplicates, mark_duplicates
from signal_assets.domain.fingerprints import make_fingerprint, stack_signatures
from signal_assets.domain.vacancies import Posting, Vacancy, update_vacancies

REPOSITORY = Path(__file__).resolve().parent.parent
START = datetime(2026, 1, 5, tzinfo=UTC)
COPIES = 0.3
"""Share of the invented vacancies that are a copy of another."""
TEXT_WORDS = 700
ADDED = 1_000


def main() -> None:
    folder = Path(os.environ.get("SIGNAL_ASSETS_REFERENCE_DATA", REPOSITORY.parent / "shared"))
    if (folder / "data").is_dir():
        measure_rates(folder / "data/vacancies/vacancy_duplicates.jsonl.gz")
    else:
        print(f"no reference data in {folder}: the rates are skipped")
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    print("vacancies   copies   all at once   per vacancy   1,000 more   nothing new   peak memory")
    for count in (most // 100, most // 10, most):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.apply(time_marking, (count,)))


def measure_rates(path: Path) -> None:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    postings = [read_posting(row, number) for number, row in enumerate(rows)]
    vacancies = update_vacancies([], postings, START).vacancies
    marked = mark_duplicates(vacancies, find_duplicates(vacancies).copies)
    originals = {item.vacancy_id: item.duplicate_of or item.vacancy_id for item in marked}
    roots = [originals[posting.vacancy_id] for posting in postings]
    pairs = list(labelled_pairs(rows))
    for relation in sorted({relation for relation, _, _ in pairs}):
        joined = [roots[one] == roots[other] for name, one, other in pairs if name == relation]
        print(f"{relation}: {sum(joined)} of {len(joined)} pairs joined, {mean(joined):.3f}")
    print("found by:", dict(Counter(item.duplicate_reason for item in marked).most_common()))
    print_shares(marked, pairs, postings)


def print_shares(
    vacancies: Sequence[Vacancy], pairs: list[tuple[str, int, int]], postings: list[Posting]
) -> None:
    """What the threshold of the last rung rests on: how much the texts of a pair share."""
    by_id = {vacancy.vacancy_id: vacancy for vacancy in vacancies}
    ordered = [by_id[posting.vacancy_id] for posting in postings]
    table, is_signed = stack_signatures([make_fingerprint(item).signature for item in ordered])
    shares: dict[str, list[float]] = defaultdict(list)
    for relation, one, other in pairs:
        if is_signed[one] and is_signed[other]:
            shares[relation].append(float((table[one] == table[other]).mean()))
    print("share of word pairs:  lowest   1st %   5th %   95th %   highest   at or above threshold")
    for relation, found in shares.items():
        found.sort()
        at = [
            found[min(len(found) - 1, int(part * len(found)))] for part in (0, 0.01, 0.05, 0.95, 1)
        ]
        above = mean([share >= SAME_TEXT_SHARE for share in found])
        print(f"  {relation[:20]:20}" + "".join(f"{share:8.2f}" for share in at) + f"{above:12.3f}")


def labelled_pairs(rows: Sequence[dict[str, Any]]) -> Iterable[tuple[str, int, int]]:
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        groups[row["relation"], row["group_id"]].append(number)
    for (relation, _), members in groups.items():
        for one, other in itertools.combinations(members, 2):
            yield relation, one, other


def read_posting(row: dict[str, Any], number: int) -> Posting:
    return Posting(
        source=row["source_dataset"],
        external_id=f"{row['external_id']}/{number}",
        title=row["title"],
        company_name=row["company_name"],
        location=row["location"],
        description=row["description"],
        url=row["url"],
    )


def time_marking(count: int) -> str:
    """Time three harvests; making up the vacancies is not counted, their texts are not held."""
    watch = Watch()
    first = find_duplicates(watch.out(seen(invent(count, seed=1), {}, day=0)))
    all_at_once = watch.stop()
    known = seen(invent(count, seed=1), first.copies, day=0)
    more = seen(invent(ADDED, seed=2), {}, day=1)
    second = find_duplicates(watch.out(itertools.chain(known, more)), first.fingerprints)
    added = watch.stop()
    known = seen(invent(count, seed=1), first.copies, day=0)
    find_duplicates(watch.out(known), first.fingerprints)
    nothing = watch.stop()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert second.compared >= ADDED
    return (
        f"{count:9,} {len(first.copies):8,} {all_at_once:11.1f} s"
        f" {all_at_once / count * 1e6:10.0f} µs"
        f" {added:10.2f} s {nothing:11.2f} s {peak:9.0f} MiB"
    )


class Watch:
    """CPU seconds of this process since it was stopped, without those spent on `out`."""

    def __init__(self) -> None:
        self._since = time.process_time()

    def out(self, vacancies: Iterator[Vacancy]) -> Iterator[Vacancy]:
        while True:
            began = time.process_time()
            vacancy = next(vacancies, None)
            self._since += time.process_time() - began
            if vacancy is None:
                return
            yield vacancy

    def stop(self) -> float:
        seconds = time.process_time() - self._since
        self._since = time.process_time()
        return seconds


def seen(postings: Iterable[Posting], copies: Mapping[str, Copy], *, day: int) -> Iterator[Vacancy]:
    moment = START + timedelta(days=day)
    for posting in postings:
        (vacancy,) = update_vacancies([], [posting], moment).vacancies
        yield mark_duplicates([vacancy], copies)[0]


def invent(count: int, *, seed: int) -> Iterable[Posting]:
    """Vacancies of `TEXT_WORDS` words; a copy has another source, intro and white space."""
    chance = random.Random(seed)
    words = [f"{first}{last}" for first in _FIRST for last in _LAST]
    texts: list[tuple[str, str, str]] = []
    for number in range(count):
        if texts and chance.random() < COPIES:
            title, company, text = chance.choice(texts[-1000:])
            text = f"Via ons {chance.choice(words)} {chance.choice(words)}:\n\n" + text.replace(
                ". ", ".\n "
            )
        else:
            title = " ".join(chance.choices(words, k=3))
            company = f"{chance.choice(words)} {chance.choice(words)} B.V."
            text = ". ".join(" ".join(chance.choices(words, k=10)) for _ in range(TEXT_WORDS // 10))
            texts = [*texts[-1000:], (title, company, text)]
        yield Posting(
            source=f"source{seed}",
            external_id=str(number),
            title=title,
            company_name=company,
            location="Utrecht",
            description=text,
            url=f"https://voorbeeld.test/{seed}/{number}",
        )


_FIRST = ("boek", "reken", "factuur", "lever", "inkoop", "kant", "kas", "bank", "markt", "data")
_LAST = ("houder", "naar", "stuk", "ancier", "er", "oor", "administratie", "iek", "base", "ning")


def mean(found: Sequence[bool]) -> float:
    return sum(found) / len(found) if found else 0.0


if __name__ == "__main__":
    main()
