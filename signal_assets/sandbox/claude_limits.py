"""Claude's rate limits: the headers that count down, and the moment they are passed."""

from dataclasses import dataclass
from datetime import UTC, datetime

from signal_assets.domain.records import Record
from signal_assets.sandbox.clock import Clock

WINDOW_SECONDS = 60.0


class LimitsPerMinute(Record):
    """What an organisation may do in a minute; the default is out of the way of a benchmark."""

    requests: int = 600_000
    input_tokens: int = 1_000_000_000
    output_tokens: int = 200_000_000


@dataclass(frozen=True)
class Taken:
    """`retry_after` in whole seconds when the request passes a limit."""

    headers: dict[str, str]
    retry_after: int | None


class RateLimits:
    """Counts requests and input tokens in windows of a minute."""

    def __init__(self, clock: Clock) -> None:
        self.per_minute = LimitsPerMinute()
        self._clock = clock
        self._window_ends = 0.0
        self._requests = 0
        self._input_tokens = 0

    def take(self, input_tokens: int) -> Taken:
        """Count one request, or refuse it with the seconds until the next window."""
        now = self._clock.now()
        if now >= self._window_ends:
            self._window_ends = now + WINDOW_SECONDS
            self._requests = self._input_tokens = 0
        limits = self.per_minute
        is_over = (
            self._requests + 1 > limits.requests
            or self._input_tokens + input_tokens > limits.input_tokens
        )
        if not is_over:
            self._requests += 1
            self._input_tokens += input_tokens
        wait = max(1, round(self._window_ends - now)) if is_over else None
        return Taken(self._headers(), wait)

    def _headers(self) -> dict[str, str]:
        limits = self.per_minute
        moment = datetime.fromtimestamp(self._window_ends, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        tokens_left = max(0, limits.input_tokens - self._input_tokens)
        counts = {
            "requests": (limits.requests, limits.requests - self._requests),
            "tokens": (limits.input_tokens, _thousands(tokens_left)),
            "input-tokens": (limits.input_tokens, _thousands(tokens_left)),
            "output-tokens": (limits.output_tokens, limits.output_tokens),
        }
        headers = {}
        for kind, (limit, left) in counts.items():
            prefix = f"anthropic-ratelimit-{kind}"
            headers[f"{prefix}-limit"] = str(limit)
            headers[f"{prefix}-remaining"] = str(left)
            headers[f"{prefix}-reset"] = moment
        return headers


def _thousands(tokens: int) -> int:
    return round(tokens, -3)
