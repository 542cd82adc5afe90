"""The reference page says of every setting what the code says."""

import re
from collections import Counter
from decimal import Decimal
from pathlib import Path

from signal_assets.settings import Settings
from signal_assets_tests.conftest import REPOSITORY

ROW = re.compile(r"^\| `([A-Z_]+)` \| (–|`[^`]*`) \|", re.MULTILINE)


def page() -> list[tuple[str, str]]:
    text = (REPOSITORY / "docs" / "settings.md").read_text("utf-8")
    return [(name, default.strip("`")) for name, default in ROW.findall(text)]


def shown(default: object) -> str:
    """Return a default as the page writes it."""
    if default is None:
        return "–"
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, Path):
        return f"./{default}"
    if isinstance(default, Decimal):
        return f"{default:f}"
    return str(default)


def test_the_page_names_every_setting_once_with_its_default() -> None:
    code = {
        str(field.validation_alias): shown(field.default)
        for field in Settings.model_fields.values()
    }
    assert dict(page()) == code
    assert [name for name, count in Counter(name for name, _ in page()).items() if count > 1] == []


def test_an_address_with_a_password_is_not_printed(monkeypatch) -> None:
    for name in ("SIGNAL_ASSETS_DATABASE_URL", "DAGSTER_POSTGRES_URL"):
        monkeypatch.setenv(name, "postgresql://user:hunter2@host/database")
    settings = Settings()
    assert "hunter2" not in repr(settings)
    assert settings.resolved_database_url == "postgresql://user:hunter2@host/database"
