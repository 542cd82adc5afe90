"""The figures that the keyword reader must keep reaching on labelled real vacancies."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "keyword_reader_accuracy.py"


@pytest.fixture(scope="module")
def counts(reference_data):
    gold = reference_data / "gold"
    if not (gold / "labels.jsonl").is_file():
        pytest.skip(f"no labelled vacancies in {gold}")
    spec = importlib.util.spec_from_file_location("keyword_reader_accuracy", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    benchmark = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = benchmark
    spec.loader.exec_module(benchmark)
    return benchmark.count_all(gold / "labels.jsonl", gold / "vacancies.jsonl")


@pytest.mark.parametrize(
    ("field", "f1"),
    [
        ("erp_systems", 0.93),
        ("p2p_tools", 0.93),
        ("team_size", 0.75),
        ("complexity_signals", 0.6),
        ("automation_status", 0.6),
    ],
)
def test_a_field_is_read_as_well_as_promised(counts, field, f1):
    assert counts[field].f1 >= f1, json.dumps(counts[field].misses, indent=1)


@pytest.mark.parametrize("field", ["erp_systems", "p2p_tools"])
def test_nine_of_ten_tools_found_are_labelled(counts, field):
    found = counts[field].both + counts[field].only_found
    assert counts[field].both / found >= 0.9
