"""Alerting: each alert reaches each channel once, also when a channel is down for a while.

What a channel did not take waits, and is tried again at the next round; the other channels, and the
alerts about other search profiles, do not wait for it.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

from signal_assets.clients.errors import LookupFailed, SourceUnavailable
from signal_assets.domain.alerts import Alert, Message, to_message
from signal_assets.domain.records import Record

MAX_WAITING = 100
"""Alerts that wait at once; while so many do, nothing new is looked for."""
GIVE_UP_SECONDS = 3 * 86_400.0
ROUND_SECONDS = 25.0
"""No delivery begins later in a round: Dagster ends a sensor's tick after a minute."""


class Channel(Protocol):
    """Where alerts go."""

    def send(self, message: Message) -> None:
        """Hand one message over.

        Raises:
            LookupFailed: the channel does not take this message; it may take the next one.
            SourceUnavailable: it takes nothing now.
        """
        ...


class BrokenChannel:
    """A channel whose settings cannot work; what is sent to it waits until they can."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __str__(self) -> str:
        return self._reason

    def send(self, message: Message) -> None:
        raise SourceUnavailable(self._reason)


class Waiting(Record):
    """An alert, and the channels that have not taken it yet."""

    alert: Alert
    channels: tuple[str, ...]
    since: float
    """Seconds since 1970."""


class Round(NamedTuple):
    """What one round of deliveries came to."""

    waiting: tuple[Waiting, ...]
    sent: tuple[str, ...]
    """`title → channel` of each delivery."""
    problems: tuple[str, ...]


def line_up(
    waiting: Iterable[Waiting], alerts: Iterable[Alert], channels: Iterable[str], now: float
) -> tuple[Waiting, ...]:
    """Return `waiting` with the alerts that are not among them behind, for every channel."""
    lined_up = list(waiting)
    known = {each.alert.alert_id for each in lined_up}
    names = tuple(channels)
    for alert in alerts:
        if alert.alert_id not in known:
            known.add(alert.alert_id)
            lined_up.append(Waiting(alert=alert, channels=names, since=now))
    return tuple(lined_up)


def deliver(
    waiting: Iterable[Waiting],
    channels: Mapping[str, Channel],
    *,
    now: float,
    ui_url: str | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Round:
    """Hand each alert to each channel that has not taken it, the oldest first.

    A channel that is down is not tried again in this round. After `GIVE_UP_SECONDS` an alert is
    given up, and so is one that a channel refuses or whose channel is no longer configured.
    """
    ends_at = clock() + ROUND_SECONDS
    down: set[str] = set()
    left: list[Waiting] = []
    sent: list[str] = []
    problems: list[str] = []
    for each in waiting:
        message = to_message(each.alert, ui_url)
        untaken = []
        for name in each.channels:
            if name not in channels:
                problems.append(f"{each.alert.title}: {name} is no longer configured")
            elif now - each.since > GIVE_UP_SECONDS:
                problems.append(f"{each.alert.title}: given up for {name}")
            elif name in down or clock() > ends_at:
                untaken.append(name)
            else:
                try:
                    channels[name].send(message)
                except SourceUnavailable as error:
                    down.add(name)
                    untaken.append(name)
                    problems.append(f"{name}: {error}")
                except LookupFailed as error:
                    problems.append(f"{each.alert.title}: {name}: {error}")
                else:
                    sent.append(f"{each.alert.title} → {name}")
        if untaken:
            left.append(each.model_copy(update={"channels": tuple(untaken)}))
    return Round(tuple(left), tuple(sent), tuple(problems))
