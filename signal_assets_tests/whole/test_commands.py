"""The command: what it says, and the exit code by which a script knows how it went."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import typer
from typer.core import TyperOption

from signal_assets.cli import app
from signal_assets.sandbox import SandboxProcess
from signal_assets_tests.whole.conftest import Command

pytestmark = pytest.mark.slow

EXAMPLE = "worked_example"
DONE, FAILED, WRONG_USE = 0, 1, 2


@pytest.fixture(scope="module")
def command(sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Return a machine on which the worked example was run."""
    made = Command(tmp_path_factory.mktemp("commands") / "home", sandbox.environment())
    ran = made.run("run", "--profile", EXAMPLE)
    assert ran.returncode == DONE, ran.stderr
    assert "merged_companies" in ran.stdout
    return made


def runs_of(command: Command, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Return search profile and status of each run, as the Dagster UI of this home shows them."""
    home = command.folder / "dagster"
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with dg.DagsterInstance.get() as instance:
        return [(run.tags["dagster/partition"], run.status.value) for run in instance.get_runs()]


def walk(group: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every command below `group` with its words."""
    for word, child in getattr(group, "commands", {}).items():
        yield f"{name} {word}".strip(), child
        yield from walk(child, f"{name} {word}".strip())


COMMANDS = dict(walk(typer.main.get_command(app)))
assert any(isinstance(each, TyperOption) for each in COMMANDS["run"].params)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_says_what_it_is_for(name: str) -> None:
    described = COMMANDS[name]

    assert len(described.help or "") > 20
    options = [each for each in described.params if isinstance(each, TyperOption)]
    for option in options:
        assert option.hidden or len(option.help or "") > 8, option.name


def test_the_help_names_the_first_steps(command: Command) -> None:
    said = command.run("--help")

    assert said.returncode == DONE
    assert all(f"signal-assets {step}" in said.stdout for step in ("demo", "doctor", "run", "ui"))


def test_a_run_is_seen_in_the_ui_with_its_profile(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (EXAMPLE, "SUCCESS") in runs_of(command, monkeypatch)


def test_a_failing_blocking_check_is_a_failed_run_that_names_it(
    sandbox: SandboxProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = Command(tmp_path / "home", sandbox.environment())
    sandbox.control.switch_on("claude", "invalid_inner_json")
    ran = command.run("run", "--profile", EXAMPLE)
    sandbox.control.switch_off()

    assert ran.returncode == FAILED
    assert "most_extractions_succeeded" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr
    assert runs_of(command, monkeypatch) == [(EXAMPLE, "FAILURE")]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["run"], "--profile"),
        (["run", "--profile", EXAMPLE, "--all"], "--all"),
        (["run", "--profile", "nowhere"], "nowhere"),
        (["run", "--profile", EXAMPLE, "--pass", "third"], "third"),
        (["export", "--profile", "nowhere"], "nowhere"),
        (["prompts", "show", "--profile", EXAMPLE, "--version", "9"], "9"),
        (["fly"], "fly"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "names it",
)
def test_wrong_use_is_told_from_failure(command: Command, line: list[str], said: str) -> None:
    ran = command.run(*line)

    assert ran.returncode == WRONG_USE
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


def test_one_broken_profile_leaves_the_others_alone_and_is_named(
    sandbox: SandboxProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = Command(tmp_path / "home", sandbox.environment())
    (command.profiles / "broken.yaml").write_text("name: broken\nsauces: []\n", "utf-8")

    ran = command.run("run", "--all", "--jobs", "2", "--pass", "harvest")

    assert ran.returncode == FAILED
    assert "broken.yaml" in ran.stderr
    assert "sauces" in ran.stderr
    assert sorted(runs_of(command, monkeypatch)) == [
        ("searching", "SUCCESS"),
        ("worked_example", "SUCCESS"),
    ]


def test_a_check_of_profiles_names_file_line_and_key(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "profiles"
    folder.mkdir()
    text = (command.profiles / f"{EXAMPLE}.yaml").read_text("utf-8")
    (folder / f"{EXAMPLE}.yaml").write_text(text, "utf-8")
    text = text.replace(EXAMPLE, "wrong").replace("quality_threshold: 0.3", "quality_treshold: 0.3")
    (folder / "wrong.yaml").write_text(text, "utf-8")
    line = next(n for n, row in enumerate(text.splitlines(), 1) if "treshold" in row)

    ran = command.run("profiles", "check", SIGNAL_ASSETS_PROFILES=str(folder))

    assert ran.returncode == FAILED
    assert EXAMPLE in ran.stdout
    assert f"wrong.yaml:{line}" in ran.stderr
    assert "quality_treshold" in ran.stderr


def test_the_list_is_exported_as_csv_with_text_numbers_and_quotes(command: Command) -> None:
    ran = command.run("export", "--profile", EXAMPLE, "--format", "csv")

    [row] = csv.DictReader(io.StringIO(ran.stdout))
    assert (row["company_id"], row["kvk_number"]) == ("techcorp", "99900011")
    assert any("Basware" in value for value in row.values())


def test_the_list_is_exported_as_jsonl_with_all_proof(command: Command) -> None:
    ran = command.run("export", "--profile", EXAMPLE, "--format", "jsonl", "--out", "list.jsonl")

    assert ran.returncode == DONE
    [line] = (command.folder / "list.jsonl").read_text("utf-8").splitlines()
    delivery = json.loads(line)
    assert delivery["kvk_number"] == "99900011"
    assert all(proof["quote"] for proof in delivery["proofs"])


def test_costs_are_split_by_service_and_told_per_company(command: Command) -> None:
    said = command.run("costs").stdout

    assert all(service in said for service in ("claude", "kvk", "company_info"))
    assert f"{EXAMPLE}: 1 companies qualify" in said


def test_runs_are_listed_by_pass(command: Command) -> None:
    said = command.run("runs", "--profile", EXAMPLE).stdout

    assert "extracted_vacancies" in said
    assert "kvk_profiles" in said
    assert "kvk_profiles" not in command.run("runs", "--pass", "llm").stdout


def test_a_prompt_is_made_from_a_changed_file_compared_and_put_back(command: Command) -> None:
    file = command.profiles / f"{EXAMPLE}.yaml"
    text = file.read_text("utf-8")
    file.write_text(text.replace("You extract", "You carefully extract"), "utf-8")

    made = command.run("prompts", "create", "-p", EXAMPLE, "--notes", "more careful")
    listed = command.run("prompts", "list", "-p", EXAMPLE)
    diff = command.run("prompts", "diff", "-p", EXAMPLE, "1", "2")
    back = command.run("prompts", "activate", "-p", EXAMPLE, "1")
    shown = command.run("prompts", "show", "-p", EXAMPLE)
    file.write_text(text, "utf-8")

    assert "Version 2" in made.stdout
    assert "more careful" in listed.stdout
    assert "+You carefully extract" in diff.stdout
    assert back.returncode == DONE
    assert shown.stdout.startswith("You extract")


def test_the_doctor_says_what_is_missing_without_keys(tmp_path: Path) -> None:
    said = Command(tmp_path / "home", {}).run("doctor")

    assert said.returncode == DONE
    assert said.stdout.count("not configured") >= 4
    assert all(f"{name}_API_KEY" in said.stdout for name in ("ANTHROPIC", "KVK", "SERPAPI"))


def test_the_doctor_finds_the_sandbox_well(command: Command) -> None:
    said = command.run("doctor")

    assert said.returncode == DONE
    assert "problem" not in said.stdout


def test_the_doctor_tells_of_keys_that_are_refused(command: Command) -> None:
    keys = dict.fromkeys(("ANTHROPIC_API_KEY", "KVK_API_KEY", "SERPAPI_API_KEY"), "wrong-key-123")

    said = command.run("doctor", **keys)

    assert said.returncode == FAILED
    assert said.stdout.count("the key is refused") == 3
    assert "wrong-key-123" not in said.stdout + said.stderr


def test_the_demo_prints_companies_with_the_sentences_that_prove_it(tmp_path: Path) -> None:
    ran = Command(tmp_path / "home", {}).run("demo")

    assert ran.returncode == DONE, ran.stderr
    assert "TechCorp" in ran.stdout
    assert "“" in ran.stdout
    assert (tmp_path / "home" / "demo" / "data" / "merged_companies").is_dir()
