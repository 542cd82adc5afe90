from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from signal_assets.clients.ledger import Ledger
from signal_assets.clients.prompts import PromptStore, UnknownPrompt
from signal_assets_tests.clients.databases import BACKENDS, new_database

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SCHEMA = {"team_size": "How many people?", "erp_systems": "Which ERP systems?"}


@pytest.fixture(params=BACKENDS)
def store(request, tmp_path) -> Iterator[PromptStore]:
    with new_database(request.param, tmp_path) as url:
        store = PromptStore.open(url)
        yield store
        store.close()


def test_version_1_comes_from_the_profile(store):
    seeded = store.seed("p1", "Read.", SCHEMA, NOON)
    active = seeded.active
    assert (active.version, active.is_active, active.system_prompt) == (1, True, "Read.")
    assert (active.notes, active.created_at) == ("from the search profile", NOON)
    assert seeded.drifted is False


def test_seeding_again_changes_nothing(store):
    first = store.seed("p1", "Read.", SCHEMA, NOON)
    assert store.seed("p1", "Read.", SCHEMA, NOON + timedelta(days=1)) == first
    assert len(store.versions("p1")) == 1


def test_fields_keep_their_order(store):
    store.seed("p1", "Read.", SCHEMA, NOON)
    assert list(store.active("p1").schema_) == ["team_size", "erp_systems"]


@pytest.mark.parametrize(
    ("system_prompt", "schema"),
    [
        ("Read well.", SCHEMA),
        ("Read.", {**SCHEMA, "team_size": "How large?"}),
        ("Read.", dict(reversed(SCHEMA.items()))),
    ],
    ids=["prompt", "question", "order"],
)
def test_a_profile_that_was_edited_is_told_apart_and_makes_no_version(store, system_prompt, schema):
    store.seed("p1", "Read.", SCHEMA, NOON)
    seeded = store.seed("p1", system_prompt, schema, NOON)
    assert seeded.drifted is True
    assert seeded.active.system_prompt == "Read."
    assert len(store.versions("p1")) == 1


def test_a_profile_that_equals_an_older_version_has_not_drifted(store):
    store.seed("p1", "Read.", SCHEMA, NOON)
    store.create("p1", "Read well.", SCHEMA, "better", NOON)
    seeded = store.seed("p1", "Read.", SCHEMA, NOON)
    assert (seeded.active.version, seeded.drifted) == (2, False)


def test_a_new_version_takes_the_place_of_the_active_one(store):
    store.seed("p1", "Read.", SCHEMA, NOON)
    created = store.create("p1", "Read well.", SCHEMA, "better", NOON)
    assert (created.version, created.is_active, created.notes) == (2, True, "better")
    assert [(v.version, v.is_active) for v in store.versions("p1")] == [(1, False), (2, True)]


def test_a_new_version_can_wait(store):
    store.seed("p1", "Read.", SCHEMA, NOON)
    store.create("p1", "Read well.", SCHEMA, "draft", NOON, activate=False)
    assert store.active("p1").version == 1


def test_the_first_version_is_active_whatever_is_asked(store):
    assert store.create("p1", "Read.", SCHEMA, "", NOON, activate=False).is_active


def test_an_old_version_can_be_activated_again(store):
    store.seed("p1", "Read.", SCHEMA, NOON)
    store.create("p1", "Read well.", SCHEMA, "better", NOON)
    assert store.activate("p1", 1).is_active
    assert [v.version for v in store.versions("p1") if v.is_active] == [1]


def test_profiles_have_their_own_numbers(store):
    store.seed("p1", "Read.", SCHEMA, NOON)
    store.create("p1", "Read well.", SCHEMA, "better", NOON)
    assert store.seed("p2", "Read.", SCHEMA, NOON).active.version == 1


@pytest.mark.parametrize(
    "question",
    [
        lambda store: store.get("p1", 7),
        lambda store: store.activate("p1", 7),
        lambda store: store.active("p2"),
    ],
)
def test_a_version_that_is_not_there_is_an_error(store, question):
    store.seed("p1", "Read.", SCHEMA, NOON)
    with pytest.raises(UnknownPrompt):
        question(store)
    assert store.active("p1").version == 1


@pytest.mark.parametrize(("system_prompt", "schema"), [("", SCHEMA), ("Read.", {})])
def test_an_empty_prompt_is_refused(store, system_prompt, schema):
    with pytest.raises(ValidationError):
        store.create("p1", system_prompt, schema, "", NOON)


def test_the_content_decides_the_hash(store):
    first = store.seed("p1", "Read.", SCHEMA, NOON).active
    same = store.create("p1", "Read.", SCHEMA, "other notes", NOON)
    other = store.create("p1", "Read well.", SCHEMA, "", NOON)
    assert first.content_hash == same.content_hash != other.content_hash


def test_prompts_lie_in_the_database_of_the_ledger(tmp_path):
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    PromptStore(ledger.database).seed("p1", "Read.", SCHEMA, NOON)
    ledger.close()
    reopened = PromptStore.open(f"sqlite:///{tmp_path}/ledger.db")
    assert reopened.active("p1").version == 1
    reopened.close()
