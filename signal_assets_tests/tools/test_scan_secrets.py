"""A secret that git would track fails the scan; the examples in documents and tests do not.

The secrets planted here are put together when the test runs, so that this file holds none.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from signal_assets_tests.conftest import REPOSITORY

AWS_KEY = "AKIA" + "Q3EGRY7WXZ5MNB2K"
ANTHROPIC_KEY = "-".join(["sk", "ant", "api03", "Zx8Kq2Lw9Rt5Yv1Nb7Mc3"])
KVK_KEY = "l7xx" + "9c3f07d1" * 4
PRIVATE_KEY = f"-----BEGIN {'RSA PRIVATE'} KEY-----"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a repository that holds the scan, its baseline and one harmless file."""
    shutil.copytree(REPOSITORY / "tools", tmp_path / "tools")
    shutil.copy(REPOSITORY / ".secrets.baseline", tmp_path)
    (tmp_path / "harmless.py").write_text("answer = 42\n", "ascii")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    return tmp_path


def git(folder: Path, *args: str) -> None:
    subprocess.run(["git", *args], cwd=folder, check=True)


def scan(folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tools.scan_secrets"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
def test_a_tree_without_secrets_passes(tree: Path) -> None:
    done = scan(tree)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("secrets: none")


def test_planted_secrets_fail_and_are_not_repeated(tree: Path) -> None:
    planted = [AWS_KEY, ANTHROPIC_KEY, KVK_KEY, PRIVATE_KEY]
    (tree / "notes.md").write_text("\n".join(f"use {secret}" for secret in planted), "ascii")
    git(tree, "add", "notes.md")
    done = scan(tree)
    assert done.returncode == 1
    assert done.stdout.splitlines()[:-1] == [
        "notes.md:1: AWS Access Key",
        "notes.md:2: Anthropic API Key",
        "notes.md:3: KvK API Key",
        "notes.md:4: Private Key",
    ]
    assert not any(secret in done.stdout + done.stderr for secret in planted)


@pytest.mark.slow
def test_what_git_does_not_track_is_not_looked_at(tree: Path) -> None:
    (tree / ".env").write_text(f"KEY={AWS_KEY}\n", "ascii")
    assert scan(tree).returncode == 0


@pytest.mark.slow
def test_a_made_up_password_is_accepted_in_its_own_file_only(tree: Path) -> None:
    baseline = json.loads((tree / ".secrets.baseline").read_text("utf-8"))
    name = "signal_assets_tests/production/test_postgres.py"
    assert name in baseline["results"]
    (tree / name).parent.mkdir(parents=True)
    for target in (name, "settings.py"):
        shutil.copy(REPOSITORY / name, tree / target)
    git(tree, "add", "--all")

    offences = scan(tree).stdout.splitlines()[:-1]

    assert [line.split(":")[0] for line in offences] == ["settings.py"]


@pytest.mark.slow
def test_what_nobody_looked_at_is_not_accepted(tree: Path) -> None:
    (tree / "notes.md").write_text(f"use {AWS_KEY}\n", "ascii")
    git(tree, "add", "notes.md")
    subprocess.run(
        [sys.executable, "-m", "detect_secrets", "scan", "--baseline", ".secrets.baseline"],
        cwd=tree,
        check=True,
    )
    done = scan(tree)
    assert done.returncode == 1
    assert "nobody said that notes.md:1 (AWS Access Key) is no secret" in done.stdout
