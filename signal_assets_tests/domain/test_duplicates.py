import gzip
import itertools
import json
import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signal_assets.domain.duplicates import find_duplicates, mark_duplicates
from signal_assets.domain.fingerprints import Fingerprint
from signal_assets.domain.vacancies import Posting, Vacancy, hash_content, update_vacancies

START = datetime(2026, 1, 5, tzinfo=UTC)
WORDS = ("factuur", "inkoop", "boek", "kas", "bank", "markt", "data", "plan", "werk", "rapport")


def text_of(seed: int, words: int = 200) -> str:
    return " ".join(random.Random(seed).choices([a + b for a in WORDS for b in WORDS], k=words))


def vacancy(key: str, day: int = 0, **fields: object) -> Vacancy:
    values: dict[str, object] = {"title": "Boekhouder", "company_name": "Voorbeeld B.V.", **fields}
    title, description = str(values["title"]), str(values.setdefault("description", ""))
    return Vacancy.model_validate(
        {
            "source": "file",
            "external_id": key,
            "first_seen_at": START + timedelta(days=day),
            "last_seen_at": START + timedelta(days=day),
            "content_hash": hash_content(title, description),
            **values,
        }
    )


def reasons(*vacancies: Vacancy) -> list[str]:
    return [copy.reason for copy in find_duplicates(vacancies).copies.values()]


def groups(vacancies: Iterable[Vacancy]) -> set[frozenset[str]]:
    found = defaultdict(set)
    for item in vacancies:
        found[item.duplicate_of or item.vacancy_id].add(item.vacancy_id)
    return {frozenset(ids) for ids in found.values()}


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        (
            {"url": "https://werk.test/12", "description": text_of(1)},
            {"url": "http://www.werk.test/12/?utm_source=x", "description": text_of(2)},
            "url",
        ),
        (
            {"apply_urls": ("https://boards.greenhouse.io/x/jobs/4012",), "title": "Clerk"},
            {"url": "https://werk.test/v?gh_jid=4012", "title": "Boekhouder"},
            "board",
        ),
        (
            {"source": "greenhouse", "board": "x", "external_id": "4012", "title": "Clerk"},
            {"apply_urls": ("https://boards.greenhouse.io/x/jobs/4012",)},
            "board",
        ),
        (
            {"description": text_of(1), "title": "Boekhouder Utrecht"},
            {"description": f" {text_of(1).upper()}\n\n", "title": "Administrateur Breda"},
            "words",
        ),
        ({"description": "SAP"}, {"description": " sap "}, "words"),
        (
            {"description": text_of(1), "location": "Utrecht"},
            {"description": text_of(1)[:300], "location": "Utrecht, NL", "text_kind": "snippet"},
            "name",
        ),
        (
            {"description": text_of(1)},
            {"description": f"Voor een klant:\n\n{text_of(1)}", "company_name": "Agency"},
            "text",
        ),
    ],
)
def test_each_rung_of_the_ladder_finds_its_copies(one, other, reason):
    assert reasons(vacancy("1", **one), vacancy("2", **other)) == [reason]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"location": "Utrecht", "description": text_of(1)}, {"description": text_of(2)}),
        (
            {"location": "Utrecht", "description": text_of(1)},
            {"location": "Utrecht", "description": text_of(2)},
        ),
        ({"location": "Utrecht"}, {"location": "Breda"}),
        ({"description": "SAP"}, {"description": "SAP", "company_name": "Ander B.V."}),
        (
            {"url": "https://x.test/banen", "title": "Boekhouder", "description": text_of(1)},
            {"url": "https://x.test/banen", "title": "Lasser", "description": text_of(2)},
        ),
        (
            {
                "url": "https://banen.test/zoek",
                "company_name": "Een B.V.",
                "description": text_of(1),
            },
            {"url": "https://banen.test/zoek", "company_name": "Ander", "description": text_of(2)},
        ),
        (
            {"url": "https://www.google.nl/search?ibp=htl;jobs#a", "description": text_of(1)},
            {"url": "https://www.google.nl/search?ibp=htl;jobs#b", "description": text_of(2)},
        ),
        (
            {"title": "Consultant SAP", "description": text_of(1)},
            {"title": "Beheerder Oracle", "description": f"{text_of(1)} Oracle"},
        ),
    ],
)
def test_different_vacancies_stay_apart(one, other):
    assert reasons(vacancy("1", **one), vacancy("2", **other)) == []


def test_the_first_one_seen_is_the_original():
    late, early = vacancy("1", day=2, description=text_of(1)), vacancy("2", description=text_of(1))
    copies = find_duplicates([late, early]).copies
    assert {key: copy.original for key, copy in copies.items()} == {"file:1": "file:2"}


