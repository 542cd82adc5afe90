"""The page on deployment: what it names is there, and what it says of versions and sizes is so."""

import re
from pathlib import Path

import yaml

from signal_assets_tests.conftest import REPOSITORY
from signal_assets_tests.deploy.compose import compose, filled_in
from signal_assets_tests.deploy.manifests import FOLDER, VERSION, instance_settings

PAGE = (REPOSITORY / "deploy" / "README.md").read_text("utf-8")
SERVICES = compose(filled_in())["services"]


def test_every_link_leads_to_something() -> None:
    links = [link.partition("#")[0] for link in re.findall(r"\]\((?!http)([^)]+)\)", PAGE)]
    assert links
    assert [link for link in links if not (REPOSITORY / "deploy" / link).exists()] == []


def test_every_file_that_a_command_names_is_there() -> None:
    named = re.findall(r"(?<![\w/(])deploy/[\w./-]+", PAGE)
    assert named
    assert [name for name in named if not (REPOSITORY / name).exists()] == []


def test_every_section_that_is_linked_is_there() -> None:
    for link in re.findall(r"\]\(([^)]+#[^)]+)\)", PAGE):
        file, _, section = link.partition("#")
        text = Path(REPOSITORY / "deploy" / file).read_text("utf-8")
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        assert section in {heading.lower().replace(" ", "-") for heading in headings}


def test_the_limits_of_compose_are_those_it_names() -> None:
    megabytes = {
        name: int(said["mem_limit"][:-1]) * {"g": 1000, "m": 1}[said["mem_limit"][-1]]
        for name, said in SERVICES.items()
        if said["restart"] != "no" and "profiles" not in said
    }
    worker = megabytes.pop("worker")
    assert f"{len(megabytes)} containers, and the workers" in PAGE
    rounded = round(sum(megabytes.values()) / 1000 * 4) / 4
    assert f"limits of {rounded} GB, and {worker // 1000} GB a worker" in PAGE


def test_the_limit_of_runs_is_the_one_it_names() -> None:
    most = instance_settings()["concurrency"]["runs"]["max_concurrent_runs"]
    assert f"`max_concurrent_runs` ({most})" in PAGE


def test_a_job_asks_for_the_memory_it_names() -> None:
    resources = instance_settings()["run_launcher"]["config"]["run_k8s_config"]["container_config"]
    requested, most = (resources["resources"][each]["memory"] for each in ("requests", "limits"))
    assert f"a Job: {requested.replace('Gi', ' GiB')}, at most {most.removesuffix('Gi')}" in PAGE


def test_the_versions_it_names_are_those_that_are_meant() -> None:
    [dagster] = re.findall(r'"dagster==([\d.]+)"', (REPOSITORY / "pyproject.toml").read_text())
    values = (FOLDER / "values.yaml").read_text("utf-8")
    assert f"--version {dagster} " in PAGE
    assert f"--version {dagster} " in values
    assert f"Kubernetes {VERSION}" in PAGE
    tag = yaml.safe_load(values)["dagster-user-deployments"]["deployments"][0]["image"]["tag"]
    assert f"signal-assets:{tag}" in PAGE
