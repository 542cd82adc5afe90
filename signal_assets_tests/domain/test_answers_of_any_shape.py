"""Whatever JSON a service sends, a parser gives a record or an error that says what is wrong."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signal_assets.clients.company_info_mappings import load_mapping
from signal_assets.domain.business_register import (
    parse_establishment,
    parse_establishments,
    parse_faults,
    parse_profile,
    parse_search,
)
from signal_assets.domain.field_mapping import apply_mapping
from signal_assets.domain.google_jobs import parse_page
from signal_assets.domain.wire_fields import UnreadableAnswer, parse_json_object

FETCHED = datetime(2026, 3, 1, tzinfo=UTC)
MAPPING = load_mapping()

NAMES = [
    *("kvkNummer", "naam", "type", "resultaten", "totaal", "adres", "binnenlandsAdres", "plaats"),
    *("handelsnamen", "volgorde", "sbiActiviteiten", "sbiCode", "_embedded", "eigenaar"),
    *("hoofdvestiging", "rsin", "rechtsvorm", "adressen", "websites", "vestigingen", "fout"),
    *("formeleRegistratiedatum", "materieleRegistratie", "datumEinde", "meldingen", "code"),
    *("kvkNumber", "employeeCount", "employeeRange", "sbiCodes", "foundedDate", "activeStatus"),
    *("financials", "revenue", "year", "search_metadata", "status", "processed_at", "title"),
    *("jobs_results", "job_id", "detected_extensions", "posted_at", "apply_options", "link"),
    *("serpapi_pagination", "next_page_token", "error"),
]
WORDS = ["Ja", "Nee", "02076358", "20190000", "99999999", "Success", "hoofdvestiging", "3 days ago",
         "2026-03-10 09:30:00 UTC", "active", "\ud800", "\x00", ""]  # fmt: skip

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(WORDS),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=20,
)
payloads = st.dictionaries(st.sampled_from(NAMES), values)

PARSERS: list[Callable[[dict[str, Any]], object]] = [
    parse_search,
    parse_establishment,
    parse_establishments,
    parse_faults,
    lambda payload: parse_profile(payload, FETCHED),
    lambda payload: parse_page(payload, "a term", 1),
    lambda payload: apply_mapping(MAPPING, payload, "02076358", FETCHED),
]


@pytest.mark.parametrize("parse", PARSERS)
@settings(max_examples=60)
@given(payload=payloads)
def test_any_object_is_a_record_or_an_error_of_its_own_kind(parse, payload):
    with suppress(UnreadableAnswer):
        parse(payload)


@settings(max_examples=60)
@given(payload=payloads)
def test_a_profile_that_is_read_can_be_stored_as_text(payload):
    payload |= {"kvkNummer": "02076358", "naam": "Voorbeeld"}
    try:
        profile = parse_profile(payload, FETCHED)
    except UnreadableAnswer:
        return
    assert profile.model_dump_json()


@settings(max_examples=60)
@given(st.text() | st.binary().map(lambda data: data.decode("utf-8", "replace")))
def test_any_text_is_an_object_or_an_error(text):
    with suppress(UnreadableAnswer):
        assert isinstance(parse_json_object(text), dict)


@settings(max_examples=60)
@given(payloads)
def test_an_object_comes_back_as_it_was(payload):
    text = json.dumps(payload)
    assert json.dumps(parse_json_object(text)) == text
