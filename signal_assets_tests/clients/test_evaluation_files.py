import json
from pathlib import Path
from typing import Any

import pytest

from signal_assets.clients.evaluation_files import (
    BadEvaluationFile,
    labelled_fields,
    read_labelled,
    read_report,
    write_whole,
)

VACANCY = {"id": "v1", "title": "Clerk", "description": "We use SAP."}
LABEL = {
    "id": "v1",
    "erp_systems": [{"value": "SAP", "state": "in_use", "quote": "use SAP"}],
    "team_size": None,
    "is_intermediary": False,
}


def write(folder: Path, name: str, *rows: Any) -> Path:
    path = folder / name
    path.write_text(
        "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows)
    )
    return path


def test_labels_are_read_with_their_texts(tmp_path):
    labelled = read_labelled(write(tmp_path, "l.jsonl", LABEL), write(tmp_path, "v.jsonl", VACANCY))
    assert labelled.vacancies[0].text.description == "We use SAP."
    assert labelled.vacancies[0].labels["erp_systems"][0].state == "in_use"
    assert labelled_fields(labelled) == ("erp_systems", "team_size")


def test_the_digest_depends_on_labels_and_texts_not_on_their_order(tmp_path):
    other = {**VACANCY, "id": "v2"}
    texts = write(tmp_path, "v.jsonl", VACANCY, other)
    rows = [LABEL, {**LABEL, "id": "v2"}]
    digests = [
        read_labelled(write(tmp_path, "l.jsonl", *order), texts).digest
        for order in (rows, rows[::-1], rows[:1])
    ]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("label", "says"),
    [
        ("{", r"l\.jsonl:2: not JSON"),
        ({"erp_systems": []}, r"l\.jsonl:2: no id"),
        (LABEL, r"l\.jsonl:2: v1 is labelled twice"),
        ({**LABEL, "id": "v9"}, r"l\.jsonl:2: v9 is not in"),
        ({"id": "v2", "erp_systems": [{"value": "SAP"}]}, r"l\.jsonl:2: erp_systems\.quote"),
        ({"id": "v2", "erp_systems": ["SAP"]}, r"l\.jsonl:2: erp_systems"),
    ],
)
def test_a_bad_label_is_named_by_file_and_line(tmp_path, label, says):
    texts = write(tmp_path, "v.jsonl", VACANCY, {**VACANCY, "id": "v2"})
    with pytest.raises(BadEvaluationFile, match=says):
        read_labelled(write(tmp_path, "l.jsonl", LABEL, label), texts)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (VACANCY, r"v\.jsonl:2: v1 stands twice"),
        ({"id": "v2", "title": 7, "description": "x"}, r"v\.jsonl:2: title and description"),
    ],
)
def test_a_bad_vacancy_is_named_by_file_and_line(tmp_path, row, says):
    labels = write(tmp_path, "l.jsonl", LABEL)
    with pytest.raises(BadEvaluationFile, match=says):
        read_labelled(labels, write(tmp_path, "v.jsonl", VACANCY, row))


def test_missing_and_empty_files_are_said(tmp_path):
    texts = write(tmp_path, "v.jsonl", VACANCY)
    with pytest.raises(BadEvaluationFile, match=r"gone\.jsonl"):
        read_labelled(tmp_path / "gone.jsonl", texts)
    with pytest.raises(BadEvaluationFile, match="no labels"):
        read_labelled(write(tmp_path, "l.jsonl"), texts)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 1}', "{"])
def test_what_is_not_a_report_is_refused(tmp_path, content):
    path = tmp_path / "report.json"
    path.write_text(content)
    with pytest.raises(BadEvaluationFile, match="report"):
        read_report(path)


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "new" / "page.html"
    write_whole(path, "one")
    write_whole(path, "two")
    assert path.read_text() == "two"
    assert [one.name for one in path.parent.iterdir()] == ["page.html"]
