"""The README: every command in it works in the order a reader types them, and shows true output.

    UPDATE_README=1 python -m pytest signal_assets_tests/whole/test_readme.py

writes the demo's output of today into it.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from signal_assets.sandbox import SandboxProcess
from signal_assets.sandbox.world import data_folder
from signal_assets.settings import Settings
from signal_assets_tests.conftest import REPOSITORY

README = REPOSITORY / "README.md"
OUTPUT = re.compile(
    r"(<!-- output: signal-assets demo -->\n```text\n)(.*?)(```\n<!-- end -->)", re.S
)
SERVERS = (
    "signal-assets ui",
    "signal-assets sandbox",
    "signal-assets api",
    "signal-assets matches review",
)
"""Commands that serve, or ask a person, until they are stopped; here only for their help."""


def documented_commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text("utf-8"), re.S)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    inline = re.findall(r"`(signal-assets [a-z]+[^`]*)`", README.read_text("utf-8"))
    commands = dict.fromkeys(line.replace("NAME", "accounts_payable") for line in [*lines, *inline])
    return list(commands)


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if name != "SIGNAL_ASSETS_PROFILES"},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        **more,
    }


@pytest.mark.slow
def test_every_documented_command_works_in_the_order_it_is_told(tmp_path: Path) -> None:
    shutil.copyfile(
        data_folder() / "vacancies" / "accounts_payable.jsonl",  # type: ignore[arg-type]
        tmp_path / "my_vacancies.jsonl",
    )
    prices = str(data_folder() / "prices.yaml")
    with SandboxProcess() as sandbox:
        services = {**sandbox.environment(), "SIGNAL_ASSETS_PRICES": prices}
        for line in documented_commands():
            if line.startswith("make"):
                continue
            words = shlex.split(line)
            if line.startswith(SERVERS):
                words = [*words[:2], "--help"]
            done = subprocess.run(
                words,
                cwd=tmp_path,
                env=environment(tmp_path, **services),
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


@pytest.mark.slow
def test_the_output_of_the_demo_is_what_the_readme_shows(tmp_path: Path) -> None:
    done = subprocess.run(
        ["signal-assets", "demo"],
        cwd=tmp_path,
        env=environment(tmp_path, COLUMNS="110"),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    shown = as_shown(done.stdout)
    match = OUTPUT.search(README.read_text("utf-8"))
    assert match is not None
    if os.environ.get("UPDATE_README"):
        text = README.read_text("utf-8")
        README.write_text(OUTPUT.sub(lambda found: f"{found[1]}{shown}{found[3]}", text), "utf-8")
        return
    assert match[2] == shown


def as_shown(output: str) -> str:
    """Return output without what differs from run to run: the port and the run's id."""
    output = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:40123", output)
    output = re.sub(r"· run [0-9a-f]{8}", "· run 3f2a9c1e", output)
    return "".join(f"{line.rstrip()}\n" for line in output.splitlines())


def test_every_setting_stands_in_the_table_of_settings() -> None:
    table = README.read_text("utf-8").partition("## Settings")[2].partition("\n## ")[0]
    known = {field.validation_alias for field in Settings.model_fields.values()}

    assert set(re.findall(r"`([A-Z_]{5,})`", table)) == known


@pytest.mark.parametrize("target", ["demo", "test", "test-slow", "check", "bench"])
def test_every_documented_target_of_make_is_there(target: str) -> None:
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")

    assert f"make {target}" in README.read_text("utf-8")
    assert re.search(rf"^{target}:", makefile, re.M)
