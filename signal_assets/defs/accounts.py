"""The asset `accounts`, its checks, and the job that makes it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import dagster as dg
import pandas as pd

from signal_assets.defs.frames import preview, rows_of, to_frame
from signal_assets.defs.merged_companies import merged_companies
from signal_assets.defs.partitions import search_profiles
from signal_assets.defs.storage import TableStore
from signal_assets.defs.tables import ACCOUNTS
from signal_assets.defs.watching import watched
from signal_assets.domain.accounts import Account, ProfileCompany, gather_accounts
from signal_assets.domain.merging import Signal
from signal_assets.domain.outreach import NonMailingPolicy
from signal_assets.settings import Settings


@dg.asset(
    deps=[dg.AssetDep(merged_companies, partition_mapping=dg.AllPartitionMapping())],
    group_name="accounts",
    kinds={"parquet"},
    owners=["team:signal-assets"],
    code_version="1",
    metadata={"dagster/column_schema": ACCOUNTS.column_schema},
)
@watched
def accounts(
    tables: dg.ResourceParam[TableStore], settings: dg.ResourceParam[Settings]
) -> dg.MaterializeResult[pd.DataFrame]:
    """One KvK number over all search profiles, with its signals in each of them.

    Companies without a certain number are in no account. A holding and its operating company are
    two accounts that name each other as siblings.
    """
    companies = list(companies_of_profiles(tables))
    found = gather_accounts(companies, non_mailing_policy=settings.non_mailing_policy)
    frame = to_frame(map(_row, found), ACCOUNTS)
    return dg.MaterializeResult(
        value=frame,
        metadata={
            "dagster/row_count": len(frame),
            "accounts": len(frame),
            "companies": len(companies),
            "in_several_profiles": sum(len(account.search_profiles) > 1 for account in found),
            "with_siblings": sum(bool(account.siblings) for account in found),
            "search_profiles": len({company.search_profile for company in companies}),
            "preview": preview(
                frame, ["kvk_number", "name", "search_profiles", "vacancy_count", "employee_range"]
            ),
        },
    )


@dg.asset_check(asset=accounts, blocking=True)
def one_account_per_kvk_number(accounts: pd.DataFrame) -> dg.AssetCheckResult:
    """No KvK number has two accounts."""
    numbers = accounts["kvk_number"]
    repeated = sorted(set(numbers[numbers.duplicated()]))
    return dg.AssetCheckResult(passed=not repeated, metadata={"repeated": repeated[:50]})


@dg.asset_check(asset=accounts, blocking=True)
def every_company_with_a_number_has_an_account(
    accounts: pd.DataFrame, tables: dg.ResourceParam[TableStore]
) -> dg.AssetCheckResult:
    """Every company with a KvK number is in its account, under each search profile that has it."""
    expected = {
        (company.kvk_number, company.search_profile) for company in companies_of_profiles(tables)
    }
    there = {
        (row["kvk_number"], name)
        for row in rows_of(accounts, ["kvk_number", "search_profiles"])
        for name in row["search_profiles"]
    }
    missing = sorted(f"{number} ({name})" for number, name in expected - there)
    return dg.AssetCheckResult(
        passed=expected == there, metadata={"missing": missing[:50], "companies": len(expected)}
    )


@dg.asset_check(asset=accounts, blocking=True)
def siblings_are_other_numbers(accounts: pd.DataFrame) -> dg.AssetCheckResult:
    """No account is its own sibling: linked companies keep a KvK number each."""
    wrong = [
        row["kvk_number"]
        for row in rows_of(accounts, ["kvk_number", "siblings"])
        if row["kvk_number"]
        in {sibling["kvk_number"] for sibling in json.loads(row["siblings"] or "[]")}
    ]
    return dg.AssetCheckResult(passed=not wrong, metadata={"wrong": wrong[:50]})


CHECKS = (
    one_account_per_kvk_number,
    every_company_with_a_number_has_an_account,
    siblings_are_other_numbers,
)

accounts_job = dg.define_asset_job(
    "accounts_job",
    selection=[accounts.key],
    description="Bring the companies of all search profiles together, one account per KvK number.",
)
accounts_schedule = dg.ScheduleDefinition(
    job=accounts_job,
    cron_schedule="0 12 * * *",
    execution_timezone="Europe/Amsterdam",
    description="Every day at noon, when the morning's profiles are done.",
)


def companies_of_profiles(tables: TableStore) -> Iterator[ProfileCompany]:
    """Yield the companies with a KvK number of every search profile that has its table."""
    for name in search_profiles.get_partition_keys():
        frame = tables.read("merged_companies", name)
        if frame is None:
            continue
        for row in rows_of(frame[frame["kvk_number"].notna()]):
            yield _company(name, row)


def account_rows(
    tables: TableStore, non_mailing_policy: NonMailingPolicy
) -> list[Mapping[str, Any]]:
    """Return the rows that the asset would make of the tables as they stand."""
    companies = companies_of_profiles(tables)
    return [
        _row(found) for found in gather_accounts(companies, non_mailing_policy=non_mailing_policy)
    ]


def _company(search_profile: str, row: Mapping[str, Any]) -> ProfileCompany:
    signals: dict[str, list[dict[str, Any]]] = json.loads(row["signals"] or "{}")
    return ProfileCompany.model_validate(
        {
            "search_profile": search_profile,
            "signals": {
                field: tuple(Signal.model_validate(signal) for signal in found)
                for field, found in signals.items()
            },
            **{name: row.get(name) for name in _PLAIN},
            **{name: tuple(row.get(name) or ()) for name in _LISTS},
        }
    )


_PLAIN = (
    "company_id",
    "kvk_number",
    "name",
    "extraction_quality",
    "legal_form",
    "employee_count",
    "employee_range",
    "revenue_range",
    "establishment_count",
    "is_active",
    "non_mailing",
    "company_info_non_mailing",
    "is_natural_person_business",
    "is_holding",
    "first_seen_at",
)
_LISTS = ("vacancy_ids", "sbi_codes", "websites", "siblings")


def _row(account: Account) -> Mapping[str, Any]:
    row = account.model_dump(exclude={"signals", "siblings"})
    return {
        **row,
        "signals": {
            name: {field: _dump(found) for field, found in signals.items()}
            for name, signals in account.signals.items()
        },
        "siblings": _dump(account.siblings),
    }


def _dump(records: Iterable[Any]) -> list[dict[str, Any]]:
    return [record.model_dump(mode="json") for record in records]
