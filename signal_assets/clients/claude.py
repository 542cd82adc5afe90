"""The Claude reader: asks the model about each vacancy, once and for a known price."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Protocol

import httpx

from signal_assets.clients.claude_calls import ClaudeCalls
from signal_assets.clients.claude_run import ClaudeLimits, ClaudeRun
from signal_assets.clients.claude_transport import ClaudeTransport, check_api_key
from signal_assets.clients.ledger import LedgerSession
from signal_assets.clients.metered_service import name_endpoint
from signal_assets.clients.readers import OnOutcome
from signal_assets.domain.claude_models import get_claude_model
from signal_assets.domain.claude_requests import ClaudeQuestions
from signal_assets.domain.companies import Spend
from signal_assets.domain.extractions import ExtractorName, VacancyText
from signal_assets.domain.prices import PriceTable

if TYPE_CHECKING:
    import httpx2


CLAUDE_BASE_URL = "https://api.anthropic.com"
"""The vendor's, where no other is set."""


class Prompt(Protocol):
    """What the reader needs of a prompt version."""

    @property
    def number(self) -> int: ...

    @property
    def system_prompt(self) -> str: ...

    @property
    def questions(self) -> Mapping[str, str]:
        """Field → question."""
        ...


def utc_today() -> date:
    return datetime.now(UTC).date()


class ClaudeReader:
    """Reads vacancies with a Claude model, for one prompt and within one ledger session.

    Raises:
        UnknownModel: no request can be built for the model.
        UnknownPrice: it cannot be said what the model costs.
        SourceUnavailable: the key cannot be a key.
    """

    extractor: ExtractorName = "claude"

    def __init__(
        self,
        session: LedgerSession,
        prompt: Prompt,
        *,
        model: str,
        api_key: str,
        base_url: str | None = None,
        concurrency: int = 16,
        limits: ClaudeLimits | None = None,
        prices: PriceTable | None = None,
        today: Callable[[], date] = utc_today,
        transport: "httpx2.AsyncBaseTransport | None" = None,
    ) -> None:
        self.model = model
        self._session = session
        self._api_key = check_api_key(api_key)
        self._base_url = base_url
        self._concurrency = max(1, concurrency)
        self._limits = limits or ClaudeLimits()
        self._transport = transport
        self._questions = ClaudeQuestions(
            get_claude_model(model), prompt.system_prompt, prompt.questions
        )
        self._calls = ClaudeCalls(
            self._questions,
            prices or PriceTable.shipped(),
            today,
            prompt.number,
            name_endpoint(httpx.URL(base_url or CLAUDE_BASE_URL)),
        )

    def __repr__(self) -> str:
        return f"ClaudeReader(model={self.model!r})"

    @property
    def spend(self) -> Spend:
        return self._session.spend

    def read_all(self, vacancies: Iterable[VacancyText], on_outcome: OnOutcome) -> None:
        """Call `on_outcome` once for every vacancy, in any order, from the calling thread.

        Texts with the same words are asked once and share the result; only the first carries its
        cost. When the service refuses us or a budget is used up, answers that stand in the ledger
        still come, everything else is postponed.
        """
        run = ClaudeRun(
            self._session,
            self._questions,
            self._calls,
            self._open_transport,
            self._limits,
            self._concurrency,
            vacancies,
            on_outcome,
        )
        asyncio.run(run.work())

    def _open_transport(self) -> ClaudeTransport:
        return ClaudeTransport(
            self._api_key,
            self._base_url,
            connections=self._concurrency,
            attempt_seconds=self._limits.attempt_seconds,
            transport=self._transport,
        )
