"""What becomes of a run when a service misbehaves: every fault the sandbox knows, on in turn.

Each run reads six vacancies of six companies, all of them worth the registers. The tables below say
how a run ends when a fault strikes once, and when it stays; the sentences beside the names of the
outcomes are what is tested.
"""

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

import dagster as dg
import pytest

from signal_assets.defs.frames import rows_of
from signal_assets.sandbox import SandboxServer
from signal_assets_tests.defs.conftest import Workspace, failed_checks, made
from signal_assets_tests.whole.conftest import KEYS, Tables, differences, without_moments
from signal_assets_tests.whole.generated import vacancies
from signal_assets_tests.whole.hasty import make_job

COMPANIES = {
    "TechCorp B.V.",
    "Voorbeeld Staalbouw B.V.",
    "Fantasie Zorgmaterialen B.V.",
    "Verbeelding Chemie Nederland B.V.",
    "Schijnwerk Energie N.V.",
    "Nepkwartier Retail B.V.",
}
MOST_SECONDS = 20.0
"""Of one run on a slow machine; no fault may hold a run longer."""

RECOVERS = "recovers"
"""The run passes, and its tables are those of an undisturbed run."""
ONE_FAILED = "one failed"
"""The run passes; one row is `failed` with its reason, the others are as ever."""
ALL_FAILED = "all failed"
"""The run passes; every row is `failed` with its reason, and nothing is said of any company."""
LESS_IS_KNOWN = "less is known"
"""The run passes; what the service no longer states is not asserted, and nothing else changes."""
CHECK_FAILED = "check failed"
"""Too many extractions failed: the blocking check fails the run, and no register is asked."""
STOPPED = "stopped"
"""The run fails: rows are `failed` or wait as `pending`, and nothing after them is made."""
WARNED = "warned"
"""The run passes with a warning that names the source; what other sources brought is kept."""

Outcomes = dict[str, tuple[str, str]]

CLAUDE: Outcomes = {
    # fault: (strikes once, stays)
    "rate_limited": (RECOVERS, STOPPED),
    "rate_limited_without_retry_after": (RECOVERS, STOPPED),
    "rate_limited_absurd_retry_after": (ONE_FAILED, STOPPED),
    "rate_limited_invalid_retry_after": (RECOVERS, STOPPED),
    "rate_limited_impossible_date": (RECOVERS, STOPPED),
    "ramp_limited": (RECOVERS, STOPPED),
    "spend_limit_enforced": (STOPPED, STOPPED),
    "usage_limit_reached": (STOPPED, STOPPED),
    "credit_too_low": (STOPPED, STOPPED),
    "billing_error": (STOPPED, STOPPED),
    "wrong_key": (STOPPED, STOPPED),
    "forbidden": (STOPPED, STOPPED),
    "model_gone": (ONE_FAILED, STOPPED),
    "too_large": (ONE_FAILED, STOPPED),
    "server_error": (RECOVERS, STOPPED),
    "gateway_timeout": (RECOVERS, STOPPED),
    "overloaded": (RECOVERS, STOPPED),
    "redirect": (ONE_FAILED, STOPPED),
    "truncated": (RECOVERS, CHECK_FAILED),
    "truncated_before_text": (RECOVERS, CHECK_FAILED),
    "context_window_exceeded": (RECOVERS, CHECK_FAILED),
    "refusal_empty": (ONE_FAILED, CHECK_FAILED),
    "refusal_with_prose": (ONE_FAILED, CHECK_FAILED),
    "enum_case_drift": (LESS_IS_KNOWN, LESS_IS_KNOWN),
    "unverifiable_quote": (ONE_FAILED, CHECK_FAILED),
    "translated_quote": (ONE_FAILED, CHECK_FAILED),
    "whitespace_changed_quote": (RECOVERS, RECOVERS),
    "unknown_field": (LESS_IS_KNOWN, LESS_IS_KNOWN),
    "fact_without_quote": (ONE_FAILED, CHECK_FAILED),
    "two_text_blocks": (ONE_FAILED, CHECK_FAILED),
    "invalid_inner_json": (ONE_FAILED, CHECK_FAILED),
    "missing_usage": (RECOVERS, STOPPED),
    "usage_as_text": (RECOVERS, STOPPED),
    "unknown_block": (ONE_FAILED, CHECK_FAILED),
    "json_list": (RECOVERS, STOPPED),
    "bad_gateway_html": (RECOVERS, STOPPED),
    "html_with_200": (RECOVERS, STOPPED),
    "cut_json": (RECOVERS, STOPPED),
    "reset_before_headers": (RECOVERS, STOPPED),
    "reset_mid_body": (RECOVERS, STOPPED),
    "slow_drip": (RECOVERS, STOPPED),
}

