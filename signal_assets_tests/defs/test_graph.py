"""The asset graph: what there is, what hangs on what, and that everything is described."""

import dagster as dg
import pytest

from signal_assets.definitions import defs
from signal_assets.defs.frames import to_frame
from signal_assets.defs.tables import TABLES

GRAPH = defs.resolve_asset_graph()
BLOCKING = {
    "no_vacancy_twice",
    "most_extractions_succeeded",
    "every_quote_stands_in_its_text",
    "vacancy_quality_is_a_share",
    "company_quality_is_a_share",
    "kvk_numbers_are_eight_digits",
    "no_kvk_number_twice",
    "no_vacancy_lost",
}


def parents(asset: str) -> set[str]:
    return {key.to_user_string() for key in GRAPH.get(dg.AssetKey(asset)).parent_keys}


@pytest.mark.parametrize(
    ("asset", "upstream"),
    [
        ("raw_vacancies", set()),
        ("extracted_vacancies", {"raw_vacancies", "extraction_prompts"}),
        ("company_quality", {"raw_vacancies", "extracted_vacancies"}),
        ("company_financials", {"kvk_profiles"}),
    ],
)
def test_each_table_is_made_of_the_ones_before_it(asset: str, upstream: set[str]) -> None:
    assert parents(asset) == upstream


def test_the_registers_come_after_the_gate() -> None:
    assert "company_quality" in parents("kvk_profiles")
    assert {"kvk_profiles", "company_financials"} <= parents("merged_companies")


def test_every_asset_says_what_one_row_is_and_where_it_belongs() -> None:
    for key in GRAPH.get_all_asset_keys():
        node = GRAPH.get(key)
        assert node.description, key
        assert node.group_name != "default", key
        if node.is_materializable:
            assert node.owners, key
            assert node.kinds, key
            assert "dagster/column_schema" in node.metadata, key


def test_every_check_is_a_sentence_that_is_true_when_it_passes() -> None:
    for key in GRAPH.asset_check_keys:
        description = GRAPH.get(key).description
        assert description, key
        assert description.endswith("."), key


def test_the_checks_the_contract_marks_are_blocking() -> None:
    blocking = {
        spec.name
        for checks in defs.asset_checks or ()
        if isinstance(checks, dg.AssetChecksDefinition)
        for spec in checks.check_specs
        if spec.blocking
    }
    assert blocking >= BLOCKING


def test_checks_are_partitioned_as_their_tables() -> None:
    for checks in defs.asset_checks or ():
        assert isinstance(checks, dg.AssetChecksDefinition)
        for spec in checks.check_specs:
            partitions = GRAPH.get(spec.asset_key).partitions_def
            assert spec.partitions_def == partitions, spec.key


@pytest.mark.parametrize("name", ["harvest_job", "extraction_job", "enrichment_job", "full_job"])
def test_every_job_is_described(name: str) -> None:
    assert defs.resolve_job_def(name).description


def test_every_column_is_described() -> None:
    for table in TABLES.values():
        for column in table.columns:
            assert column.description, f"{table.asset}.{column.name}"


def test_a_row_with_an_unknown_column_is_refused() -> None:
    with pytest.raises(KeyError, match="no column"):
        to_frame([{"nonsense": 1}], TABLES["company_quality"])
