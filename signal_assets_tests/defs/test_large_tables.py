from hypothesis import given
from hypothesis import strategies as st
from upath import UPath

from signal_assets.defs.frames import TEXT, Column, Table, TableBuilder
from signal_assets.defs.large_tables import ROWS_AT_ONCE, LargeTable, TextSpool
from signal_assets.defs.storage import read_table, write_large

NUMBERED = Table("numbered", (Column("word", TEXT, "A word"),))


@given(texts=st.lists(st.text()), data=st.data())
def test_texts_come_back_in_any_order(texts, data):
    spool = TextSpool()
    numbers = [spool.add(text) for text in texts]
    asked = data.draw(st.permutations(numbers))
    assert spool.read(asked) == [texts[number] for number in asked]


def test_a_text_that_is_added_after_a_look_is_found_too():
    spool = TextSpool()
    spool.add("one")
    spool.read([0])
    spool.add("two")
    assert spool.read([1, 0]) == ["two", "one"]


def test_the_rows_of_a_large_table_are_never_made_all_at_once(tmp_path):
    asked = []

    def rows(start, stop):
        asked.append(stop - start)
        building = TableBuilder(NUMBERED)
        for number in range(start, stop):
            building.add({"word": str(number)})
        return building.finish()

    count = 2 * ROWS_AT_ONCE + 1
    path = UPath(tmp_path / "table.parquet")
    write_large(path, LargeTable(NUMBERED, count, rows))

    assert asked == [ROWS_AT_ONCE, ROWS_AT_ONCE, 1]
    assert read_table(path)["word"].tolist() == [str(number) for number in range(count)]


def test_a_large_table_without_rows_is_a_table(tmp_path):
    path = UPath(tmp_path / "table.parquet")
    write_large(path, LargeTable(NUMBERED, 0, lambda *_: NUMBERED.arrow_schema.empty_table()))
    assert read_table(path).columns.tolist() == ["word"]


def test_a_row_that_was_added_can_be_looked_up():
    building = TableBuilder(NUMBERED, batch_size=2)
    for word in "abcde":
        building.add({"word": word})
    assert [building.row(number)["word"] for number in range(5)] == list("abcde")