KVK: Outcomes = {
    "nothing_found": (RECOVERS, LESS_IS_KNOWN),
    "no_such_number": (LESS_IS_KNOWN, LESS_IS_KNOWN),
    "being_processed": (RECOVERS, ALL_FAILED),
    "try_in_five_minutes": (ONE_FAILED, ALL_FAILED),
    "no_such_product": (STOPPED, STOPPED),
    "type_invalid": (STOPPED, STOPPED),
    "not_found_without_body": (ONE_FAILED, STOPPED),
    "wrapped_error": (RECOVERS, LESS_IS_KNOWN),
    "wrong_key": (STOPPED, STOPPED),
    "not_subscribed": (STOPPED, STOPPED),
    "too_fast": (RECOVERS, STOPPED),
    "too_fast_without_retry_after": (RECOVERS, STOPPED),
    "too_fast_absurd_retry_after": (ONE_FAILED, STOPPED),
    "wrong_parameters": (STOPPED, STOPPED),
    "technical_fault": (RECOVERS, STOPPED),
    "unavailable": (RECOVERS, STOPPED),
    "links_as_array": (RECOVERS, RECOVERS),
    "retirement_warning": (RECOVERS, RECOVERS),
    "wrong_types": (ONE_FAILED, ALL_FAILED),
    "unknown_dates": (LESS_IS_KNOWN, LESS_IS_KNOWN),
    "bad_gateway_html": (RECOVERS, STOPPED),
    "html_with_200": (ONE_FAILED, ALL_FAILED),
    "cut_json": (ONE_FAILED, ALL_FAILED),
    "reset_before_headers": (RECOVERS, STOPPED),
    "reset_mid_body": (RECOVERS, STOPPED),
    "slow_drip": (RECOVERS, RECOVERS),
}

COMPANY_INFO: Outcomes = {
    "wrong_key": (STOPPED, STOPPED),
    "no_credit": (STOPPED, STOPPED),
    "forbidden": (STOPPED, STOPPED),
    "not_found": (LESS_IS_KNOWN, LESS_IS_KNOWN),
    "too_fast": (RECOVERS, STOPPED),
    "too_fast_without_retry_after": (RECOVERS, STOPPED),
    "too_fast_absurd_retry_after": (ONE_FAILED, STOPPED),
    "server_error": (RECOVERS, STOPPED),
    "wrong_types": (ONE_FAILED, ALL_FAILED),
    "empty_object": (ONE_FAILED, ALL_FAILED),
    "other_number": (ONE_FAILED, ALL_FAILED),
    "json_list": (ONE_FAILED, ALL_FAILED),
    "bad_gateway_html": (RECOVERS, STOPPED),
    "html_with_200": (ONE_FAILED, ALL_FAILED),
    "cut_json": (ONE_FAILED, ALL_FAILED),
    "reset_before_headers": (RECOVERS, STOPPED),
    "reset_mid_body": (RECOVERS, STOPPED),
    "slow_drip": (RECOVERS, RECOVERS),
}

