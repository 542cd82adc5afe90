"""The files of deploy/kubernetes, read."""

from typing import Any

import yaml

from signal_assets_tests.conftest import REPOSITORY

FOLDER = REPOSITORY / "deploy" / "kubernetes"
VERSION = "1.37"
"""The Kubernetes whose schemas the files are held against."""


def instance_settings() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / "dagster.yaml").read_text("utf-8"))
    return loaded


def manifest_of(file: str, kind: str, name: str) -> dict[str, Any]:
    manifest: dict[str, Any]
    for manifest in yaml.safe_load_all((FOLDER / file).read_text("utf-8")):
        if (manifest["kind"], manifest["metadata"]["name"]) == (kind, name):
            return manifest
    raise AssertionError(f"{file} has no {kind} {name}")
