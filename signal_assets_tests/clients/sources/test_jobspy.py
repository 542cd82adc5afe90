from typing import Any

from signal_assets.clients.sources.jobspy import NOT_INSTALLED, JobSpySource, find_jobspy
from signal_assets.domain.harvests import SourceAnswer
from signal_assets.domain.search_profiles import JobSpySourceOptions, SearchTerm

ROW = {"id": "in-1", "title": "Boekhouder", "company": "Voorbeeld B.V.", "description": "SAP"}


class Frame:
    """What JobSpy returns, as far as it is used: rows, and the errors it keeps to itself."""

    def __init__(self, *rows: dict[str, Any], **attrs: Any) -> None:
        self._rows = list(rows)
        self.attrs = attrs

    def to_dict(self, orient: str) -> list[dict[str, Any]]:
        assert orient == "records"
        return self._rows


class JobSpy:
    """Answers per site, and keeps the questions."""

    def __init__(self, **frames: Frame | Exception) -> None:
        self._frames = frames
        self.questions: list[dict[str, Any]] = []

    def __call__(self, **question: Any) -> Frame:
        self.questions.append(question)
        frame = self._frames[question["site_name"][0]]
        if isinstance(frame, Exception):
            raise frame
        return frame

    def harvest(self, *terms: str, **options: Any) -> list[SourceAnswer]:
        asked = {"type": "jobspy", "sites": list(self._frames), **options}
        chosen = JobSpySourceOptions.model_validate(asked)
        return list(JobSpySource(chosen, self).harvest([SearchTerm(term=term) for term in terms]))


def test_each_site_and_term_has_an_answer():
    jobspy = JobSpy(indeed=Frame(ROW), linkedin=Frame())
    answers = jobspy.harvest("boekhouder")
    assert [(a.search_term, a.board, a.outcome) for a in answers] == [
        ("boekhouder", "indeed", "rows"),
        ("boekhouder", "linkedin", "empty"),
    ]


def test_the_question_is_about_the_netherlands():
    jobspy = JobSpy(indeed=Frame())
    jobspy.harvest("boekhouder", max_results=20, max_age_days=3)
    (question,) = jobspy.questions
    assert question["country_indeed"] == question["location"] == "Netherlands"
    assert (question["results_wanted"], question["hours_old"]) == (20, 72)


def test_an_empty_table_with_an_error_beside_it_is_not_a_dry_term():
    blocked = Frame(errors={"indeed": "403 Forbidden"})
    (answer,) = JobSpy(indeed=blocked).harvest("boekhouder")
    assert (answer.outcome, answer.message) == ("refused", "403 Forbidden")


def test_rows_beside_an_error_are_kept():
    half = Frame(ROW, errors={"indeed": "429 Too Many Requests"})
    (answer,) = JobSpy(indeed=half).harvest("boekhouder")
    assert (answer.outcome, len(answer.postings)) == ("refused", 1)


def test_what_the_library_left_out_is_said():
    (answer,) = JobSpy(indeed=Frame(ROW, warnings={"indeed": ["hours_old ignored"]})).harvest("x")
    assert (answer.outcome, answer.message) == ("rows", "hours_old ignored")


def test_a_site_that_refuses_is_not_asked_again_and_others_are():
    jobspy = JobSpy(indeed=Frame(errors={"indeed": "captcha"}), linkedin=Frame(ROW))
    answers = jobspy.harvest("een", "twee")
    assert [answer.outcome for answer in answers] == ["refused", "rows", "refused", "rows"]
    assert len(jobspy.questions) == 3


def test_whatever_the_library_raises_is_a_broken_answer():
    (answer,) = JobSpy(indeed=KeyError("jobs")).harvest("boekhouder")
    assert (answer.outcome, answer.message) == ("broken", "KeyError: 'jobs'")


def test_without_the_library_the_answer_says_how_to_get_it():
    options = JobSpySourceOptions(type="jobspy", sites=("indeed",))
    (answer,) = JobSpySource(options, None).harvest([SearchTerm(term="boekhouder")])
    assert (answer.outcome, answer.message) == ("refused", NOT_INSTALLED)
    assert "pip install 'signal-assets[jobspy]'" in NOT_INSTALLED


def test_the_library_is_found_or_it_is_not():
    found = find_jobspy()
    assert found is None or callable(found)
