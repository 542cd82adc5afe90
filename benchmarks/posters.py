"""Posters: how often an agency is told from an employer, on real advertisements.

Run it with `python benchmarks/posters.py`. The labels are read from the folder that
SIGNAL_ASSETS_REFERENCE_DATA names. What could not be told by the readers is left out.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

from signal_assets.domain.posters import find_intermediary

REPOSITORY = Path(__file__).resolve().parent.parent


def main() -> None:
    folder = Path(os.environ.get("SIGNAL_ASSETS_REFERENCE_DATA", REPOSITORY.parent / "shared"))
    if not (folder / "gold").is_dir():
        print(f"no reference data in {folder}")
        return
    vacancies = read(folder / "gold/vacancies.jsonl")
    labels = read(folder / "gold/labels.jsonl")
    right = wrong = missed = 0
    started = time.process_time()
    found = {
        id_: find_intermediary(row["company_name"], row["title"], row["description"])
        for id_, row in vacancies.items()
    }
    seconds = time.process_time() - started
    for id_, label in labels.items():
        is_agency, why = label["is_intermediary"], found[id_]
        right += is_agency is True and why is not None
        wrong += is_agency is False and why is not None
        missed += is_agency is True and why is None
        if why is not None or is_agency:
            reason = f"{why.rule}: {why.reason}" if why else "nothing says so"
            print(f"{is_agency!s:6} {vacancies[id_]['company_name'] or '–'}: {reason}")
    print(f"precision {right / (right + wrong):.3f} ({right} of {right + wrong})")
    print(f"recall    {right / (right + missed):.3f} ({right} of {right + missed})")
    print(f"{seconds / len(vacancies) * 1e6:.0f} µs a vacancy")


def read(path: Path) -> dict[str, dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return {row["id"]: row for row in map(json.loads, lines)}


if __name__ == "__main__":
    main()
