"""Tables in S3, over HTTP, against a server that speaks the protocol."""

import base64
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pyarrow.parquet as pq
import pytest
from upath import UPath

from signal_assets.defs.frames import rows_of
from signal_assets.defs.storage import (
    PART_BYTES,
    PATIENT,
    RETRY_SETTINGS,
    StorageUnavailable,
    TableStore,
    open_path,
    replacing,
)
from signal_assets.defs.tables import TABLES
from signal_assets_tests.defs.conftest import Workspace, made
from signal_assets_tests.production.conftest import (
    ACCESS_KEY,
    CEPH,
    SECRET_KEY,
    objects,
    store_in,
)
from signal_assets_tests.whole.conftest import KEYS, without_moments

SPAWN = multiprocessing.get_context("spawn")
RAW = TABLES["raw_vacancies"]
PROFILE = "worked_example"


def vacancies(count: int, description: str = "") -> pd.DataFrame:
    moment = pd.Timestamp("2026-11-20 12:00", tz="UTC")
    values: dict[str, Any] = {"first_seen_at": moment, "last_seen_at": moment}
    row = {column: values.get(column) for column in RAW.arrow_schema.names}
    return pd.DataFrame(
        [row | {"vacancy_id": f"v-{n}", "description": description} for n in range(count)]
    )


def rows_without_moments(store: TableStore, asset: str) -> dict[str, dict[str, Any]]:
    frame = store.read(asset, PROFILE)
    assert frame is not None, f"{asset} was never made"
    return {row[KEYS[asset]]: without_moments(row) for row in rows_of(frame)}


def differences(store: TableStore, expected: dict[str, dict[str, dict[str, Any]]]) -> list[str]:
    """Return each cell that differs, so that a failure can be read."""
    found = {asset: rows_without_moments(store, asset) for asset in expected}
    assert {a: list(rows) for a, rows in found.items()} == {
        a: list(rows) for a, rows in expected.items()
    }
    return [
        f"{asset} {key} {column}: {found[asset][key][column]!r} instead of {value!r}"
        for asset, rows in expected.items()
        for key, row in rows.items()
        for column, value in row.items()
        if found[asset][key][column] != value
    ]


def test_a_table_is_read_as_it_was_written(bucket: str) -> None:
    store = store_in(bucket)
    store.write(RAW, PROFILE, vacancies(3))
    again = store.read("raw_vacancies", PROFILE)
    assert again is not None
    assert list(again["vacancy_id"]) == ["v-0", "v-1", "v-2"]


def test_a_table_lies_where_other_engines_look_for_it(s3: Any, bucket: str) -> None:
    store_in(bucket).write(RAW, PROFILE, vacancies(1))
    key = "acme/tables/raw_vacancies/search_profile=worked_example/data.parquet"
    assert objects(s3, bucket) == [key]
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    assert pq.read_table(BytesIO(body)).num_rows == 1


def test_a_table_that_was_never_made_is_none(bucket: str) -> None:
    assert store_in(bucket).read("raw_vacancies", PROFILE) is None


def test_what_another_machine_changed_is_seen_at_once(s3: Any, bucket: str) -> None:
    store = store_in(bucket)
    store.write(RAW, PROFILE, vacancies(1))
    path = store.path("raw_vacancies", PROFILE)
    assert [found.name for found in path.parent.iterdir()] == ["data.parquet"]

    s3.delete_object(Bucket=bucket, Key=path.path.removeprefix(f"{bucket}/"))

    assert not path.exists()
    assert store.read("raw_vacancies", PROFILE) is None


