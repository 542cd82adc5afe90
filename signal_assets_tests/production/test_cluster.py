"""Runs on several workers with the engine that many machines need: Celery, Redis, PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterRunStatus

from signal_assets.sandbox import SandboxProcess
from signal_assets_tests.production.cluster import Cluster
from signal_assets_tests.whole.conftest import KEYS
from signal_assets_tests.whole.generated import vacancies

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]

COUNT = 12


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess() as process:
        yield process


@pytest.fixture
def cluster(tmp_path: Path, postgres: str, sandbox: SandboxProcess) -> Iterator[Cluster]:
    with Cluster(tmp_path / "cluster", postgres, sandbox.environment()) as deployment:
        yield deployment


def test_two_workers_carry_out_what_is_submitted(cluster: Cluster) -> None:
    for name in ("first", "second", "third"):
        cluster.command.add_profile(name, vacancies(COUNT))
    cluster.start(workers=2)
    runs = {name: cluster.submit(name) for name in ("first", "second", "third")}
    for name, run_id in runs.items():
        assert cluster.wait_for(run_id).status is DagsterRunStatus.SUCCESS
        assert cluster.command.tables(name).keys() == KEYS.keys()
