import csv
import gzip
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signal_assets.clients.sources.file import FileSource
from signal_assets.domain.harvests import SourceAnswer
from signal_assets.domain.search_profiles import FileSourceOptions, SearchTerm
from signal_assets.domain.vacancies import MAX_DESCRIPTION_CHARS

ROW = {"external_id": "1", "title": "Boekhouder", "description": "U werkt met SAP."}


def harvest(folder, path="*", terms=(), **options) -> SourceAnswer:
    source = FileSource(FileSourceOptions(type="file", path=path, **options), folder)
    *parts, last = source.harvest([SearchTerm(term=term) for term in terms])
    assert not last.is_part
    assert all(part.is_part for part in parts)
    postings = [posting for answer in (*parts, last) for posting in answer.postings]
    return last.model_copy(update={"postings": tuple(postings)})


def write_lines(folder: Path, *rows: object, name: str = "jobs.jsonl") -> None:
    (folder / name).write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")


def rejected(answer) -> list[str]:
    return [f"{row.place}: {row.reason}" for row in answer.rejected]


def test_a_row_is_a_posting_with_the_columns_the_profile_maps(tmp_path):
    row = {"id": 7, "title": " Boekhouder ", "description": "SAP", "firma": "Bakker BV"}
    write_lines(tmp_path, row | {"datum": "31-12-2025", "language": "NL"})
    columns = {"external_id": "id", "company_name": "firma", "posted_at": "datum"}
    (posting,) = harvest(tmp_path, columns=columns).postings
    assert posting.vacancy_id == "file:7"
    assert (posting.title, posting.company_name, posting.language) == (
        "Boekhouder",
        "Bakker BV",
        "nl",
    )
    assert posting.posted_at == datetime(2025, 12, 31, tzinfo=UTC)
    assert posting.posted_raw == "31-12-2025"


def test_the_name_of_the_source_keeps_overlapping_ids_apart(tmp_path):
    write_lines(tmp_path, ROW)
    assert harvest(tmp_path, name="archive").postings[0].vacancy_id == "archive:1"


@pytest.mark.parametrize("name", ["jobs.jsonl", "jobs.ndjson", "jobs.jsonl.gz"])
def test_json_lines_are_read_packed_or_not(tmp_path, name):
    content = (json.dumps(ROW) + "\n").encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert len(harvest(tmp_path).postings) == 1


@pytest.mark.parametrize("value", [[ROW], {"count": 1, "vacancies": [ROW]}])
def test_a_json_file_holds_a_list_or_an_object_with_one(tmp_path, value):
    (tmp_path / "jobs.json").write_text(json.dumps(value))
    assert len(harvest(tmp_path).postings) == 1


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_is_read_with_the_separator_of_its_header(tmp_path, separator):
    lines = ["external_id", "title", "description"], ["1", "Boekhouder", '"twee\nregels"']
    (tmp_path / "jobs.csv").write_text("\n".join(separator.join(line) for line in lines))
    (posting,) = harvest(tmp_path).postings
    assert posting.description == "twee\nregels"


def test_files_below_folders_are_found_by_wildcards(tmp_path):
    (tmp_path / "2026" / "week1").mkdir(parents=True)
    write_lines(tmp_path / "2026" / "week1", ROW)
    assert len(harvest(tmp_path, path="**/*.jsonl").postings) == 1


def test_a_newer_file_replaces_what_an_older_one_says_of_the_same_id(tmp_path):
    write_lines(tmp_path, ROW | {"title": "Old"}, name="2026-01.jsonl")
    write_lines(tmp_path, ROW | {"title": "New"}, name="2026-02.jsonl")
    answer = harvest(tmp_path)
    assert [posting.title for posting in answer.postings] == ["New"]
    assert answer.rejected == ()


