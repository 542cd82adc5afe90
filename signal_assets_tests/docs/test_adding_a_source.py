import re

from signal_assets_tests.conftest import REPOSITORY

PAGE = REPOSITORY / "docs" / "adding-a-source.md"
EXAMPLE = "signal_assets/domain/boards/recruitee.py"


def test_the_example_of_the_page_is_a_file_of_the_product_as_it_is():
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), flags=re.DOTALL)
    assert blocks == [(REPOSITORY / EXAMPLE).read_text("utf-8")]


def test_the_example_is_under_120_lines():
    assert len((REPOSITORY / EXAMPLE).read_text("utf-8").splitlines()) < 120


def test_every_file_that_the_page_names_is_there():
    text = PAGE.read_text("utf-8")
    names = set(re.findall(r"signal_assets(?:_tests)?/[\w/]+\.py", text))
    assert names
    assert [name for name in sorted(names) if not (REPOSITORY / name).is_file()] == []
