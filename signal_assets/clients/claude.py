"""The Claude reader: asks the model about each vacancy, once and for a known price."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol

import httpx

from signal_assets.clients.claude_batches import BatchLimits, ClaudeBatchRun
from signal_assets.clients.claude_calls import SERVICE, STEP_UP_SERVICE, ClaudeCalls
from signal_assets.clients.claude_ladder import ModelLadder, StepUp
from signal_assets.clients.claude_run import ClaudeLimits, ClaudeRun
from signal_assets.clients.claude_transport import ClaudeTransport, check_api_key
from signal_assets.clients.ledger import LedgerSession
from signal_assets.clients.metered_service import name_endpoint
from signal_assets.clients.readers import OnOutcome, TransportName
from signal_assets.domain.claude_models import get_claude_model
from signal_assets.domain.claude_requests import ClaudeQuestions, fence_vacancy
from signal_assets.domain.companies import Spend
from signal_assets.domain.extractions import ExtractorName, VacancyText
from signal_assets.domain.prices import PriceTable

if TYPE_CHECKING:
    import httpx2

logger = logging.getLogger(__name__)

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
        batch_limits: BatchLimits | None = None,
        step_up: StepUp | None = None,
        transport_name: TransportName = "live",
        say: Callable[[str], None] = logger.info,
    ) -> None:
        self.model = model
        self._session = session
        self._api_key = check_api_key(api_key)
        self._base_url = base_url
        self._concurrency = max(1, concurrency)
        self._limits = limits or ClaudeLimits()
        self._batch_limits = batch_limits or BatchLimits()
        self._transport_name = transport_name
        self._say = say
        self._transport = transport
        self._prompt = prompt
        self._prices = prices or PriceTable.shipped()
        self._today = today
        self._first = self._tier(model, SERVICE)
        self._step_up = step_up
        self._second = self._tier(step_up.model, STEP_UP_SERVICE) if step_up else None

    def __repr__(self) -> str:
        return f"ClaudeReader(model={self.model!r})"

    @property
    def spend(self) -> Spend:
        return self._session.spend

    def read_all(
        self,
        vacancies: Iterable[VacancyText],
        on_outcome: OnOutcome,
        transport: TransportName | None = None,
    ) -> None:
        """Call `on_outcome` once for every vacancy, in any order, from the calling thread.

        Texts with the same words are asked once and share the result; only the first carries its
        cost. When the service refuses us or a budget is used up, answers that stand in the ledger
        still come, everything else is postponed. What an open batch will bring is not asked anew.

        `transport` None is the reader's own. With a step up, texts that the first model refused,
        answered in no usable way or quoted wrongly are read once more, by the stronger one; see
        `ModelLadder`.

        Raises:
            UnknownPrice: the transport is batch, and it is not known what a batch costs.
        """
        chosen = transport or self._transport_name
        if self._step_up is None or self._second is None:
            self._read(self._first, vacancies, on_outcome, chosen)
            return
        ladder = ModelLadder(self._step_up, on_outcome)
        asked_before = partial(self._asked_before, self._second)
        first = ladder.leave_out_known(vacancies, asked_before)
        self._read(self._first, first, ladder.take_first, chosen)
        self._read(self._second, ladder.to_step_up, ladder.take_second, chosen)

    def _read(
        self,
        tier: "_Tier",
        vacancies: Iterable[VacancyText],
        on_outcome: OnOutcome,
        transport: TransportName,
    ) -> None:
        if transport == "batch":
            tier.calls.check_batch_price()
            asyncio.run(self._batch_run(tier, vacancies, on_outcome).work())
        else:
            asyncio.run(self._read_live(tier, vacancies, on_outcome))

    async def _read_live(
        self, tier: "_Tier", vacancies: Iterable[VacancyText], on_outcome: OnOutcome
    ) -> None:
        await self._batch_run(tier, (), on_outcome).collect()
        await ClaudeRun(
            self._session,
            tier.live,
            tier.calls,
            self._open_transport,
            self._limits,
            self._concurrency,
            vacancies,
            on_outcome,
            self._say,
        ).work()

    def _batch_run(
        self, tier: "_Tier", vacancies: Iterable[VacancyText], on_outcome: OnOutcome
    ) -> ClaudeBatchRun:
        return ClaudeBatchRun(
            self._session,
            tier.batched,
            tier.calls,
            self._open_transport,
            self._batch_limits,
            self._limits,
            vacancies,
            on_outcome,
            self._say,
        )

    def _tier(self, model: str, service: str) -> "_Tier":
        known, prompt = get_claude_model(model), self._prompt
        live = ClaudeQuestions(known, prompt.system_prompt, prompt.questions)
        calls = ClaudeCalls(
            live,
            self._prices,
            self._today,
            prompt.number,
            name_endpoint(httpx.URL(self._base_url or CLAUDE_BASE_URL)),
            service,
        )
        batched = ClaudeQuestions(known, prompt.system_prompt, prompt.questions, cache_ttl="1h")
        return _Tier(live, batched, calls)

    def _asked_before(self, tier: "_Tier", vacancies: Sequence[VacancyText]) -> set[str]:
        """Return the ids of the vacancies whose answer is stored, or comes from an open batch."""
        keys = {each.vacancy_id: tier.calls.key_of(fence_vacancy(each)) for each in vacancies}
        known = self._session.known_keys(list(set(keys.values())))
        return {vacancy_id for vacancy_id, key in keys.items() if key in known}

    def _open_transport(self) -> ClaudeTransport:
        return ClaudeTransport(
            self._api_key,
            self._base_url,
            connections=self._concurrency,
            attempt_seconds=self._limits.attempt_seconds,
            transport=self._transport,
        )


@dataclass(frozen=True, slots=True)
class _Tier:
    """One model with its questions; in a batch the prompt stays in the cache for longer."""

    live: ClaudeQuestions
    batched: ClaudeQuestions
    calls: ClaudeCalls
