"""Compose without an engine: parts are started by the commands that Compose gives them."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import s3fs
import yaml

from signal_assets.clients.database import with_driver
from signal_assets.defs.storage import StorageUnavailable, TableStore
from signal_assets_tests.clients.databases import new_schema
from signal_assets_tests.deploy.compose import FOLDER, compose, filled_in
from signal_assets_tests.production.cluster import free_port, wait_until
from signal_assets_tests.production.test_s3 import PROFILE, RAW, vacancies

SERVICES: dict[str, dict[str, Any]] = compose(filled_in())["services"]
BIN = Path(sys.executable).parent
START_SECONDS = 120.0


def is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(command: Sequence[str], variables: Mapping[str, str], log: Path) -> Iterator[None]:
    """Start a process with these variables alone, and end it and its children after."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env=variables, stdout=output, stderr=output, start_new_session=True
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[str]:
    """Make the bucket and start the object store, both by their commands; return its address."""
    port, root = free_port(), str(tmp_path / "objects")
    make, serve = (
        [part.replace("/var/lib/objects", root) for part in SERVICES[name]["command"]]
        for name in ("bucket", "objects")
    )
    subprocess.run(make, check=True)
    serve[serve.index("--addr") + 1] = f"127.0.0.1:{port}"
    variables = SERVICES["objects"]["environment"] | {"HOME": "/nowhere"}
    with running([str(BIN / "rclone"), *serve], variables, tmp_path / "objects.log"):
        wait_until(lambda: is_open(port), "the object store", START_SECONDS)
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, objects: str) -> Iterator[TableStore]:
    """The tables as a worker reaches them, but for the address of the object store."""
    worker = SERVICES["worker"]["environment"] | {"AWS_ENDPOINT_URL": objects}
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in [name for name in worker if name.startswith("AWS_")]:
        monkeypatch.setenv(name, worker[name])
    s3fs.S3FileSystem.clear_instance_cache()
    yield TableStore(worker["SIGNAL_ASSETS_STORAGE"])
    s3fs.S3FileSystem.clear_instance_cache()


def test_a_worker_finds_its_tables_in_the_object_store_again(store: TableStore) -> None:
    assert store.read("raw_vacancies", PROFILE) is None
    store.write(RAW, PROFILE, vacancies(3))
    again = store.read("raw_vacancies", PROFILE)
    assert again is not None
    assert list(again["vacancy_id"]) == ["v-0", "v-1", "v-2"]


def test_the_object_store_refuses_another_secret(
    store: TableStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    with pytest.raises(StorageUnavailable, match="these keys are wrong"):
        store.read("raw_vacancies", PROFILE)


class Parts:
    """The services of Compose as processes of this machine: other addresses, the same commands."""

    def __init__(self, folder: Path, postgres: str, objects: str) -> None:
        self.folder = folder
        self.ports = {"4000": free_port(), "3000": free_port()}
        home = folder / "home"
        home.mkdir()
        shutil.copyfile(FOLDER.parent / "celery" / "dagster.yaml", home / "dagster.yaml")
        workspace = yaml.safe_load((FOLDER / "workspace.yaml").read_text("utf-8"))
        here = {"host": "127.0.0.1", "port": self.ports["4000"]}
        workspace["load_from"][0]["grpc_server"] |= here
        (folder / "workspace.yaml").write_text(yaml.safe_dump(workspace), "utf-8")
        self._addresses = {
            "DAGSTER_POSTGRES_URL": with_driver(postgres),
            "SIGNAL_ASSETS_CELERY_BACKEND": f"db+{with_driver(postgres)}",
            "SIGNAL_ASSETS_DATABASE_URL": postgres,
            "AWS_ENDPOINT_URL": objects,
        }
        self._machine = {
            "PATH": f"{BIN}:/usr/bin:/bin",
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "HOME": str(folder),
            "DAGSTER_HOME": str(home),
            "SIGNAL_ASSETS_PROFILES": str(FOLDER / "../../profiles"),
        }

    def variables(self, name: str) -> dict[str, str]:
        given = SERVICES[name]["environment"]
        here = {key: value for key, value in self._addresses.items() if key in given}
        return {**given, **here, **self._machine}

    def here(self, command: Sequence[str]) -> list[str]:
        """Return a command with this machine's addresses in the place of the container's."""
        changed = {"0.0.0.0": "127.0.0.1", **{old: str(new) for old, new in self.ports.items()}}
        changed["/etc/signal-assets/workspace.yaml"] = str(self.folder / "workspace.yaml")
        program, *rest = command
        words = [changed.get(word, word) for word in rest]
        for old, new in self.ports.items():
            words = [word.replace(f"127.0.0.1:{old}/", f"127.0.0.1:{new}/") for word in words]
        return [str(BIN / program), *words]

    def succeeds(self, name: str, command: Sequence[str]) -> bool:
        whole = self.here(command)
        with (self.folder / f"{name}.log").open("ab") as log:
            done = subprocess.run(whole, env=self.variables(name), stdout=log, stderr=log)
        return done.returncode == 0

    @contextmanager
    def started(self, name: str) -> Iterator[None]:
        """Start a service, and wait until its own check says that it is well."""
        command, check = SERVICES[name]["command"], SERVICES[name]["healthcheck"]["test"][1:]
        log = self.folder / f"{name}.log"
        with running(self.here(command), self.variables(name), log):
            wait_until(lambda: self.succeeds(name, check), name, START_SECONDS, every=1)
            yield


@pytest.mark.slow
def test_the_parts_find_each_other(tmp_path: Path, objects: str) -> None:
    """PostgreSQL and object store are real; each part is started and checked by its own command."""
    with new_schema() as postgres:
        parts = Parts(tmp_path, postgres, objects)
        assert parts.succeeds("migrate", SERVICES["migrate"]["command"])
        with parts.started("code-location"), parts.started("webserver"), parts.started("daemon"):
            assert locations(parts.ports["3000"]) == [("signal-assets", "RepositoryLocation")]


def locations(port: int) -> list[tuple[str, str]]:
    """Ask the page which code it has loaded, and whether it could."""
    query = """{ workspaceOrError { ... on Workspace { locationEntries {
        name locationOrLoadError { __typename } } } } }"""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        data=json.dumps({"query": query}).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        entries = json.load(response)["data"]["workspaceOrError"]["locationEntries"]
    return [(entry["name"], entry["locationOrLoadError"]["__typename"]) for entry in entries]
