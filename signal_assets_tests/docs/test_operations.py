"""The page for who operates the product names what there is, and nothing else."""

import re

from signal_assets.api.metrics import families
from signal_assets_tests.api.test_metrics import look_at
from signal_assets_tests.conftest import REPOSITORY


def test_the_page_names_every_metric_that_is_exported_and_no_other() -> None:
    page = (REPOSITORY / "docs" / "operations.md").read_text("utf-8")
    rows = re.findall(r"^\| `(signal_assets_[a-z_]+)(?:\{[^}]*\})?` \|", page, re.MULTILINE)
    exported = [
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in families(look_at(()), drifted_sums=0)
    ]
    assert sorted(rows) == sorted(exported)
