"""Each alert reaches each channel once, and what a channel does not take waits for it."""

from signal_assets.clients.alerting import (
    GIVE_UP_SECONDS,
    ROUND_SECONDS,
    BrokenChannel,
    Waiting,
    deliver,
    line_up,
)
from signal_assets.clients.errors import LookupFailed
from signal_assets.domain.alerts import Alert, Message


class Noted:
    """Takes every message, or refuses those with some word in them."""

    def __init__(self, refuses: str | None = None) -> None:
        self.subjects: list[str] = []
        self._refuses = refuses

    def send(self, message: Message) -> None:
        if self._refuses and self._refuses in message.subject:
            raise LookupFailed("refused")
        self.subjects.append(message.subject.removeprefix("signal_assets: "))


def alert(name: str) -> Alert:
    return Alert(alert_id=name, kind="test", title=name, next_step="Rest.")


def lined_up(*names: str, channels: tuple[str, ...] = ("a", "b")) -> tuple[Waiting, ...]:
    return line_up((), map(alert, names), channels, 0.0)


def test_a_channel_that_is_down_gets_later_what_the_other_has_already():
    good, back = Noted(), Noted()
    first = deliver(lined_up("x", "y"), {"a": good, "b": BrokenChannel("down")}, now=1.0)
    assert [each.channels for each in first.waiting] == [("b",), ("b",)]
    assert first.problems == ("b: down",)

    second = deliver(first.waiting, {"a": good, "b": back}, now=2.0)
    assert (good.subjects, back.subjects) == (["x", "y"], ["x", "y"])
    assert second.waiting == ()


def test_a_message_that_is_refused_holds_up_no_other():
    channel = Noted(refuses="x")
    done = deliver(lined_up("x", "y", channels=("a",)), {"a": channel}, now=1.0)
    assert channel.subjects == ["y"]
    assert (done.waiting, done.problems) == ((), ("x: a: refused",))


def test_what_nobody_took_for_three_days_is_given_up():
    channel = Noted()
    waiting = lined_up("x", channels=("a",))
    assert deliver(waiting, {"a": channel}, now=GIVE_UP_SECONDS + 1).waiting == ()
    assert channel.subjects == []


def test_a_channel_that_is_no_longer_configured_is_not_waited_for():
    done = deliver(lined_up("x", channels=("a",)), {}, now=1.0)
    assert (done.waiting, done.problems) == ((), ("x: a is no longer configured",))


def test_a_round_ends_in_time_and_leaves_the_rest_for_the_next():
    moments = iter([0.0, 1.0, ROUND_SECONDS + 1, ROUND_SECONDS + 2])
    done = deliver(
        lined_up("x", "y", "z", channels=("a",)),
        {"a": Noted()},
        now=1.0,
        clock=lambda: next(moments),
    )
    assert [each.alert.alert_id for each in done.waiting] == ["y", "z"]


def test_an_alert_that_waits_is_not_lined_up_again():
    waiting = lined_up("x")
    assert line_up(waiting, [alert("x"), alert("x")], ("a", "b"), 9.0) == waiting
