"""Saying: what a person is told while something is waited for, and not at each look at it."""

import threading
import time
from collections.abc import Callable


class NowAndThen:
    """Says something at most every `seconds`; may be used from several threads."""

    def __init__(self, say: Callable[[str], None], seconds: float = 15.0) -> None:
        self._say, self._seconds = say, seconds
        self._lock = threading.Lock()
        self._said_at = float("-inf")

    def __call__(self, words: str) -> None:
        with self._lock:
            now = time.monotonic()
            if now - self._said_at < self._seconds:
                return
            self._said_at = now
        self._say(words)
