"""Services for the tests of the Claude reader: scripted answers on a transport in memory."""

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2

from signal_assets.clients.claude import ClaudeReader
from signal_assets.clients.claude_run import ClaudeLimits
from signal_assets.clients.ledger import Ledger, LedgerSession
from signal_assets.clients.pacing import PacingRules
from signal_assets.clients.paid_calls import Budgets, Caller
from signal_assets.domain.extractions import ReadingOutcome, VacancyText
from signal_assets.domain.limits import NO_LIMITS, ServiceLimits

KEY = "sk-ant-secret-of-the-test"
MODEL = "claude-haiku-5-5"
LIMITS = ClaudeLimits(
    attempt_seconds=0.4,
    vacancy_seconds=5.0,
    pacing=PacingRules(first_wait_seconds=0.01, longest_wait_seconds=0.02),
)

Step = httpx2.Response | Exception | Callable[[httpx2.Request], httpx2.Response]


@dataclass(frozen=True)
class Prompt:
    number: int = 1
    system_prompt: str = "You read vacancies of a company that makes things."
    questions: Mapping[str, str] = field(
        default_factory=lambda: {"erp_systems": "Which ERP systems? Return as a list."}
    )


class Service:
    """Answers with `steps` in turn and then with `always`; keeps what it was asked."""

    def __init__(self, *steps: Step, always: Step | None = None, seconds: float = 0.0) -> None:
        self._steps = list(steps)
        self._always = always if always is not None else answering()
        self._seconds = seconds
        self.requests: list[httpx2.Request] = []
        self.in_flight = 0
        self.most_in_flight = 0

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.requests]

    async def answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        step = self._steps.pop(0) if self._steps else self._always
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self._seconds)
        finally:
            self.in_flight -= 1
        if isinstance(step, Exception):
            raise step
        return step(request) if callable(step) else step


def message(text: str | None = None, **changes: Any) -> dict[str, Any]:
    facts = {"facts": [{"field": "erp_systems", "value": "SAP", "quote": "met SAP"}]}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [{"type": "text", "text": json.dumps(facts) if text is None else text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1000, "output_tokens": 100},
        **changes,
    }


def answering(text: str | None = None, **changes: Any) -> Step:
    return replying(200, message(text, **changes))


def replying(status: int, payload: object = None, **headers: str) -> Step:
    def reply(_: httpx2.Request) -> httpx2.Response:
        given = {"request-id": "req_1", **headers}
        if isinstance(payload, bytes):
            return httpx2.Response(status, content=payload, headers=given)
        return httpx2.Response(status, json=payload, headers=given)

    return reply


def refusing(status: int, kind: str = "api_error", code: str | None = None, **headers: str) -> Step:
    error: dict[str, Any] = {"type": kind, "message": "words of the service about Jan"}
    if code:
        error["details"] = {"error_code": code}
    return replying(status, {"type": "error", "error": error, "request_id": "req_1"}, **headers)


def vacancies(count: int, words: str = "Wij werken met SAP") -> list[VacancyText]:
    return [
        VacancyText(vacancy_id=f"file:{number}", title="Clerk", description=f"{words} {number}")
        for number in range(count)
    ]


class Desk:
    """One ledger and the readers that work with it."""

    def __init__(self, folder: Path, limits: ServiceLimits = NO_LIMITS) -> None:
        self.ledger = Ledger.open(f"sqlite:///{folder / 'ledger.db'}", limits)
        self._runs = 0

    def session(self, budget: str | None = None, *, kill_switch: bool = False) -> LedgerSession:
        self._runs += 1
        caller = Caller(
            run_id=f"run-{self._runs}", asset="extracted_vacancies", search_profile="example"
        )
        budgets = Budgets(run=Decimal(budget) if budget else None)
        return self.ledger.session(caller, budgets, kill_switch=kill_switch)

    def read(
        self,
        service: Service,
        texts: Iterable[VacancyText],
        *,
        budget: str | None = None,
        kill_switch: bool = False,
        limits: ClaudeLimits = LIMITS,
        concurrency: int = 4,
        prompt: Prompt | None = None,
        model: str = MODEL,
    ) -> "Outcomes":
        with self.session(budget, kill_switch=kill_switch) as session:
            reader = ClaudeReader(
                session,
                prompt or Prompt(),
                model=model,
                api_key=KEY,
                base_url="https://claude.test",
                concurrency=concurrency,
                limits=limits,
                today=lambda: date(2026, 11, 20),
                transport=httpx2.MockTransport(service.answer),
            )
            outcomes = Outcomes()
            reader.read_all(texts, outcomes.take)
            outcomes.cost_usd = session.spend.cost_usd
        return outcomes


class Outcomes:
    """What came of each vacancy; taking two for one vacancy is an error."""

    def __init__(self) -> None:
        self.by_id: dict[str, Any] = {}
        self.cost_usd = Decimal(0)

    def take(self, vacancy: VacancyText, outcome: ReadingOutcome) -> None:
        assert vacancy.vacancy_id not in self.by_id
        self.by_id[vacancy.vacancy_id] = outcome

    def of_type(self, kind: type) -> list[Any]:
        return [outcome for outcome in self.by_id.values() if isinstance(outcome, kind)]

    def only(self) -> Any:
        (outcome,) = self.by_id.values()
        return outcome
