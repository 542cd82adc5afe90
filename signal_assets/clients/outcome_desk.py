"""The outcome desk: hands every vacancy its outcome once, and the cost of shared words once."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal

from signal_assets.clients.readers import OnOutcome
from signal_assets.domain.extractions import (
    Reading,
    ReadingFailed,
    ReadingOutcome,
    ReadingPostponed,
    VacancyText,
)

logger = logging.getLogger(__name__)

_PROGRESS_SECONDS = 15.0
_COSTS_NOTHING = {"tokens_input": 0, "tokens_output": 0, "cost_usd": Decimal(0)}
_NAMES = {Reading: "read", ReadingFailed: "failed", ReadingPostponed: "postponed"}


class OutcomeDesk:
    """Keeps which words had their outcome in this run, so that later ones cost nothing again.

    Answers are not kept here: they stand in the ledger. `spent` says what the run has cost so far,
    for the log.
    """

    def __init__(self, on_outcome: OnOutcome, spent: Callable[[], Decimal]) -> None:
        self._on_outcome = on_outcome
        self._spent = spent
        self._had_outcome: set[str] = set()
        self._failures: dict[str, ReadingFailed] = {}
        self._counts: Counter[str] = Counter()
        self._logged_at = time.monotonic()

    def failure_of(self, key: str) -> ReadingFailed | None:
        """Return why these words could not be read earlier in this run."""
        return self._failures.get(key)

    def hand_over(
        self, key: str, vacancies: Iterable[VacancyText], outcome: ReadingOutcome
    ) -> None:
        """Give all `vacancies`, which have the same words, their outcome.

        The first one carries the tokens and the cost; for the others the answer was there. An
        outcome names `key`, so that runs which share the work can tell the same of their texts.
        """
        if isinstance(outcome, ReadingFailed):
            self._failures.setdefault(key, outcome)
        if not isinstance(outcome, ReadingPostponed):
            outcome = outcome.model_copy(update={"answer_key": key})
        for vacancy in vacancies:
            is_repeat = key in self._had_outcome
            self._had_outcome.add(key)
            self._counts[_NAMES[type(outcome)]] += 1
            self._on_outcome(vacancy, _share(outcome) if is_repeat else outcome)
        if time.monotonic() - self._logged_at > _PROGRESS_SECONDS:
            self.log_progress("going on")

    def log_progress(self, state: str) -> None:
        self._logged_at = time.monotonic()
        counts = ", ".join(f"{count:,} {name}" for name, count in sorted(self._counts.items()))
        logger.info("Claude: %s; $%.4f; %s", counts or "nothing to read", self._spent(), state)


def _share(outcome: ReadingOutcome) -> ReadingOutcome:
    if isinstance(outcome, Reading):
        return outcome.model_copy(update={**_COSTS_NOTHING, "from_ledger": True})
    if isinstance(outcome, ReadingFailed):
        return outcome.model_copy(update=_COSTS_NOTHING)
    return outcome
