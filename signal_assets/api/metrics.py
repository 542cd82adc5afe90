"""Metrics: what the shared database and Dagster know, in the text that Prometheus reads.

All figures are over all runs and machines. They are made when somebody asks, and kept for a while.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from signal_assets import __version__
from signal_assets.api.dagster_runs import Runs
from signal_assets.clients.budget_use import BudgetUse, budget_uses
from signal_assets.clients.ledger import Ledger
from signal_assets.clients.ledger_figures import CLOSED_STATUSES, LedgerFigures
from signal_assets.clients.profile_files import load_profiles
from signal_assets.defs.newest_tables import NewestTable
from signal_assets.settings import Settings

KEPT_SECONDS = 15.0
DRIFT_KEPT_SECONDS = 300.0
LOAD_FACTOR = 10
"""A look is kept for this many times what it took: looking takes a tenth of a core at most."""
MAX_PROFILES = 2_000
"""Search profiles that have series of their own; more would cost Prometheus more than they tell."""

Looked = TypeVar("Looked")


@dataclass(frozen=True)
class Look:
    """Everything that is exported, of one moment."""

    ledger: LedgerFigures
    budgets: tuple[BudgetUse, ...]
    tables: dict[str, dict[str, NewestTable]]
    profiles: tuple[str, ...]
    refused_files: int
    looked_at: float
    took_seconds: float


class Kept(Generic[Looked]):
    """Makes something at most every so often; who asks meanwhile gets what was made."""

    def __init__(
        self,
        make: Callable[[], Looked],
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = make
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._made: tuple[Looked, float] | None = None

    def get(self) -> Looked:
        with self._lock:
            begun = self._clock()
            if self._made is None or begun >= self._made[1]:
                made = self._make()
                ended = self._clock()
                kept = max(self._seconds, LOAD_FACTOR * (ended - begun))
                self._made = made, ended + kept
            return self._made[0]


class Metrics:
    """Prometheus's text; safe to use from several threads."""

    def __init__(self, settings: Settings, ledger: Ledger, runs: Runs) -> None:
        self._settings = settings
        self._ledger = ledger
        self._runs = runs
        self._look = Kept(self._look_now, KEPT_SECONDS)
        self._drift = Kept(lambda: len(ledger.drift()), DRIFT_KEPT_SECONDS)

    def text(self) -> bytes:
        """Return every metric in Prometheus's text format.

        Raises:
            DatabaseUnavailable: the ledger cannot be read.
        """
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Families(families(self._look.get(), self._drift.get())))
        return generate_latest(registry)

    def _look_now(self) -> Look:
        begun = time.monotonic()
        loaded = load_profiles(self._settings.profiles)
        profiles = {name: each.profile for name, each in loaded.profiles.items()}
        ledger = self._ledger.figures(f"{datetime.now(UTC):%Y-%m}")
        return Look(
            ledger=ledger,
            budgets=tuple(budget_uses(profiles, ledger.month)),
            tables=self._runs.newest_tables(),
            profiles=tuple(sorted(profiles)),
            refused_files=len({problem.file for problem in loaded.problems}),
            looked_at=time.time(),
            took_seconds=time.monotonic() - begun,
        )


class _Families(Collector):
    def __init__(self, made: Iterable[Metric]) -> None:
        self._made = list(made)

    def collect(self) -> Iterable[Metric]:
        return self._made


def families(look: Look, drifted_sums: int) -> Iterator[Metric]:
    """Yield the metric families of one look."""
    yield from _calls(look.ledger)
    yield from _money(look.ledger)
    yield from _passes(look.ledger)
    yield from _profiles(look)
    yield _gauge(
        "ledger_drifted_sums",
        "Budget sums that differ from their calls; anything but 0 is a fault.",
        [((), drifted_sums)],
    )
    yield _gauge(
        "look_timestamp_seconds",
        "When these figures were made.",
        [((), look.looked_at)],
    )
    yield _gauge(
        "look_duration_seconds",
        "How long it took to make these figures.",
        [((), look.took_seconds)],
    )
    yield _gauge(
        "build_info",
        "Always 1; the version of the service is in the label.",
        [((__version__,), 1)],
        "version",
    )


_Samples = Iterable[tuple[tuple[str, ...], float]]


