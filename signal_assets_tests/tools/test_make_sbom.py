"""The bill of materials holds what the image installs, and follows from the lock file alone."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from signal_assets_tests.conftest import REPOSITORY
from tools.make_sbom import IMAGE, IMAGE_EXTRAS, IMAGE_PYTHON, installed, main

DOCKERFILE = REPOSITORY / "deploy" / "image" / "Dockerfile"


@pytest.fixture(scope="module")
def sbom(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("sbom") / "build" / "sbom.cdx.json"
    assert main([str(file)]) == 0
    return file.read_text("utf-8")


def packages(sbom: str) -> dict[str, Any]:
    return {component["name"]: component for component in json.loads(sbom)["components"]}


@pytest.mark.slow
def test_the_schema_of_cyclonedx_takes_it(sbom: str) -> None:
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(sbom) is None
    assert validator.validate_str(sbom.replace('"components"', '"parts"', 1)) is not None


@pytest.mark.slow
def test_the_same_lock_file_gives_the_same_bytes_in_another_process(
    sbom: str, tmp_path: Path
) -> None:
    file = tmp_path / "again.json"
    command = [sys.executable, "-m", "tools.make_sbom", str(file)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    assert file.read_text("utf-8") == sbom


@pytest.mark.slow
def test_it_holds_the_locked_version_of_what_is_installed(sbom: str) -> None:
    lock = tomllib.loads((REPOSITORY / "uv.lock").read_text("utf-8"))
    locked = {(package["name"], package["version"]) for package in lock["package"]}
    found = packages(sbom)
    assert {"dagster", "anthropic", "s3fs", "dagster-celery", "dagster-k8s"} <= found.keys()
    assert {(name, part["version"]) for name, part in found.items()} <= locked
    assert all(part["externalReferences"][0]["hashes"] for part in found.values())


@pytest.mark.slow
def test_it_holds_no_tool_of_developers_and_nothing_of_other_systems(sbom: str) -> None:
    others = {"pytest", "mypy", "moto", "bandit", "colorama", "pywin32", "python-jobspy"}
    assert packages(sbom).keys() & others == set()


def test_of_two_versions_the_one_for_the_python_of_the_image_is_taken() -> None:
    both = "numpy==1 ; python_full_version < '3.12'\nnumpy==2 ; python_full_version >= '3.12'\n"
    assert list(installed(both, IMAGE)) == ["numpy==2"]


@pytest.mark.skipif(not DOCKERFILE.exists(), reason="there is no image yet")
def test_it_is_made_for_the_image_that_is_built() -> None:
    content = DOCKERFILE.read_text("utf-8")
    assert set(re.findall(r"--extra (\S+)", content)) == set(IMAGE_EXTRAS)
    assert f"python:{IMAGE_PYTHON}-" in content
