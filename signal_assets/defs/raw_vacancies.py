"""The asset `raw_vacancies`, and its checks."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa

from signal_assets.clients.sources import VacancySource
from signal_assets.defs.frames import (
    TEXT,
    TableBuilder,
    from_arrow,
    preview,
    rows_of,
    to_frame,
)
from signal_assets.defs.large_tables import LargeTable, TextSpool
from signal_assets.defs.partitions import search_profiles
from signal_assets.defs.storage import TableStore, read_table
from signal_assets.defs.tables import RAW_VACANCIES, SOURCE_ANSWERS, VACANCY_FINGERPRINTS
from signal_assets.defs.watching import watched
from signal_assets.domain.closing import close_unlisted
from signal_assets.domain.duplicates import DuplicateSearch, mark_duplicates
from signal_assets.domain.erasure import Marks, without_erased
from signal_assets.domain.fingerprints import Fingerprint, digest_of
from signal_assets.domain.harvests import SourceAnswer, SourceYield, count_yields
from signal_assets.domain.languages import fill_in_languages
from signal_assets.domain.posters import judge_posters
from signal_assets.domain.search_profiles import SearchProfile
from signal_assets.domain.vacancies import Posting, Vacancy, update_vacancies
from signal_assets.progress import Progress

MAX_REPORTED_ROWS = 50
FOLDED_AT_ONCE = 2_000
"""Vacancies that are objects in memory at a time."""

WITHOUT_TEXT = RAW_VACANCIES.without("description")
FIELDS = set(Vacancy.model_fields)
"""One set for all vacancies: each of its own would be most of what they take."""


@dg.asset(
    partitions_def=search_profiles,
    group_name="harvest",
    kinds={"parquet"},
    owners=["team:signal-assets"],
    code_version="1",
    metadata={"dagster/column_schema": RAW_VACANCIES.column_schema},
)
@watched
def raw_vacancies(
    context: dg.AssetExecutionContext,
    search_profile: dg.ResourceParam[SearchProfile],
    sources: dg.ResourceParam[tuple[VacancySource, ...]],
    tables: dg.ResourceParam[TableStore],
    erased: dg.ResourceParam[Marks],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[LargeTable]:
    """One vacancy as published, seen by this search profile.

    A harvest adds what is new and moves `last_seen_at` of what came back; it never takes a vacancy
    away, so a source that is down loses nothing. Who was erased does not come back. What each
    source answered for each term is kept in the table `source_answers`.
    """
    harvested_at = datetime.now(UTC)
    known = _KnownVacancies(tables, search_profile.name)
    harvest = _Harvest(known, harvested_at)

    answers: list[SourceAnswer] = []

    def answered() -> Iterator[SourceAnswer]:
        """Each answer as it comes; what is kept of it is no text."""
        brought = 0
        for source in sources:
            for came in source.harvest(search_profile.search_terms):
                answer = without_erased(came, erased)
                harvest.fold(answer.postings)
                yield answer
                brought += len(answer.postings)
                answers.append(answer.model_copy(update={"postings": ()}))
                step()
                if not answer.is_part:
                    context.log.info(_sentence(answer, brought))
                    brought = 0

    with progress.steps("Harvesting", total=None) as step:
        yields = count_yields(answered(), known.ids)
    harvest.keep_the_rest()
    table, frame, compared = harvest.finish(tables, search_profile.name, answers)
    _keep_yields(tables, search_profile.name, yields, harvested_at)

    rejected = [row for answer in answers for row in answer.rejected]
    for row in rejected[:MAX_REPORTED_ROWS]:
        context.log.warning(f"Row left out: {row.place}: {row.reason}")
    return dg.MaterializeResult(
        value=table,
        metadata={
            "dagster/partition_row_count": len(frame),
            "vacancies": len(frame),
            "new_vacancies": harvest.new,
            "changed_vacancies": harvest.changed,
            "duplicates": int(frame["duplicate_of"].notna().sum()),
            "duplicates_by_reason": dict(Counter(frame["duplicate_reason"].dropna())),
            "compared_for_duplicates": compared,
            "posted_by_agencies": int(frame["is_intermediary"].sum()),
            "languages": dict(Counter(frame["language"].fillna("unknown"))),
            "closed_vacancies": int(frame["closed_at"].notna().sum()),
            "snippets": int((frame["text_kind"] == "snippet").sum()),
            "without_posted_at": int(frame["posted_at"].isna().sum()),
            "rejected_rows": len(rejected),
            "source_calls": sum(line.calls for line in yields),
            "answers_refused": sum(line.outcome == "refused" for line in yields),
            "answers_broken": sum(line.outcome == "broken" for line in yields),
            "answers_empty": sum(line.outcome == "empty" for line in yields),
            "first_rejected_rows": [f"{row.place}: {row.reason}" for row in rejected[:10]],
            "source_answers": _table_of(yields),
            "preview": preview(frame, ["title", "company_name", "location", "source", "posted_at"]),
        },
    )


@dg.asset_check(asset=raw_vacancies, blocking=True, partitions_def=search_profiles)
def no_vacancy_twice(raw_vacancies: pd.DataFrame) -> dg.AssetCheckResult:
    """No vacancy id occurs twice, so no vacancy is read, counted or paid for twice."""
    ids = raw_vacancies["vacancy_id"]
    repeated = sorted(set(ids[ids.duplicated()]))
    return dg.AssetCheckResult(
        passed=not repeated, metadata={"repeated": repeated[:50], "vacancies": len(ids)}
    )


@dg.asset_check(asset=raw_vacancies, partitions_def=search_profiles)
def every_source_answered(
    context: dg.AssetCheckExecutionContext,
    search_profile: dg.ResourceParam[SearchProfile],
    tables: dg.ResourceParam[TableStore],
) -> dg.AssetCheckResult:
    """Every source that was asked answered; a dry term is told apart from no answer."""
    history = tables.read(SOURCE_ANSWERS.asset, search_profile.name)
    rows = [] if history is None else list(rows_of(history))
    last = max((row["harvested_at"] for row in rows), default=None)
    newest = [row for row in rows if row["harvested_at"] == last]
    silent = [row for row in newest if row["outcome"] in ("refused", "broken")]
    return dg.AssetCheckResult(
        passed=bool(newest) and not silent,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "without_answer": [
                f"{_asked(row)}: {row['outcome']}: {row['message']}" for row in silent
            ],
            "dry_terms": [_asked(row) for row in newest if row["outcome"] == "empty"],
            "asked": len(newest),
        },
    )


BLOCKING_CHECKS = (no_vacancy_twice,)
CHECKS = (*BLOCKING_CHECKS, every_source_answered)


class _KnownVacancies:
    """What the table of earlier harvests holds; its texts stay in the file."""

    def __init__(self, tables: TableStore, search_profile: str) -> None:
        self._tables, self._search_profile = tables, search_profile
        columns = [column.name for column in WITHOUT_TEXT.columns]
        try:
            path = tables.path(RAW_VACANCIES.asset, search_profile)
            self._rows = read_table(path, columns)
        except FileNotFoundError:
            self._rows = from_arrow(WITHOUT_TEXT.arrow_schema.empty_table())
        self._places = {key: place for place, key in enumerate(self._rows["vacancy_id"])}

    @property
    def ids(self) -> Iterable[str]:
        return self._places.keys()

    def find(self, vacancy_ids: Iterable[str]) -> Iterator[Vacancy]:
        """Yield those of `vacancy_ids` that are known, without their texts."""
        places = [self._places[key] for key in vacancy_ids if key in self._places]
        return map(_vacancy, rows_of(self._rows.iloc[places]))

    def all_but(self, vacancy_ids: Collection[str]) -> Iterator[Vacancy]:
        """Yield the others, with their texts, a batch in memory at a time."""
        if not self._places:
            return
        columns = ["vacancy_id", "description"]
        for batch in self._tables.batches(RAW_VACANCIES.asset, self._search_profile, columns):
            ids, texts = (batch[name].to_pylist() for name in columns)
            rest = {
                key: text for key, text in zip(ids, texts, strict=True) if key not in vacancy_ids
            }
            for vacancy in self.find(rest):
                yield vacancy.model_copy(update={"description": rest[vacancy.vacancy_id]})

    def fingerprints(self) -> dict[str, Fingerprint]:
        """Return the fingerprints of the vacancies as they stand in the table, copies marked.

        A run that was killed, or another one at the same moment, may have kept those of a harvest
        whose table was never written: taken for known, its copies would never be found.
        """
        frame = self._tables.read(VACANCY_FINGERPRINTS.asset, self._search_profile)
        if frame is None:
            return {}
        compared = {
            vacancy.vacancy_id: digest_of(vacancy) for vacancy in map(_vacancy, rows_of(self._rows))
        }
        return {
            row["vacancy_id"]: Fingerprint(row["made_of"], tuple(row["keys"]), row["signature"])
            for row in rows_of(frame)
            if row["made_of"] == compared.get(row["vacancy_id"])
        }


class _Harvest:
    """The vacancies as they stand after a harvest, whose texts are on disk."""

    def __init__(self, known: _KnownVacancies, harvested_at: datetime) -> None:
        self._known, self._harvested_at = known, harvested_at
        self._texts = TextSpool()
        self._rows = TableBuilder(WITHOUT_TEXT)
        self._places: dict[str, int] = {}
        self._search = DuplicateSearch(known.fingerprints())
        self.new = self.changed = 0

    def fold(self, postings: Sequence[Posting]) -> None:
        """Fold in what a source brought; what it brought before counts as known."""
        for start in range(0, len(postings), FOLDED_AT_ONCE):
            some = postings[start : start + FOLDED_AT_ONCE]
            ids = dict.fromkeys(posting.vacancy_id for posting in some)
            brought = [self._rows.row(self._places[key]) for key in ids if key in self._places]
            first_brought = [key for key in ids if key not in self._places]
            before = [*map(_vacancy, brought), *self._known.find(first_brought)]
            folded = update_vacancies(before, some, self._harvested_at)
            self.new += folded.new
            self.changed += folded.changed
            self._add(folded.vacancies)

    def keep_the_rest(self) -> None:
        """Take over what is known and was not brought."""
        rest = self._known.all_but(frozenset(self._places))
        while batch := list(islice(rest, FOLDED_AT_ONCE)):
            self._add(batch)

    def _add(self, vacancies: Iterable[Vacancy]) -> None:
        for vacancy in judge_posters(fill_in_languages(vacancies)):
            self._search.add(vacancy)
            self._places[vacancy.vacancy_id] = self._texts.add(vacancy.description)
            self._rows.add(_row(vacancy))

    def finish(
        self, tables: TableStore, search_profile: str, answers: Sequence[SourceAnswer]
    ) -> tuple[LargeTable, pd.DataFrame, int]:
        """Return the table, the same without its texts, and how many were compared for copies.

        Its order is that of `first_seen_at`, then `vacancy_id`. The fingerprints are kept.
        """
        duplicates = self._search.find()
        _keep_fingerprints(tables, search_profile, duplicates.fingerprints)
        rows = self._rows.finish()
        places = pa.array(self._places.values(), pa.int64())
        seen = rows["first_seen_at"].take(places).to_pylist()
        by_time = sorted(zip(seen, self._places.keys(), self._places.values(), strict=True))
        order = np.array([place for _, _, place in by_time], dtype=np.int64)
        marked = TableBuilder(WITHOUT_TEXT)
        for start in range(0, len(order), FOLDED_AT_ONCE):
            some = rows.take(order[start : start + FOLDED_AT_ONCE]).to_pylist()
            vacancies = mark_duplicates(map(_vacancy, some), duplicates.copies)
            for vacancy in close_unlisted(vacancies, answers, self._harvested_at):
                marked.add(_row(vacancy))
        without_text = marked.finish()

        def whole_rows(start: int, stop: int) -> pa.Table:
            part = without_text.slice(start, stop - start)
            texts = pa.array(self._texts.read(order[start:stop]), TEXT)
            columns = [
                texts if name == "description" else part[name]
                for name in RAW_VACANCIES.arrow_schema.names
            ]
            return pa.table(columns, schema=RAW_VACANCIES.arrow_schema)

        table = LargeTable(RAW_VACANCIES, len(order), whole_rows)
        return table, from_arrow(without_text), duplicates.compared


def _row(vacancy: Vacancy) -> dict[str, Any]:
    row = {"vacancy_id": vacancy.vacancy_id, **vars(vacancy)}
    row.pop("description", None)
    return row


def _vacancy(row: Mapping[str, Any]) -> Vacancy:
    """Return a vacancy of a row of the table, which may be one of an earlier version."""
    return Vacancy.model_construct(
        FIELDS,
        **{
            name: value
            for name, value in row.items()
            if name in Vacancy.model_fields and value is not None
        },
    )


def _sentence(answer: SourceAnswer, found: int) -> str:
    term = f" for “{answer.search_term}”" if answer.search_term else ""
    said = f" ({answer.message})" if answer.message else ""
    board = f" {answer.board}" if answer.board else ""
    return f"{answer.source}{board}{term}: {answer.outcome}, {found} vacancies{said}"


def _asked(row: Mapping[str, Any]) -> str:
    board = row.get("board")
    place = row["source"] if board is None else f"{row['source']} {board}"
    return f"{place} · {row['search_term'] or 'everything'}"


def _table_of(yields: tuple[SourceYield, ...]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {key: value if value is not None else "" for key, value in vars(line).items()}
            )
            for line in yields
        ]
    )


def _keep_yields(
    tables: TableStore, search_profile: str, yields: tuple[SourceYield, ...], harvested_at: datetime
) -> None:
    history = tables.read(SOURCE_ANSWERS.asset, search_profile)
    past = [] if history is None else list(rows_of(history))
    rows = past + [{**vars(line), "harvested_at": harvested_at} for line in yields]
    tables.write(SOURCE_ANSWERS, search_profile, to_frame(rows, SOURCE_ANSWERS))


def _keep_fingerprints(
    tables: TableStore, search_profile: str, fingerprints: Mapping[str, Fingerprint]
) -> None:
    rows = (
        {"vacancy_id": vacancy_id, **fingerprint._asdict()}
        for vacancy_id, fingerprint in fingerprints.items()
    )
    tables.write(VACANCY_FINGERPRINTS, search_profile, to_frame(rows, VACANCY_FINGERPRINTS))
