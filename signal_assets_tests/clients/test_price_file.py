from datetime import date
from decimal import Decimal

import pytest

from signal_assets.clients.price_file import BadPriceFile, load_prices


def written(tmp_path, content: str | bytes):
    path = tmp_path / "prices.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_users_file_is_laid_over_the_shipped_prices(tmp_path):
    path = written(
        tmp_path,
        """
calls:
  - service: serpapi
    operations: [search]
    amount: 0.01
    currency: USD
    source: our plan
""",
    )
    prices = load_prices(path)
    today = date(2026, 11, 20)
    assert prices.price_call("serpapi", "search", today).usd == Decimal("0.01")
    assert prices.price_call("kvk", "zoeken", today).usd == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("calls:\n  - service: [", r"prices\.yaml:2: not YAML"),
        ("calls:\n- service: x\n  price: 1\n", r"prices\.yaml:3: calls\.0\.price: Extra"),
        ("calls:\n- service: x\n  source: y\n", r"prices\.yaml:2: calls\.0\.operations: Field"),
        ("tokens: 7\n", r"prices\.yaml:1: tokens: Input should be a valid"),
        ("- 1\n", r"prices\.yaml: must hold"),
        ("", r"prices\.yaml: must hold"),
        (b"\xff\xfe\x00", r"prices\.yaml: is not UTF-8"),
        (b"#" * 1_000_001, r"prices\.yaml: is larger"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path, content, message):
    with pytest.raises(BadPriceFile, match=message):
        load_prices(written(tmp_path, content))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadPriceFile, match=r"none\.yaml: cannot be read"):
        load_prices(tmp_path / "none.yaml")
