"""The gate before a prompt or a model: measured, refused, forced, or said not to be measured."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from signal_assets.clients.profile_files import LoadedProfile, load_named_profile
from signal_assets.clients.prompts import PromptStore
from signal_assets.defs.activating import Activated, ActivationRefused, activate_prompt, check_model
from signal_assets.defs.extraction_prompts import active_prompt
from signal_assets.settings import Settings

TEXT = "Je boekt facturen in SAP, in een team van 5 collega's. Wij werken ook met Exact Online."
LABELS: dict[str, Any] = {
    "id": "v1",
    "erp_systems": [
        {"value": "SAP", "quote": "facturen in SAP", "state": "in_use"},
        {"value": "Exact Online", "quote": "werken ook met Exact Online", "state": "in_use"},
    ],
    "team_size": {"value": "5", "quote": "team van 5"},
}
GOOD = {"erp_systems": "Which ERP? Return as a list.", "team_size": "How many people?"}


@pytest.fixture
def folder(tmp_path):
    vacancy = {"id": "v1", "title": "Clerk", "description": TEXT}
    (tmp_path / "vacancies.jsonl").write_text(json.dumps(vacancy))
    return tmp_path


def profile_of(
    folder: Path, *, labels: dict[str, Any] | None = LABELS, bar: float = 0.8
) -> LoadedProfile:
    evaluation = {"labels": "labels.jsonl", "vacancies": "vacancies.jsonl"}
    (folder / "labels.jsonl").write_text(json.dumps(labels))
    profile = {
        "name": "measured",
        "sources": [{"type": "file", "path": "none/*.jsonl"}],
        "extraction": {"system_prompt": "Read.", "schema": GOOD, "accuracy_bar": bar},
        "evaluation": evaluation if labels is not None else None,
    }
    (folder / "measured.yaml").write_text(yaml.safe_dump(profile))
    return load_named_profile(folder, "measured")


@pytest.fixture
def store(folder):
    opened = PromptStore.open(f"sqlite:///{folder / 'prompts.db'}")
    yield opened
    opened.close()


def activate(
    store: PromptStore, profile: LoadedProfile, version: int, force_reason: str | None = None
) -> Activated:
    return activate_prompt(
        Settings(), profile, store, version, activated_by="me", force_reason=force_reason
    )


def test_a_prompt_at_the_bar_becomes_active_and_its_figure_is_kept(folder, store):
    profile = profile_of(folder)
    active_prompt(store, profile.profile)
    done = activate(store, profile, 1)
    assert (done.activation.decision, done.activation.accuracy) == ("measured", 1.0)
    assert store.activations("measured") == [done.activation]


def test_a_prompt_below_the_bar_is_refused_and_nothing_changes(folder, store):
    wrong = {**LABELS, "erp_systems": [{"value": "Unit4", "quote": "Exact Online"}]}
    profile = profile_of(folder, labels=wrong)
    first = active_prompt(store, profile.profile)
    store.create("measured", "Read well.", GOOD, "", first.created_at, activate=False)
    with pytest.raises(ActivationRefused, match=r"below the bar of 0\.800"):
        activate(store, profile, 2)
    assert store.active("measured").version == 1
    assert store.activations("measured") == []


def test_force_activates_it_all_the_same_and_keeps_reason_and_name(folder, store):
    wrong = {**LABELS, "erp_systems": [{"value": "Unit4", "quote": "Exact Online"}]}
    profile = profile_of(folder, labels=wrong)
    active_prompt(store, profile.profile)
    done = activate(store, profile, 1, force_reason="the customer wants it")
    assert done.prompt.is_active
    assert (done.activation.decision, done.activation.reason, done.activation.activated_by) == (
        "forced",
        "the customer wants it",
        "me",
    )


def test_a_profile_without_labels_can_activate_and_is_told(folder, store):
    profile = profile_of(folder, labels=None)
    active_prompt(store, profile.profile)
    done = activate(store, profile, 1)
    assert done.activation.decision == "unmeasured"
    assert "nothing was measured" in done.activation.reason


def test_labels_about_other_fields_measure_nothing_and_are_an_objection(folder, store):
    profile = profile_of(folder, labels={"id": "v1", "colour": []})
    active_prompt(store, profile.profile)
    with pytest.raises(ActivationRefused, match="could not be measured"):
        activate(store, profile, 1)


def test_another_model_does_not_read_before_it_was_activated(folder, store):
    profile = profile_of(folder)
    prompt = active_prompt(store, profile.profile)
    check_model(store, profile, prompt, "claude-haiku-5-5")
    check_model(store, profile, prompt, "claude-haiku-5-5")
    with pytest.raises(ActivationRefused, match="prompts activate 1 --profile measured"):
        check_model(store, profile, prompt, "claude-opus-5-5")
    assert store.active_model("measured") == "claude-haiku-5-5"


def test_without_labels_any_model_reads(folder, store):
    profile = profile_of(folder, labels=None)
    prompt = active_prompt(store, profile.profile)
    check_model(store, profile, prompt, "claude-haiku-5-5")
    check_model(store, profile, prompt, "claude-opus-5-5")


def test_claude_is_measured_with_its_key_and_becomes_the_model_that_reads(
    folder, store, monkeypatch
):
    from signal_assets.sandbox import SandboxServer

    profile = profile_of(folder)
    active_prompt(store, profile.profile)
    with SandboxServer() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SIGNAL_ASSETS_STORAGE", str(folder / "data"))
        done = activate(store, profile, 1)
    assert done.activation.model == "claude-haiku-5-5"
    assert done.activation.accuracy == 1.0
    assert store.active_model("measured") == "claude-haiku-5-5"
