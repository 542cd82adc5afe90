"""Pacing: how many calls to one service may be in flight, and when the next may start."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PacingRules:
    """Seconds and counts; the defaults fit a service that limits calls per minute."""

    first_limit: int = 16
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 8.0
    """Longest pause of our own; what the service asks for may be longer."""
    rounds: int = 8
    """Troubles in a row, without one good answer, after which the service counts as down."""


class Pace:
    """Starts small, doubles with every round of good answers, halves when the service has trouble.

    Calls that were already under way when a trouble was seen are part of that trouble: a limit on
    calls per minute that hits thirty calls at once is one trouble, not thirty. After the first one
    the limit grows by one call a round. `now` is any clock that only goes forward.
    """

    def __init__(self, most: int, rules: PacingRules, *, warms_up: bool) -> None:
        self._most = most
        self._rules = rules
        self._limit = 1.0 if warms_up else float(min(rules.first_limit, most))
        self._is_warming_up = warms_up
        self._is_doubling = True
        self._last_trouble_at = float("-inf")
        self.opens_at = float("-inf")
        """Nothing starts before this moment."""
        self.rounds_of_trouble = 0

    def has_room(self, in_flight: int, now: float) -> bool:
        return in_flight < int(self._limit) and now >= self.opens_at

    @property
    def is_down(self) -> bool:
        return self.rounds_of_trouble >= self._rules.rounds

    def note_answer(self) -> None:
        """The service answered; whether the answer is any good is another matter."""
        self.rounds_of_trouble = 0
        if self._is_warming_up:
            self._end_warm_up()
            return
        growth = 1.0 if self._is_doubling else 1.0 / self._limit
        self._limit = min(float(self._most), self._limit + growth)

    def note_trouble(
        self, sent_at: float, now: float, *, pauses_all: bool, asked_wait: float | None = None
    ) -> None:
        """A call that left at `sent_at` met trouble; pause everybody if that is what it means.

        A trouble of one call alone (`pauses_all` false) pauses nobody until it repeats.
        """
        if sent_at > self._last_trouble_at:
            self._last_trouble_at = now
            self.rounds_of_trouble += 1
            pauses_all = pauses_all or self.rounds_of_trouble > 1
            if pauses_all:
                self._limit = max(1.0, self._limit / 2)
                self._is_doubling = self._is_warming_up = False
                self.opens_at = max(self.opens_at, now + self.backoff(self.rounds_of_trouble))
        if asked_wait is not None:
            self.opens_at = max(self.opens_at, now + asked_wait)

    def backoff(self, times: int) -> float:
        """Return the pause after `times` troubles, doubling from the first one."""
        return float(
            min(
                self._rules.longest_wait_seconds,
                self._rules.first_wait_seconds * 2.0 ** (times - 1),
            )
        )

    def _end_warm_up(self) -> None:
        self._is_warming_up = False
        self._limit = float(min(self._rules.first_limit, self._most))
