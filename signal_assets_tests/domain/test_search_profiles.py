import pytest
from pydantic import ValidationError

from signal_assets.domain.search_profiles import SearchProfile


def profile(**more: object) -> SearchProfile:
    return SearchProfile.model_validate(
        {
            "name": "example",
            "sources": [{"type": "file", "path": "vacancies.jsonl"}],
            "extraction": {"system_prompt": "Read.", "schema": {"tools": "Which tools?"}},
            **more,
        }
    )


def test_there_is_no_step_up_unless_it_is_asked_for():
    assert profile().step_up is None


def test_a_step_up_needs_a_budget_of_its_own():
    with pytest.raises(ValidationError, match=r"step_up\.budget_usd"):
        profile(step_up={"model": "claude-opus-5-5"})


def test_a_budget_alone_names_the_usual_stronger_model():
    step_up = profile(step_up={"budget_usd": 10}).step_up
    assert step_up is not None
    assert (step_up.model, step_up.min_quote_support) == ("claude-sonnet-5-5", 0.7)


@pytest.mark.parametrize("wrong", [{"budget_usd": -1}, {"budget_usd": 1, "min_quote_support": 2}])
def test_a_step_up_beyond_its_bounds_is_refused(wrong):
    with pytest.raises(ValidationError, match="step_up"):
        profile(step_up=wrong)
