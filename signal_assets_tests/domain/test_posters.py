from datetime import UTC, datetime
from importlib import resources

import pytest
import yaml

from signal_assets.domain.posters import find_intermediary, is_agency_activity, judge_posters
from signal_assets.domain.vacancies import Posting, update_vacancies

CUES = yaml.safe_load(
    resources.files("signal_assets.domain").joinpath("data/poster_cues.yaml").read_text("utf-8")
)["cues"]


@pytest.mark.parametrize("cue", CUES, ids=lambda cue: cue["example"])
def test_every_cue_finds_its_example_and_keeps_the_words(cue):
    text = f"Wie zijn wij?\n\n{cue['example']}\n\nSolliciteer nu."
    found = find_intermediary("Voorbeeld B.V.", "Boekhouder", text)
    assert found is not None
    assert found.rule == "text"
    assert found.quote is not None
    assert found.start is not None
    assert text[found.start :].startswith(found.quote)


@pytest.mark.parametrize(
    "text",
    [
        "Onze klant staat centraal. Je werkt bij onze klanten op locatie.",
        "Je bouwt oplossingen voor onze klanten en hun opdrachtgevers.",
        "We are looking for an engineer who builds software for our clients.",
        "Acquisitie door uitzendbureaus wordt niet op prijs gesteld.",
        "You keep our clients' invoices in order.",
        "Wij zijn een accountantskantoor en zoeken een collega.",
    ],
)
def test_an_employer_that_speaks_of_clients_is_no_agency(text):
    assert find_intermediary("Voorbeeld B.V.", "Boekhouder", text) is None


@pytest.mark.parametrize(
    "name", ["Randstad", "Hays", "Voorbeeld Uitzendbureau B.V.", "TechRecruitment", "Xyz Staffing"]
)
def test_a_known_or_telling_name_is_an_agencys(name):
    found = find_intermediary(name, "Boekhouder", "")
    assert found is not None
    assert found.rule == "name"


def test_an_agency_that_looks_for_a_recruiter_is_the_employer():
    assert find_intermediary("Randstad", "Recruitment Consultant", "") is None


def test_marks_of_emphasis_do_not_hide_a_cue():
    found = find_intermediary(None, "Boekhouder", "**Onze** **klant**\nis een groothandel.")
    assert found is not None


def test_only_sbi_division_78_as_main_activity_is_an_agencys():
    codes = [["78201"], ["7810"], ["62010", "78201"], []]
    assert [is_agency_activity(code) for code in codes] == [True, True, False, False]


def test_a_judgement_stays_until_the_words_or_the_poster_change():
    moment = datetime(2026, 1, 5, tzinfo=UTC)
    posting = Posting(source="file", external_id="1", title="Boekhouder", company_name="Randstad")
    judged = judge_posters(update_vacancies([], [posting], moment).vacancies)
    other = posting.model_copy(update={"company_name": "Voorbeeld B.V."})
    (same,) = update_vacancies(judged, [posting], moment).vacancies
    (renamed,) = update_vacancies(judged, [other], moment).vacancies
    assert (same.is_intermediary, renamed.is_intermediary) == (True, None)
