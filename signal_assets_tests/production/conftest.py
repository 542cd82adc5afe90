"""Real servers for tests: S3 over HTTP, and workspaces whose tables and runs lie on servers."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from signal_assets.defs.storage import TableStore
from signal_assets.sandbox import SandboxServer
from signal_assets_tests.clients.databases import new_schema
from signal_assets_tests.defs.conftest import Workspace


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set what AWS's own tools read, and return a client that is not ours."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return boto3.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"tables-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return name


@pytest.fixture
def postgres() -> Iterator[str]:
    """Return the address of an empty schema on a real PostgreSQL."""
    with new_schema() as url:
        yield url


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture
def workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: SandboxServer
) -> Iterator[Workspace]:
    space = Workspace(tmp_path / "workspace", monkeypatch, sandbox)
    yield space
    space.instance.dispose()


def objects(s3: Any, bucket: str) -> list[str]:
    """Return the keys in a bucket, as a client that is not ours lists them."""
    return [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def store_in(bucket: str) -> TableStore:
    return TableStore(f"s3://{bucket}/acme/tables")
