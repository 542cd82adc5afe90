"""Progress: how long work shows that it moves, in Dagster's log or on the terminal."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from logging import Logger
from typing import Protocol

Step = Callable[[], None]

SECONDS_BETWEEN_LINES = 10


class Progress(Protocol):
    """Shows the progress of one piece of work; the step is called once for each item done."""

    def steps(self, description: str, total: int | None) -> AbstractContextManager[Step]: ...

    def say(self, words: str) -> None:
        """Show what is waited for."""
        ...


class LoggedProgress:
    """Writes a line to a log every ten seconds and at the end."""

    def __init__(self, log: Logger) -> None:
        self._log = log

    def say(self, words: str) -> None:
        self._log.info(words)

    @contextmanager
    def steps(self, description: str, total: int | None) -> Iterator[Step]:
        done = 0
        started = said = time.monotonic()

        def step() -> None:
            nonlocal done, said
            done += 1
            now = time.monotonic()
            if now - said >= SECONDS_BETWEEN_LINES:
                said = now
                of = f" of {total}" if total is not None else ""
                self._log.info(f"{description}: {done}{of}, {done / (now - started):.0f} a second")

        yield step
        self._log.info(f"{description}: {done} done in {time.monotonic() - started:.1f} s")
