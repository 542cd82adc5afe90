"""Fixtures that any test may ask for."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """Real vacancies, labels and recorded answers, which are not part of the project."""
    folder = Path(os.environ.get("SIGNAL_ASSETS_REFERENCE_DATA", REPOSITORY.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no reference data in {folder}")
    return folder
