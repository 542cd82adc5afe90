from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.accounts import ProfileCompany, gather_accounts
from signal_assets.domain.merging import Signal

START = datetime(2026, 1, 5, tzinfo=UTC)


def company(search_profile: str, kvk_number: str, name: str = "TechCorp B.V.", **fields: Any):
    fields.setdefault("company_id", f"{name} in {search_profile}".lower())
    fields.setdefault("vacancy_ids", (f"{search_profile}:{name}",))
    fields.setdefault("first_seen_at", START)
    return ProfileCompany(search_profile=search_profile, kvk_number=kvk_number, name=name, **fields)


def test_one_number_in_two_profiles_is_one_account_with_the_signals_of_each():
    sap = Signal(value="SAP", quote="met SAP", vacancy_id="file:1")
    wms = Signal(value="WMS", quote="ons WMS", vacancy_id="file:2")
    (account,) = gather_accounts(
        [
            company("payable", "01234567", signals={"erp": (sap,)}),
            company("warehouse", "01234567", signals={"wms": (wms,)}),
        ]
    )
    assert account.search_profiles == ("payable", "warehouse")
    assert account.signals == {"payable": {"erp": (sap,)}, "warehouse": {"wms": (wms,)}}


def test_a_vacancy_that_two_profiles_found_counts_once():
    (account,) = gather_accounts(
        [
            company("payable", "01234567", vacancy_ids=("file:1", "file:2")),
            company("warehouse", "01234567", vacancy_ids=("file:2",)),
        ]
    )
    assert account.vacancy_count == 2


def test_a_holding_and_its_operating_company_are_siblings_never_one():
    operating, holding = gather_accounts(
        [
            company("payable", "01234567", "TechCorp B.V."),
            company("payable", "12345678", "TechCorp Holding B.V.", is_holding=True),
        ]
    )
    assert [sibling.kvk_number for sibling in operating.siblings] == ["12345678"]
    assert operating.siblings[0].is_holding
    assert [sibling.name for sibling in holding.siblings] == ["TechCorp B.V."]


def test_a_sibling_that_is_no_account_is_named_by_its_number():
    (account,) = gather_accounts([company("payable", "01234567", siblings=("12345678",))])
    assert [(s.kvk_number, s.name) for s in account.siblings] == [("12345678", None)]


def test_a_flag_that_asks_for_care_is_set_as_soon_as_one_row_sets_it():
    (account,) = gather_accounts(
        [
            company("payable", "01234567", non_mailing=False),
            company("warehouse", "01234567", non_mailing=True),
        ]
    )
    assert account.non_mailing
    assert account.outreach["post"] == "blocked"
    assert "Non-mailing" in account.outreach_rules["post"]


def test_a_gap_is_filled_from_the_next_profile():
    (account,) = gather_accounts(
        [
            company("payable", "01234567"),
            company(
                "warehouse",
                "01234567",
                employee_count=40,
                first_seen_at=START + timedelta(days=1),
            ),
        ]
    )
    assert account.employee_count == 40


COMPANIES = st.lists(
    st.builds(
        company,
        st.sampled_from(["payable", "warehouse"]),
        st.sampled_from(["01234567", "12345678", "23456789"]),
        st.sampled_from(["TechCorp B.V.", "TechCorp Holding B.V.", "Bakkerij B.V."]),
        employee_count=st.sampled_from([None, 1, 2]),
        siblings=st.sampled_from([(), ("12345678",), ("90000001",)]),
        first_seen_at=st.sampled_from([START, START + timedelta(days=1)]),
    ),
    unique_by=lambda item: (item.search_profile, item.kvk_number),
    max_size=6,
)


@given(COMPANIES, st.randoms())
def test_the_order_of_the_rows_does_not_matter(companies, random):
    assert gather_accounts(random.sample(companies, len(companies))) == gather_accounts(companies)


@given(COMPANIES)
def test_every_number_is_one_account_and_none_its_own_sibling(companies):
    accounts = gather_accounts(companies)
    assert [account.kvk_number for account in accounts] == sorted(
        {item.kvk_number for item in companies}
    )
    linked = {
        (account.kvk_number, sibling.kvk_number)
        for account in accounts
        for sibling in account.siblings
    }
    known = {account.kvk_number for account in accounts}
    assert all(left != right for left, right in linked)
    assert all((right, left) in linked for left, right in linked if right in known)


@given(COMPANIES)
def test_no_vacancy_of_any_profile_is_lost(companies):
    there = {
        (account.kvk_number, name, vacancy_id)
        for account in gather_accounts(companies)
        for name, vacancy_ids in account.vacancy_ids.items()
        for vacancy_id in vacancy_ids
    }
    assert there == {
        (item.kvk_number, item.search_profile, vacancy_id)
        for item in companies
        for vacancy_id in item.vacancy_ids
    }
