"""Accuracy and speed of the keyword reader on labelled vacancies: a table, then every miss.

    python benchmarks/keyword_reader_accuracy.py --labels labels.jsonl --vacancies vacancies.jsonl

What the reader claims is grounded first, so only what would be kept is counted. A found value and
a labelled one are the same:

- `erp_systems`, `p2p_tools`: when their usual spellings are, without case, each pair once. An
  edition and its plain product (`SAP`, `SAP S/4HANA`) match too where no better pair is left;
  the table says how often that was needed.
- `team_size`, `volume_indicators`: when they state the same numbers ("zes" is 6).
- `complexity_signals`, `automation_status`: when both say something (presence). How many of the
  two quotes overlap in the text stands beside it.

The intervals are Wilson's, 95 %. Speed is CPU time of this process, over five readings.
"""

import argparse
import json
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from signal_assets.domain.extractions import Evidence, VacancyText
from signal_assets.domain.gazetteers import Gazetteer
from signal_assets.domain.grounding import Grounded, ground, locate, stated_numbers
from signal_assets.domain.keyword_reader import KeywordReader, gazetteer_for
from signal_assets.domain.search_profiles import SearchProfile

PRODUCT_FIELDS = ("erp_systems", "p2p_tools")
NUMBER_FIELDS = ("team_size", "volume_indicators")
PROFILE = Path(__file__).resolve().parent.parent / "profiles" / "accounts_payable.yaml"
ROUNDS = 5


@dataclass
class Count:
    """Pairs found, and what was found or labelled without its counterpart."""

    both: int = 0
    only_found: int = 0
    only_labelled: int = 0
    by_edition: int = 0
    same_state: int = 0
    overlapping: int = 0
    misses: list[str] = field(default_factory=list)

    @property
    def f1(self) -> float:
        return 2 * self.both / max(1, 2 * self.both + self.only_found + self.only_labelled)


