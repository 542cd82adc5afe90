"""What a person can mend is one line that names it, not a traceback."""

import os
import subprocess
import sys

import pytest


def signal_assets(*args: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "signal_assets", *args],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("variables", "code", "named"),
    [
        ({"SIGNAL_ASSETS_CONCURRENCY": "many"}, 2, "SIGNAL_ASSETS_CONCURRENCY"),
        ({"SIGNAL_ASSETS_MIN_QUALITY": "7"}, 2, "SIGNAL_ASSETS_MIN_QUALITY"),
        ({"SIGNAL_ASSETS_DATABASE_URL": "nonsense"}, 1, "SIGNAL_ASSETS_DATABASE_URL"),
    ],
)
def test_a_bad_setting_is_named(variables: dict[str, str], code: int, named: str) -> None:
    done = signal_assets("costs", **variables)

    assert done.returncode == code
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_the_value_of_a_bad_secret_is_not_repeated() -> None:
    done = signal_assets("costs", SIGNAL_ASSETS_CONCURRENCY="sk-secret-by-mistake")

    assert "sk-secret" not in done.stdout + done.stderr
