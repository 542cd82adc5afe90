from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.lei_register import parse_lei_records
from signal_assets.domain.wire_fields import UnreadableAnswer


def record(**entity: Any) -> dict[str, Any]:
    return {
        "type": "lei-records",
        "attributes": {
            "entity": {
                "legalName": {"name": "TechCorp B.V."},
                "legalAddress": {"city": "Utrecht", "country": "NL"},
                "registeredAt": {"id": "RA000463"},
                "registeredAs": "01234567",
                "legalForm": {"id": "54M6"},
                "status": "ACTIVE",
                **entity,
            }
        },
    }


def answer(*records: dict[str, Any], total: int | None = None) -> dict[str, Any]:
    return {"data": list(records), "meta": {"pagination": {"total": total}} if total else {}}


def test_a_record_is_a_row_with_number_place_and_form():
    found = parse_lei_records(answer(record(), total=1))
    (row,) = found.rows
    assert (row.kvk_number, row.name, row.place) == ("01234567", "TechCorp B.V.", "Utrecht")
    assert (row.legal_form, row.is_active, row.source) == ("besloten_vennootschap", True, "gleif")
    assert found.is_complete


@pytest.mark.parametrize(
    "entity",
    [
        {"registeredAs": None},
        {"registeredAs": "HRB 1234"},
        {"registeredAt": {"id": "RA000999"}},
    ],
)
def test_what_has_no_number_of_the_dutch_register_is_left_out(entity):
    assert parse_lei_records(answer(record(**entity))).rows == ()


def test_other_names_and_places_are_rows_of_the_same_number():
    found = parse_lei_records(
        answer(
            record(
                otherNames=[{"name": "TechCorp Software"}],
                headquartersAddress={"city": "Delft", "country": "NL"},
            )
        )
    )
    assert {(row.name, row.place) for row in found.rows} == {
        ("TechCorp B.V.", "Utrecht"),
        ("TechCorp B.V.", "Delft"),
        ("TechCorp Software", "Utrecht"),
        ("TechCorp Software", "Delft"),
    }


def test_more_than_came_is_not_complete():
    assert not parse_lei_records(answer(record(), total=51)).is_complete


def test_nothing_found_is_an_empty_list():
    assert parse_lei_records({"data": []}).rows == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


@given(st.sampled_from(["legalName", "registeredAs", "legalAddress", "status", "otherNames"]), JSON)
def test_any_other_shape_is_read_or_refused(field, value):
    with suppress(UnreadableAnswer):
        parse_lei_records(answer(record(**{field: value})))
