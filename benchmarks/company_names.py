"""Company names: how fast they are normalised, and how often a name alone tells a company.

Run it with `python benchmarks/company_names.py`. Real names are read from the folder that
SIGNAL_ASSETS_REFERENCE_DATA names; without it only invented names are timed.
"""

import csv
import gzip
import itertools
import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from signal_assets.domain.companies import Match, RegisterRow
from signal_assets.domain.company_names import (
    company_key,
    normalize_company_name,
    register_keys,
)
from signal_assets.domain.employer_lists import Employer, EmployerList
from signal_assets.domain.register_evidence import AdvertisedCompany, group_entries
from signal_assets.domain.register_matching import decide

REPOSITORY = Path(__file__).resolve().parent.parent
SYLLABLES = ("tech", "bouw", "zorg", "data", "noord", "waal", "ster", "veld", "mark", "lux")
ENDINGS = ("B.V.", "BV", "N.V.", "Groep", "Nederland B.V.", "& Zonen", "", "Holding B.V.", "V.O.F.")


def main() -> None:
    folder = Path(os.environ.get("SIGNAL_ASSETS_REFERENCE_DATA", REPOSITORY.parent / "shared"))
    time_grouping("invented names", list(invent_names()))
    if not (folder / "data").is_dir():
        print(f"no reference data in {folder}: the rest is skipped")
        return
    data = folder / "data"
    time_grouping("advertisers as they come", read_advertisers(data))
    time_grouping("advertisers, each name once", sorted(set(read_advertisers(data))))
    employers = read_rows(data / "employers/employers_kvk_nl.csv")
    time_grouping("register names", [row["name"] for row in employers])
    measure_ambiguity(employers)
    measure_lookups(data, employers)
    pairs = read_rows(data / "name_matching/register_name_pairs.csv")
    measure_pairs_in_register(employers, pairs)
    measure_pairs(
        "register pairs as two strings and nothing else, without the renamed",
        [
            (row["name_a"], row["name_b"], row["label"] == "1", row["kind"])
            for row in pairs
            if row["kind"] != "same_kvk_renamed_no_overlap"
        ],
    )
    pairs = read_rows(data / "name_matching/company_names_seen_in_ads_pairs.csv")
    measure_pairs(
        "advertisers' pairs, same against different",
        [
            (row["name_a"], row["name_b"], row["relation"] == "same", row["relation"])
            for row in pairs
            if row["relation"] != "uncertain"
        ],
    )


def invent_names() -> Iterable[str]:
    for first, second, third in itertools.product(SYLLABLES, repeat=3):
        for ending in ENDINGS:
            yield f"{first}{second} {third} {ending}".strip().title()


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_advertisers(data: Path) -> list[str]:
    names: list[str] = []
    with (data / "vacancies/vacancies_finance.jsonl").open(encoding="utf-8") as lines:
        names += [json.loads(line)["company_name"] or "" for line in lines]
    with gzip.open(
        data / "vacancies/vacancies_nl_be_other.jsonl.gz", "rt", encoding="utf-8"
    ) as lines:
        names += [json.loads(line)["company_name"] or "" for line in lines]
    return [name for name in names if name]


def time_grouping(title: str, names: Sequence[str]) -> None:
    """Print names a second, normalising and grouping included, with nothing remembered."""
    company_key("warm up")
    best = 0.0
    for _ in range(3):
        normalize_company_name.cache_clear()
        register_keys.cache_clear()
        groups: dict[str | None, list[str]] = defaultdict(list)
        started = time.perf_counter()
        for name in names:
            groups[company_key(name)].append(name)
        best = max(best, len(names) / (time.perf_counter() - started))
    print(f"{title}: {len(names):,} names, {len(groups):,} companies, {best:,.0f} names/s")


def measure_ambiguity(employers: Sequence[dict[str, str]]) -> None:
    """Print the share of KvK numbers whose key another number has too."""
    keys = [found for row in employers if (found := register_keys(row["name"]))]
    for key_name in ("key_t1", "key_t2"):
        counts = Counter(getattr(found, key_name) for found in keys)
        shared = sum(count for count in counts.values() if count > 1)
        print(f"ambiguous {key_name}: {shared / len(keys):.2%} of {len(keys):,} employers")