def test_a_copy_whose_words_change_is_a_vacancy_of_its_own():
    first = [vacancy("1", description=text_of(1)), vacancy("2", description=text_of(1))]
    before = find_duplicates(first)
    marked = mark_duplicates(first, before.copies)
    changed = vacancy("2", description=text_of(2)).model_copy(
        update={"duplicate_of": marked[1].duplicate_of}
    )
    after = find_duplicates([marked[0], changed], before.fingerprints)
    assert (len(before.copies), len(after.copies)) == (1, 0)


def test_what_is_known_is_not_compared_again():
    vacancies = [vacancy(str(number), description=text_of(number)) for number in range(50)]
    first = find_duplicates(vacancies)
    more = [vacancy("50", day=1, description=text_of(7))]
    second = find_duplicates([*vacancies, *more], first.fingerprints)
    assert (first.compared, second.compared) == (50, 1)
    assert [copy.original for copy in second.copies.values()] == ["file:7"]


TEXTS = [text_of(1), f"Intro. {text_of(1)}", text_of(1)[:-40], text_of(2), "kort", ""]
ADVERTS = st.lists(
    st.builds(
        vacancy,
        st.integers(0, 60).map(str),
        st.integers(0, 2),
        description=st.sampled_from(TEXTS),
        title=st.sampled_from(["Boekhouder", "Senior boekhouder", "Inkoper"]),
        company_name=st.sampled_from(["Voorbeeld B.V.", "Voorbeeld", "Ander B.V.", None]),
        location=st.sampled_from(["Utrecht", "Breda", None]),
        url=st.sampled_from([None, "https://x.test/1", "https://x.test/2"]),
    ),
    unique_by=lambda item: item.vacancy_id,
    max_size=12,
)


@settings(deadline=None)
@given(adverts=ADVERTS, order=st.randoms(use_true_random=False))
def test_the_order_of_arrival_decides_nothing_but_who_is_first(adverts, order):
    at_once = mark_duplicates(adverts, find_duplicates(adverts).copies)
    shuffled = order.sample(adverts, len(adverts))
    known: dict[str, Fingerprint] = {}
    stored: tuple[Vacancy, ...] = ()
    for item in shuffled:
        found = find_duplicates([*stored, item], known)
        stored, known = mark_duplicates([*stored, item], found.copies), found.fingerprints
    assert groups(stored) == groups(at_once)
    assert {item.vacancy_id: item.duplicate_of for item in stored} == {
        item.vacancy_id: item.duplicate_of for item in at_once
    }


@settings(deadline=None)
@given(adverts=ADVERTS)
def test_an_original_is_no_copy_and_was_seen_first(adverts):
    marked = {
        item.vacancy_id: item for item in mark_duplicates(adverts, find_duplicates(adverts).copies)
    }
    for item in marked.values():
        if item.duplicate_of is not None:
            original = marked[item.duplicate_of]
            assert original.duplicate_of is None
            assert (original.first_seen_at, original.vacancy_id) < (
                item.first_seen_at,
                item.vacancy_id,
            )


@settings(deadline=None)
@given(adverts=ADVERTS)
def test_finding_copies_twice_changes_nothing(adverts):
    first = find_duplicates(adverts)
    marked = mark_duplicates(adverts, first.copies)
    again = find_duplicates(marked, first.fingerprints)
    assert (again.compared, mark_duplicates(marked, again.copies)) == (0, marked)


def test_a_vacancy_that_is_found_again_keeps_what_it_was_a_copy_of():
    postings = [
        Posting(source="file", external_id=key, title="Boekhouder", description=text_of(1))
        for key in "ab"
    ]
    vacancies = update_vacancies([], postings, START).vacancies
    marked = mark_duplicates(vacancies, find_duplicates(vacancies).copies)
    harvest = update_vacancies(marked, postings, START + timedelta(days=1))
    assert [item.duplicate_of for item in harvest.vacancies] == [None, "file:a"]


@pytest.mark.slow
def test_copies_of_real_advertisements_are_found_and_others_stay_apart(reference_data: Path):
    path = reference_data / "data/vacancies/vacancy_duplicates.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    vacancies = [
        vacancy(
            str(number),
            source=row["source_dataset"],
            **{key: row[key] for key in ("title", "company_name", "location", "url")},
            description=row["description"],
        )
        for number, row in enumerate(rows)
    ]
    copies = find_duplicates(vacancies).copies
    originals = [
        copies[item.vacancy_id].original if item.vacancy_id in copies else item.vacancy_id
        for item in vacancies
    ]
    members = defaultdict(list)
    for number, row in enumerate(rows):
        members[row["relation"], row["group_id"]].append(originals[number])
    joined: dict[str, list[bool]] = defaultdict(list)
    for (relation, _), found in members.items():
        joined[relation] += [one == other for one, other in itertools.combinations(found, 2)]
    same, different = joined.pop("same_vacancy"), next(iter(joined.values()))
    assert sum(same) / len(same) >= 0.97
    assert sum(different) / len(different) <= 0.02
