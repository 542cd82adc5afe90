"""Real servers for tests: S3 over HTTP, and workspaces whose tables and runs lie on servers."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import s3fs
from moto.server import ThreadedMotoServer

from signal_assets.defs.storage import TableStore
from signal_assets.sandbox import SandboxServer
from signal_assets_tests.clients.databases import new_schema
from signal_assets_tests.defs.conftest import Workspace
from signal_assets_tests.production.ceph import ceph_gateway, why_not
from signal_assets_tests.production.servers import PostgresServer, new_disk

ACCESS_KEY, SECRET_KEY = "an-id", "hunter2-secret"
CEPH = pytest.param("ceph", marks=pytest.mark.servers)


@pytest.fixture(scope="session", params=["moto", CEPH])
def s3_endpoint(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the address of an object store: moto, which lets any key in, or a Ceph gateway.

    Ceph is skipped where it is not installed, unless SIGNAL_ASSETS_TEST_CEPH=1 asks for it.
    """
    if request.param == "ceph":
        if os.environ.get("SIGNAL_ASSETS_TEST_CEPH") != "1" and (reason := why_not()) is not None:
            pytest.skip(reason)
        with ceph_gateway(ACCESS_KEY, SECRET_KEY) as url:
            yield url
        return
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set what AWS's own tools read, and return a client that is not ours."""
    s3fs.S3FileSystem.clear_instance_cache()  # it would go on with the keys of an earlier test
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return boto3.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"tables-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
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


@pytest.fixture(scope="module")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """Start a PostgreSQL on loopback that the tests of one module may kill."""
    with new_disk(400) as disk:
        server = PostgresServer(disk.folder, tmp_path_factory.mktemp("logs"))
        server.start()
        yield server
        server.kill()
