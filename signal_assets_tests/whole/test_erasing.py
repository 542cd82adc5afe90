"""Erasing on one machine: after it, no byte of any file names who was erased."""

import json
from datetime import timedelta
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow.parquet as pq
import pytest

from signal_assets.sandbox import SandboxProcess
from signal_assets_tests.whole.conftest import Command

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("whole erasing")]

PROFILE = "worked_example"
MAIL = "sanne.devries@techcorp.test"
NAME = "techcorp"


@pytest.fixture(scope="module")
def command(sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Return a machine on which a run is done: TechCorp was read, found and bought."""
    command = Command(tmp_path_factory.mktemp("erasing") / "home", sandbox.environment())
    file = command.profiles / "vacancies" / PROFILE / "vacancies.jsonl"
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    rows[-1]["description"] += f" Vragen? Mail {MAIL.title()}."
    file.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    finished = command.run("run", "--profile", PROFILE)
    assert finished.returncode == 0, finished.stderr
    return command


def naming(command: Command, *traces: str) -> list[str]:
    """Return the files of ours that name one of `traces`: raw bytes, and tables unpacked."""
    found = []
    for folder in (command.folder / "data", command.folder / "dagster"):
        for path in folder.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                if path.suffix == ".parquet":
                    content += json.dumps(
                        pq.read_table(path).to_pylist(), default=str, ensure_ascii=False
                    ).encode()
                lowered = content.lower()
                if any(trace.lower().encode() in lowered for trace in traces):
                    found.append(str(path.relative_to(command.folder)))
    return sorted(found)


def money(command: Command) -> list[tuple[Any, ...]]:
    with command.ledger() as ledger:
        assert ledger.drift() == []
        lines = ledger.spending(("service", "day", "search_profile"))
    return [(line.service, line.calls, line.cost_usd, line.held_usd) for line in lines]


def test_a_mail_address_is_in_no_byte_afterwards(command: Command) -> None:
    assert naming(command, MAIL)

    finished = command.run("erase", "--email", MAIL.upper(), "--yes", "--with-events")

    assert finished.returncode == 0, finished.stderr
    assert "names it: a file of yours" in finished.stderr
    assert naming(command, MAIL) == []
    again = command.run("run", "--profile", PROFILE)
    assert again.returncode == 0, again.stdout + again.stderr
    assert naming(command, MAIL) == [], "the next harvest does not bring it back"


def test_a_company_is_in_no_byte_afterwards_and_its_money_is(command: Command) -> None:
    (number,) = command.table("company_financials", PROFILE)
    spent = money(command)
    assert naming(command, number)
    assert naming(command, NAME)
    leftover = command.folder / "data/raw_vacancies/search_profile=worked_example/.x.tmp"
    leftover.write_text(f"{NAME}, killed half-way")

    looked = command.run("erase", "--kvk-number", number, "--dry-run")
    assert "ledger: answers" in looked.stdout
    assert naming(command, number), "a dry run erases nothing"
    assert number not in looked.stdout

    finished = command.run("erase", "--kvk-number", number, "--yes", "--with-events")

    assert finished.returncode == 0, finished.stderr
    assert "still names it" not in finished.stderr
    assert naming(command, number, NAME) == []
    assert money(command) == spent

    logged = command.run("erasures", "--of", number).stdout
    assert "kvk_number" in logged
    assert "done" in logged

    again = command.run("run", "--profile", PROFILE)
    assert again.returncode == 0, again.stdout + again.stderr
    assert naming(command, number, NAME) == [], "the next run does not bring it back"


def test_nothing_is_erased_where_nobody_says_yes(command: Command) -> None:
    before = sorted(path for path in (command.folder / "data").rglob("*.parquet"))
    finished = command.run("erase", "--company", "MiniStartup")
    assert finished.returncode == 2
    assert "--yes" in finished.stderr
    assert sorted((command.folder / "data").rglob("*.parquet")) == before


def test_a_run_under_way_is_not_erased_under(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(command.folder / "dagster"))
    with dg.DagsterInstance.get() as instance:
        instance.add_run(
            dg.DagsterRun(
                job_name="full_job",
                run_id="11111111-1111-4111-8111-111111111111",
                status=dg.DagsterRunStatus.STARTED,
                tags={"dagster/partition": PROFILE},
            )
        )
        refused = command.run("erase", "--company", "MiniStartup", "--yes")
        instance.delete_run("11111111-1111-4111-8111-111111111111")
    assert refused.returncode == 1
    assert "runs are under way" in refused.stderr


def test_an_age_that_is_none_is_refused(command: Command) -> None:
    assert command.run("retain", "--older-than", "a year").returncode == 2


def test_what_no_harvest_brought_for_long_is_shown_first_and_then_gone(command: Command) -> None:
    path = command.folder / f"data/raw_vacancies/search_profile={PROFILE}/data.parquet"
    frame = pd.read_parquet(path, dtype_backend="pyarrow")
    frame["last_seen_at"] -= timedelta(days=400)
    frame.to_parquet(path)
    words = ("retain", "--older-than", "365d", "--what", "vacancies", "--profile", PROFILE)

    shown = command.run(*words, "--dry-run")
    assert (shown.returncode, len(pq.read_table(path))) == (0, len(frame)), shown.stderr
    done = command.run(*words, "--yes")
    assert done.returncode == 0, done.stderr
    assert "Erased" in done.stdout
    assert len(pq.read_table(path)) == 0
