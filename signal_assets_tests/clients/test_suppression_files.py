from pathlib import Path

import pytest

from signal_assets.clients.decision_tables import TableRefused
from signal_assets.clients.suppression_files import add_suppressed, read_suppression


@pytest.mark.parametrize(
    "before", [None, "name;kvk_number;mine\nNewtech;;x", "kvk_number,name,note\n,Newtech,asked\n"]
)
def test_a_row_is_added_below_the_others_whatever_separates_them(tmp_path: Path, before):
    path = tmp_path / "suppression.csv"
    if before is not None:
        path.write_text(before, "utf-8")
    add_suppressed(path, "kvk_number", "01234567", "erased 2026-11-28")
    found = read_suppression(path)
    assert found.find(kvk_number="01234567")
    assert bool(found.find(names=["Newtech"])) is (before is not None)


def test_a_list_without_the_column_is_refused_and_left_as_it_is(tmp_path: Path):
    path = tmp_path / "suppression.csv"
    path.write_text("name\nNewtech\n", "utf-8")
    with pytest.raises(TableRefused, match="lacks kvk_number"):
        add_suppressed(path, "kvk_number", "01234567", "erased")
    assert path.read_text("utf-8") == "name\nNewtech\n"
