"""Message Batches: many requests in one, answered for half the price at a later moment."""

import hashlib
import itertools
import json
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field

from signal_assets.domain.records import Record
from signal_assets.sandbox.claude_requests import ClaudeRefused
from signal_assets.sandbox.clock import Clock
from signal_assets.sandbox.exchange import Asked, Question

PATH = "/v1/messages/batches"
MAX_REQUESTS = 100_000
MAX_BODY_BYTES = 256 * 1024 * 1024
EXPIRES_AFTER_SECONDS = 24 * 3600.0
RESULTS_KEPT_SECONDS = 29 * 24 * 3600.0

_CUSTOM_ID = r"^[a-zA-Z0-9_-]{1,64}$"
_NOT_IN_A_BATCH = ("stream", "speed")
_DEFAULT_PAGE, _LONGEST_PAGE = 20, 1000

Message = dict[str, Any]
AnswerOne = Callable[[dict[str, Any], bool], Message]
"""Parameters of one request, and whether the prompt cache may help → the message.

Raises ClaudeRefused like the Messages API.
"""


class BatchRules(Record):
    """How batches go from now on."""

    seconds: Annotated[float, Field(ge=0)] = 1.0
    """From the submission to the end. More than a day: the batch expires."""
    cache_hits: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of the requests that find the prompt cache; the service promises none."""
    errored_every: Annotated[int, Field(ge=0)] = 0
    """Every so many rows end in an error of the service; 0: none."""
    expired_every: Annotated[int, Field(ge=0)] = 0
    canceled_every: Annotated[int, Field(ge=0)] = 0
    seed: int = 0


@dataclass
class _Batch:
    id: str
    requests: list[dict[str, Any]]
    rules: BatchRules
    created_at: float
    cancel_initiated_at: float | None = None
    rows: list[dict[str, Any]] | None = None
    ended_at: float | None = None

    @property
    def ends_at(self) -> float:
        """The moment at which processing ends, one way or the other."""
        done = self.created_at + self.rules.seconds
        return min(
            done, self.created_at + EXPIRES_AFTER_SECONDS, self.cancel_initiated_at or float("inf")
        )

    @property
    def is_cut_short(self) -> bool:
        return self.ends_at < self.created_at + self.rules.seconds


@dataclass
class MessageBatches:
    """The batches of one organisation; a batch is worked through when somebody looks after its end.

    `bill` is told of each request that was answered.
    """

    clock: Clock
    answer_one: AnswerOne
    bill: Callable[[Question], None] = lambda question: None
    rules: BatchRules = field(default_factory=BatchRules)
    _batches: dict[str, _Batch] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def question(self, asked: Asked) -> Question:
        rest = asked.path.removeprefix(PATH).strip("/")
        name, _, verb = rest.partition("/")
        if not name:
            digest = hashlib.sha256(asked.body).hexdigest()[:16]
            return Question("batches" if asked.method == "POST" else "batch_list", digest)
        endpoints = {"": "batch", "results": "batch_results", "cancel": "batch_cancel"}
        return Question(endpoints.get(verb, "unknown"), name)

    def answer(self, asked: Asked) -> dict[str, Any] | bytes:
        """Return the body of the answer; the results are bytes, a JSON object a line.

        Raises:
            ClaudeRefused: as the service would.
        """
        name, _, verb = asked.path.removeprefix(PATH).strip("/").partition("/")
        if not name:
            return self._create(asked) if asked.method == "POST" else self._list(asked)
        batch = self._batches.get(name)
        if batch is None:
            raise ClaudeRefused(404, "not_found_error", f"Message Batch {name} not found.")
        self._work(batch)
        match asked.method, verb:
            case "GET", "":
                return self._render(batch, asked.base_url)
            case "GET", "results":
                return self._results(batch)
            case "POST", "cancel":
                return self._cancel(batch, asked.base_url)
            case "DELETE", "":
                return self._delete(batch)
        raise ClaudeRefused(404, "not_found_error", "Not Found")

    def _create(self, asked: Asked) -> dict[str, Any]:
        if len(asked.body) > MAX_BODY_BYTES:
            raise ClaudeRefused(413, "request_too_large", "Request exceeds the maximum size")
        requests = _read_requests(asked.payload)
        number = next(self._numbers)
        batch = _Batch(f"msgbatch_sandbox_{number:06d}", requests, self.rules, self.clock.now())
        self._batches[batch.id] = batch
        return self._render(batch, asked.base_url)

    def _list(self, asked: Asked) -> dict[str, Any]:
        """The newest first."""
        newest = list(reversed(self._batches))
        limit = _read_limit(asked.parameter("limit"))
        after, before = asked.parameter("after_id"), asked.parameter("before_id")
        if after is not None:
            newest = newest[_place(newest, after) + 1 :]
        if before is not None:
            newest = newest[: _place(newest, before)]
        page = newest[-limit:] if before is not None else newest[:limit]
        for name in page:
            self._work(self._batches[name])
        return {
            "data": [self._render(self._batches[name], asked.base_url) for name in page],
            "has_more": len(page) < len(newest),
            "first_id": page[0] if page else None,
            "last_id": page[-1] if page else None,
        }

    def _results(self, batch: _Batch) -> bytes:
        if batch.rows is None or batch.ended_at is None:
            text = f"Batch {batch.id} has no available results: it has not ended."
            raise ClaudeRefused(404, "not_found_error", text)
        if self.clock.now() > batch.created_at + RESULTS_KEPT_SECONDS:
            text = f"The results of batch {batch.id} are no longer available."
            raise ClaudeRefused(404, "not_found_error", text)
        lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in batch.rows)
        return "".join(f"{line}\n" for line in lines).encode()

    def _cancel(self, batch: _Batch, base_url: str) -> dict[str, Any]:
        """What is under way becomes `canceling`, and has ended at the next look."""
        if batch.rows is not None:
            raise ClaudeRefused(400, "invalid_request_error", f"Batch {batch.id} has ended.")
        batch.cancel_initiated_at = batch.cancel_initiated_at or self.clock.now()
        return self._render(batch, base_url)

    def _delete(self, batch: _Batch) -> dict[str, Any]:
        if batch.rows is None:
            raise ClaudeRefused(400, "invalid_request_error", f"Batch {batch.id} has not ended.")
        del self._batches[batch.id]
        return {"id": batch.id, "type": "message_batch_deleted"}

    def _work(self, batch: _Batch) -> None:
        """Answer the requests, once, when the batch's time has come."""
        if batch.rows is not None or self.clock.now() < batch.ends_at:
            return
        chance = random.Random(batch.rules.seed)  # noqa: S311 - repeatable  # nosec B311
        rows = [
            {
                "custom_id": request["custom_id"],
                "result": self._result(batch, number, request["params"], chance),
            }
            for number, request in enumerate(batch.requests, start=1)
        ]
        chance.shuffle(rows)
        batch.rows, batch.ended_at = rows, batch.ends_at

    def _result(
        self, batch: _Batch, number: int, params: dict[str, Any], chance: random.Random
    ) -> dict[str, Any]:
        rules = batch.rules
        finds_cache = chance.random() < rules.cache_hits
        if batch.is_cut_short:
            return {"type": "expired" if batch.cancel_initiated_at is None else "canceled"}
        if _is_turn(number, rules.expired_every):
            return {"type": "expired"}
        if _is_turn(number, rules.canceled_every):
            return {"type": "canceled"}
        if _is_turn(number, rules.errored_every):
            return _errored(number, "api_error", "Internal server error")
        unfit = [name for name in _NOT_IN_A_BATCH if name in params]
        if unfit or params.get("max_tokens") == 0:
            said = f"{(unfit or ['max_tokens'])[0]}: not supported in a batch"
            return _errored(number, "invalid_request_error", said)
        try:
            message = self.answer_one(params, finds_cache)
        except ClaudeRefused as refused:
            return _errored(number, refused.kind, refused.message)
        self.bill(Question("batched", _digest(params)))
        return {"type": "succeeded", "message": message}

    def _render(self, batch: _Batch, base_url: str) -> dict[str, Any]:
        """Counts other than `processing` stay 0 until the whole batch has ended."""
        counts = Counter(row["result"]["type"] for row in batch.rows or ())
        if batch.rows is None:
            counts["processing"] = len(batch.requests)
        status = "in_progress" if batch.cancel_initiated_at is None else "canceling"
        results = f"{base_url}{PATH}/{batch.id}/results"
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": status if batch.rows is None else "ended",
            "request_counts": {
                kind: counts[kind]
                for kind in ("processing", "succeeded", "errored", "canceled", "expired")
            },
            "created_at": _moment(batch.created_at),
            "expires_at": _moment(batch.created_at + EXPIRES_AFTER_SECONDS),
            "ended_at": None if batch.ended_at is None else _moment(batch.ended_at),
            "archived_at": None,
            "cancel_initiated_at": None
            if batch.cancel_initiated_at is None
            else _moment(batch.cancel_initiated_at),
            "results_url": None if batch.rows is None else results,
        }


