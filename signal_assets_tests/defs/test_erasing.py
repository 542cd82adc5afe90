"""Erasing in tables, on two small search profiles that know the same companies."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from upath import UPath

from signal_assets.defs.company_financials import one_row_per_kvk_number
from signal_assets.defs.erasing import (
    KEPT_COLUMNS,
    Trail,
    erase_in_tables,
    follow_age,
    follow_subject,
    profiles_with_tables,
)
from signal_assets.defs.extracted_vacancies import every_quote_stands_in_its_text
from signal_assets.defs.frames import Table, rows_of, to_frame
from signal_assets.defs.merged_companies import no_vacancy_lost
from signal_assets.defs.raw_vacancies import no_vacancy_twice
from signal_assets.defs.storage import TableStore
from signal_assets.defs.tables import TABLES
from signal_assets.domain.erasure import Subject, parse_subject
from signal_assets.domain.search_profiles import SearchProfile
from signal_assets.domain.vacancies import hash_content

NUMBER, OTHER = "01234567", "90000014"
NUMBER_ASKED = Subject(kind="kvk_number", value=NUMBER)
MAIL = Subject(kind="email", value="jan@jansen.test")
NAME = parse_subject("company", "Jansen Boekhouding")
NOW = datetime(2026, 11, 28, tzinfo=UTC)
OLD = NOW - timedelta(days=400)
QUOTE = "Wij werken met Exact en mailen naar jan@jansen.test"
ROWS = dict[str, list[dict[str, Any]]]


def vacancy(number: int, name: str, text: str, seen: datetime = NOW, **more: Any) -> dict[str, Any]:
    return {
        "vacancy_id": f"file:{number}",
        "source": "file",
        "external_id": str(number),
        "title": "Boekhouder",
        "company_name": name,
        "description": text,
        "first_seen_at": OLD,
        "last_seen_at": seen,
        "content_hash": hash_content("Boekhouder", text),
        **more,
    }


def reading(of: dict[str, Any], quote: str) -> dict[str, Any]:
    start = of["description"].index(quote)
    proof = {"field": "erp", "value": "Exact", "quote": quote, "part": "description"}
    return {
        "vacancy_id": of["vacancy_id"],
        "company_name": of["company_name"],
        "extraction_status": "completed",
        "extracted_data": {"erp": ["Exact"]},
        "evidence": [proof | {"start": start, "end": start + len(quote)}],
        "content_hash": of["content_hash"],
    }


def company(id_: str, name: str, ids: list[str], *, qualifies: bool = True) -> dict[str, Any]:
    return {
        "company_id": id_,
        "name": name,
        "vacancy_ids": ids,
        "client_vacancy_ids": [],
        "vacancy_count": len(ids),
        "qualifies": qualifies,
    }


def candidate(number: str, name: str) -> dict[str, Any]:
    return {"kvk_number": number, "name": name, "score": 1.0, "reasons": [f"{name} heet zo"]}


def merged(id_: str, name: str, number: str, ids: list[str], **more: Any) -> dict[str, Any]:
    signal = {"value": "Exact", "quote": "Exact", "vacancy_id": ids[0], "date": "2026-11-01"}
    return {
        "company_id": id_,
        "name": name,
        "kvk_number": number,
        "vacancy_ids": ids,
        "signals": {"erp": [signal]},
        "first_seen_at": OLD,
        **more,
    }


def small_world() -> dict[str, ROWS]:
    """Return two profiles: in `one` Jansen has its number, in `two` it was never looked up."""
    jansen = vacancy(1, "Jansen Boekhouding B.V.", f"{QUOTE}. KvK 01.23.45.67.", OLD)
    of_agency = vacancy(
        2,
        "Werving Noord",
        f"Voor Jansen Boekhouding te Sneek: {QUOTE}.",
        duplicate_of="file:1",
        duplicate_reason="text",
    )
    plain = vacancy(3, "TechCorp B.V.", "Wij werken met Exact. Bel ons.")
    one: ROWS = {
        "raw_vacancies": [jansen, of_agency, plain],
        "extracted_vacancies": [
            reading(jansen, QUOTE),
            reading(of_agency, QUOTE) | {"read_from": "file:1"},
            reading(plain, "Wij werken met Exact"),
        ],
        "vacancy_fingerprints": [
            {"vacancy_id": f"file:{n}", "made_of": "x", "keys": [n], "signature": b"x"}
            for n in (1, 2, 3)
        ],
        "source_answers": [
            {"harvested_at": OLD, "source": "board", "board": "techcorp", "found": 1},
            {"harvested_at": NOW, "source": "board", "board": "jansen boekhouding", "found": 1},
        ],
        "company_quality": [
            company("jansen boekhouding", "Jansen Boekhouding B.V.", ["file:1"]),
            company("werving noord", "Werving Noord", ["file:2"], qualifies=False),
            company("techcorp", "TechCorp B.V.", ["file:3"]),
        ],
        "kvk_profiles": [
            {
                "company_id": "jansen boekhouding",
                "kvk_number": NUMBER,
                "match_decision": "auto",
                "statutory_name": "J. Jansen Administraties",
                "trade_names": ["Jansen Boekhouding"],
                "candidates": [candidate(NUMBER, "Jansen Boekhouding")],
            },
            {
                "company_id": "techcorp",
                "kvk_number": OTHER,
                "match_decision": "auto",
                "siblings": [NUMBER],
                "match_reasons": ["not J. Jansen Administraties"],
                "candidates": [
                    candidate(OTHER, "TechCorp"),
                    candidate(NUMBER, "J. Jansen Administraties"),
                ],
                "decision": {
                    "company": {"name": {"raw_name": "TechCorp B.V."}},
                    "rows": [candidate(OTHER, "TechCorp"), candidate(NUMBER, "Jansen")],
                    "unknown": [NUMBER],
                },
            },
        ],
        "company_financials": [{"kvk_number": NUMBER}, {"kvk_number": OTHER}],
        "merged_companies": [
            merged("jansen boekhouding", "J. Jansen Administraties", NUMBER, ["file:1"]),
            merged("techcorp", "TechCorp B.V.", OTHER, ["file:3"], siblings=[NUMBER]),
        ],
    }
    again = vacancy(4, "JANSEN BOEKHOUDING", f"{QUOTE}!", OLD)
    two: ROWS = {
        "raw_vacancies": [again],
        "extracted_vacancies": [reading(again, QUOTE)],
        "company_quality": [
            company("jansen boekhouding", "JANSEN BOEKHOUDING", ["file:4"], qualifies=False)
        ],
        "kvk_profiles": [],
        "merged_companies": [],
    }
    return {"one": one, "two": two}


def stored(folder: Path) -> TableStore:
    store = TableStore(str(folder))
    for name, tables in small_world().items():
        for asset, rows in tables.items():
            store.write(TABLES[asset], name, to_frame(rows, TABLES[asset]))
    return store


@pytest.fixture
def store(tmp_path: Path) -> TableStore:
    return stored(tmp_path)


def erase(store: TableStore, subject: Subject, **options: Any) -> dict[str, int]:
    trail = follow_subject(store, subject, profiles_with_tables(store), **options)
    return erase_in_tables(store, trail, write=True)


def table(store: TableStore, asset: str, name: str = "one") -> pd.DataFrame:
    frame = store.read(asset, name)
    assert frame is not None
    return frame


def everything(store: TableStore) -> dict[str, list[dict[str, Any]]]:
    return {
        f"{name}/{asset}": list(rows_of(frame))
        for name in profiles_with_tables(store)
        for asset in TABLES
        if (frame := store.read(asset, name)) is not None
    }


def as_text(store: TableStore) -> str:
    return json.dumps(everything(store), default=str, ensure_ascii=False).casefold()


def passes(check: dg.AssetChecksDefinition, *frames: pd.DataFrame, **resources: object) -> bool:
    result = check(*frames, **resources)
    assert isinstance(result, dg.AssetCheckResult)
    return result.passed


def quotes_stand(store: TableStore, name: str) -> bool:
    profile = SearchProfile.model_validate(
        {
            "name": name,
            "sources": [{"type": "file", "path": "none.jsonl"}],
            "extraction": {"system_prompt": "?", "schema": {"erp": "?"}},
        }
    )
    extracted = table(store, "extracted_vacancies", name)
    return passes(every_quote_stands_in_its_text, extracted, search_profile=profile, tables=store)


def assert_sound(store: TableStore) -> None:
    """The blocking checks that rows could break pass, in every profile."""
    for name in profiles_with_tables(store):
        raw = table(store, "raw_vacancies", name)
        quality = table(store, "company_quality", name)
        companies = table(store, "merged_companies", name)
        assert passes(no_vacancy_twice, raw)
        assert quotes_stand(store, name)
        assert passes(no_vacancy_lost, companies, quality)
    assert passes(one_row_per_kvk_number, table(store, "company_financials"))


@pytest.mark.parametrize("subject", [NUMBER_ASKED, NAME], ids=["number", "name"])
def test_a_company_is_gone_from_every_table_of_every_profile(
    store: TableStore, subject: Subject
) -> None:
    erase(store, subject)
    left = as_text(store)
    for trace in (NUMBER, "01.23.45.67", "jansen boekhouding", "j. jansen administraties"):
        assert trace not in left
    assert list(table(store, "raw_vacancies")["vacancy_id"]) == ["file:2", "file:3"]
    assert table(store, "raw_vacancies", "two").empty
    assert list(table(store, "company_financials")["kvk_number"]) == [OTHER]
    assert_sound(store)


def test_what_other_companies_have_stays(store: TableStore) -> None:
    before = everything(store)["one/raw_vacancies"][2]
    erase(store, NUMBER_ASKED)
    after = everything(store)
    assert after["one/raw_vacancies"][1] == before
    (techcorp,) = after["one/kvk_profiles"]
    assert [each["name"] for each in json.loads(techcorp["candidates"])] == ["TechCorp"]
    assert json.loads(techcorp["decision"])["unknown"] == []
    assert techcorp["siblings"] == []


def test_a_copy_of_an_erased_vacancy_points_at_nothing(store: TableStore) -> None:
    erase(store, NUMBER_ASKED)
    (copy, _) = everything(store)["one/raw_vacancies"]
    assert (copy["duplicate_of"], copy["duplicate_reason"]) == (None, None)
    assert everything(store)["one/extracted_vacancies"][0]["read_from"] is None


def test_a_mail_address_is_masked_and_every_quote_still_stands(store: TableStore) -> None:
    erase(store, MAIL)
    assert "jan@jansen.test" not in as_text(store)
    assert len(table(store, "raw_vacancies")) == 3
    assert_sound(store)


def test_a_vacancy_that_was_masked_is_not_read_again(store: TableStore) -> None:
    erase(store, MAIL)
    hashes = dict(table(store, "raw_vacancies")[["vacancy_id", "content_hash"]].to_numpy())
    assert dict(table(store, "extracted_vacancies")[["vacancy_id", "content_hash"]].to_numpy()) == (
        hashes
    )
    description = everything(store)["one/raw_vacancies"][0]["description"]
    assert hashes["file:1"] == hash_content("Boekhouder", description)


def test_vacancies_can_be_kept_without_their_advertiser(store: TableStore) -> None:
    erase(store, NUMBER_ASKED, keep_vacancies=True)
    rows = everything(store)
    assert [row["company_name"] for row in rows["one/raw_vacancies"]] == [
        None,
        "Werving Noord",
        "TechCorp B.V.",
    ]
    assert "jansen boekhouding" not in as_text(store)
    assert_sound(store)


def test_a_company_with_the_same_name_and_another_number_stays(store: TableStore) -> None:
    row = {"company_id": "jansen boekhouding", "kvk_number": OTHER, "match_decision": "auto"}
    store.write(TABLES["kvk_profiles"], "two", to_frame([row], TABLES["kvk_profiles"]))
    erase(store, NUMBER_ASKED)
    assert list(table(store, "raw_vacancies", "two")["vacancy_id"]) == ["file:4"]


def test_one_profile_alone_can_be_erased(store: TableStore) -> None:
    trail = follow_subject(store, NUMBER_ASKED, ["one"])
    erase_in_tables(store, trail, write=True)
    assert list(table(store, "raw_vacancies", "two")["vacancy_id"]) == ["file:4"]


def test_looking_changes_nothing_and_counts_what_erasing_counts(store: TableStore) -> None:
    before = everything(store)
    trail = follow_subject(store, NUMBER_ASKED, profiles_with_tables(store))
    counts = erase_in_tables(store, trail, write=False)
    assert everything(store) == before
    assert counts["raw_vacancies: rows"] == 2
    assert erase(store, NUMBER_ASKED)["raw_vacancies: rows"] == 2
    assert erase(store, NUMBER_ASKED) == {}


class KilledStore(TableStore):
    """A store that dies in its n-th write."""

    def __init__(self, root: str, writes: int) -> None:
        super().__init__(root)
        self.left = writes

    def write(self, table: Table, search_profile: str, frame: pd.DataFrame) -> UPath:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        return super().write(table, search_profile, frame)


def trail_of(store: TableStore, subject: Subject | None) -> Trail:
    names = profiles_with_tables(store)
    if subject is None:
        return follow_age(store, names, NOW - timedelta(days=365))
    return follow_subject(store, subject, names)


EACH_SUBJECT = pytest.mark.parametrize(
    "subject",
    [
        pytest.param(NUMBER_ASKED, marks=pytest.mark.slow),
        pytest.param(NAME, marks=pytest.mark.slow),
        MAIL,
        pytest.param(None, marks=pytest.mark.slow),
    ],
    ids=["number", "name", "mail", "age"],
)


@EACH_SUBJECT
def test_an_erasure_that_is_killed_anywhere_ends_the_same_when_run_again(
    tmp_path: Path, subject: Subject | None
) -> None:
    whole = stored(tmp_path / "whole")
    erase_in_tables(whole, trail_of(whole, subject), write=True)
    expected = everything(whole)
    writes = 0
    while True:
        folder = tmp_path / str(writes)
        stored(folder)
        store = KilledStore(str(folder), writes)
        try:
            erase_in_tables(store, trail_of(store, subject), write=True)
        except KeyboardInterrupt:
            again = TableStore(str(folder))
            erase_in_tables(again, trail_of(again, subject), write=True)
            assert everything(again) == expected, f"killed in write {writes}"
            writes += 1
        else:
            break
    assert writes > 3


@settings(max_examples=15, deadline=None)
@given(
    before=st.text(alphabet="ab \n.é", max_size=20),
    after=st.text(alphabet="ab \n.é", max_size=20),
    cut=st.tuples(st.integers(0, 60), st.integers(0, 60)),
)
def test_wherever_a_quote_is_cut_it_stands_in_the_masked_text(
    tmp_path_factory: pytest.TempPathFactory, before: str, after: str, cut: tuple[int, int]
) -> None:
    text = f"{before} {MAIL.value} {after}"
    start, end = sorted(min(place, len(text)) for place in cut)
    raw = vacancy(1, "TechCorp", text)
    proof = {"field": "erp", "value": "x", "quote": text[start:end], "part": "description"}
    read = reading(raw, "") | {"evidence": [proof | {"start": start, "end": end}]}
    store = TableStore(str(tmp_path_factory.mktemp("store")))
    for asset, row in (("raw_vacancies", raw), ("extracted_vacancies", read)):
        store.write(TABLES[asset], "one", to_frame([row], TABLES[asset]))

    erase(store, MAIL)

    assert quotes_stand(store, "one")
    assert MAIL.value not in as_text(store)


def test_what_no_harvest_brought_for_long_goes_with_the_companies_left_without(
    store: TableStore,
) -> None:
    erase_in_tables(store, trail_of(store, None), write=True)
    assert list(table(store, "raw_vacancies")["vacancy_id"]) == ["file:2", "file:3"]
    assert list(table(store, "company_quality")["company_id"]) == ["werving noord", "techcorp"]
    assert list(table(store, "kvk_profiles")["company_id"]) == ["techcorp"]
    assert list(table(store, "company_financials")["kvk_number"]) == [OTHER]
    assert list(table(store, "source_answers")["board"]) == ["jansen boekhouding"]
    assert list(table(store, "merged_companies")["company_id"]) == ["techcorp"]
    assert_sound(store)


def test_a_company_that_still_advertises_keeps_its_row_with_the_vacancies_that_are_left(
    store: TableStore,
) -> None:
    rows = [vacancy(1, "TechCorp", "x", OLD), vacancy(3, "TechCorp", "y")]
    quality = [company("techcorp", "TechCorp", ["file:1", "file:3"])]
    both = [merged("techcorp", "TechCorp", OTHER, ["file:1", "file:3"])]
    for asset, new in (
        ("raw_vacancies", rows),
        ("company_quality", quality),
        ("merged_companies", both),
    ):
        store.write(TABLES[asset], "one", to_frame(new, TABLES[asset]))
    erase_in_tables(store, trail_of(store, None), write=True)
    (left,) = everything(store)["one/company_quality"]
    assert (left["vacancy_ids"], left["vacancy_count"]) == (["file:3"], 1)
    (left,) = everything(store)["one/merged_companies"]
    assert json.loads(left["signals"]) == {"erp": []}
    assert passes(
        no_vacancy_lost, table(store, "merged_companies"), table(store, "company_quality")
    )


def test_every_kept_column_is_one_of_a_table() -> None:
    known = {column.name for table in TABLES.values() for column in table.columns}
    assert known >= KEPT_COLUMNS