def test_the_whole_job_makes_the_tables_it_makes_on_a_disk(
    workspace: Workspace, s3: Any, bucket: str
) -> None:
    disk = workspace.folder / "data"
    assert workspace.run("full_job").success
    local = {asset: rows_without_moments(workspace.tables, asset) for asset in KEYS}
    workspace.control.advance_clock(3_600)  # what Claude cached makes nothing cheaper now

    workspace.set(SIGNAL_ASSETS_STORAGE=f"s3://{bucket}/acme/tables")
    result = workspace.run("full_job")

    assert result.success
    assert made(result) == list(KEYS)
    assert differences(store_in(bucket), local) == []
    assert (workspace.folder / "dagster" / "signal_assets.db").exists()
    assert objects(s3, bucket) == sorted(
        f"acme/tables/{path.relative_to(disk)}" for path in disk.rglob("*.parquet")
    )


def write_half(path: UPath) -> None:
    with replacing(path) as target:
        target.write_bytes(b"half a table")
        raise KeyError("stop")


def test_a_write_that_fails_half_way_leaves_the_old_table(s3: Any, bucket: str) -> None:
    store = store_in(bucket)
    store.write(RAW, PROFILE, vacancies(1))
    path = store.path("raw_vacancies", PROFILE)

    with pytest.raises(KeyError):
        write_half(path)

    again = store.read("raw_vacancies", PROFILE)
    assert again is not None
    assert len(again) == 1
    assert len(objects(s3, bucket)) == 1


def write_big(root: str) -> None:
    """Write a table that does not compress, in three parts."""
    noise = base64.b64encode(os.urandom(int(2.5 * PART_BYTES))).decode("ascii")
    TableStore(root).write(RAW, PROFILE, vacancies(1, noise))


def uploads(s3: Any, bucket: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    return found


@pytest.mark.slow
def test_an_upload_that_is_killed_between_its_parts_leaves_the_old_table(
    s3: Any, bucket: str
) -> None:
    store = store_in(bucket)
    store.write(RAW, PROFILE, vacancies(1))
    process = SPAWN.Process(target=write_big, args=(str(store.root),))
    process.start()
    deadline = time.monotonic() + 120
    while not uploads(s3, bucket):
        assert process.is_alive(), "the upload ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()

    assert len(uploads(s3, bucket)) == 1, "the upload was not complete when it was killed"
    again = store.read("raw_vacancies", PROFILE)
    assert again is not None
    assert list(again["vacancy_id"]) == ["v-0"]

    store.write(RAW, PROFILE, vacancies(2))
    again = store.read("raw_vacancies", PROFILE)
    assert again is not None
    assert len(again) == 2


def test_a_bucket_that_is_missing_is_named_and_not_made(s3: Any) -> None:
    store = TableStore("s3://nobody-made-this-bucket/tables")
    with pytest.raises(StorageUnavailable, match=r"s3://nobody-made.*bucket does not exist"):
        store.write(RAW, PROFILE, vacancies(1))
    with pytest.raises(OSError, match="bucket does not exist"):
        store.probe()
    names = [found["Name"] for found in s3.list_buckets()["Buckets"]]
    assert "nobody-made-this-bucket" not in names


def test_probing_leaves_nothing_behind_and_says_which_server_answered(
    s3: Any, bucket: str, s3_endpoint: str
) -> None:
    assert store_in(bucket).probe() == f"s3://{bucket}/acme/tables at {s3_endpoint}"
    assert objects(s3, bucket) == []


WITHOUT_THE_EXTRA = """
import sys
sys.modules["s3fs"] = None  # what an import finds when it is not installed
from signal_assets.defs.storage import StorageUnavailable, TableStore
try:
    TableStore("s3://bucket/tables")
except StorageUnavailable as error:
    print(error)
"""


def test_without_the_extra_the_message_says_what_to_install() -> None:
    said = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_EXTRA], capture_output=True, text=True, check=True
    ).stdout
    assert said.strip() == (
        "s3://bucket/tables is in S3: install what reads it with `pip install signal-assets[s3]`"
    )


def test_a_folder_needs_no_extra(tmp_path: Path) -> None:
    assert TableStore(str(tmp_path)).probe() == str(tmp_path)
    assert list(tmp_path.iterdir()) == []