def _read_requests(payload: Any) -> list[dict[str, Any]]:
    """Return the requests; one bad `custom_id` refuses all, bad `params` only their own row."""
    requests = payload.get("requests") if isinstance(payload, dict) else None
    if not isinstance(requests, list):
        raise ClaudeRefused(400, "invalid_request_error", "requests: Field required")
    if not requests:
        text = "requests: List should have at least 1 item after validation, not 0"
        raise ClaudeRefused(400, "invalid_request_error", text)
    if len(requests) > MAX_REQUESTS:
        text = f"requests: List should have at most {MAX_REQUESTS} items after validation"
        raise ClaudeRefused(400, "invalid_request_error", text)
    seen: set[str] = set()
    for place, request in enumerate(requests):
        given = request.get("custom_id") if isinstance(request, dict) else None
        if not isinstance(given, str) or not re.fullmatch(_CUSTOM_ID, given):
            text = f"requests.{place}.custom_id: String should match pattern '{_CUSTOM_ID}'"
            raise ClaudeRefused(400, "invalid_request_error", text)
        if given in seen:
            text = f"requests.{place}.custom_id: custom_id must be unique: {given}"
            raise ClaudeRefused(400, "invalid_request_error", text)
        if not isinstance(request.get("params"), dict):
            text = f"requests.{place}.params: Field required"
            raise ClaudeRefused(400, "invalid_request_error", text)
        seen.add(given)
    return requests


def _read_limit(given: str | None) -> int:
    try:
        limit = _DEFAULT_PAGE if given is None else int(given)
    except ValueError:
        limit = 0
    if not 1 <= limit <= _LONGEST_PAGE:
        text = f"limit: Input should be between 1 and {_LONGEST_PAGE}"
        raise ClaudeRefused(400, "invalid_request_error", text)
    return limit


def _place(names: list[str], name: str) -> int:
    if name not in names:
        raise ClaudeRefused(404, "not_found_error", f"Message Batch {name} not found.")
    return names.index(name)


def _errored(number: int, kind: str, message: str) -> dict[str, Any]:
    return {
        "type": "errored",
        "error": {
            "type": "error",
            "error": {"type": kind, "message": message},
            "request_id": f"req_sandbox_row_{number:06d}",
        },
    }


def _is_turn(number: int, every: int) -> bool:
    return every > 0 and number % every == 0


def _digest(params: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()[:16]


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
