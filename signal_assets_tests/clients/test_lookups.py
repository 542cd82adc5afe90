"""Many look-ups: each item ends in one of four ways, and a stop stops."""

import pytest

from signal_assets.clients.errors import BudgetExhausted, LookupFailed, SourceUnavailable
from signal_assets.clients.lookups import Stop, look_up_all


def answering(**answers: object):
    def ask(item: str) -> object:
        answer = answers.get(item)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask


def test_found_absent_and_failed_are_told_apart() -> None:
    lookups = look_up_all(["a", "b", "c"], answering(a=1, b=None, c=LookupFailed("cut off")))

    assert (lookups.found, lookups.absent, lookups.failed) == ({"a": 1}, ["b"], {"c": "cut off"})


@pytest.mark.parametrize(
    ("error", "kind"),
    [(BudgetExhausted("5 USD"), "budget"), (SourceUnavailable("no credit"), "unavailable")],
)
def test_after_a_stop_the_rest_waits_unasked(error: Exception, kind: str) -> None:
    asked: list[str] = []

    def ask(item: str) -> int:
        asked.append(item)
        if item == "b":
            raise error
        return 1

    lookups = look_up_all(["a", "b", "c", "d"], ask, workers=1)

    assert asked == ["a", "b"]
    assert lookups.found == {"a": 1}
    assert lookups.waiting == {item: Stop(kind, str(error)) for item in "bcd"}  # type: ignore[arg-type]


def test_every_item_is_counted_once() -> None:
    steps: list[None] = []

    look_up_all(map(str, range(50)), answering(), on_done=lambda: steps.append(None))

    assert len(steps) == 50


def test_a_mistake_of_ours_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        look_up_all(["a"], answering(a=ZeroDivisionError()))
