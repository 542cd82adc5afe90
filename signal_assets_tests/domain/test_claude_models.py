import pytest

from signal_assets.domain.claude_models import (
    UnknownModel,
    get_claude_model,
    shipped_claude_models,
)


def test_an_unknown_model_is_refused_by_naming_the_known_ones():
    with pytest.raises(UnknownModel, match=r"'claude-3-opus' is not known; .*claude-haiku-5-5"):
        get_claude_model("claude-3-opus")


def test_a_model_that_refuses_effort_is_sent_none():
    assert get_claude_model("claude-haiku-4-5").effort is None


def test_only_a_model_that_accepts_it_is_told_not_to_think():
    told = [model.name for model in shipped_claude_models().values() if model.thinking]
    assert told == ["claude-haiku-5-5"]


def test_the_doubled_cap_stays_below_what_the_service_answers_without_streaming():
    assert all(2 * model.max_output_tokens < 21_334 for model in shipped_claude_models().values())
