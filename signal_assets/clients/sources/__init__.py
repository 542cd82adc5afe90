"""Sources of vacancies: one module each, all behind `VacancySource`."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from signal_assets.domain.harvests import SourceAnswer
from signal_assets.domain.search_profiles import SearchTerm


class VacancySource(Protocol):
    """One place where vacancies come from, set up for one search profile."""

    @property
    def name(self) -> str:
        """The `source` of its postings, and the first part of their vacancy ids."""
        ...

    def harvest(self, terms: Sequence[SearchTerm]) -> Iterator[SourceAnswer]:
        """Yield what the source brought: one answer per term, or one where it takes no terms.

        What goes wrong is an outcome of the answer, never an exception, so that what was brought
        before is kept and the next term and the next source get their turn.
        """
        ...
