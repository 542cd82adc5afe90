"""Reading slices: the texts of one reading, divided among workers, and what came of each part."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import count, islice

from pydantic import Field

from signal_assets.domain.companies import Spend
from signal_assets.domain.extractions import ReadingPostponed
from signal_assets.domain.reading_plans import VacancyToRead
from signal_assets.domain.records import Record


class ReadingSlice(Record):
    """Texts that one worker reads: groups of vacancies that share a reading, always whole.

    What comes of a slice depends on nothing outside it, so any worker may read it, in any order.
    """

    number: int
    groups: tuple[tuple[str, ...], ...]
    """Vacancy ids; the first of each group is read."""
    digest: str
    """Of the ids and the words of its vacancies, see `digest_groups`."""

    @property
    def vacancy_ids(self) -> Iterator[str]:
        return (vacancy_id for group in self.groups for vacancy_id in group)


class Tally(Record):
    """What was done in one slice, or in several together."""

    statuses: dict[str, int] = Field(default_factory=dict)
    values_found: int = 0
    values_dropped: int = 0
    copies_that_share: int = 0
    reasons_dropped: dict[str, int] = Field(default_factory=dict)
    reasons_failed: dict[str, int] = Field(default_factory=dict)
    models: dict[str, int] = Field(default_factory=dict)
    """Vacancies read now, by the model that read them."""
    stopped: ReadingPostponed | None = None
    """The first reason why a text was not read."""
    spend: Spend = Spend()
    run_id: str | None = None
    """The run whose budget paid."""

    def as_seen_by(self, run_id: str) -> "Tally":
        """Return the tally for the books of a run; what another one paid for cost it nothing."""
        if self.run_id == run_id:
            return self
        known = Spend(from_ledger=self.spend.calls + self.spend.from_ledger)
        return self.model_copy(update={"spend": known})


def slice_groups(groups: Iterable[Sequence[VacancyToRead]], size: int) -> Iterator[ReadingSlice]:
    """Divide groups into slices of `size` texts, in their order; a group is one text.

    >>> group = [VacancyToRead(vacancy_id="a", content_hash="words")]
    >>> [len(each.groups) for each in slice_groups([group] * 5, 2)]
    [2, 2, 1]
    """
    left = iter(groups)
    for number in count():
        some = [
            tuple((each.vacancy_id, each.content_hash) for each in group)
            for group in islice(left, size)
        ]
        if not some:
            return
        yield ReadingSlice(
            number=number,
            groups=tuple(tuple(vacancy_id for vacancy_id, _ in group) for group in some),
            digest=digest_groups(some),
        )


def digest_groups(groups: Iterable[Iterable[tuple[str, str]]]) -> str:
    """Return a digest of groups of vacancies: the id of each with the hash of its words."""
    digest = hashlib.sha256()
    for group in groups:
        digest.update(f"{json.dumps(list(group))}\n".encode())
    return digest.hexdigest()


def name_reading(search_profile: str, asked: str, slices: Iterable[ReadingSlice]) -> str:
    """Return what one reading is known by: the same texts, asked the same, in the same slices."""
    parts = [search_profile, asked, *(each.digest for each in slices)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def add_up(tallies: Iterable[Tally]) -> Tally:
    """Return the sum of `tallies`."""
    statuses: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    models: Counter[str] = Counter()
    every = list(tallies)
    for tally in every:
        statuses.update(tally.statuses)
        dropped.update(tally.reasons_dropped)
        failed.update(tally.reasons_failed)
        models.update(tally.models)
    return Tally(
        statuses=statuses,
        values_found=sum(tally.values_found for tally in every),
        values_dropped=sum(tally.values_dropped for tally in every),
        copies_that_share=sum(tally.copies_that_share for tally in every),
        reasons_dropped=dropped,
        reasons_failed=failed,
        models=models,
        stopped=next((tally.stopped for tally in every if tally.stopped), None),
        spend=Spend(
            calls=sum(tally.spend.calls for tally in every),
            from_ledger=sum(tally.spend.from_ledger for tally in every),
            tokens_input=sum(tally.spend.tokens_input for tally in every),
            tokens_output=sum(tally.spend.tokens_output for tally in every),
            cost_usd=sum((tally.spend.cost_usd for tally in every), Decimal(0)),
        ),
    )


def spent_since(before: Spend, now: Spend) -> Spend:
    """Return what was spent between two readings of the same counter."""
    return Spend(
        calls=now.calls - before.calls,
        from_ledger=now.from_ledger - before.from_ledger,
        tokens_input=now.tokens_input - before.tokens_input,
        tokens_output=now.tokens_output - before.tokens_output,
        cost_usd=now.cost_usd - before.cost_usd,
    )
