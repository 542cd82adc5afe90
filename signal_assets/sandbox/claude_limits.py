"""Claude's rate limits: the headers that count down, and the moment they are passed."""

from datetime import UTC, datetime

from signal_assets.domain.records import Record
from signal_assets.sandbox.clock import Clock

WINDOW_SECONDS = 60.0


class LimitsPerMinute(Record):
    """What an organisation may do in a minute; the default is out of the way of a benchmark."""

    requests: int = 600_000
    input_tokens: int = 1_000_000_000
    output_tokens: int = 200_000_000


class RateLimits:
    """Counts requests and tokens in windows of a minute."""

    def __init__(self, clock: Clock) -> None:
        self.per_minute = LimitsPerMinute()
        self._clock = clock
        self._window_ends = 0.0
        self._requests = 0
        self._input_tokens = 0
        self._output_tokens = 0

    def take(self, input_tokens: int) -> int | None:
        """Count one request; None, or the whole seconds to wait when it passes a limit."""
        now = self._clock.now()
        if now >= self._window_ends:
            self._window_ends = now + WINDOW_SECONDS
            self._requests = self._input_tokens = self._output_tokens = 0
        limits = self.per_minute
        if (
            self._requests + 1 > limits.requests
            or self._input_tokens + input_tokens > limits.input_tokens
            or self._output_tokens > limits.output_tokens
        ):
            return max(1, round(self._window_ends - now))
        self._requests += 1
        self._input_tokens += input_tokens
        return None

    def count_output(self, tokens: int) -> None:
        self._output_tokens += tokens

    def headers(self) -> dict[str, str]:
        """Return limit, what is left and when it starts anew; tokens rounded to thousands."""
        limits = self.per_minute
        moment = datetime.fromtimestamp(self._window_ends, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        input_left = _thousands(limits.input_tokens - self._input_tokens)
        output_left = _thousands(limits.output_tokens - self._output_tokens)
        counts = {
            "requests": (limits.requests, max(0, limits.requests - self._requests)),
            "tokens": (limits.output_tokens, output_left),
            "input-tokens": (limits.input_tokens, input_left),
            "output-tokens": (limits.output_tokens, output_left),
        }
        headers = {}
        for kind, (limit, left) in counts.items():
            prefix = f"anthropic-ratelimit-{kind}"
            headers[f"{prefix}-limit"] = str(limit)
            headers[f"{prefix}-remaining"] = str(left)
            headers[f"{prefix}-reset"] = moment
        return headers


def _thousands(tokens: int) -> int:
    return max(0, round(tokens, -3))
