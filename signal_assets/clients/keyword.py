"""The keyword reader as a vacancy reader: free, in this process, without any model."""

from collections.abc import Iterable

from signal_assets.clients.readers import OnOutcome, TransportName
from signal_assets.domain.companies import Spend
from signal_assets.domain.extractions import ExtractorName, Reading, VacancyText
from signal_assets.domain.keyword_reader import KeywordReader
from signal_assets.domain.masking import mask_personal_data


class KeywordVacancyReader:
    """Reads vacancies by the rules of a search profile."""

    extractor: ExtractorName = "keyword"
    model: str | None = None

    def __init__(self, reader: KeywordReader) -> None:
        self._reader = reader

    @property
    def spend(self) -> Spend:
        return Spend()

    def read_all(
        self,
        vacancies: Iterable[VacancyText],
        on_outcome: OnOutcome,
        transport: TransportName | None = None,
    ) -> None:
        """Call `on_outcome` once for every vacancy, in the order they come.

        Names of persons are masked as they are for a model, so that no quote brings one along.
        """
        for vacancy in vacancies:
            masked = VacancyText(
                vacancy_id=vacancy.vacancy_id,
                title=mask_personal_data(vacancy.title),
                description=mask_personal_data(vacancy.description),
            )
            claims = self._reader.read(masked)
            on_outcome(vacancy, Reading(claims=claims, extractor="keyword"))
