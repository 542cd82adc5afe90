"""Rate limit: how many calls to one service start in a second and are under way together."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class RateLimit:
    """Lets calls of any thread through one by one, evenly spaced."""

    def __init__(
        self,
        per_second: float,
        in_flight: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._pause_seconds = 1 / per_second
        self._slots = threading.BoundedSemaphore(in_flight)
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next_start = float("-inf")

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for a turn, and hold it for the time of the call."""
        with self._slots:
            with self._lock:
                now = self._clock()
                start = max(now, self._next_start)
                self._next_start = start + self._pause_seconds
            if start > now:
                self._sleep(start - now)
            yield
