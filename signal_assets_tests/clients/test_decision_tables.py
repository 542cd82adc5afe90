from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.clients.decision_tables import TableRefused, format_row, read_lines
from signal_assets.clients.employer_files import read_employers
from signal_assets.clients.override_files import OverrideFile, read_overrides
from signal_assets.clients.suppression_files import read_suppression
from signal_assets.domain.overrides import Override


def file(tmp_path: Path, text: str, name: str = "table.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return path


def yes(name: str = "TechCorp", number: str = "01234567", **fields) -> Override:
    return Override(name=name, verdict="is", kvk_number=number, **fields)


@pytest.mark.parametrize(
    "text",
    [
        "name,kvk_number\nTechCorp,01234567\n",
        "name;kvk_number\r\nTechCorp;01234567\r\n",
        "\ufeffName\tKVK_Number\tremarks\nTechCorp\t01234567\tours\n\n",
        'kvk,"name"\n"01 23 45 67","TechCorp"',
    ],
)
def test_what_spreadsheets_write_is_read(tmp_path, text):
    (row,) = read_overrides(file(tmp_path, text)).rows
    assert (row.name, row.kvk_number, row.verdict) == ("TechCorp", "01234567", "is")


def test_without_a_file_nothing_is_decided(tmp_path):
    assert read_overrides(tmp_path / "none.csv").rows == ()


def test_each_wrong_line_is_named_and_none_of_the_file_is_used(tmp_path):
    path = file(tmp_path, "name,kvk_number\nTechCorp,01234567\nNewtech,1234567\n,01234567\n")
    with pytest.raises(TableRefused) as raised:
        read_overrides(path)
    first, second = str(raised.value).splitlines()
    assert first.startswith(f"{path}:3: KvK number 1234567 has seven digits")
    assert second == f"{path}:4: the name is missing"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"kvk_number\n01234567\n", ":1: the header lacks name"),
        (b"name,name\n", ":1: the header has name twice"),
        (b"name,kvk_number\na,b,c\n", ":2: 3 cells where the header has 2"),
        (b'name,kvk_number\n"a,b\n', "not CSV"),
        (b"name,kvk_number\nCaf\xe9,01234567\n", ":2: not UTF-8"),
    ],
)
def test_a_file_that_is_no_such_table_says_where(tmp_path, content, problem):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(TableRefused, match=problem):
        read_overrides(path)


def test_decisions_are_added_below_what_others_wrote(tmp_path):
    path = file(tmp_path, "name;kvk;remarks\nNewtech;12345678;mine\n")
    OverrideFile(path).add(yes())
    assert path.read_text().splitlines() == [
        "name;kvk;remarks;verdict",
        "Newtech;12345678;mine",
        "TechCorp;01234567;;is",
    ]
    assert [row.kvk_number for row in read_overrides(path).rows] == ["12345678", "01234567"]


def test_undo_restores_the_file_to_the_byte_and_takes_a_new_one_away(tmp_path):
    path = tmp_path / "overrides.csv"
    table = OverrideFile(path)
    table.add(yes())
    first = path.read_bytes()
    table.add(yes("Newtech", "12345678"))
    assert table.undo()
    assert path.read_bytes() == first
    assert table.undo()
    assert not path.exists()
    assert not table.undo()


def test_undo_takes_nothing_back_where_somebody_wrote_since(tmp_path):
    path = tmp_path / "overrides.csv"
    table = OverrideFile(path)
    table.add(yes())
    path.write_text(path.read_text() + "Newtech,,12345678,is,,,\n")
    assert not table.undo()
    assert len(read_overrides(path).rows) == 2


def test_no_cell_is_written_that_a_spreadsheet_would_run(tmp_path):
    path = tmp_path / "overrides.csv"
    OverrideFile(path).add(yes("=HYPERLINK(1)", note="+31 phoned"))
    assert "\n=HYPERLINK" not in path.read_text()
    (row,) = read_overrides(path).rows
    assert (row.name, row.note) == ("=HYPERLINK(1)", "+31 phoned")


def test_nothing_but_the_file_is_left_behind(tmp_path):
    OverrideFile(tmp_path / "overrides.csv").add(yes())
    assert [path.name for path in tmp_path.iterdir()] == ["overrides.csv"]


TEXTS = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="'"), max_size=20
)


@given(TEXTS, TEXTS, st.sampled_from([",", ";", "\t"]))
def test_a_row_written_is_the_row_read(tmp_path_factory, first, second, delimiter):
    path = tmp_path_factory.mktemp("rows") / "table.csv"
    header = ("name", "note", "kvk_number")
    row = format_row(header, {"name": first, "note": second, "kvk_number": "01"}, delimiter)
    path.write_text(delimiter.join(header) + "\n" + row, "utf-8")
    (line,) = read_lines(path, header, header)
    assert line.cells == {"name": first, "note": second, "kvk_number": "01"}


def test_a_wrong_row_of_employers_is_reported_and_the_rest_kept(tmp_path):
    path = file(tmp_path, "name,kvk_number,city\nTechCorp,01234567,Delft\nNewtech,1234567,\n")
    found = read_employers(path)
    assert found.employer_count == 1
    assert found.problems[0].startswith(f"{path}:3: ")
    assert found.employers.get("01234567")[0].name == "TechCorp"


def test_a_list_of_which_no_row_can_be_read_is_refused(tmp_path):
    with pytest.raises(TableRefused, match="no employer can be read"):
        read_employers(file(tmp_path, "name,kvk_number\nTechCorp,1234567\n"))


def test_a_suppression_list_that_is_set_must_be_whole(tmp_path):
    with pytest.raises(TableRefused, match="cannot be read"):
        read_suppression(tmp_path / "missing.csv")
    with pytest.raises(TableRefused, match=":3: it names nobody"):
        read_suppression(file(tmp_path, "domain,note\ntechcorp.example,\n,why\n"))
    assert len(read_suppression(None)) == 0