SERPAPI: Outcomes = {
    "wrong_key": (WARNED, WARNED),
    "forbidden": (WARNED, WARNED),
    "out_of_searches": (WARNED, WARNED),
    "too_fast": (RECOVERS, WARNED),
    "server_error": (RECOVERS, WARNED),
    "try_again": (RECOVERS, WARNED),
    "empty_result": (LESS_IS_KNOWN, LESS_IS_KNOWN),
    "page_two_empty": (RECOVERS, RECOVERS),
    "organic_results": (WARNED, WARNED),
    "search_failed": (RECOVERS, WARNED),
    "wrong_types": (WARNED, WARNED),
    "bad_gateway_html": (RECOVERS, WARNED),
    "html_with_200": (WARNED, WARNED),
    "cut_json": (WARNED, WARNED),
    "reset_before_headers": (RECOVERS, WARNED),
    "reset_mid_body": (RECOVERS, WARNED),
    "slow_drip": (RECOVERS, RECOVERS),
}

ONCE, STAYS = 0, 1
"""Places in the outcomes of a fault."""

TABLE = {"claude": CLAUDE, "kvk": KVK, "company_info": COMPANY_INFO, "serpapi": SERPAPI}

PAID = {
    "claude": ("extracted_vacancies", "extraction_status"),
    "kvk": ("kvk_profiles", "enrichment_status"),
    "company_info": ("company_financials", "enrichment_status"),
}
"""Service → the table it fills, and the column with the status of a row."""

COSTS = {"cost_usd", "tokens_input", "tokens_output"}
"""What a recovered call cost on the way is not part of what is known."""

WAYS = {"match_score", "match_lead", "match_reasons", "candidates", "decision"}
"""How a company was found; a search that failed is made up for by another one."""

RELATIVE = {"posted_at", "duplicate_of", "duplicate_reason"}
"""SerpApi dates a vacancy by hours ago; which of two with the same words came first follows it."""

KEPT_ANSWERS = {
    ("claude", "unverifiable_quote"),
    ("claude", "translated_quote"),
    ("claude", "fact_without_quote"),
    ("kvk", "wrong_types"),
}
"""Answers that are kept as received, and found to be of no use only when they are read: the next
run reads them again, says the same again, and pays nothing."""

Row = dict[str, Any]


class Ground:
    """One service to be struck: what an undisturbed run makes, and a fresh start for each run."""

    def __init__(self, workspace: Workspace, service: str) -> None:
        self.workspace = workspace
        self.service = service
        self.profile = "searching" if service == "serpapi" else "worked_example"
        self._starts = 0
        _write_vacancies(workspace, self.profile)
        everything = ["raw_vacancies"] if service == "serpapi" else list(KEYS)
        self._all = make_job(*(asset for asset in self.assets if asset in KEYS))
        self._own = make_job(self.assets[0])
        self.start_afresh()
        assert self._execute(make_job("extraction_prompts", *everything)).success
        self.undisturbed = self.tables()

    def start_afresh(self) -> None:
        """Forget what was paid for, and the tables that are to be made."""
        self._starts += 1
        space, home = self.workspace, self.workspace.folder
        space.set(
            SIGNAL_ASSETS_PROFILES=str(space.profiles),
            SIGNAL_ASSETS_STORAGE=str(home / "data"),
            SIGNAL_ASSETS_DATABASE_URL=f"sqlite:///{home}/ledger_{self._starts}.db",
            **space.server.environment(),
        )
        for asset in self.assets:
            shutil.rmtree(home / "data" / asset, ignore_errors=True)
        space.control.clear_journal()
        space.control.set_drip(0.1 if self.service == "claude" else 0.01)

    @property
    def assets(self) -> list[str]:
        """The tables made with the help of the service, and those made from them."""
        if self.service == "serpapi":
            return ["raw_vacancies", "source_answers"]
        return list(KEYS)[list(KEYS).index(PAID[self.service][0]) :]

    def run_all(self) -> dg.ExecuteInProcessResult:
        """Make the table of the service and all after it, within a bounded time."""
        began = time.monotonic()
        result = self._execute(self._all)
        assert time.monotonic() - began < MOST_SECONDS
        return result

    def run_own(self) -> dg.ExecuteInProcessResult:
        """Make only the table of the service."""
        return self._execute(self._own)

    def _execute(self, job: dg.JobDefinition) -> dg.ExecuteInProcessResult:
        return job.execute_in_process(
            instance=self.workspace.instance,
            partition_key=self.profile,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )

    @contextmanager
    def struck(self, fault: str, **options: Any) -> Iterator[None]:
        self.workspace.control.switch_on(self.service, fault, **options)
        try:
            yield
        finally:
            self.workspace.control.switch_off()

    def tables(self) -> Tables:
        """Return the tables that stand there, without moments and costs."""
        found: Tables = {}
        for asset in self.assets:
            frame = self.workspace.tables.read(asset, self.profile)
            if frame is not None and asset in KEYS:
                found[asset] = {row[KEYS[asset]]: _plain(row) for row in rows_of(frame)}
        return found

    def asked(self) -> set[str]:
        return {row["service"] for row in self.workspace.control.counts()}