def measure_lookups(data: Path, employers: Sequence[dict[str, str]]) -> None:
    """Print how advertisers are found in the list of employers, by name alone.

    Only rows whose right number is in the list count, or whose advertiser is known to be in no
    list; for the wrong choices the right employer is taken out of the list.
    """
    known = EmployerList(to_employers(employers))
    time_lookups(employers)
    names = {row["kvk_number"]: row["name"] for row in employers}
    rows = read_rows(data / "name_matching/ad_company_to_kvk_silver.csv")
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    misses: list[str] = []
    for row in rows:
        right = set(row["kvk_numbers"].split(";")) - {""}
        if not right <= names.keys():
            continue
        match = find(known, row["company_name_in_ad"])
        first = match.candidates[0].kvk_number if match.candidates else None
        place = "right first" if first in right else "other first"
        outcomes[row["status"]][f"{match.decision}, {place}"] += 1
        if right and (match.decision == "none" or first not in right):
            misses.append(f"{row['company_name_in_ad']} | {row['register_names']}")
    print("advertisers looked up in the list of employers")
    for status, counts in outcomes.items():
        print(f"  {status}: {dict(counts)}")
    exact = outcomes["unique_exact_core"]
    weak = outcomes["unique_core_without_country_or_group_word"]
    found = weak["auto, right first"] + weak["review, right first"]
    print(f"  exact name: auto and right {exact['auto, right first'] / exact.total():.3f}")
    print(f"  weak word dropped: right one first, auto or review {found / weak.total():.3f}")
    for miss in misses:
        print(f"    not found: {miss}")
    measure_absent(known, rows, names)


def time_lookups(employers: Sequence[dict[str, str]]) -> None:
    """Print the time of a look-up in lists of growing size, names not normalised before."""
    for share in (10, 3, 1):
        part = employers[::share]
        normalize_company_name.cache_clear()
        register_keys.cache_clear()
        started = time.perf_counter()
        known = EmployerList(to_employers(part))
        built = time.perf_counter()
        for row in part:
            find(known, row["name"])
        ended = time.perf_counter()
        print(
            f"{len(part):,} names looked up in as many employers: {ended - started:.2f} s, "
            f"{(ended - built) / len(part) * 1e6:.0f} us a name after the list is read"
        )


def measure_absent(
    known: EmployerList, rows: Sequence[dict[str, str]], names: Mapping[str, str]
) -> None:
    """Print how often another employer is chosen when the right one is not in the list."""
    with_right = [row for row in rows if row["kvk_numbers"]]
    wrong = []
    for row in with_right:
        right = set(row["kvk_numbers"].split(";"))
        match = find_without(known, row["company_name_in_ad"], right)
        if match.decision == "auto" and match.kvk_number:
            wrong.append(f"{row['company_name_in_ad']} | {names[match.kvk_number]}")
    print(
        f"  right employer taken out: wrong auto {len(wrong)} of {len(with_right)} "
        f"({len(wrong) / len(with_right):.4f})"
    )
    for line in wrong:
        print(f"    wrong: {line}")
    unknown = [row["company_name_in_ad"] for row in rows if not row["kvk_numbers"]]
    chosen = [(name, match.kvk_number) for name in unknown if (match := find(known, name))]
    autos = [(name, names[number]) for name, number in chosen if number]
    print(
        f"  advertisers for whom the labels name no employer: auto {len(autos)} of {len(unknown)}"
    )
    for name, employer in autos:
        print(f"    to judge by eye: {name} | {employer}")


def find_without(known: EmployerList, raw_name: str, numbers: Collection[str]) -> Match:
    name = normalize_company_name(raw_name)
    if name is None:
        return Match(decision="none")
    rows = [row for row in known.find(name) if row.kvk_number not in numbers]
    return decide(AdvertisedCompany(name=name), group_entries(rows, {}), is_complete=True)


