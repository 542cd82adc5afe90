"""Erasing on PostgreSQL and S3: no row and no object names who was erased."""

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import create_engine, inspect, text

from signal_assets.clients.database import with_driver
from signal_assets.sandbox import SandboxProcess
from signal_assets_tests.clients.databases import new_schema
from signal_assets_tests.production.conftest import objects
from signal_assets_tests.production.test_whole_on_servers import ServerCommand

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("whole on servers")]

PROFILE = "worked_example"
NAME = "techcorp"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess() as process:
        yield process


def rows_naming(url: str, trace: str) -> list[str]:
    """Return the tables, ours and Dagster's, of which a row names `trace`."""
    engine = create_engine(with_driver(url))
    with engine.connect() as connection:
        found = [
            name
            for name in inspect(connection).get_table_names()
            if connection.execute(
                text(f'SELECT 1 FROM "{name}" AS row WHERE row::text ILIKE :trace LIMIT 1'),
                {"trace": f"%{trace}%"},
            ).first()
        ]
    engine.dispose()
    return sorted(found)


def objects_naming(s3: Any, bucket: str, trace: str) -> list[str]:
    found = []
    for key in objects(s3, bucket):
        content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        if key.endswith(".parquet"):
            rows = pq.read_table(BytesIO(content)).to_pylist()
            content += json.dumps(rows, default=str, ensure_ascii=False).encode()
        if trace.encode() in content.lower():
            found.append(key)
    return found


def test_a_company_is_gone_from_every_row_and_object(
    tmp_path: Path, sandbox: SandboxProcess, s3: Any, bucket: str
) -> None:
    with new_schema() as postgres:
        command = ServerCommand(tmp_path / "home", sandbox, postgres, bucket)
        finished = command.run("run", "--profile", PROFILE)
        assert finished.returncode == 0, finished.stderr
        ledger = command.open_ledger()
        spent = ledger.spending()
        (number,) = command.table("company_financials", PROFILE)
        assert {"event_logs", "ledger_answers"} <= set(rows_naming(postgres, NAME))
        assert objects_naming(s3, bucket, NAME)

        finished = command.run("erase", "--kvk-number", number, "--yes", "--with-events")

        assert finished.returncode == 0, finished.stdout + finished.stderr
        for trace in (NAME, number):
            assert rows_naming(postgres, trace) == []
            assert objects_naming(s3, bucket, trace) == []
        assert [(line.calls, line.cost_usd) for line in ledger.spending()] == [
            (line.calls, line.cost_usd) for line in spent
        ]
        assert ledger.drift() == []
        ledger.close()
