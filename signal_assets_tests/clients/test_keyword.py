from signal_assets.clients.keyword import KeywordVacancyReader
from signal_assets.domain.extractions import Reading, ReadingOutcome, VacancyText
from signal_assets.domain.keyword_reader import KeywordReader
from signal_assets.domain.search_profiles import ExtractionOptions


def test_every_vacancy_gets_one_free_reading():
    reader = KeywordVacancyReader(
        KeywordReader(
            ExtractionOptions.model_validate(
                {
                    "system_prompt": "Read.",
                    "schema": {"machines": "Which machines?"},
                    "keywords": {"machines": {"patterns": ["freesbank|draaibank"]}},
                }
            )
        )
    )
    outcomes: dict[str, ReadingOutcome] = {}

    def take(vacancy: VacancyText, outcome: ReadingOutcome) -> None:
        outcomes[vacancy.vacancy_id] = outcome

    texts = {"file:1": "Je bedient de freesbank.", "file:2": "Je bedient de gasten."}
    reader.read_all(
        [
            VacancyText(vacancy_id=key, title="Operator", description=text)
            for key, text in texts.items()
        ],
        take,
    )
    found = [one.claims for one in outcomes.values() if isinstance(one, Reading)]
    assert [[claim.value for claim in claims] for claims in found] == [["freesbank"], []]
