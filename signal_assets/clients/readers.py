"""Readers: what turns the text of vacancies into claims, whoever does it."""

from collections.abc import Callable, Iterable
from typing import Literal, Protocol

from signal_assets.domain.companies import Spend
from signal_assets.domain.extractions import ExtractorName, ReadingOutcome, VacancyText

TransportName = Literal["live", "batch"]
"""live: a call for each text, answered at once. batch: many in one, cheaper and later."""

OnOutcome = Callable[[VacancyText, ReadingOutcome], None]


class VacancyReader(Protocol):
    """Reads vacancies for one prompt."""

    @property
    def extractor(self) -> ExtractorName: ...

    @property
    def model(self) -> str | None: ...

    @property
    def spend(self) -> Spend:
        """Calls, tokens and money of this run so far."""
        ...

    def read_all(
        self,
        vacancies: Iterable[VacancyText],
        on_outcome: OnOutcome,
        transport: TransportName | None = None,
    ) -> None:
        """Call `on_outcome` once for every vacancy, in any order, from the calling thread.

        A vacancy that cannot be read is an outcome, never an error. A reader that asks nobody has
        no use for `transport`; None leaves the choice to the reader.
        """
        ...
