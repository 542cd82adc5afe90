"""Tables: how large they are as Parquet against plain files, how quickly written and read.

    python -m benchmarks.tables [--vacancies 10000 100000]

The vacancies are real advertisements, repeated with a number of their own, where the folder that
SIGNAL_ASSETS_REFERENCE_DATA names is there; else invented ones, whose random words compress less
well. "Plain" is what the table is as lines of JSON and as CSV, nothing compressed.
"""

import argparse
import gzip
import itertools
import json
import os
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from signal_assets.defs.frames import to_frame
from signal_assets.defs.storage import TableStore
from signal_assets.defs.tables import RAW_VACANCIES

REPOSITORY = Path(__file__).resolve().parent.parent
MOMENT = datetime(2026, 11, 2, 6, tzinfo=UTC)
PROFILE = "large"
REAL_FILE = "data/vacancies/vacancies_nl_be_other.jsonl.gz"


def texts() -> tuple[str, list[str]]:
    """Return where the texts are from, and the texts."""
    folder = Path(os.environ.get("SIGNAL_ASSETS_REFERENCE_DATA", REPOSITORY.parent / "shared"))
    if (folder / REAL_FILE).is_file():
        with gzip.open(folder / REAL_FILE, "rt", encoding="utf-8") as lines:
            return "real advertisements", [json.loads(line)["description"] for line in lines]
    chosen = random.Random(1)
    words = ["".join(chosen.choices("aeiounrstdlgkm", k=7)) for _ in range(5_000)]
    return "invented texts", [" ".join(chosen.choices(words, k=330)) for _ in range(2_000)]


def rows(count: int, descriptions: list[str]) -> Iterator[dict[str, Any]]:
    for number, text in enumerate(itertools.islice(itertools.cycle(descriptions), count)):
        yield {
            "vacancy_id": f"file:{number}",
            "source": "file",
            "external_id": str(number),
            "title": f"Vacature {number}",
            "company_name": f"Bedrijf {number % (count // 5 + 1)} B.V.",
            "location": "Utrecht",
            "description": f"{text}\nVacaturenummer {number}.",
            "text_kind": "full",
            "url": f"https://vacatures.example/{number}",
            "language": "nl",
            "first_seen_at": MOMENT,
            "last_seen_at": MOMENT,
            "content_hash": f"{number:064x}",
        }


def measure(count: int, descriptions: list[str]) -> list[str]:
    frame = to_frame(rows(count, descriptions), RAW_VACANCIES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = TableStore(name)
        started = time.perf_counter()
        path = Path(str(store.write(RAW_VACANCIES, PROFILE, frame)))
        written = time.perf_counter() - started
        del frame
        started = time.perf_counter()
        table = pq.read_table(path)
        read = time.perf_counter() - started
        started = time.perf_counter()
        pq.read_table(path, columns=["vacancy_id", "content_hash"])
        two_columns = time.perf_counter() - started
        plain = plain_sizes(table, folder)
        parquet = path.stat().st_size
    megabytes = [size / 1e6 for size in (*plain, parquet)]
    return [
        f"{count:,}",
        *(f"{size:,.1f}" for size in megabytes),
        f"{parquet / plain[0]:.2f}",
        *(f"{seconds:.2f}" for seconds in (written, read, two_columns)),
    ]


def plain_sizes(table: pa.Table, folder: Path) -> tuple[int, int]:
    """Return the bytes of the table as lines of JSON and as CSV (its lists aside)."""
    lines = folder / "plain.jsonl"
    with lines.open("w", encoding="utf-8") as file:
        for batch in table.to_batches(2_000):
            for row in batch.to_pylist():
                file.write(f"{json.dumps(row, ensure_ascii=False, default=str)}\n")
    simple = [field.name for field in table.schema if not pa.types.is_list(field.type)]
    pyarrow.csv.write_csv(table.select(simple), folder / "plain.csv")
    return lines.stat().st_size, (folder / "plain.csv").stat().st_size


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--vacancies", type=int, nargs="+", default=[10_000, 100_000])
    options = parser.parse_args()
    origin, descriptions = texts()
    print(f"raw_vacancies of one search profile, {origin}")
    heads = (
        "vacancies",
        "JSON MB",
        "CSV MB",
        "Parquet MB",
        "of JSON",
        "write s",
        "read s",
        "2 col s",
    )
    print(" ".join(f"{head:>10}" for head in heads))
    for count in options.vacancies:
        print(" ".join(f"{cell:>10}" for cell in measure(count, descriptions)), flush=True)


if __name__ == "__main__":
    main()