def test_bad_rows_are_reported_by_line_and_the_others_kept(tmp_path):
    lines = [
        json.dumps(ROW),
        '{"external_id": "2", "titl',
        "[1, 2]",
        "",
        json.dumps(ROW | {"external_id": "3", "title": ""}),
        json.dumps(ROW | {"external_id": "4", "description": ["a"]}),
        json.dumps({"external_id": "5", "title": "Five"}),
        json.dumps(ROW | {"external_id": "6", "text_kind": "half"}),
        json.dumps(ROW),
        json.dumps(ROW | {"external_id": "9"}),
        "[" * 100_000,
    ]
    (tmp_path / "jobs.jsonl").write_text("\n".join(lines))
    answer = harvest(tmp_path)
    assert answer.outcome == "rows"
    assert [posting.external_id for posting in answer.postings] == ["1", "9"]
    reasons = rejected(answer)
    assert [reason.split(": ")[0] for reason in reasons] == [
        f"jobs.jsonl:{line}" for line in (2, 3, 5, 6, 7, 8, 9, 11)
    ]
    assert "column 'title' (title) is empty" in reasons[2]
    assert "a list where a text must stand" in reasons[3]
    assert "column 'description' (description) is missing" in reasons[4]
    assert "already stands at 1" in reasons[6]
    assert "8 rows were left out" in (answer.message or "")


def test_numbers_and_nan_in_optional_columns_lose_no_row(tmp_path):
    row = ROW | {"company_name": float("nan"), "posted_at": 1_700_000_000, "location": 3511}
    write_lines(tmp_path, row)
    (posting,) = harvest(tmp_path).postings
    assert posting.company_name is None
    assert (posting.posted_at, posting.posted_raw, posting.location) == (None, "1700000000", "3511")


def test_csv_rows_that_break_the_quoting_are_reported_and_reading_goes_on(tmp_path):
    (tmp_path / "jobs.csv").write_text(
        'external_id,title,description\n1,Een,goed\n2,"Twee"x,fout\n3,Drie,goed,teveel\n4,Vier\n5,Vijf,goed\n6,"Zes'
    )
    answer = harvest(tmp_path)
    assert [posting.external_id for posting in answer.postings] == ["1", "5"]
    assert [row.place for row in answer.rejected] == [f"jobs.csv:{line}" for line in (3, 4, 5, 7)]


def test_a_line_in_another_encoding_is_reported_by_its_number(tmp_path):
    good = json.dumps(ROW)
    bad = json.dumps(ROW | {"external_id": "2", "title": "Café"}, ensure_ascii=False)
    (tmp_path / "jobs.jsonl").write_bytes(good.encode() + b"\n" + bad.encode("cp1252") + b"\n")
    answer = harvest(tmp_path)
    assert len(answer.postings) == 1
    assert rejected(answer)[0].startswith("jobs.jsonl:2: not utf-8: byte 0xe9 at position ")


@pytest.mark.parametrize(
    ("encoding", "codec"), [("cp1252", "cp1252"), ("utf-8", "utf-8-sig"), ("utf-16", "utf-16")]
)
def test_a_declared_encoding_is_used_and_a_byte_order_mark_forgiven(tmp_path, encoding, codec):
    text = "external_id,title,description\n1,Café,“goed”\n"
    (tmp_path / "jobs.csv").write_bytes(text.encode(codec))
    assert [posting.title for posting in harvest(tmp_path, encoding=encoding).postings] == ["Café"]


def test_an_encoding_that_is_none_is_refused_with_the_profile():
    with pytest.raises(ValueError, match="'utf-9' is not a text encoding"):
        FileSourceOptions(type="file", path="x", encoding="utf-9")


def test_a_missing_column_is_named_with_its_file_and_what_is_there(tmp_path):
    (tmp_path / "jobs.csv").write_text("nummer,title,description\n1,Een,goed\n")
    answer = harvest(tmp_path)
    assert answer.outcome == "broken"
    assert "jobs.csv: no row has the column 'external_id' (external_id); it has " in (
        answer.message or ""
    )
    assert "nummer" in (answer.message or "")


def test_no_file_says_which_pattern_found_nothing(tmp_path):
    answer = harvest(tmp_path, path="vacancies/*.jsonl")
    assert answer.outcome == "broken"
    assert answer.message == f"no file matches 'vacancies/*.jsonl' in {tmp_path}"


@pytest.mark.parametrize(
    ("name", "content", "outcome"),
    [
        ("jobs.jsonl", b"", "empty"),
        ("jobs.csv", b"external_id,title,description\n", "empty"),
        ("jobs.csv", b"", "empty"),
        ("jobs.json", b"[]", "empty"),
        ("jobs.json", b"<html>", "broken"),
        ("jobs.json", b'{"a": [], "b": []}', "broken"),
        ("jobs.csv", b"a,a\n1,2\n", "broken"),
        ("jobs.xlsx", b"PK", "broken"),
        ("jobs.jsonl.gz", b"not packed", "broken"),
        ("jobs.jsonl", b"\x00\x01\x02\n" * 3, "broken"),
    ],
)
def test_an_empty_file_is_told_apart_from_a_broken_one(tmp_path, name, content, outcome):
    (tmp_path / name).write_bytes(content)
    answer = harvest(tmp_path)
    assert answer.outcome == outcome
    assert outcome == "empty" or answer.message


