"""Erasing in tables: which rows belong to a subject or are too old, and tables without them.

Tables are gone through in one order. A killed erasure is run again and finds what is left, because
the rows that lead to others go last.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd
from upath import UPath

from signal_assets.defs.accounts import account_rows
from signal_assets.defs.frames import Table, rows_of, to_frame
from signal_assets.defs.storage import TableStore, is_local, write_table
from signal_assets.defs.tables import ACCOUNTS, TABLES
from signal_assets.domain.company_names import company_key
from signal_assets.domain.erasure import Subject, Traces
from signal_assets.domain.outreach import NonMailingPolicy
from signal_assets.domain.vacancies import hash_content

Row = dict[str, Any]

KEY_OF = {
    "extracted_vacancies": "vacancy_id",
    "raw_vacancies": "vacancy_id",
    "vacancy_fingerprints": "vacancy_id",
    "source_answers": None,
    "extraction_evaluation": None,
    "company_financials": "kvk_number",
    "merged_companies": "company_id",
    "company_quality": "company_id",
    "kvk_profiles": "company_id",
}
"""Table of a search profile → the column by which its rows are known; in the order of erasing."""

LINKING = ("company_quality", "kvk_profiles")
"""Tables whose rows lead to others; their rows go last."""

KEPT_COLUMNS = frozenset(
    {
        "vacancy_id",
        "external_id",
        "source",
        "content_hash",
        "made_of",
        "company_id",
        "kvk_number",
        "vacancy_ids",
        "client_vacancy_ids",
        "merged_from",
        "duplicate_of",
        "read_from",
        "extractor",
        "model",
    }
)
"""Ids and names of ours: a mask in them would tear rows apart. Rows go whole, by these."""


@dataclass(slots=True)
class Gone:
    """What goes of one search profile."""

    vacancy_ids: set[str] = field(default_factory=set)
    company_ids: set[str] = field(default_factory=set)
    kvk_numbers: set[str] = field(default_factory=set)
    """Also taken out of what is kept of others: candidates, siblings."""
    unused_numbers: set[str] = field(default_factory=set)
    """Their accounts go, as no company has them any more."""
    asked_before: datetime | None = None
    """What sources answered before this goes."""
    nameless_ids: set[str] = field(default_factory=set)
    """Vacancies that are kept without their advertiser."""

    def has(self, column: str, value: Any) -> bool:
        if column == "vacancy_id":
            return value in self.vacancy_ids
        if column == "company_id":
            return value in self.company_ids
        return value in self.kvk_numbers or value in self.unused_numbers


@dataclass(frozen=True, slots=True)
class Trail:
    """Everything in the tables that leads to a subject."""

    traces: Traces
    gone: Mapping[str, Gone]
    """Search profile → what goes of it."""
    texts: tuple[str, ...] = ()
    """The texts of the vacancies that go: answers that quote them go too."""


def profiles_with_tables(store: TableStore) -> list[str]:
    """Return every search profile that has a table, also those whose file is gone."""
    return sorted(
        {
            path.name.partition("=")[2]
            for asset in KEY_OF
            for path in _folders(store.root / asset)
            if path.name.startswith("search_profile=")
        }
    )


def follow_subject(
    store: TableStore, subject: Subject, profiles: Iterable[str], *, keep_vacancies: bool = False
) -> Trail:
    """Return what the tables hold of a subject.

    From a KvK number to the companies that have it, the names they advertise and are registered
    under, and companies of other search profiles with such a name that have no other number. From
    a name to the companies with that name, and their numbers. A mail address has no rows.
    """
    names = list(profiles)
    if subject.kind == "email":
        traces = Traces(addresses=[subject.value])
        return Trail(traces, {name: Gone() for name in names})
    search = _Search(store, names, subject)
    gone = search.run()
    texts: list[str] = []
    for name, of_profile in gone.items():
        texts += _texts(store, name, of_profile.vacancy_ids)
        if keep_vacancies:
            of_profile.nameless_ids, of_profile.vacancy_ids = of_profile.vacancy_ids, set()
    traces = Traces(numbers=search.numbers, names=search.names)
    return Trail(traces, gone, () if keep_vacancies else tuple(texts))


def follow_age(store: TableStore, profiles: Iterable[str], before: datetime) -> Trail:
    """Return the vacancies that no harvest has brought since, and the companies left with none."""
    gone = {}
    texts: list[str] = []
    for name in profiles:
        gone[name] = _find_old(store, name, before)
        texts += _texts(store, name, gone[name].vacancy_ids)
    return Trail(Traces(), gone, tuple(texts))


def erase_in_tables(
    store: TableStore,
    trail: Trail,
    *,
    write: bool,
    non_mailing_policy: NonMailingPolicy = "post_only",
) -> dict[str, int]:
    """Write each table without what goes; return the rows erased and changed, by table.

    Each table is replaced in one step. Without `write` nothing is, and the counts are the same.
    """
    counts: dict[str, int] = {}
    for asset in LINKING:
        for name, gone in trail.gone.items():
            _erase_in(store, asset, name, gone, trail.traces, counts, write, drop=False)
    for asset in (each for each in KEY_OF if each not in LINKING):
        for name, gone in trail.gone.items():
            _erase_in(store, asset, name, gone, trail.traces, counts, write)
    _erase_accounts(store, trail, counts, non_mailing_policy, write=write)
    for asset in LINKING:
        for name, gone in trail.gone.items():
            _erase_in(store, asset, name, gone, trail.traces, counts, write, mask=False)
    return counts


def find_leftovers(store: TableStore) -> list[UPath]:
    """Return what killed runs left beside the tables: half-written files, parts of a reading.

    A part that is missing is read again, from the ledger, by the run that goes on.
    """
    parts = store.parts()
    if not is_local(store.root):
        return parts
    return parts + [path for asset in TABLES for path in (store.root / asset).rglob(".*.tmp")]


def _erase_in(
    store: TableStore,
    asset: str,
    name: str,
    gone: Gone,
    traces: Traces,
    counts: dict[str, int],
    write: bool,
    *,
    drop: bool = True,
    mask: bool = True,
) -> None:
    frame = store.read(asset, name)
    if frame is None:
        return
    table = TABLES[asset]
    rows = list(_readable(frame, table))
    key = KEY_OF[asset]
    kept = [row for row in rows if not _goes(row, key, gone)] if drop else rows
    erased = len(rows) - len(kept)
    changed = 0
    if mask:
        clean = _Cleaner(table, gone, traces)
        raw = _raw_texts(store, name, clean) if asset == "extracted_vacancies" else {}
        cleaned = []
        for row in kept:
            is_kept = drop or not _goes(row, key, gone)
            after = _clean(asset, row, clean, raw) if is_kept else row
            changed += after != row
            cleaned.append(after)
        kept = cleaned
    if erased:
        counts[f"{asset}: rows"] = counts.get(f"{asset}: rows", 0) + erased
    if changed:
        counts[f"{asset}: changed"] = counts.get(f"{asset}: changed", 0) + changed
    if write and (erased or changed):
        store.write(table, name, to_frame(kept, table))


def _goes(row: Row, key: str | None, gone: Gone) -> bool:
    if key is None:
        moment = row.get("harvested_at")
        return bool(gone.asked_before and moment and moment < gone.asked_before)
    return gone.has(key, row[key]) or (
        row.get("kvk_number") is not None and row["kvk_number"] in gone.kvk_numbers
    )


class _Cleaner:
    """Takes what goes out of the rows that stay."""

    def __init__(self, table: Table, gone: Gone, traces: Traces) -> None:
        self._table = table
        self.gone = gone
        self.traces = traces

    def clean(self, row: Row) -> Row:
        after = {name: self._column(name, value) for name, value in row.items()}
        for pointer, reason in (("duplicate_of", "duplicate_reason"), ("read_from", None)):
            if after.get(pointer) in self.gone.vacancy_ids:
                after[pointer] = None
                after |= {reason: None} if reason else {}
        if row.get("vacancy_id") in self.gone.nameless_ids and "company_name" in row:
            after["company_name"] = None
        if "vacancy_count" in after and "vacancy_ids" in after:
            fewer = len(row["vacancy_ids"] or ()) - len(after["vacancy_ids"] or ())
            after["vacancy_count"] = (row["vacancy_count"] or 0) - fewer
        return after

    def _column(self, name: str, value: Any) -> Any:
        if name in ("vacancy_ids", "client_vacancy_ids") and value is not None:
            lost = self.gone.vacancy_ids | self.gone.nameless_ids
            return [id_ for id_ in value if id_ not in lost]
        if name == "merged_from" and value is not None:
            return [id_ for id_ in value if id_ not in self.gone.company_ids]
        return value if name in KEPT_COLUMNS else self.value(value)

    def value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.traces.mask(value)
        if isinstance(value, list):
            return [self.value(item) for item in value if not self._is_gone(item)]
        if isinstance(value, dict):
            return {
                key: item if key in KEPT_COLUMNS else self.value(item)
                for key, item in value.items()
            }
        return value

    def _is_gone(self, item: Any) -> bool:
        if isinstance(item, str):
            return item in self.gone.kvk_numbers
        return isinstance(item, dict) and (
            item.get("kvk_number") in self.gone.kvk_numbers
            or item.get("vacancy_id") in self.gone.vacancy_ids
            or item.get("company_id") in self.gone.company_ids
        )


def _clean(asset: str, row: Row, clean: _Cleaner, raw: Mapping[str, "_Text"]) -> Row:
    after = clean.clean(row)
    if asset == "raw_vacancies" and _words(after) != _words(row):
        after["content_hash"] = hash_content(*_words(after))
    if asset == "extracted_vacancies" and (text := raw.get(row["vacancy_id"])):
        after["evidence"] = [
            proof | {"quote": text.parts[proof["part"]][proof["start"] : proof["end"]]}
            for proof in after["evidence"] or []
        ]
        if after["content_hash"] == text.hash_before:
            after["content_hash"] = text.hash_after
    return after


@dataclass(frozen=True, slots=True)
class _Text:
    """The words of a vacancy as they will be, with the fingerprints of before and after."""

    parts: dict[str, str]
    hash_before: str
    hash_after: str


def _raw_texts(store: TableStore, name: str, clean: _Cleaner) -> dict[str, _Text]:
    found = {}
    columns = ["vacancy_id", "title", "description", "content_hash"]
    for row in _rows(store, "raw_vacancies", name, columns):
        title, description = map(clean.traces.mask, _words(row))
        is_changed = (title, description) != _words(row)
        found[row["vacancy_id"]] = _Text(
            {"title": title, "description": description},
            row["content_hash"],
            hash_content(title, description) if is_changed else row["content_hash"],
        )
    return found


def _erase_accounts(
    store: TableStore,
    trail: Trail,
    counts: dict[str, int],
    non_mailing_policy: NonMailingPolicy,
    *,
    write: bool,
) -> None:
    """Make the accounts anew from what is left, where any of them loses something."""
    frame = store.read(ACCOUNTS.asset)
    if frame is None:
        return
    numbers = {number for gone in trail.gone.values() for number in gone.kvk_numbers}
    touched = sum(
        row["kvk_number"] in numbers or _account_loses(row, trail)
        for row in _readable(frame, ACCOUNTS)
    )
    if not touched:
        return
    counts["accounts: changed"] = touched
    if write:
        rows = account_rows(store, non_mailing_policy)
        write_table(store.path(ACCOUNTS.asset), to_frame(rows, ACCOUNTS), ACCOUNTS)


def _account_loses(row: Row, trail: Trail) -> bool:
    for name, gone in trail.gone.items():
        cleaner = _Cleaner(ACCOUNTS, gone, trail.traces)
        ids = (row["vacancy_ids"] or {}).get(name, ())
        if gone.vacancy_ids.intersection(ids) or gone.nameless_ids.intersection(ids):
            return True
        if (row["company_ids"] or {}).get(name) in gone.company_ids:
            return True
        if cleaner.clean(row) != row:
            return True
    return False


class _Search:
    """Follows a company from what is asked to everything that belongs to it."""

    def __init__(self, store: TableStore, profiles: Sequence[str], subject: Subject) -> None:
        self._is_named = subject.kind == "company"
        self.numbers = {subject.value} if subject.kind == "kvk_number" else set()
        self.names = {subject.value} if self._is_named else set()
        self._asked_key = company_key(subject.value) if self._is_named else None
        self._gone = {name: Gone() for name in profiles}
        columns = ["vacancy_id", "company_name"]
        self._register = _by_profile(store, "kvk_profiles", profiles)
        self._quality = _by_profile(store, "company_quality", profiles)
        self._merged = _by_profile(store, "merged_companies", profiles)
        self._raw = _by_profile(store, "raw_vacancies", profiles, columns)

    def run(self) -> dict[str, Gone]:
        before = -1
        while before != (before := self._size()):
            for name, gone in self._gone.items():
                self._follow_register(name, gone)
                self._follow_companies(name, gone)
        for name, gone in self._gone.items():
            gone.kvk_numbers = set(self.numbers)
            self._gather_vacancies(name, gone)
        self.names |= set(self._candidate_names())
        return self._gone

    def _size(self) -> int:
        companies = sum(len(gone.company_ids) for gone in self._gone.values())
        return companies + len(self.numbers) + len(self.names)

    def _follow_register(self, name: str, gone: Gone) -> None:
        for row in self._register[name]:
            number = row["kvk_number"]
            named = {each for each in _names_in_register(row) if each}
            is_asked = self._asked_key is not None and (
                row["company_id"] == self._asked_key
                or self._asked_key in {company_key(each) for each in named}
            )
            if is_asked or row["company_id"] in gone.company_ids or number in self.numbers:
                gone.company_ids.add(row["company_id"])
                self.numbers |= {number} if number else set()
                self.names |= named
        for row in self._merged[name]:
            if row["company_id"] in gone.company_ids or row["kvk_number"] in self.numbers:
                gone.company_ids |= {row["company_id"], *(row["merged_from"] or ())}
                self.names |= {row["name"]} if row["name"] else set()

    def _follow_companies(self, name: str, gone: Gone) -> None:
        keys = {company_key(each) for each in self.names}
        has_number = {
            row["company_id"]: row["kvk_number"]
            for row in self._register[name]
            if row["kvk_number"]
        }
        for row in self._quality[name]:
            key = company_key(row["name"] or "")
            other = has_number.get(row["company_id"])
            is_other = other is not None and other not in self.numbers
            if row["company_id"] in gone.company_ids or (
                key is not None and (key == self._asked_key or (key in keys and not is_other))
            ):
                gone.company_ids.add(row["company_id"])
                self.names.add(row["name"])

    def _gather_vacancies(self, name: str, gone: Gone) -> None:
        keys = {company_key(each) for each in self.names} - {None}
        of_others: set[str] = set()
        for row in self._quality[name]:
            if row["company_id"] in gone.company_ids:
                gone.vacancy_ids |= set(_all_ids(row))
            else:
                of_others |= set(_all_ids(row))
        for row in self._raw[name]:
            name_ = row["company_name"]
            if name_ and row["vacancy_id"] not in of_others and company_key(name_) in keys:
                gone.vacancy_ids.add(row["vacancy_id"])
                self.names.add(name_)

    def _candidate_names(self) -> Iterator[str]:
        for rows in self._register.values():
            for row in rows:
                for candidate in row["candidates"] or ():
                    if candidate.get("kvk_number") in self.numbers and candidate.get("name"):
                        yield candidate["name"]


def _find_old(store: TableStore, name: str, before: datetime) -> Gone:
    """Also what an erasure that was killed left behind: companies of vacancies that are gone."""
    seen = {
        row["vacancy_id"]: row["last_seen_at"]
        for row in _rows(store, "raw_vacancies", name, ["vacancy_id", "last_seen_at"])
    }
    old = {vacancy_id for vacancy_id, moment in seen.items() if moment and moment < before}
    young = seen.keys() - old
    companies = list(_rows(store, "company_quality", name))
    register = list(_rows(store, "kvk_profiles", name, ["company_id", "kvk_number"]))
    kept = {row["company_id"] for row in companies if young.intersection(_all_ids(row))}
    empty = {row["company_id"] for row in (*companies, *register)} - kept
    used = {row["kvk_number"] for row in register if row["company_id"] in kept}
    unused = {row["kvk_number"] for row in register if row["company_id"] in empty} - used
    return Gone(
        vacancy_ids=old | {id_ for row in companies for id_ in _all_ids(row)} - young,
        company_ids=empty,
        unused_numbers={number for number in unused if number},
        asked_before=before,
    )


def _names_in_register(row: Row) -> Iterator[str | None]:
    """Yield the names of a company as registered, and as it was looked up."""
    yield row["statutory_name"]
    yield from row["trade_names"] or ()
    if row["decision"]:
        yield row["decision"]["company"]["name"]["raw_name"]


def _by_profile(
    store: TableStore, asset: str, profiles: Iterable[str], columns: Sequence[str] | None = None
) -> dict[str, list[Row]]:
    return {name: list(_rows(store, asset, name, columns)) for name in profiles}


def _rows(
    store: TableStore, asset: str, name: str, columns: Sequence[str] | None = None
) -> Iterator[Row]:
    frame = store.read(asset, name)
    if frame is not None:
        yield from _readable(frame, TABLES[asset], columns)


def _readable(
    frame: pd.DataFrame, table: Table, columns: Sequence[str] | None = None
) -> Iterator[Row]:
    """Yield rows with the columns of the table, JSON read; a column the file lacks is null."""
    names = [c.name for c in table.columns if columns is None or c.name in columns]
    is_json = {column.name for column in table.columns if column.is_json}
    for row in rows_of(frame, [name for name in names if name in frame]):
        for name in is_json.intersection(row):
            row[name] = None if row[name] is None else json.loads(row[name])
        yield {name: row.get(name) for name in names}


def _all_ids(row: Row) -> list[str]:
    return [*(row["vacancy_ids"] or ()), *(row["client_vacancy_ids"] or ())]


def _words(row: Row) -> tuple[str, str]:
    return row["title"] or "", row["description"] or ""


def _texts(store: TableStore, name: str, vacancy_ids: Collection[str]) -> Iterator[str]:
    if vacancy_ids:
        for row in _rows(store, "raw_vacancies", name, ["vacancy_id", "title", "description"]):
            if row["vacancy_id"] in vacancy_ids:
                yield from filter(None, _words(row))


def _folders(path: UPath) -> Iterable[UPath]:
    try:
        return list(path.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
