"""The prompt cache: which part of a prompt is written, read, or paid in full."""

import hashlib
import math
from dataclasses import dataclass

from signal_assets.sandbox.claude_requests import CountRequest, MessagesRequest, TextBlock

CHARS_PER_TOKEN = 2.5
TTL_SECONDS = {"5m": 300.0, "1h": 3600.0}


@dataclass(frozen=True)
class Segment:
    """A piece of the prompt, in the order tools, system, messages; `ttl` marks a breakpoint."""

    text: str
    ttl: str | None = None


@dataclass(frozen=True)
class PromptUsage:
    """Input tokens of one prompt; the three kinds together are the whole prompt."""

    full: int
    written_5m: int = 0
    written_1h: int = 0
    read: int = 0

    @property
    def written(self) -> int:
        return self.written_5m + self.written_1h


@dataclass
class _Entry:
    readable_from: float
    expires_at: float


def count_tokens(text: str) -> int:
    """Return about one token for each 2.5 characters."""
    return math.ceil(len(text) / CHARS_PER_TOKEN)


def split_prompt(request: MessagesRequest | CountRequest) -> list[Segment]:
    """Return the prompt in the order in which the service caches it."""
    segments = [
        Segment(tool.model_dump_json(), tool.cache_control.ttl if tool.cache_control else None)
        for tool in request.tools or []
    ]
    system = request.system or []
    if isinstance(system, str):
        segments.append(Segment(system))
    else:
        segments += [_segment(block) for block in system]
    for turn in request.messages:
        if isinstance(turn.content, str):
            segments.append(Segment(turn.content))
            continue
        segments += [
            _segment(block) if isinstance(block, TextBlock) else Segment(block.model_dump_json())
            for block in turn.content
        ]
    if request.cache_control:
        segments[-1] = Segment(segments[-1].text, request.cache_control.ttl)
    return segments


def _segment(block: TextBlock) -> Segment:
    return Segment(block.text, block.cache_control.ttl if block.cache_control else None)


class PromptCache:
    """Prefixes of prompts. An entry is readable once the answer that wrote it has begun."""

    def __init__(self) -> None:
        self._entries: dict[bytes, _Entry] = {}

    def use(
        self,
        settings: str,
        segments: list[Segment],
        *,
        min_tokens: int,
        arrived_at: float,
        answered_at: float,
    ) -> PromptUsage:
        """Read and write the cache for one prompt and return what that makes of its tokens.

        `settings` holds what splits caches besides the text: the model, format and effort. A prefix
        below `min_tokens` is silently not cached.
        """
        digest = hashlib.sha256(settings.encode())
        total = read = 0
        marks: list[tuple[bytes, int, str]] = []
        for segment in segments:
            digest.update(segment.text.encode("utf-8", "surrogatepass"))
            total += count_tokens(segment.text)
            if segment.ttl and total >= min_tokens:
                marks.append((digest.digest(), total, segment.ttl))
        for key, tokens, ttl in marks:
            if self._is_readable(key, arrived_at):
                read = tokens
                self._entries[key].expires_at = answered_at + TTL_SECONDS[ttl]
        written = {"5m": 0, "1h": 0}
        done = read
        for key, tokens, ttl in marks:
            if tokens > done:
                written[ttl] += tokens - done
                done = tokens
                self._write(key, answered_at, TTL_SECONDS[ttl])
        return PromptUsage(total - done, written["5m"], written["1h"], read)

    def _is_readable(self, key: bytes, at: float) -> bool:
        entry = self._entries.get(key)
        return entry is not None and entry.readable_from <= at < entry.expires_at

    def _write(self, key: bytes, at: float, ttl: float) -> None:
        known = self._entries.get(key)
        if known is None or known.expires_at <= at:
            self._entries[key] = _Entry(at, at + ttl)
        else:
            known.expires_at = at + ttl
