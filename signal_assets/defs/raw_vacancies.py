"""The asset `raw_vacancies`, and its checks."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pandas as pd

from signal_assets.clients.sources import VacancySource
from signal_assets.defs.frames import preview, rows_of, to_frame
from signal_assets.defs.partitions import search_profiles
from signal_assets.defs.storage import TableStore
from signal_assets.defs.tables import RAW_VACANCIES, SOURCE_ANSWERS, VACANCY_FINGERPRINTS
from signal_assets.defs.watching import watched
from signal_assets.domain.closing import close_unlisted
from signal_assets.domain.duplicates import find_duplicates, mark_duplicates
from signal_assets.domain.erasure import Marks, without_erased
from signal_assets.domain.fingerprints import Fingerprint, digest_of
from signal_assets.domain.harvests import SourceAnswer, SourceYield, count_yields
from signal_assets.domain.languages import fill_in_languages
from signal_assets.domain.posters import judge_posters
from signal_assets.domain.search_profiles import SearchProfile
from signal_assets.domain.vacancies import Vacancy, update_vacancies
from signal_assets.progress import Progress

MAX_REPORTED_ROWS = 50


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
) -> dg.MaterializeResult[pd.DataFrame]:
    """One vacancy as published, seen by this search profile.

    A harvest adds what is new and moves `last_seen_at` of what came back; it never takes a vacancy
    away, so a source that is down loses nothing. Who was erased does not come back. What each
    source answered for each term is kept in the table `source_answers`.
    """
    harvested_at = datetime.now(UTC)
    known = list(_known_vacancies(tables.read(RAW_VACANCIES.asset, search_profile.name)))

    answers: list[SourceAnswer] = []
    with progress.steps("Harvesting", total=None) as step:
        for source in sources:
            for answer in source.harvest(search_profile.search_terms):
                answers.append(without_erased(answer, erased))
                step()
                context.log.info(_sentence(answer))
    yields = count_yields(answers, (vacancy.vacancy_id for vacancy in known))
    fingerprints = _known_fingerprints(tables, search_profile.name, known)
    harvest = update_vacancies(
        known, (posting for answer in answers for posting in answer.postings), harvested_at
    )
    new, changed = harvest.new, harvest.changed
    vacancies = judge_posters(fill_in_languages(harvest.vacancies))
    # A big profile fits into memory once as objects, not in every state it goes through.
    answers = [answer.model_copy(update={"postings": ()}) for answer in answers]
    del known, harvest
    duplicates = find_duplicates(vacancies, fingerprints)
    compared = duplicates.compared
    _keep_fingerprints(tables, search_profile.name, duplicates.fingerprints)
    vacancies = mark_duplicates(vacancies, duplicates.copies)
    del fingerprints, duplicates
    vacancies = close_unlisted(vacancies, answers, harvested_at)
    _keep_yields(tables, search_profile.name, yields, harvested_at)

    frame = to_frame(map(_row, vacancies), RAW_VACANCIES)
    del vacancies
    rejected = [row for answer in answers for row in answer.rejected]
    for row in rejected[:MAX_REPORTED_ROWS]:
        context.log.warning(f"Row left out: {row.place}: {row.reason}")
    return dg.MaterializeResult(
        value=frame,
        metadata={
            "dagster/partition_row_count": len(frame),
            "vacancies": len(frame),
            "new_vacancies": new,
            "changed_vacancies": changed,
            "duplicates": int(frame["duplicate_of"].notna().sum()),
            "duplicates_by_reason": dict(Counter(frame["duplicate_reason"].dropna())),
            "compared_for_duplicates": compared,
            "posted_by_agencies": int(frame["is_intermediary"].sum()),
            "languages": dict(Counter(frame["language"].fillna("unknown"))),
            "closed_vacancies": int(frame["closed_at"].notna().sum()),
            "snippets": int((frame["text_kind"] == "snippet").sum()),
            "without_posted_at": int(frame["posted_at"].isna().sum()),
            "rejected_rows": len(rejected),
            "source_calls": sum(answer.calls for answer in answers),
            "answers_refused": sum(answer.outcome == "refused" for answer in answers),
            "answers_broken": sum(answer.outcome == "broken" for answer in answers),
            "answers_empty": sum(answer.outcome == "empty" for answer in answers),
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


def _row(vacancy: Vacancy) -> dict[str, Any]:
    return {"vacancy_id": vacancy.vacancy_id, **vars(vacancy)}


def _known_vacancies(frame: pd.DataFrame | None) -> Iterator[Vacancy]:
    if frame is None:
        return
    there = [name for name in Vacancy.model_fields if name in frame]
    for row in rows_of(frame, there):
        yield Vacancy.model_construct(
            **{name: row[name] for name in there if row[name] is not None}
        )


def _sentence(answer: SourceAnswer) -> str:
    term = f" for “{answer.search_term}”" if answer.search_term else ""
    said = f" ({answer.message})" if answer.message else ""
    board = f" {answer.board}" if answer.board else ""
    return f"{answer.source}{board}{term}: {answer.outcome}, {len(answer.postings)} vacancies{said}"


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


def _known_fingerprints(
    tables: TableStore, search_profile: str, known: Iterable[Vacancy]
) -> dict[str, Fingerprint]:
    """Return the fingerprints of the vacancies as they stand in the table, copies marked.

    A run that was killed, or another one at the same moment, may have kept those of a harvest
    whose table was never written: taken for known, its copies would never be found.
    """
    frame = tables.read(VACANCY_FINGERPRINTS.asset, search_profile)
    if frame is None:
        return {}
    compared = {vacancy.vacancy_id: digest_of(vacancy) for vacancy in known}
    return {
        row["vacancy_id"]: Fingerprint(row["made_of"], tuple(row["keys"]), row["signature"])
        for row in rows_of(frame)
        if row["made_of"] == compared.get(row["vacancy_id"])
    }


def _keep_fingerprints(
    tables: TableStore, search_profile: str, fingerprints: Mapping[str, Fingerprint]
) -> None:
    rows = (
        {"vacancy_id": vacancy_id, **fingerprint._asdict()}
        for vacancy_id, fingerprint in fingerprints.items()
    )
    tables.write(VACANCY_FINGERPRINTS, search_profile, to_frame(rows, VACANCY_FINGERPRINTS))
