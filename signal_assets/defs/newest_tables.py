"""Newest tables: when each search profile's tables were last made, and how large they are."""

import threading
from dataclasses import dataclass

import dagster as dg

from signal_assets.defs.merged_companies import merged_companies
from signal_assets.defs.raw_vacancies import raw_vacancies

WATCHED = (raw_vacancies.key, merged_companies.key)
RECORDS_PER_QUERY = 200
ANSWERED = ("rows", "empty")
"""Outcomes of a source that answered, with or without vacancies."""


@dataclass(frozen=True)
class NewestTable:
    """The newest materialization of one asset for one search profile."""

    made_at: float
    """Seconds since 1970."""
    rows: int
    any_source_answered: bool | None
    """Of a harvest; None for other tables."""


class NewestTables:
    """Asks Dagster for what is new since the last look, so that a look costs little.

    Safe to use from several threads.
    """

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._lock = threading.Lock()
        self._known: dict[str, dict[str, NewestTable]] = {
            key.to_user_string(): {} for key in WATCHED
        }
        self._seen = dict.fromkeys(WATCHED, 0)

    def look(self) -> dict[str, dict[str, NewestTable]]:
        """Return asset → search profile → its newest table."""
        with self._lock:
            for key in WATCHED:
                self._look_at(key)
            return {asset: dict(tables) for asset, tables in self._known.items()}

    def _look_at(self, key: dg.AssetKey) -> None:
        newest = self._instance.event_log_storage.get_latest_storage_id_by_partition(
            key, dg.DagsterEventType.ASSET_MATERIALIZATION, after_cursor=self._seen[key]
        )
        ids = sorted(newest.values())
        for start in range(0, len(ids), RECORDS_PER_QUERY):
            some = ids[start : start + RECORDS_PER_QUERY]
            records = self._instance.fetch_materializations(
                dg.AssetRecordsFilter(asset_key=key, storage_ids=some), limit=len(some)
            ).records
            for record in records:
                made = record.asset_materialization
                if made is not None and made.partition is not None:
                    tables = self._known[key.to_user_string()]
                    tables[made.partition] = _newest_table(made, record.timestamp)
        self._seen[key] = max(ids, default=self._seen[key])


def any_source_answered(harvest: dg.AssetMaterialization) -> bool | None:
    """Return whether a harvest got an answer at all; None of a table that is no harvest."""
    answers = harvest.metadata.get("source_answers")
    if not isinstance(answers, dg.TableMetadataValue):
        return None
    return any(answer.data["outcome"] in ANSWERED for answer in answers.records)


def _newest_table(made: dg.AssetMaterialization, timestamp: float) -> NewestTable:
    rows = made.metadata.get("dagster/partition_row_count")
    return NewestTable(
        made_at=timestamp,
        rows=int(str(rows.value)) if rows is not None else 0,
        any_source_answered=any_source_answered(made),
    )
