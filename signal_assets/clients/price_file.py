"""The user's own prices file, laid over the shipped prices."""

from pathlib import Path

from signal_assets.clients.strict_yaml import BadFile, read_strictly
from signal_assets.domain.prices import PriceTable


class BadPriceFile(BadFile):
    """The file cannot be used; the message names the file, the lines and the fields."""


def load_prices(path: Path) -> PriceTable:
    """Return the shipped prices with those of the file over them.

    Raises:
        BadPriceFile: the file cannot be read, is not YAML, or is not a table of prices.
    """
    holds = "`tokens`, `calls` or `exchange_rates`"
    return read_strictly(path, PriceTable.parse, BadPriceFile, holds)
