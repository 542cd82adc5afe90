"""Accuracy and speed of the keyword reader on labelled vacancies: a table, then every miss.

    python benchmarks/keyword_reader_accuracy.py --labels labels.jsonl --vacancies vacancies.jsonl

What the reader claims is grounded first, so only what would be kept is counted. What counts as the
same is said in `signal_assets/domain/evaluation.py`; `signal-assets evaluate` measures in the same
way and writes a report. Speed is CPU time of this process, over five readings.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

from signal_assets.cli.evaluating import print_report
from signal_assets.clients.evaluation_files import LabelledSet, read_labelled
from signal_assets.clients.profile_files import load_named_profile
from signal_assets.defs.evaluations import measure
from signal_assets.domain.evaluation import EvaluationReport, Pair
from signal_assets.domain.keyword_reader import KeywordReader
from signal_assets.domain.search_profiles import SearchProfile
from signal_assets.settings import Settings

PROFILE = Path(__file__).resolve().parent.parent / "profiles" / "accounts_payable.yaml"
ROUNDS = 5


def measure_reader(profile: SearchProfile, labelled: LabelledSet) -> EvaluationReport:
    return measure(Settings(), profile, labelled, "keyword")


def print_speed(labelled: LabelledSet, profile: SearchProfile) -> None:
    texts = [one.text for one in labelled.vacancies]
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


def misses(report: EvaluationReport, field: str) -> Iterator[str]:
    """Yield a line for each pair of a field that is not right."""
    for case in report.cases:
        for pair in case.fields[field]:
            if pair.is_wrong:
                yield f"{case.vacancy_id} {describe(pair)}"


def describe(pair: Pair) -> str:
    if pair.found is None and pair.label is not None:
        return f"labelled only: {pair.label.value!r}: {pair.label.quote!r}"
    if pair.found is not None and pair.label is None:
        return f"found only: {pair.found.value!r}: {pair.found.quote!r}"
    if pair.found is None or pair.label is None:
        return "nothing"
    states = f"{pair.found.state}, labelled {pair.label.state}"
    return f"state of {pair.found.value}: {states}: {pair.found.quote!r}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--vacancies", type=Path, required=True)
    parser.add_argument("--profile", type=Path, default=PROFILE)
    options = parser.parse_args()

    profile = load_named_profile(options.profile.parent, options.profile.stem).profile
    labelled = read_labelled(options.labels, options.vacancies)
    print_speed(labelled, profile)
    report = measure_reader(profile, labelled)
    print_report(report)
    for figures in report.fields:
        print(f"\n{figures.field}")
        for miss in misses(report, figures.field):
            print(f"  {miss}")


if __name__ == "__main__":
    main()