def test_rows_before_the_cut_of_a_packed_file_are_kept(tmp_path):
    rows = "".join(json.dumps(ROW | {"external_id": str(n)}) + "\n" for n in range(20_000))
    packed = gzip.compress(rows.encode())
    (tmp_path / "jobs.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    answer = harvest(tmp_path)
    assert answer.outcome == "broken"
    assert len(answer.postings) > 100


def test_a_large_file_comes_in_parts_of_which_none_is_large(tmp_path):
    write_lines(tmp_path, *(ROW | {"external_id": str(n)} for n in range(2_500)))
    source = FileSource(FileSourceOptions(type="file", path="*"), tmp_path)
    sizes = [len(answer.postings) for answer in source.harvest([])]
    assert sizes == [1_000, 1_000, 500]


def test_a_text_of_ten_megabytes_is_cut_and_said(tmp_path):
    write_lines(tmp_path, ROW | {"description": "woord " * 1_700_000})
    answer = harvest(tmp_path)
    assert len(answer.postings[0].description) == MAX_DESCRIPTION_CHARS
    assert "jobs.jsonl:1" in (answer.message or "")


def test_nul_bytes_zero_widths_and_half_surrogates_do_not_crash(tmp_path):
    text = '{"external_id": "1", "title": "A\\u0000\\u200b", "description": "x\\ud800y \\u202eabc"}'
    (tmp_path / "jobs.jsonl").write_text(text)
    (posting,) = harvest(tmp_path).postings
    assert posting.title == "A\x00\u200b"
    assert posting.description == "x\ufffdy \u202eabc"


def test_without_terms_every_row_is_taken(tmp_path):
    write_lines(tmp_path, ROW)
    assert harvest(tmp_path).postings[0].search_term is None


def test_with_terms_only_rows_that_hold_one_are_taken_and_the_rest_counted(tmp_path):
    write_lines(
        tmp_path,
        ROW | {"description": "Taken: Accounts\nPayable en meer."},
        ROW | {"external_id": "2", "title": "CREDITEUREN medewerker"},
        ROW | {"external_id": "3", "title": "Crediteurenbeheer"},
    )
    answer = harvest(tmp_path, terms=["crediteuren", "accounts payable"])
    assert {p.external_id: p.search_term for p in answer.postings} == {
        "1": "accounts payable",
        "2": "crediteuren",
    }
    assert answer.message == "1 rows hold none of the search terms"


def test_matching_can_be_switched_off_for_ones_own_file(tmp_path):
    write_lines(tmp_path, ROW)
    assert len(harvest(tmp_path, terms=["crediteuren"], match_terms=False).postings) == 1


def test_no_row_with_a_term_is_empty_not_broken(tmp_path):
    write_lines(tmp_path, ROW)
    assert harvest(tmp_path, terms=["crediteuren"]).outcome == "empty"


def test_the_real_finance_vacancies_are_all_read(reference_data):
    answer = harvest(
        reference_data / "data" / "vacancies",
        path="vacancies_finance.jsonl",
        columns={"posted_at": "posted_date"},
    )
    assert (answer.outcome, len(answer.postings), answer.rejected) == ("rows", 420, ())


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=300),
    name=st.sampled_from(["a.jsonl", "a.json", "a.csv", "a.tsv", "a.jsonl.gz"]),
    encoding=st.sampled_from(["utf-8", "cp1252", "utf-16", "ascii"]),
)
def test_no_bytes_crash_the_source(tmp_path, content, name, encoding):
    (tmp_path / name).write_bytes(content)
    answer = harvest(tmp_path, path=name, encoding=encoding)
    assert answer.outcome in ("rows", "empty", "broken")


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(max_size=30), max_size=8))
def test_every_row_of_a_csv_file_is_kept_or_reported(tmp_path, texts):
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["external_id", "title", "description"])
    writer.writerows([[f"id{number}", text, text] for number, text in enumerate(texts)])
    (tmp_path / "jobs.csv").write_bytes(buffer.getvalue().encode("utf-8", "surrogatepass"))
    answer = harvest(tmp_path, path="jobs.csv")
    assert len(answer.postings) + len(answer.rejected) == len(texts)
