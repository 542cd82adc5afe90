"""Which vacancies pass 1 reads."""

from collections.abc import Mapping
from typing import Any

import pytest

from signal_assets.domain.extractions import ExtractorName
from signal_assets.domain.reading_plans import PastReading, VacancyToRead, plan_reading


def vacancy(vacancy_id: str, words: str = "same", **fields: Any) -> VacancyToRead:
    return VacancyToRead(
        **{
            "vacancy_id": vacancy_id,
            "content_hash": words,
            "has_text": bool(words.strip()),
            **fields,
        }
    )


def past(extractor: ExtractorName = "claude", version: int = 1, words: str = "same") -> PastReading:
    return PastReading(
        vacancy_id="a", content_hash=words, prompt_version=version, extractor=extractor
    )


@pytest.mark.parametrize(
    ("before", "extractor", "version", "reread", "is_read"),
    [
        (past(), "claude", 1, False, False),
        (past(), "claude", 2, False, False),  # paid for: read again only when asked
        (past(), "claude", 2, True, True),
        (past(version=2), "claude", 2, True, False),
        (past(words="other"), "claude", 1, False, True),
        (past("keyword"), "keyword", 1, False, False),
        (past("keyword"), "keyword", 2, False, True),  # free: the newer prompt reads
        (past("keyword"), "claude", 1, False, True),  # a key came: Claude reads
        (past(), "keyword", 1, False, False),  # the key is gone: what was paid for stays
    ],
)
def test_a_vacancy_is_read_when_its_words_or_its_reader_ask_for_it(
    before: PastReading, extractor: ExtractorName, version: int, reread: bool, is_read: bool
) -> None:
    plan = plan_reading(
        [vacancy("a")], {"a": before}, prompt_version=version, extractor=extractor, reread=reread
    )

    assert bool(plan.to_read) is is_read
    assert ("a" in plan.kept) is not is_read


def test_vacancies_with_the_same_words_are_read_once() -> None:
    plan = plan_reading(
        [vacancy("a"), vacancy("b"), vacancy("c", "other")],
        {},
        prompt_version=1,
        extractor="claude",
    )

    assert {
        words: [item.vacancy_id for item in group] for words, group in plan.to_read.items()
    } == {
        "same": ["a", "b"],
        "other": ["c"],
    }


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (vacancy("a", " \n "), "no text"),
        (vacancy("a", "Begin van de tekst", text_kind="snippet"), "beginning"),
    ],
)
def test_what_cannot_be_read_whole_is_skipped_with_the_reason(
    item: VacancyToRead, reason: str
) -> None:
    plan = plan_reading([item], {}, prompt_version=1, extractor="claude")

    assert not plan.to_read
    assert reason in plan.skipped["a"][1]


def ids(groups: Mapping[str, tuple[VacancyToRead, ...]]) -> dict[str, list[str]]:
    return {key: [item.vacancy_id for item in group] for key, group in groups.items()}


def test_of_copies_the_first_that_can_be_read_is_read() -> None:
    plan = plan_reading(
        [
            vacancy("a", "begin", text_kind="snippet"),
            vacancy("b", "whole", duplicate_of="a"),
            vacancy("c", "intro and whole", duplicate_of="a"),
        ],
        {},
        prompt_version=1,
        extractor="claude",
    )

    assert ids(plan.to_read) == {"whole": ["b", "c"]}
    assert list(plan.skipped) == ["a"]


def test_a_copy_that_comes_later_shares_what_was_read() -> None:
    plan = plan_reading(
        [vacancy("a"), vacancy("b", "intro and same", duplicate_of="a")],
        {"a": past()},
        prompt_version=1,
        extractor="claude",
    )

    assert (ids(plan.to_share), ids(plan.to_read)) == ({"a": ["b"]}, {})


def test_an_original_whose_words_changed_is_read_again() -> None:
    copy = PastReading(vacancy_id="b", content_hash="b", prompt_version=1, extractor="claude")
    plan = plan_reading(
        [vacancy("a", "new words"), vacancy("b", "b", duplicate_of="a")],
        {"a": past(), "b": copy},
        prompt_version=1,
        extractor="claude",
    )

    assert (ids(plan.to_share), ids(plan.to_read)) == ({}, {"new words": ["a"]})


def test_a_reading_by_an_older_prompt_is_not_shared() -> None:
    plan = plan_reading(
        [vacancy("a"), vacancy("b", "b", duplicate_of="a")],
        {"a": past()},
        prompt_version=2,
        extractor="claude",
    )

    assert (ids(plan.to_share), ids(plan.to_read)) == ({}, {"b": ["b"]})


def test_what_somebody_does_not_want_is_not_read_and_says_why() -> None:
    plan = plan_reading(
        [vacancy("a"), vacancy("b", "other")],
        {},
        prompt_version=1,
        extractor="claude",
        why_unwanted=lambda item: "on the list" if item.vacancy_id == "a" else None,
    )

    assert [group[0].vacancy_id for group in plan.to_read.values()] == ["b"]
    assert plan.skipped["a"][1] == "on the list"
