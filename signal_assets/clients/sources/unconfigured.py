"""A source that a profile names and this machine has no key for: refused, and said so."""

from collections.abc import Iterator, Sequence

from signal_assets.domain.harvests import SourceAnswer
from signal_assets.domain.search_profiles import SearchTerm


class UnconfiguredSource:
    """Answers, once for all terms, that it is not set up."""

    def __init__(self, name: str, reason: str) -> None:
        self._name = name
        self._reason = reason

    @property
    def name(self) -> str:
        return self._name

    def harvest(self, terms: Sequence[SearchTerm]) -> Iterator[SourceAnswer]:
        yield SourceAnswer(source=self._name, outcome="refused", message=self._reason)