def _counter(name: str, said: str, samples: _Samples, *labels: str) -> Metric:
    family = CounterMetricFamily(f"signal_assets_{name}", said, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def _gauge(name: str, said: str, samples: _Samples, *labels: str) -> Metric:
    family = GaugeMetricFamily(f"signal_assets_{name}", said, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def _calls(ledger: LedgerFigures) -> Iterator[Metric]:
    calls = ledger.calls
    services = sorted({each.service for each in calls})
    yield _counter(
        "calls",
        "Paid calls that have their outcome.",
        [((c.service, c.status), c.calls) for c in calls if c.status in CLOSED_STATUSES],
        "service",
        "status",
    )
    for name, status, said in (
        ("calls_in_flight", "asking", "Paid calls under way now."),
        (
            "unknown_outcomes",
            "unknown",
            "Paid calls of which nobody knows whether they were billed.",
        ),
    ):
        counts = {c.service: c.calls for c in calls if c.status == status}
        yield _gauge(name, said, [((s,), counts.get(s, 0)) for s in services], "service")
    yield _counter(
        "tokens",
        "Tokens of paid answers.",
        [
            ((service, direction), sum(tokens))
            for service in services
            for direction, tokens in (
                ("input", [c.tokens_input for c in calls if c.service == service]),
                ("output", [c.tokens_output for c in calls if c.service == service]),
            )
        ],
        "service",
        "direction",
    )


def _money(ledger: LedgerFigures) -> Iterator[Metric]:
    services = sorted({each.service for each in ledger.calls})
    month = [each for each in ledger.month if each.service is not None]
    yield _counter(
        "spent_usd",
        "US dollars spent since the ledger began.",
        [((s,), float(sum(c.cost_usd for c in ledger.calls if c.service == s))) for s in services],
        "service",
    )
    yield _gauge(
        "month_spent_usd",
        "US dollars spent in this calendar month (UTC).",
        [((s,), float(sum(m.spent_usd for m in month if m.service == s))) for s in services],
        "service",
    )
    yield _gauge(
        "held_usd",
        "US dollars held against budgets for calls without an outcome.",
        [((s,), float(sum(c.held_usd for c in ledger.calls if c.service == s))) for s in services],
        "service",
    )


def _passes(ledger: LedgerFigures) -> Iterator[Metric]:
    passes = ledger.passes
    tables = sorted({(each.pass_name, each.asset) for each in passes})
    yield _counter(
        "passes",
        "Passes, by how they ended; stopped: by a budget, a service or the kill switch.",
        [((p.pass_name, p.asset, p.outcome), p.passes) for p in passes],
        "pass",
        "asset",
        "outcome",
    )
    for name, column, said in (
        ("rows_processed", "processed", "Vacancies or companies that passes dealt with."),
        ("rows_failed", "failed", "Vacancies or companies that failed in a pass."),
        (
            "ledger_answers",
            "answers_from_ledger",
            "Answers that stood in the ledger and were not paid for again.",
        ),
    ):
        sums = [
            (table, sum(getattr(p, column) for p in passes if (p.pass_name, p.asset) == table))
            for table in tables
        ]
        yield _counter(name, said, sums, "pass", "asset")


def _profiles(look: Look) -> Iterator[Metric]:
    shown = set(look.profiles[:MAX_PROFILES])
    harvests = _shown(look.tables.get("raw_vacancies", {}), shown)
    merged = _shown(look.tables.get("merged_companies", {}), shown)
    yield _gauge("search_profiles", "Search profiles that can be used.", [((), len(look.profiles))])
    yield _gauge(
        "search_profiles_refused",
        "Profile files with mistakes in them.",
        [((), look.refused_files)],
    )
    yield _gauge(
        "search_profiles_left_out",
        f"Search profiles without series of their own: those after the first {MAX_PROFILES}.",
        [((), len(look.profiles) - len(shown))],
    )
    yield _gauge(
        "last_harvest_timestamp_seconds",
        "When the search profile was last harvested.",
        [((name,), table.made_at) for name, table in harvests],
        "search_profile",
    )
    yield _gauge(
        "last_harvest_answered",
        "1 when any source answered in the last harvest, else 0.",
        [((name,), float(bool(table.any_source_answered))) for name, table in harvests],
        "search_profile",
    )
    yield _gauge(
        "vacancies",
        "Vacancies of the search profile, closed ones too.",
        [((name,), table.rows) for name, table in harvests],
        "search_profile",
    )
    yield _gauge(
        "companies",
        "Companies of the search profile after the merge.",
        [((name,), table.rows) for name, table in merged],
        "search_profile",
    )
    yield _gauge(
        "last_pass_timestamp_seconds",
        "When a pass of the search profile last ended.",
        [
            ((each.search_profile, each.pass_name), each.finished_at.timestamp())
            for each in look.ledger.last_passes
            if each.search_profile in shown
        ],
        "search_profile",
        "pass",
    )
    yield _gauge(
        "budget_used_ratio",
        "Spent and held of a budget of this month; budget is month, or a service.",
        [
            ((use.search_profile, use.budget), use.share)
            for use in look.budgets
            if use.search_profile in shown
        ],
        "search_profile",
        "budget",
    )


def _shown(tables: dict[str, NewestTable], shown: set[str]) -> list[tuple[str, NewestTable]]:
    return [(name, tables[name]) for name in sorted(tables.keys() & shown)]
