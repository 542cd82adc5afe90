"""Claude calls: the ledger's key of one, the most it can cost, and what it did cost."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import lru_cache

from signal_assets.clients.paid_calls import Call, call_key
from signal_assets.domain.claude_answers import ClaudeMessage
from signal_assets.domain.claude_requests import ClaudeQuestions, FencedVacancy
from signal_assets.domain.prices import PriceTable, UnknownPrice

SERVICE = "claude"
STEP_UP_SERVICE = "claude_step_up"
"""The stronger model that reads what the first could not: a budget of its own."""


class ClaudeCalls:
    """Turns fenced vacancies into calls of the ledger; `today` is the day whose prices count."""

    def __init__(
        self,
        questions: ClaudeQuestions,
        prices: PriceTable,
        today: Callable[[], date],
        prompt_number: int,
        endpoint: str,
        service: str = SERVICE,
    ) -> None:
        self._questions = questions
        self._prices = prices
        self._today = today
        self._service = service
        self.endpoint = endpoint
        self._summary = f"{questions.model.name}, prompt {prompt_number}"
        self._price_at_most = lru_cache(maxsize=512)(self._compute_price_at_most)
        self._price_at_most(1, 1, today(), in_batch=False)

    def check_batch_price(self) -> None:
        """Make sure that it can be said what a batch costs.

        Raises:
            UnknownPrice: it cannot.
        """
        self._price_at_most(1, 1, self._today(), in_batch=True)

    def key_of(self, fenced: FencedVacancy) -> str:
        return call_key(
            SERVICE,
            endpoint=self.endpoint,
            asked=self._questions.digest,
            words=fenced.words_digest,
        )

    def plan(
        self, key: str, fenced: FencedVacancy, max_tokens: int, *, in_batch: bool = False
    ) -> Call:
        """Return the call with the price it cannot exceed."""
        tokens = self._questions.count_tokens_at_most(fenced.message)
        return Call(
            service=self._service,
            key=key,
            summary=self._summary,
            reserve_usd=self._price_at_most(tokens, max_tokens, self._today(), in_batch=in_batch),
        )

    def price(self, message: ClaudeMessage, *, in_batch: bool = False) -> Decimal:
        """Return what `message` cost, by the model that gave it if its price is known."""
        day, asked = self._today(), self._questions.model.name
        try:
            return self._prices.price_tokens(message.model, message.tokens, day, batch=in_batch)
        except UnknownPrice:
            return self._prices.price_tokens(asked, message.tokens, day, batch=in_batch)

    def _compute_price_at_most(
        self, input_tokens: int, output_tokens: int, day: date, *, in_batch: bool
    ) -> Decimal:
        model = self._questions.model.name
        return self._prices.price_tokens_at_most(
            model, input_tokens, output_tokens, day, batch=in_batch
        )
