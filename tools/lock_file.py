"""The lock file: what an installation gets, without the tools of developers."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


class LockUnreadable(Exception):
    """uv could not read the lock file; says why."""


def locked_requirements(extras: Sequence[str] | None = None) -> str:
    """Return the locked packages as pip reads them: versions, markers, hashes.

    None takes every extra.

    Raises:
        LockUnreadable: there is no `uv.lock`, or uv does not take it.
    """
    command = [sys.executable, "-m", "uv", "export", "--frozen", "--offline", "--quiet"]
    command += ["--project", str(REPOSITORY), "--no-dev", "--no-emit-project"]
    command += ["--no-header", "--no-annotate"]
    command += ["--all-extras"] if extras is None else [f"--extra={extra}" for extra in extras]
    done = subprocess.run(  # noqa: S603 - a fixed command  # nosec B603
        command, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise LockUnreadable(done.stderr.strip())
    return done.stdout
