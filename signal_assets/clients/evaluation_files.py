"""Evaluation files: labelled vacancies as people keep them, and reports as they are handed over."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from signal_assets.clients.row_files import FileFault, read_rows
from signal_assets.domain.evaluation import (
    REPORT_FORMAT,
    EvaluationReport,
    Label,
    LabelledVacancy,
)
from signal_assets.domain.extractions import VacancyText
from signal_assets.domain.records import Record

ID_COLUMNS = ("id", "vacancy_id", "external_id")
"""The columns that may hold a vacancy's id, in order of preference."""


class BadEvaluationFile(Exception):
    """A file of labels, vacancies or figures that cannot be used; names file and line."""


class LabelledSet(Record):
    """Labelled vacancies, and what identifies them as a whole."""

    vacancies: tuple[LabelledVacancy, ...]
    digest: str
    """Equal for the same labels on the same texts, in whatever order or file."""


def read_labelled(labels: Path, vacancies: Path) -> LabelledSet:
    """Read the labels in `labels` and the texts they are about, in the order of the labels.

    A label line holds an id and, for each field, null, one object or a list of objects with
    `value`, `quote` and perhaps `state`; other keys are passed over. A vacancy needs an id, a
    `title` and a `description`.

    Raises:
        BadEvaluationFile: a line cannot be used, an id stands twice, or a text is missing.
    """
    texts = {text.vacancy_id: text for text in _read_texts(vacancies)}
    found: dict[str, LabelledVacancy] = {}
    for place, row in _rows(labels):
        vacancy_id = _id_of(row, labels, place)
        if vacancy_id in found:
            raise BadEvaluationFile(f"{labels}:{place}: {vacancy_id} is labelled twice")
        if vacancy_id not in texts:
            raise BadEvaluationFile(f"{labels}:{place}: {vacancy_id} is not in {vacancies}")
        found[vacancy_id] = LabelledVacancy(
            text=texts[vacancy_id], labels=_labels_of(row, labels, place)
        )
    if not found:
        raise BadEvaluationFile(f"{labels}: holds no labels")
    return LabelledSet(vacancies=tuple(found.values()), digest=_digest(found))


def labelled_fields(labelled: LabelledSet) -> tuple[str, ...]:
    """Return the fields that the labels speak of, also where they only say “nothing”."""
    fields: dict[str, None] = {}
    for one in labelled.vacancies:
        fields.update(dict.fromkeys(one.labels))
    return tuple(fields)


def read_report(path: Path) -> EvaluationReport:
    """Return the report that was written to `path`.

    Raises:
        BadEvaluationFile: it is not there, or not such a report.
    """
    try:
        data = json.loads(path.read_bytes())
        if isinstance(data, dict) and data.get("format") != REPORT_FORMAT:
            raise BadEvaluationFile(f"{path}: not a report of format {REPORT_FORMAT}")
        return EvaluationReport.model_validate(data)
    except OSError as error:
        raise BadEvaluationFile(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise BadEvaluationFile(f"{path}: not a report: {place}: {first['msg']}") from error
    except ValueError as error:
        raise BadEvaluationFile(f"{path}: not JSON: {error}") from error


def write_whole(path: Path, content: str) -> None:
    """Put `content` at `path` in one step: a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _read_texts(path: Path) -> Iterator[VacancyText]:
    seen: set[str] = set()
    for place, row in _rows(path):
        vacancy_id = _id_of(row, path, place)
        if vacancy_id in seen:
            raise BadEvaluationFile(f"{path}:{place}: {vacancy_id} stands twice")
        seen.add(vacancy_id)
        title, description = row.get("title") or "", row.get("description")
        if not isinstance(title, str) or not isinstance(description, str):
            raise BadEvaluationFile(f"{path}:{place}: title and description must be texts")
        yield VacancyText(vacancy_id=vacancy_id, title=title, description=description)


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        for row in read_rows(path, "utf-8"):
            if row.values is None:
                raise BadEvaluationFile(f"{path}:{row.place}: {row.fault}")
            yield row.place, row.values
    except FileFault as fault:
        raise BadEvaluationFile(f"{path}: {fault}") from fault


def _id_of(row: Mapping[str, Any], path: Path, place: str) -> str:
    value = next((row[name] for name in ID_COLUMNS if row.get(name) not in (None, "")), None)
    if not isinstance(value, str | int):
        raise BadEvaluationFile(f"{path}:{place}: no id ({', '.join(ID_COLUMNS)})")
    return str(value)


def _labels_of(row: Mapping[str, Any], path: Path, place: str) -> dict[str, tuple[Label, ...]]:
    labels = {}
    for field, value in row.items():
        if value is None or isinstance(value, list | dict):
            items = [] if value is None else [value] if isinstance(value, dict) else value
            try:
                labels[field] = tuple(Label.model_validate(item) for item in items)
            except ValidationError as error:
                first = error.errors(include_url=False, include_input=False)[0]
                where = ".".join(map(str, (field, *first["loc"])))
                raise BadEvaluationFile(f"{path}:{place}: {where}: {first['msg']}") from error
    return labels


def _digest(found: Mapping[str, LabelledVacancy]) -> str:
    digest = hashlib.sha256()
    for vacancy_id in sorted(found):
        digest.update(found[vacancy_id].model_dump_json().encode("utf-8", "replace"))
    return digest.hexdigest()[:16]
