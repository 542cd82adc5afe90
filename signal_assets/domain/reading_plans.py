"""Reading plans: which vacancies pass 1 still has to read, and which share one reading."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from signal_assets.domain.extractions import ExtractorName
from signal_assets.domain.records import Record
from signal_assets.domain.vacancies import TextKind


@dataclass(frozen=True, slots=True)
class VacancyToRead:
    """What a plan needs of a vacancy; its text stays in the table, as a profile can have many."""

    vacancy_id: str
    content_hash: str
    company_name: str | None = None
    text_kind: TextKind = "full"
    has_text: bool = True
    """The description is more than blanks."""
    duplicate_of: str | None = None


@dataclass(frozen=True, slots=True)
class PastReading:
    """A completed extraction of an earlier run."""

    vacancy_id: str
    content_hash: str
    prompt_version: int
    extractor: ExtractorName


class ReadingPlan(Record):
    """What to do with each vacancy: keep its extraction, skip it, read it, or share another's.

    `to_read` maps the words of a vacancy to the vacancies that have them or are copies of it; the
    first one is read, the others share what was found. `to_share` maps a vacancy whose extraction
    is kept to copies of it that came later. What is shared still has to stand in the copy's own
    text.
    """

    kept: frozenset[str]
    skipped: Mapping[str, tuple[VacancyToRead, str]]
    to_read: Mapping[str, tuple[VacancyToRead, ...]]
    to_share: Mapping[str, tuple[VacancyToRead, ...]]


def plan_reading(
    vacancies: Iterable[VacancyToRead],
    past: Mapping[str, PastReading],
    *,
    prompt_version: int,
    extractor: ExtractorName,
    reread: bool = False,
    why_unwanted: Callable[[VacancyToRead], str | None] = lambda _: None,
) -> ReadingPlan:
    """Decide for each vacancy whether it is read.

    A completed extraction of the same words is kept when it was made with this prompt version, or,
    unless `reread`, with an older one by a reader that costs money: reading old vacancies again is
    paid for only when somebody asks. What the keyword reader found is free and makes way for a
    newer prompt, and for Claude once there is a key. A snippet or an empty text is skipped: what
    it leaves out would look like something the company does not have. So is a vacancy for which
    `why_unwanted` has a reason, such as a company that must not be approached.

    Of copies only the first that can be read is read. When that is done and a copy comes later, or
    when an earlier one turns up beside a copy that was read, what was found is shared.
    """
    kept: set[str] = set()
    skipped: dict[str, tuple[VacancyToRead, str]] = {}
    copies: dict[str, list[VacancyToRead]] = {}
    for vacancy in vacancies:
        if (reason := _reason_to_skip(vacancy) or why_unwanted(vacancy)) is not None:
            skipped[vacancy.vacancy_id] = (vacancy, reason)
            continue
        copies.setdefault(vacancy.duplicate_of or vacancy.vacancy_id, []).append(vacancy)
        before = past.get(vacancy.vacancy_id)
        if before is not None and _is_still_good(
            before, vacancy.content_hash, prompt_version, extractor, reread=reread
        ):
            kept.add(vacancy.vacancy_id)
    to_read: dict[str, list[VacancyToRead]] = {}
    to_share: dict[str, list[VacancyToRead]] = {}
    for group in copies.values():
        waiting = [vacancy for vacancy in group if vacancy.vacancy_id not in kept]
        source = _find_source(group, kept, past, prompt_version)
        if waiting and source is not None:
            to_share.setdefault(source, []).extend(waiting)
        elif waiting:
            to_read.setdefault(waiting[0].content_hash, []).extend(waiting)
    return ReadingPlan.model_construct(
        kept=frozenset(kept),
        skipped=skipped,
        to_read={words: tuple(group) for words, group in to_read.items()},
        to_share={vacancy_id: tuple(group) for vacancy_id, group in to_share.items()},
    )


def _find_source(
    copies: Sequence[VacancyToRead],
    kept: Collection[str],
    past: Mapping[str, PastReading],
    prompt_version: int,
) -> str | None:
    """Return the copy whose kept extraction the others share, or None if one has to be read.

    When the words of the first one changed since it was read, they are read anew.
    """
    first = copies[0].vacancy_id
    if first in past and first not in kept:
        return None
    return next(
        (
            vacancy.vacancy_id
            for vacancy in copies
            if vacancy.vacancy_id in kept
            and past[vacancy.vacancy_id].prompt_version == prompt_version
        ),
        None,
    )


def _reason_to_skip(vacancy: VacancyToRead) -> str | None:
    if vacancy.text_kind != "full":
        return "the source gives only the beginning of the text"
    if not vacancy.has_text:
        return "there is no text"
    return None


def _is_still_good(
    before: PastReading,
    content_hash: str,
    prompt_version: int,
    extractor: ExtractorName,
    *,
    reread: bool,
) -> bool:
    if before.content_hash != content_hash:
        return False
    if before.extractor == "keyword":
        return extractor == "keyword" and before.prompt_version == prompt_version
    return before.prompt_version == prompt_version or not reread
