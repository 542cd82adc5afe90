"""KvK's own test environment, with the key KvK publishes for it; free, and about no real company.

Asked for with `pytest -m live`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from signal_assets.clients.kvk import KvkClient, open_kvk
from signal_assets_tests.clients.open_ledgers import open_session

pytestmark = pytest.mark.live

TEST_ENVIRONMENT = "https://api.kvk.nl/test/api"
PUBLISHED_KEY = "l7xx1f2691f2520d487b902f4e0b57a0b197"


@pytest.fixture
def kvk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[KvkClient]:
    if "live" not in str(request.config.getoption("markexpr")):
        pytest.skip("needs the network; ask for it with -m live")
    with (
        open_session(tmp_path) as session,
        open_kvk(PUBLISHED_KEY, TEST_ENVIRONMENT) as http,
    ):
        yield KvkClient(http, session)


def test_a_sole_proprietor_is_flagged(kvk: KvkClient) -> None:
    profile = kvk.get_profile("69599084")
    assert profile
    assert profile.is_natural_person_business
    assert profile.rsin is None


def test_a_company_and_its_establishments_are_found(kvk: KvkClient) -> None:
    profile = kvk.get_profile("68750110")
    assert profile
    assert profile.legal_form == "besloten_vennootschap"
    assert {row.kvk_number for row in kvk.search(kvk_number="68750110").rows} == {"68750110"}


def test_an_owners_association_without_main_branch_gives_nulls(kvk: KvkClient) -> None:
    profile = kvk.get_profile("90000749")
    assert profile
    assert (profile.employee_count, profile.trade_names) == (None, ())


def test_an_unknown_number_is_none(kvk: KvkClient) -> None:
    assert kvk.get_profile("12345678") is None