def _write_vacancies(workspace: Workspace, profile: str) -> None:
    [file] = (workspace.profiles / "vacancies" / profile).glob("*.jsonl")
    telling = [row for row in vacancies(60) if "facturen" in row["description"]]
    first = {row["company_name"]: row for row in reversed(telling)}
    rows = [row for name, row in first.items() if name in COMPANIES]
    assert len(rows) == len(COMPANIES)
    file.write_text("\n".join(map(json.dumps, rows)), "utf-8")


def _plain(row: Row) -> Row:
    kept = without_moments(row)
    left_out = COSTS | WAYS | (RELATIVE if row.get("source") == "serpapi" else set())
    return {name: kept[name] for name in kept.keys() - left_out}


@pytest.fixture(scope="module")
def grounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Ground]]:
    """Return the ground of a service, which is made once."""
    with ExitStack() as opened:
        environment = opened.enter_context(pytest.MonkeyPatch.context())

        @cache
        def find(service: str) -> Ground:
            server = opened.enter_context(SandboxServer())
            folder = tmp_path_factory.mktemp(service) / "workspace"
            ground = Ground(Workspace(folder, environment, server), service)
            opened.callback(ground.workspace.instance.dispose)
            return ground

        yield find


@pytest.fixture
def ground(service: str, grounds: Callable[[str], Ground]) -> Ground:
    found = grounds(service)
    found.start_afresh()
    return found


def _cases(mode: int) -> list[Any]:
    return [
        pytest.param(
            service,
            fault,
            outcomes[mode],
            id=f"{service}: {fault}: {outcomes[mode]}",
        )
        for service, table in TABLE.items()
        for fault, outcomes in table.items()
        if mode == STAYS or outcomes[ONCE] != STOPPED
    ]


def test_every_fault_of_these_services_stands_in_the_table() -> None:
    with SandboxServer() as server:
        catalogue = server.control.catalogue()
    known = {
        (row["service"], row["fault"])
        for row in catalogue
        if row["service"] in TABLE and not row["fault"].startswith("batch_")
    }  # batches have tests of their own beside their client
    assert known == {(service, fault) for service, table in TABLE.items() for fault in table}


@pytest.mark.parametrize(("service", "fault", "outcome"), _cases(ONCE))
def test_a_fault_that_strikes_once(ground: Ground, fault: str, outcome: str) -> None:
    with ground.struck(fault, times=1):
        result = ground.run_own()

    check(ground, result, outcome)


@pytest.mark.parametrize(("service", "fault", "outcome"), _cases(STAYS))
def test_a_fault_that_stays(ground: Ground, service: str, fault: str, outcome: str) -> None:
    with ground.struck(fault):
        result = ground.run_all()

    check(ground, result, outcome)
    if (service, fault) in KEPT_ANSWERS:
        ground.workspace.control.clear_journal()
        ground.run_own()
        assert ground.asked() == set()
        assert set(statuses(ground)) == {"failed"}
    elif outcome not in (RECOVERS, LESS_IS_KNOWN):
        assert ground.run_own().success, "the next run goes on once the service is well"
        found = {
            asset: rows for asset, rows in ground.tables().items() if asset == ground.assets[0]
        }
        assert differences(found, ground.undisturbed) == []