def measure_pairs_in_register(
    employers: Sequence[dict[str, str]], pairs: Sequence[dict[str, str]]
) -> None:
    """Print how often one name of a pair leads to the other's number in a register of all names.

    Of two names of one number the register holds only the second.
    """
    in_pairs = [
        {"name": row[f"name_{side}"], "kvk_number": row[f"kvk_{side}"]}
        for row in pairs
        for side in ("a", "b")
        if row["label"] == "0" or side == "b"
    ]
    in_question = {row["kvk_number"] for row in in_pairs}
    others = [row for row in employers if row["kvk_number"] not in in_question]
    known = EmployerList(to_employers([*others, *in_pairs]))
    right, wrong, missed = 0, [], Counter[str]()
    for row in pairs:
        if row["kind"] == "same_kvk_renamed_no_overlap":
            continue
        is_same = row["label"] == "1"
        chosen = find(known, row["name_a"]).kvk_number
        if chosen == row["kvk_b"] and is_same:
            right += 1
        elif chosen == row["kvk_b"]:
            wrong.append(row)
        elif is_same:
            missed[row["kind"]] += 1
    print(
        "register pairs, each name looked up in the register of all: "
        f"precision {right / (right + len(wrong)):.3f}, "
        f"recall {right / (right + missed.total()):.3f}"
    )
    print(f"  missed: {dict(missed)}")
    for row in wrong:
        print(f"  wrong: {row['name_a']} | {row['name_b']} ({row['kind']})")


def to_employers(rows: Iterable[dict[str, str]]) -> list[Employer]:
    return [Employer(name=row["name"], kvk_number=row["kvk_number"]) for row in rows]


def find(known: EmployerList, raw_name: str) -> Match:
    name = normalize_company_name(raw_name)
    return known.match(AdvertisedCompany(name=name)) if name else Match(decision="none")


def is_same_at_auto(left: str, right: str) -> bool:
    """Whether `right`, as the only legal person of that name, would be chosen for `left`."""
    name = normalize_company_name(left)
    if name is None:
        return False
    row = RegisterRow(kvk_number="00000000", name=right, kind="rechtspersoon")
    office = row.model_copy(update={"kind": "hoofdvestiging"})
    company = AdvertisedCompany(name=name)
    match = decide(company, group_entries((row, office), {}), is_complete=True)
    return match.decision == "auto"


def measure_pairs(title: str, pairs: Sequence[tuple[str, str, bool, str]]) -> None:
    accepted = [
        (pair, is_same_at_auto(pair[0], pair[1]) or is_same_at_auto(pair[1], pair[0]))
        for pair in pairs
    ]
    right = sum(is_accepted and is_same for (_, _, is_same, _), is_accepted in accepted)
    wrong = [pair for pair, is_accepted in accepted if is_accepted and not pair[2]]
    same = sum(pair[2] for pair in pairs)
    precision = right / (right + len(wrong)) if right + len(wrong) else 1.0
    print(f"{title}: {len(pairs)} pairs, precision {precision:.3f}, recall {right / same:.3f}")
    missed = Counter(pair[3] for pair, is_accepted in accepted if pair[2] and not is_accepted)
    print(f"  missed: {dict(missed)}")
    reasons = Counter(explain_wrong(left, right_name) for left, right_name, _, _ in wrong)
    for reason, count in reasons.most_common():
        print(f"  wrong {count} ×: {reason}")
    for left, right_name, _, kind in wrong:
        print(f"    wrong: {left} | {right_name} ({kind})")


def explain_wrong(left: str, right: str) -> str:
    """Return why two names of different companies were taken for one."""
    keys, others = register_keys(left), register_keys(right)
    if keys is None or others is None:
        return "a name without letters"
    if left.casefold() == right.casefold():
        return "the same name, letter for letter: only the register's other entry tells them apart"
    if keys.legal_form_hint is None or others.legal_form_hint is None:
        return "one of the names states no legal form, and they are equal but for it"
    if "foreign" in (keys.legal_form_hint, others.legal_form_hint):
        return "a parent abroad and its Dutch company with the same name"
    return "the same name without its legal form"


if __name__ == "__main__":
    main()
