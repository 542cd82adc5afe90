"""Compose: what its file says of each service."""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from signal_assets.settings import Settings
from signal_assets_tests.deploy.compose import (
    FOLDER,
    compose,
    example_variables,
    filled_in,
    named_variables,
)

SERVICES: dict[str, dict[str, Any]] = compose(filled_in())["services"]
OURS = [name for name, said in SERVICES.items() if said["image"].startswith("signal-assets:")]
RUNNING = [name for name, said in SERVICES.items() if said["restart"] != "no"]
BIN = Path(sys.executable).parent


def test_every_variable_has_a_line_in_the_example() -> None:
    assert set(named_variables()) <= set(example_variables())


def test_what_must_be_given_is_empty_in_the_example() -> None:
    required = [name for name, is_required in named_variables().items() if is_required]
    assert required
    assert {example_variables()[name] for name in required} == {""}


def test_without_its_passwords_nothing_starts() -> None:
    with pytest.raises(KeyError):
        compose(example_variables())


@pytest.mark.parametrize("name", OURS)
def test_every_variable_of_a_service_is_one_that_somebody_reads(name: str) -> None:
    settings = {str(field.validation_alias) for field in Settings.model_fields.values()}
    others = {
        "DAGSTER_CURRENT_IMAGE",
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_DEFAULT_REGION",
        "AWS_EC2_METADATA_DISABLED",
    }
    given = set(SERVICES[name].get("environment", {}))
    if "env_file" in SERVICES[name]:
        given |= set(example_variables()) - set(named_variables())
    assert given <= settings | others


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_rights_and_a_file_system_it_cannot_write(name: str) -> None:
    said = SERVICES[name]
    user, group = said["user"].split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert said["read_only"] is True
    assert said["cap_drop"] == ["ALL"]
    assert said["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in said
    assert "cap_add" not in said


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_cannot_take_all_memory(name: str) -> None:
    assert re.fullmatch(r"[1-9][0-9]*[mg]", SERVICES[name]["mem_limit"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_an_image_of_a_named_version(name: str) -> None:
    assert re.search(r":[0-9]", SERVICES[name]["image"])


def test_only_the_pages_are_published_and_only_to_this_machine() -> None:
    published = {name: said["ports"] for name, said in SERVICES.items() if "ports" in said}
    assert published == {
        "webserver": ["127.0.0.1:3000:3000"],
        "viewer": ["127.0.0.1:3001:3000"],
    }


def test_the_stores_have_no_way_out_and_nobody_outside_has_one_in() -> None:
    assert compose(filled_in())["networks"]["inside"] == {"internal": True}
    for name in ("postgres", "redis", "objects", "daemon"):
        assert SERVICES[name]["networks"] == ["inside"]


def test_every_volume_and_network_is_declared_and_used() -> None:
    whole = compose(filled_in())
    mounts = [mount for said in SERVICES.values() for mount in said.get("volumes", [])]
    sources = {each.split(":")[0] if isinstance(each, str) else each["source"] for each in mounts}
    assert {source for source in sources if not source.startswith(".")} == set(whole["volumes"])
    networks = {network for said in SERVICES.values() for network in said.get("networks", [])}
    assert networks == set(whole["networks"])


def test_every_file_that_is_mounted_is_there_and_cannot_be_written() -> None:
    every = [mount for name in OURS for mount in SERVICES[name]["volumes"]]
    mounts = {mount for mount in every if mount.startswith(".")}
    assert mounts
    for mount in mounts:
        source, _, mode = mount.split(":")
        assert (FOLDER / source).exists(), source
        assert mode == "ro"


@pytest.mark.parametrize("name", RUNNING)
def test_who_is_waited_for_says_when_it_is_ready(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        if how["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]
        else:
            assert how["condition"] == "service_completed_successfully"
            assert SERVICES[other]["restart"] == "no"


def test_the_settings_of_dagster_are_those_that_its_commands_expect() -> None:
    homes = {
        mount.split(":")[1]
        for name in OURS
        for mount in SERVICES[name]["volumes"]
        if "dagster.yaml" in mount
    }
    assert homes == {"/var/lib/signal-assets/dagster/dagster.yaml"}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in OURS if name != "bucket"])
def test_the_command_of_a_service_and_its_options_exist(name: str) -> None:
    assert_command_exists(SERVICES[name]["command"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["code-location", "daemon"])
def test_the_check_of_a_service_and_its_options_exist(name: str) -> None:
    assert_command_exists(SERVICES[name]["healthcheck"]["test"][1:])


def assert_command_exists(command: Sequence[str]) -> None:
    options = [word for word in command if word.startswith("--")]
    first = next((n for n, word in enumerate(command) if word.startswith("--")), len(command))
    asked = [str(BIN / command[0]), *command[1:first], "--help"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert [option for option in options if option not in answer.stdout] == []


def port_of(name: str) -> str:
    command = SERVICES[name]["command"]
    return str(command[command.index("--port") + 1])


@pytest.mark.parametrize("name", ["webserver", "viewer", "api"])
def test_the_check_asks_the_port_that_is_served(name: str) -> None:
    assert f"http://127.0.0.1:{port_of(name)}/" in SERVICES[name]["healthcheck"]["test"][-1]


def test_the_code_location_is_where_the_workspace_says() -> None:
    workspace = yaml.safe_load((FOLDER / "workspace.yaml").read_text("utf-8"))
    [location] = workspace["load_from"]
    assert location["grpc_server"]["host"] in SERVICES
    assert str(location["grpc_server"]["port"]) == port_of("code-location")


def test_the_code_location_has_the_name_it_has_on_kubernetes() -> None:
    workspace = yaml.safe_load((FOLDER / "workspace.yaml").read_text("utf-8"))
    values = yaml.safe_load((FOLDER.parent / "kubernetes" / "values.yaml").read_text("utf-8"))
    [deployment] = values["dagster-user-deployments"]["deployments"]
    assert workspace["load_from"][0]["grpc_server"]["location_name"] == deployment["name"]
