"""Reading plans: which vacancies pass 1 still has to read, and which share one reading."""

from collections.abc import Iterable, Mapping

from signal_assets.domain.extractions import ExtractorName, VacancyText
from signal_assets.domain.records import Record
from signal_assets.domain.vacancies import TextKind


class VacancyToRead(Record):
    """What pass 1 needs of a vacancy."""

    vacancy_id: str
    title: str
    company_name: str | None = None
    description: str
    text_kind: TextKind = "full"
    content_hash: str

    @property
    def text(self) -> VacancyText:
        return VacancyText.model_construct(
            vacancy_id=self.vacancy_id, title=self.title, description=self.description
        )


class PastReading(Record):
    """A completed extraction of an earlier run."""

    vacancy_id: str
    content_hash: str
    prompt_version: int
    extractor: ExtractorName


class ReadingPlan(Record):
    """What to do with each vacancy: keep its extraction, skip it, or read it.

    `to_read` maps the words of a vacancy to the vacancies that have them; the first one is read,
    the others share what was found.
    """

    kept: frozenset[str]
    skipped: Mapping[str, tuple[VacancyToRead, str]]
    to_read: Mapping[str, tuple[VacancyToRead, ...]]


def plan_reading(
    vacancies: Iterable[VacancyToRead],
    past: Mapping[str, PastReading],
    *,
    prompt_version: int,
    extractor: ExtractorName,
    reread: bool = False,
) -> ReadingPlan:
    """Decide for each vacancy whether it is read.

    A completed extraction of the same words is kept when it was made with this prompt version, or,
    unless `reread`, with an older one by a reader that costs money: reading old vacancies again is
    paid for only when somebody asks. What the keyword reader found is free and makes way for a
    newer prompt, and for Claude once there is a key. A snippet or an empty text is skipped: what
    it leaves out would look like something the company does not have.
    """
    kept: set[str] = set()
    skipped: dict[str, tuple[VacancyToRead, str]] = {}
    to_read: dict[str, list[VacancyToRead]] = {}
    for vacancy in vacancies:
        before = past.get(vacancy.vacancy_id)
        if (reason := _reason_to_skip(vacancy)) is not None:
            skipped[vacancy.vacancy_id] = (vacancy, reason)
        elif before is not None and _is_still_good(
            before, vacancy.content_hash, prompt_version, extractor, reread=reread
        ):
            kept.add(vacancy.vacancy_id)
        else:
            to_read.setdefault(vacancy.content_hash, []).append(vacancy)
    return ReadingPlan.model_construct(
        kept=frozenset(kept),
        skipped=skipped,
        to_read={words: tuple(group) for words, group in to_read.items()},
    )


def _reason_to_skip(vacancy: VacancyToRead) -> str | None:
    if vacancy.text_kind != "full":
        return "the source gives only the beginning of the text"
    if not vacancy.description.strip():
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
