"""The tables as others read them: without us, at any moment."""

import multiprocessing
import random
import time
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from signal_assets.defs.frames import to_frame
from signal_assets.defs.storage import TableStore
from signal_assets.defs.tables import KVK_PROFILES, TABLES
from signal_assets.sandbox import SandboxProcess
from signal_assets_tests.whole.conftest import KEYS, Command

FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload(["signal_assets_tests.whole.test_tables"])
ROWS = 20_000


@pytest.fixture(scope="module")
def finished(sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Command:
    command = Command(tmp_path_factory.mktemp("tables") / "home", sandbox.environment())
    ran = command.run("run", "--profile", "worked_example")
    assert ran.returncode == 0, ran.stderr
    return command


def ask(command: Command, asset: str, columns: str = "*") -> pd.DataFrame:
    """Read a table of all search profiles with DuckDB, as it lies."""
    files = command.folder / "data" / asset / "search_profile=*" / "data.parquet"
    query = f"select {columns} from read_parquet('{files}', hive_partitioning = true)"
    return duckdb.connect().execute(query).df()


@pytest.mark.parametrize("asset", KEYS)
def test_duckdb_reads_a_table_as_it_lies(finished: Command, asset: str) -> None:
    frame = ask(finished, asset)

    assert set(frame["search_profile"]) == {"worked_example"}
    assert set(frame[KEYS[asset]]) == finished.table(asset, "worked_example").keys()
    assert [*frame.columns] == [
        *(column.name for column in TABLES[asset].columns),
        "search_profile",
    ]


@pytest.mark.parametrize("asset", ["kvk_profiles", "company_financials", "merged_companies"])
def test_a_kvk_number_is_text(finished: Command, asset: str) -> None:
    frame = ask(finished, asset, "kvk_number, typeof(kvk_number) as type")

    assert frame.to_dict("records") == [{"kvk_number": "99900011", "type": "VARCHAR"}]


def test_the_lists_and_the_json_of_a_table_can_be_asked_in_sql(finished: Command) -> None:
    frame = ask(
        finished,
        "merged_companies",
        "len(vacancy_ids) as vacancies, signals ->> '$.p2p_tools[0].value' as tool",
    )

    assert frame.to_dict("records") == [{"vacancies": 2, "tool": "Basware"}]


def table_of(version: int) -> pd.DataFrame:
    rows = ({"company_id": f"{version}-{number}"} for number in range(ROWS))
    return to_frame(rows, KVK_PROFILES)


def write_for_ever(root: str) -> None:
    store = TableStore(root)
    tables = [table_of(0), table_of(1)]
    while True:
        for table in tables:
            store.write(KVK_PROFILES, "example", table)


def test_a_killed_write_leaves_a_whole_table(tmp_path: Path) -> None:
    store = TableStore(str(tmp_path))
    store.write(KVK_PROFILES, "example", table_of(0))
    path = Path(str(store.path("kvk_profiles", "example")))
    chance = random.Random(3)
    for _ in range(8):
        written_at = path.stat().st_mtime_ns
        process = FORKSERVER.Process(target=write_for_ever, args=(str(tmp_path),), daemon=True)
        process.start()
        while path.stat().st_mtime_ns == written_at:
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.08))
        process.kill()
        process.join()

        frame = store.read("kvk_profiles", "example")
        assert frame is not None
        versions = {company_id.split("-")[0] for company_id in frame["company_id"]}
        assert (len(frame), len(versions)) == (ROWS, 1)
        count = duckdb.connect().execute(f"select count(*) from '{path}'").fetchone()
        assert count == (ROWS,)