@dataclass(frozen=True)
class Case:
    """One vacancy: its text, what is labelled, what was kept."""

    text: VacancyText
    label: dict[str, Any]
    kept: Grounded

    def found(self, name: str) -> list[Evidence]:
        return [item for item in self.kept.evidence if item.field == name]


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a share."""
    if trials == 0:
        return 0.0, 1.0
    z, share = 1.96, successes / trials
    middle = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return (middle - spread) / (1 + z * z / trials), (middle + spread) / (1 + z * z / trials)


def compare_products(count: Count, case: Case, name: str, gazetteer: Gazetteer) -> None:
    labelled = list(case.label[name])
    found = case.found(name)
    where = case.text.vacancy_id
    for by_edition in (False, True):
        rest = []
        for item in found:
            pair = next(
                (one for one in labelled if is_same(item, one, gazetteer, by_edition)), None
            )
            if pair is None:
                rest.append(item)
                continue
            labelled.remove(pair)
            count.both += 1
            count.by_edition += by_edition
            count.same_state += item.state == pair["state"]
            if item.state != pair["state"]:
                states = f"{item.state}, labelled {pair['state']}"
                count.misses.append(f"{where} state of {item.value}: {states}: {item.quote!r}")
        found = rest
    count.only_found += len(found)
    count.only_labelled += len(labelled)
    count.misses += [f"{where} found only: {one.value}: {one.quote!r}" for one in found]
    count.misses += [f"{where} labelled only: {one['value']}: {one['quote']!r}" for one in labelled]


def is_same(
    found: Evidence, labelled: dict[str, str], gazetteer: Gazetteer, by_edition: bool
) -> bool:
    usual = gazetteer.usual_spelling(labelled["value"]) or labelled["value"]
    if by_edition:
        return usual in gazetteer.lineage(found.value) or found.value in gazetteer.lineage(usual)
    return found.value.casefold() == usual.casefold()


def compare_single(count: Count, case: Case, name: str) -> None:
    found = next(iter(case.found(name)), None)
    label = case.label[name]
    where = case.text.vacancy_id
    if found is not None and label is not None and is_same_fact(name, found, label):
        count.both += 1
        count.overlapping += quotes_overlap(found, label["quote"], case.text.description)
        return
    if found is not None:
        count.only_found += 1
        count.misses.append(f"{where} found only: {found.value!r}: {found.quote!r}")
    if label is not None:
        count.only_labelled += 1
        count.misses.append(f"{where} labelled only: {label['value']!r}: {label['quote']!r}")


def is_same_fact(name: str, found: Evidence, label: dict[str, str]) -> bool:
    if name not in NUMBER_FIELDS:
        return True
    numbers = stated_numbers(found.value)
    return numbers in (stated_numbers(label["value"]), stated_numbers(label["quote"]))


def quotes_overlap(found: Evidence, quote: str, description: str) -> bool:
    span = locate(quote, description)
    return span is not None and found.start < span.end and span.start < found.end


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def read_texts(labels: list[dict[str, Any]], vacancies: Path) -> list[VacancyText]:
    rows = {row["id"]: row for row in read_jsonl(vacancies)}
    chosen = [rows[label["id"]] for label in labels]
    return [
        VacancyText(vacancy_id=row["id"], title=row["title"], description=row["description"])
        for row in chosen
    ]


def count_all(labels_path: Path, vacancies: Path, profile_path: Path = PROFILE) -> dict[str, Count]:
    """Read, ground and compare every labelled vacancy; field → counts."""
    profile = read_profile(profile_path)
    reader = KeywordReader(profile.extraction)
    gazetteer = gazetteer_for(profile.extraction)
    labels = read_jsonl(labels_path)
    counts = {name: Count() for name in profile.fields}
    for label, text in zip(labels, read_texts(labels, vacancies), strict=True):
        kept = ground(reader.read(text), text, profile.fields, gazetteer)
        for name, count in counts.items():
            if name in PRODUCT_FIELDS:
                compare_products(count, Case(text, label, kept), name, gazetteer)
            else:
                compare_single(count, Case(text, label, kept), name)
    return counts


def read_profile(path: Path) -> SearchProfile:
    return SearchProfile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def print_speed(labels: list[dict[str, Any]], vacancies: Path, profile: SearchProfile) -> None:
    texts = read_texts(labels, vacancies)
    reader = KeywordReader(profile.extraction)
    started = time.process_time()
    for _ in range(ROUNDS):
        for text in texts:
            reader.read(text)
    seconds = (time.process_time() - started) / ROUNDS
    characters = sum(len(text.title) + len(text.description) for text in texts)
    print(
        f"{len(texts)} vacancies of {characters / len(texts):,.0f} characters read in "
        f"{seconds:.3f} s: {characters / 3000 / seconds:,.0f} of 3,000 characters a second"
    )


def print_table(counts: dict[str, Count]) -> None:
    print(
        f"{'field':19}{'both':>6}{'found only':>12}{'labelled only':>15}"
        f"{'precision':>20}{'recall':>20}{'F1':>8}  more"
    )
    for name, count in counts.items():
        more = f"quotes overlap {count.overlapping}/{count.both}"
        if name in PRODUCT_FIELDS:
            more = f"state {count.same_state}/{count.both}, by edition {count.by_edition}"
        precision = share(count.both, count.both + count.only_found)
        recall = share(count.both, count.both + count.only_labelled)
        print(
            f"{name:19}{count.both:6}{count.only_found:12}{count.only_labelled:15}"
            f"{precision:>20}{recall:>20}{count.f1:8.3f}  {more}"
        )


def share(successes: int, trials: int) -> str:
    low, high = wilson(successes, trials)
    return f"{successes / max(1, trials):.2f} ({low:.2f}-{high:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--vacancies", type=Path, required=True)
    parser.add_argument("--profile", type=Path, default=PROFILE)
    options = parser.parse_args()

    counts = count_all(options.labels, options.vacancies, options.profile)
    print_speed(read_jsonl(options.labels), options.vacancies, read_profile(options.profile))
    print_table(counts)
    for name, count in counts.items():
        print(f"\n{name}")
        for miss in count.misses:
            print(f"  {miss}")


if __name__ == "__main__":
    main()