def check(ground: Ground, result: dg.ExecuteInProcessResult, outcome: str) -> None:
    """Hold a run against the sentence beside the name of its outcome."""
    tables = {asset: rows for asset, rows in ground.tables().items() if asset in made(result)}
    assert statements(tables) <= statements(ground.undisturbed), "something is made up"
    if outcome in (STOPPED, CHECK_FAILED):
        _check_failure(ground, result, outcome)
        return
    assert result.success
    assert failed_checks(result) == ({"every_source_answered"} if outcome == WARNED else set())
    if outcome == RECOVERS:
        assert differences(tables, ground.undisturbed) == []
    elif outcome == LESS_IS_KNOWN:
        expected = {asset: ground.undisturbed[asset] for asset in tables}
        assert statements(tables) < statements(expected)
        if ground.service in PAID:
            assert statuses(ground) == {"completed": len(COMPANIES)}
    elif outcome == WARNED:
        _check_warning(ground, tables)
    else:
        _check_failed_items(ground, tables, 1 if outcome == ONE_FAILED else len(COMPANIES))


def _check_failure(ground: Ground, result: dg.ExecuteInProcessResult, outcome: str) -> None:
    table, _ = PAID[ground.service]
    assert not result.success
    assert made(result)[-1] == table, "nothing after the table of this service is made"
    services = list(PAID)
    assert ground.asked().isdisjoint(services[services.index(ground.service) + 1 :])
    if outcome == CHECK_FAILED:
        assert failed_checks(result) == {"most_extractions_succeeded"}
        assert statuses(ground) == {"failed": len(COMPANIES)}
    else:
        assert "service_answered_to_the_end" in failed_checks(result)
        assert statuses(ground)["pending"] > 0
        assert statuses(ground)["completed"] == 0
    assert all(row["error"] for row in ground.tables()[table].values())


def _check_failed_items(ground: Ground, tables: Tables, count: int) -> None:
    table, status = PAID[ground.service]
    rows = tables[table]
    failed = {key: row for key, row in rows.items() if row[status] == "failed"}
    assert len(failed) == count
    assert statements({table: failed}) == set()
    assert all(row["error"] for row in failed.values())
    for key in rows.keys() - failed.keys():
        assert rows[key] == ground.undisturbed[table][key], "the others are as ever"


def _check_warning(ground: Ground, tables: Tables) -> None:
    found = tables["raw_vacancies"]
    from_files = {
        key: row
        for key, row in ground.undisturbed["raw_vacancies"].items()
        if row["source"] == "file"
    }
    assert from_files.items() <= found.items()
    frame = ground.workspace.tables.read("source_answers", ground.profile)
    assert frame is not None
    silent = [row for row in rows_of(frame) if row["outcome"] in ("refused", "broken")]
    assert silent
    assert all(row["source"] == "serpapi" and row["message"] for row in silent)


def statuses(ground: Ground) -> Counter[str]:
    table, column = PAID[ground.service]
    return Counter(row[column] for row in ground.tables()[table].values())


def statements(tables: Tables) -> set[tuple[str, ...]]:
    """Return all that the tables say of companies, each statement by itself."""
    said: set[tuple[str, ...]] = set()
    for asset, rows in tables.items():
        for key, row in rows.items():
            for proof in json.loads(row.get("evidence") or "[]"):
                said.add((asset, key, proof["field"], proof["value"], proof["quote"]))
            for field, signals in json.loads(row.get("signals") or "{}").items():
                said |= {(asset, key, field, each["value"], each["quote"]) for each in signals}
            for column in STATED[asset]:
                if row[column] is not None and row[column] != []:
                    said.add((asset, key, column, str(row[column])))
    return said


STATED = {
    "raw_vacancies": ("title", "company_name", "location", "description", "url"),
    "extracted_vacancies": (),
    "company_quality": ("name",),
    "kvk_profiles": (
        "kvk_number",
        "statutory_name",
        "trade_names",
        "legal_form",
        "sbi_codes",
        "employee_count",
        "registration_date",
        "is_active",
        "place",
    ),
    "company_financials": (
        "employee_count",
        "employee_range",
        "revenue_range",
        "legal_form",
        "founded_date",
        "is_active",
        "sbi_codes",
        "financials",
    ),
    "merged_companies": ("kvk_number", "revenue_range", "legal_form"),
}
"""Table → the columns that state something of the world."""