def said_of_the_storage(command: str, *args: str, **variables: str) -> list[str]:
    """Run a command of ours on tables in S3, which fails, and return the lines it said."""
    environment = {
        **os.environ,
        "SIGNAL_ASSETS_STORAGE": "s3://bucket/tables",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/nowhere",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
        "COLUMNS": "300",
        **variables,
    }
    done = subprocess.run(
        [sys.executable, "-m", "signal_assets", command, *args],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "hunter2" not in done.stdout + done.stderr
    return (done.stderr or done.stdout).strip().splitlines()


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "Unable to locate credentials"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"}, "Could not connect"),
    ],
    ids=["no credentials", "no server"],
)
def test_what_keeps_the_store_out_of_reach_is_one_line(
    s3_endpoint: str, tmp_path: Path, variables: dict[str, str], words: str
) -> None:
    place = {"AWS_ENDPOINT_URL": s3_endpoint, "DAGSTER_HOME": str(tmp_path / "dagster")}
    (line,) = said_of_the_storage("companies", "--profile", PROFILE, **place | variables)
    assert words in line
    assert "s3://bucket/tables" in line


WRONG_KEYS = pytest.mark.parametrize(
    ("key", "words"),
    [
        ("AWS_SECRET_ACCESS_KEY", "the secret key is wrong"),
        ("AWS_ACCESS_KEY_ID", "the access key is not known there"),
    ],
)
ON_CEPH = pytest.mark.parametrize("s3_endpoint", [CEPH], indirect=True)
"""What moto cannot show, as it lets every key in."""


@ON_CEPH
@WRONG_KEYS
def test_wrong_keys_are_refused_and_the_error_names_the_place(
    bucket: str, monkeypatch: pytest.MonkeyPatch, key: str, words: str
) -> None:
    monkeypatch.setenv(key, "another")
    store = store_in(bucket)
    place = f"s3://{bucket}/acme/tables"
    with pytest.raises(StorageUnavailable, match=f"{place}.*{words}"):
        store.write(RAW, PROFILE, vacancies(1))
    with pytest.raises(StorageUnavailable, match=f"{place}.*{words}"):
        store.probe()
    with pytest.raises(StorageUnavailable, match=f"{place}.*these keys are wrong"):
        store.read("raw_vacancies", PROFILE)


@ON_CEPH
def test_the_doctor_tells_a_wrong_secret_from_a_store_that_works(
    bucket: str, s3_endpoint: str, tmp_path: Path
) -> None:
    lines = said_of_the_storage(
        "doctor",
        SIGNAL_ASSETS_STORAGE=f"s3://{bucket}/tables",
        AWS_SECRET_ACCESS_KEY="another",
        DAGSTER_HOME=str(tmp_path / "dagster"),
    )
    (line,) = [line for line in lines if "tables" in line]
    assert "problem" in line
    assert f"s3://{bucket}/tables" in line
    assert "the secret key is wrong" in line


@ON_CEPH
def test_a_reader_without_keys_of_its_own_gets_nothing(
    s3: Any, bucket: str, s3_endpoint: str
) -> None:
    store_in(bucket).write(RAW, PROFILE, vacancies(1))
    (key,) = objects(s3, bucket)
    assert httpx.get(f"{s3_endpoint}/{bucket}/{key}").status_code == 403


def test_a_run_waits_for_the_store_and_who_only_looks_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in RETRY_SETTINGS:
        monkeypatch.delenv(name, raising=False)
    assert open_path("s3://bucket/x", is_patient=True).fs.config_kwargs == {"retries": PATIENT}
    assert open_path("s3://bucket/x").fs.config_kwargs == {}


@pytest.mark.parametrize("name", RETRY_SETTINGS)
def test_the_settings_of_aws_say_otherwise(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "2")
    assert open_path("s3://bucket/x", is_patient=True).fs.config_kwargs == {}
