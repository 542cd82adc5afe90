"""The sandbox's own time, which a test can move forward."""

import time


class Clock:
    """Seconds since the epoch; `advance` lets caches and limits grow old at once."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += seconds
