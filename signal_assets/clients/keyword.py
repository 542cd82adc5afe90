"""The keyword reader as a vacancy reader: free, in this process, without any model."""

from collections.abc import Iterable

from signal_assets.clients.readers import OnOutcome
from signal_assets.domain.companies import Spend
from signal_assets.domain.extractions import ExtractorName, Reading, VacancyText
from signal_assets.domain.keyword_reader import KeywordReader


class KeywordVacancyReader:
    """Reads vacancies by the rules of a search profile."""

    extractor: ExtractorName = "keyword"
    model: str | None = None

    def __init__(self, reader: KeywordReader) -> None:
        self._reader = reader

    @property
    def spend(self) -> Spend:
        return Spend()

    def read_all(self, vacancies: Iterable[VacancyText], on_outcome: OnOutcome) -> None:
        """Call `on_outcome` once for every vacancy, in the order they come."""
        for vacancy in vacancies:
            claims = self._reader.read(vacancy)
            on_outcome(vacancy, Reading(claims=claims, extractor="keyword"))
