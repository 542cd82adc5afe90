"""The image: what its Dockerfile says, and its own steps of installing, carried out."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from signal_assets.cli.home import VARIANTS
from signal_assets_tests.conftest import REPOSITORY
from signal_assets_tests.deploy.dockerfile import read_dockerfile

_, (BUILD, FINAL) = read_dockerfile(REPOSITORY / "deploy" / "image" / "Dockerfile")
SOURCES = [source for sources, _ in BUILD.copied() for source in sources]


def test_both_stages_start_from_one_pinned_slim_debian() -> None:
    assert BUILD.base == FINAL.base
    assert re.fullmatch(r"python:3\.1[123](\.\d+)?-slim-[a-z]+", FINAL.base)


def test_the_image_runs_as_a_number_that_is_not_root() -> None:
    user, group = FINAL.all("USER")[-1].split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert f"--owner {user} --group {group}" in " ".join(FINAL.all("RUN"))


def test_nothing_is_run_after_the_rights_are_given_up() -> None:
    words = [each.word for each in FINAL.instructions]
    assert words.index("USER") > max(n for n, word in enumerate(words) if word in ("RUN", "COPY"))


def test_what_it_copies_is_there() -> None:
    assert SOURCES
    assert [source for source in SOURCES if not (REPOSITORY / source).exists()] == []


def test_the_final_stage_takes_nothing_but_what_was_installed() -> None:
    assert FINAL.copied() == []
    installed = BUILD.variables()["UV_PROJECT_ENVIRONMENT"]
    assert FINAL.all("COPY") == [f"--from={BUILD.name} {installed} {installed}"]


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps this path from the engine; the last line that fits decides.

    Knows the forms that our file has: `*`, a path from the top, and a name at any depth.
    """
    decision, parts = False, Path(path).parts
    for line in (REPOSITORY / ".dockerignore").read_text("utf-8").splitlines():
        pattern = line.removeprefix("!").rstrip("/")
        wanted = tuple(pattern.removeprefix("**/").split("/"))
        at_any_depth = pattern.startswith("**/") and wanted[0] in parts
        if line and (pattern == "*" or at_any_depth or parts[: len(wanted)] == wanted):
            decision = not line.startswith("!")
    return decision


@pytest.mark.parametrize("source", SOURCES)
def test_what_it_copies_reaches_the_engine(source: str) -> None:
    assert not ignored(source.removeprefix("./"))


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        "deploy/compose/.env",
        ".git/config",
        "data/signal_assets.db",
        ".dagster/dagster.yaml",
        "overrides.csv",
        "profiles/vacancies/accounts_payable/ours.jsonl",
        "signal_assets/__pycache__/settings.pyc",
    ],
)
def test_keys_and_data_do_not_reach_the_engine(path: str) -> None:
    assert ignored(path)


def test_no_variable_of_the_image_holds_a_secret() -> None:
    secret = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|_URL|BROKER|BACKEND")
    named = {*BUILD.variables(), *FINAL.variables(), *FINAL.all("ARG"), *BUILD.all("ARG")}
    assert [name for name in named if secret.search(name)] == []


def test_what_it_writes_to_is_a_volume() -> None:
    volumes = json.loads(FINAL.all("VOLUME")[-1])
    written = [
        FINAL.variables()[name]
        for name in ("DAGSTER_HOME", "SIGNAL_ASSETS_STORAGE", "SIGNAL_ASSETS_OVERRIDES", "HOME")
    ]
    written.append(FINAL.all("WORKDIR")[-1])
    assert [
        path for path in written if not any(Path(path).is_relative_to(v) for v in volumes)
    ] == []


def test_the_uv_of_the_image_is_the_one_of_the_repository() -> None:
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    [version] = re.findall(r"^UV_VERSION := (.+)$", makefile, re.MULTILINE)
    assert f"uv=={version}" in " ".join(BUILD.all("RUN"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Carry out the build stage's copying and its `uv sync`s; return the environment it makes."""
    folder = tmp_path_factory.mktemp("image")
    source, environment = folder / "src", folder / "environment"
    source.mkdir()
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    variables["UV_PROJECT_ENVIRONMENT"] = str(environment)
    for each in BUILD.instructions:
        if each.word == "COPY":
            *names, target = each.rest.split()
            for name in names:
                _copy(REPOSITORY / name, source / (name if target == "./" else target))
        elif each.word == "RUN" and each.rest.startswith("uv "):
            command = [sys.executable, "-m", *each.rest.split(), "--python", sys.executable]
            subprocess.run(command, cwd=source, env=variables, check=True, capture_output=True)
    return environment


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(source, target)


def said_by(installed: Path, *command: str) -> str:
    """Return what a command of the environment prints, run where nothing of ours lies."""
    variables = {"PATH": f"{installed / 'bin'}:/usr/bin:/bin", "HOME": str(installed.parent)}
    return subprocess.run(
        command, cwd=installed.parent, env=variables, check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIANTS)
def test_every_dagster_yaml_comes_with_it(installed: Path, name: str) -> None:
    program = f"from signal_assets.shipped import shipped; print(shipped({name!r}))"
    file = Path(said_by(installed, "python", "-c", program).strip())
    assert file.is_relative_to(installed)
    assert file.read_bytes() == (REPOSITORY / name).read_bytes()


@pytest.mark.slow
def test_the_example_profiles_come_with_it(installed: Path) -> None:
    program = "from signal_assets.shipped import shipped; print(*shipped('profiles').iterdir())"
    names = {Path(file).name for file in said_by(installed, "python", "-c", program).split()}
    assert names == {file.name for file in (REPOSITORY / "profiles").glob("*.yaml")}


@pytest.mark.slow
def test_the_code_location_loads_in_it(installed: Path) -> None:
    program = "from signal_assets.definitions import defs; print(len(list(defs.assets)))"
    assert int(said_by(installed, "python", "-c", program)) > 5


@pytest.mark.slow
@pytest.mark.parametrize(
    "module", ["s3fs", "dagster_celery", "redis", "dagster_k8s", "opentelemetry.sdk", "psycopg2"]
)
def test_what_every_part_needs_is_in_it(installed: Path, module: str) -> None:
    said_by(installed, "python", "-c", f"import {module}")


@pytest.mark.slow
def test_the_tools_of_developers_are_not_in_it(installed: Path) -> None:
    program = "import importlib.util as u; print(u.find_spec('pytest'), u.find_spec('moto'))"
    assert said_by(installed, "python", "-c", program) == "None None\n"


@pytest.mark.slow
def test_every_command_that_compose_gives_it_is_in_it(installed: Path) -> None:
    compose = yaml.safe_load((REPOSITORY / "deploy" / "compose" / "compose.yaml").read_text())
    ours = [each for each in compose["services"].values() if "signal-assets:" in each["image"]]
    commands = {each["command"][0] for each in ours} - {"mkdir"}
    assert commands == {"dagster", "dagster-webserver", "dagster-daemon", "signal-assets"}
    for command in commands:
        assert "Usage" in said_by(installed, command, "--help")
