"""The prompt store: every version of every search profile's prompt, one of them active."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from signal_assets.clients.database import Database
from signal_assets.clients.database_tables import prompt_activations, prompts
from signal_assets.domain.activations import Activation
from signal_assets.domain.prompts import PromptVersion, SeededPrompt, hash_prompt

SEED_NOTES = "from the search profile"


class UnknownPrompt(Exception):
    """The search profile has no such prompt version."""


class PromptStore:
    """Prompt versions in the database of the ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, url: str) -> "PromptStore":
        """Open the store at `url`, with its tables.

        Raises:
            DatabaseUnavailable: the database cannot be used; the message names it and the setting.
        """
        return cls(Database.open(url))

    def close(self) -> None:
        self._database.close()

    def seed(
        self, search_profile: str, system_prompt: str, schema: Mapping[str, str], now: datetime
    ) -> SeededPrompt:
        """Make version 1 of the profile's own prompt if there is no version, and return the active.

        A profile that was edited later changes nothing here; the result says that it differs.
        """

        def work(db: Connection) -> SeededPrompt:
            if not _read_versions(db, search_profile):
                _insert(db, search_profile, 1, system_prompt, schema, SEED_NOTES, now)
                _activate(db, search_profile, 1)
            return _seeded(db, search_profile, system_prompt, schema)

        present = self._database.read(
            lambda db: (
                _seeded(db, search_profile, system_prompt, schema)
                if _read_versions(db, search_profile)
                else None
            )
        )
        return present or self._database.write(work)

    def create(
        self,
        search_profile: str,
        system_prompt: str,
        schema: Mapping[str, str],
        notes: str,
        now: datetime,
        *,
        activate: bool = True,
    ) -> PromptVersion:
        """Add the next version; without `activate` it waits until somebody activates it.

        Raises:
            ValueError: the prompt or the schema is empty.
        """

        def work(db: Connection) -> PromptVersion:
            newest = db.execute(
                select(func.max(prompts.c.version)).where(
                    prompts.c.search_profile == search_profile
                )
            ).scalar()
            version = (newest or 0) + 1
            _insert(db, search_profile, version, system_prompt, schema, notes, now)
            if activate or newest is None:
                _activate(db, search_profile, version)
            return _read_version(db, search_profile, version)

        return self._database.write(work)

    def activate(
        self, search_profile: str, version: int, activation: Activation | None = None
    ) -> PromptVersion:
        """Make `version` the active one, and record why it could be, both or neither.

        Raises:
            UnknownPrompt: there is no such version.
        """

        def work(db: Connection) -> PromptVersion:
            _read_version(db, search_profile, version)
            _activate(db, search_profile, version)
            if activation is not None:
                db.execute(insert(prompt_activations), activation.model_dump())
            return _read_version(db, search_profile, version)

        return self._database.write(work)

    def record(self, activation: Activation) -> None:
        """Record with which model the active version reads, without changing the version."""

        def work(db: Connection) -> None:
            db.execute(insert(prompt_activations), activation.model_dump())

        self._database.write(work)

    def activations(self, search_profile: str) -> list[Activation]:
        """Return every activation on record, oldest first."""
        rows = self._database.read(
            lambda db: (
                db.execute(
                    select(*(prompt_activations.c[name] for name in Activation.model_fields))
                    .where(prompt_activations.c.search_profile == search_profile)
                    .order_by(prompt_activations.c.activation_id)
                )
                .mappings()
                .all()
            )
        )
        return [Activation.model_validate(dict(row)) for row in rows]

    def active_model(self, search_profile: str) -> str | None:
        """Return the model that was last activated, or None if there is none on record."""
        models = [one.model for one in self.activations(search_profile) if one.model is not None]
        return models[-1] if models else None

    def versions(self, search_profile: str) -> list[PromptVersion]:
        """Return all versions, oldest first."""
        return self._database.read(lambda db: _read_versions(db, search_profile))

    def get(self, search_profile: str, version: int) -> PromptVersion:
        """Return one version.

        Raises:
            UnknownPrompt: there is no such version.
        """
        return self._database.read(lambda db: _read_version(db, search_profile, version))

    def active(self, search_profile: str) -> PromptVersion:
        """Return the active version.

        Raises:
            UnknownPrompt: the profile has no version yet.
        """
        versions = self.versions(search_profile)
        if not versions:
            raise UnknownPrompt(f"search profile {search_profile} has no prompt yet")
        return _active(versions)


def _seeded(
    db: Connection, search_profile: str, system_prompt: str, schema: Mapping[str, str]
) -> SeededPrompt:
    versions = _read_versions(db, search_profile)
    known = {version.content_hash for version in versions}
    return SeededPrompt(
        active=_active(versions), drifted=hash_prompt(system_prompt, schema) not in known
    )


def _active(versions: list[PromptVersion]) -> PromptVersion:
    return next(version for version in versions if version.is_active)


def _insert(
    db: Connection,
    search_profile: str,
    version: int,
    system_prompt: str,
    schema: Mapping[str, str],
    notes: str,
    now: datetime,
) -> None:
    prompt = PromptVersion(
        search_profile=search_profile,
        version=version,
        system_prompt=system_prompt,
        schema_=dict(schema),
        notes=notes,
        created_at=now,
        is_active=False,
    )
    row = prompt.model_dump(exclude={"schema_"})
    db.execute(
        insert(prompts), {**row, "schema": prompt.schema_, "content_hash": prompt.content_hash}
    )


def _activate(db: Connection, search_profile: str, version: int) -> None:
    of_profile = update(prompts).where(prompts.c.search_profile == search_profile)
    db.execute(of_profile.where(prompts.c.is_active).values(is_active=False))
    db.execute(of_profile.where(prompts.c.version == version).values(is_active=True))


def _read_versions(db: Connection, search_profile: str) -> list[PromptVersion]:
    rows = db.execute(
        select(prompts)
        .where(prompts.c.search_profile == search_profile)
        .order_by(prompts.c.version)
    )
    return [_parse(row) for row in rows]


def _read_version(db: Connection, search_profile: str, version: int) -> PromptVersion:
    row = db.execute(
        select(prompts).where(
            prompts.c.search_profile == search_profile, prompts.c.version == version
        )
    ).first()
    if row is None:
        raise UnknownPrompt(f"search profile {search_profile} has no prompt version {version}")
    return _parse(row)


def _parse(row: Any) -> PromptVersion:
    return PromptVersion(
        search_profile=row.search_profile,
        version=row.version,
        system_prompt=row.system_prompt,
        schema_=row.schema,
        notes=row.notes,
        created_at=row.created_at,
        is_active=row.is_active,
    )
