"""Prices of paid services, with the day they hold from and where they were read."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal, Protocol, Self, TypeVar

import yaml
from pydantic import Field, model_validator

from signal_assets.domain.records import Record

Amount = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
Tokens = Annotated[int, Field(ge=0)]
Words = Annotated[str, Field(min_length=1)]

_MILLION = Decimal(1_000_000)


class UnknownPrice(Exception):
    """It cannot be said what the call costs, so it must not be made."""


class TokenUsage(Record):
    """Tokens of one request, each counted once."""

    input: Tokens
    """Those that were neither read from nor written to the cache."""
    output: Tokens
    cache_read: Tokens = 0
    cache_write_5m: Tokens = 0
    cache_write_1h: Tokens = 0

    @property
    def prompt(self) -> int:
        return self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h


class TokenRates(Record):
    """US dollars per million tokens, for prompts of at most `up_to` tokens; None: any longer one.

    A rate that is None is not known.
    """

    up_to: Tokens | None = None
    input: Amount
    output: Amount
    cache_read: Amount | None
    cache_write_5m: Amount | None
    cache_write_1h: Amount | None


class TokenPrice(Record):
    """What some models cost from a day on."""

    models: Annotated[tuple[Words, ...], Field(min_length=1)]
    effective_from: Annotated[date | None, Field(alias="from")] = None
    bands: Annotated[tuple[TokenRates, ...], Field(min_length=1)]
    batch_factor: Amount | None = None
    """None: what a batch costs is not known."""
    inference_geo_factors: dict[str, Amount] = Field(default_factory=dict)
    """Region asked for → factor; a region that is not named costs the same."""
    source: Words
    retrieved_on: date | None = None

    @model_validator(mode="after")
    def _bands_rise_to_no_limit(self) -> Self:
        *limited, last = (band.up_to for band in self.bands)
        sizes = [size for size in limited if size is not None]
        if last is not None or len(sizes) < len(limited) or sizes != sorted(set(sizes)):
            raise ValueError("bands: `up_to` must rise, and only the last band has none")
        return self

    def rates_for(self, prompt_tokens: int) -> TokenRates:
        fitting = (b for b in self.bands if b.up_to is None or prompt_tokens <= b.up_to)
        return next(fitting)


class CallRow(Record):
    """What some operations of a service cost from a day on."""

    service: Words
    operations: Annotated[tuple[Words, ...], Field(min_length=1)]
    effective_from: Annotated[date | None, Field(alias="from")] = None
    amount: Amount
    currency: Literal["USD", "EUR"]
    per: Annotated[int, Field(ge=1)] = 1
    """Calls that are had for `amount`."""
    assumed: bool = False
    source: Words
    retrieved_on: date | None = None


class ExchangeRate(Record):
    """US dollars for one euro on a day."""

    day: date
    usd_per_eur: Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]
    source: Words
    retrieved_on: date | None = None


class CallPrice(Record):
    """What one call costs."""

    usd: Decimal
    is_assumed: bool
    """No price of the vendor's own is behind it."""
    source: str


class PriceTable(Record):
    """Every price we know; the shipped ones, or those with a user's own over them."""

    tokens: tuple[TokenPrice, ...] = ()
    calls: tuple[CallRow, ...] = ()
    exchange_rates: tuple[ExchangeRate, ...] = ()

    @classmethod
    def shipped(cls) -> "PriceTable":
        return _shipped()

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "PriceTable":
        """Return the shipped table with the rows of `data` over it.

        A model, or an operation of a service, that `data` names has only the prices that `data`
        gives it; exchange rates replace the shipped ones as a whole.

        Raises:
            ValueError: `data` is not a table of prices (pydantic's error, which names the place).
        """
        own, shipped = cls.model_validate(data), cls.shipped()
        models = {model for row in own.tokens for model in row.models}
        operations = {(row.service, name) for row in own.calls for name in row.operations}
        return cls(
            tokens=own.tokens + tuple(_without_models(shipped.tokens, models)),
            calls=own.calls + tuple(_without_operations(shipped.calls, operations)),
            exchange_rates=own.exchange_rates or shipped.exchange_rates,
        )

    def price_tokens(
        self,
        model: str,
        usage: TokenUsage,
        on: date,
        *,
        batch: bool = False,
        inference_geo: str | None = None,
    ) -> Decimal:
        """Return what `usage` costs in US dollars, exactly.

        Raises:
            UnknownPrice: the model, or a rate that `usage` needs, is not in the table.
        """
        price = self._token_price(model, on)
        rates = price.rates_for(usage.prompt)
        charges = (
            ("input", rates.input, usage.input),
            ("output", rates.output, usage.output),
            ("cache reads", rates.cache_read, usage.cache_read),
            ("5 minute cache writes", rates.cache_write_5m, usage.cache_write_5m),
            ("1 hour cache writes", rates.cache_write_1h, usage.cache_write_1h),
        )
        sum_usd = Decimal(0)
        for name, rate, count in charges:
            if count and rate is None:
                raise UnknownPrice(f"the price of {name} with {model} is not known")
            sum_usd += (rate or Decimal(0)) * count
        return sum_usd * _factor(price, model, batch, inference_geo) / _MILLION

    def price_tokens_at_most(
        self,
        model: str,
        input_tokens: int,
        output_tokens: int,
        on: date,
        *,
        batch: bool = False,
        inference_geo: str | None = None,
    ) -> Decimal:
        """Return the most that so many tokens can cost, whatever the cache does with them.

        Raises:
            UnknownPrice: the model, or any of its rates, is not in the table.
        """
        price = self._token_price(model, on)
        rates = price.rates_for(input_tokens)
        of_input = (rates.input, rates.cache_read, rates.cache_write_5m, rates.cache_write_1h)
        known = [rate for rate in of_input if rate is not None]
        if len(known) < len(of_input):
            raise UnknownPrice(
                f"not every price of {model} is known; give them in a prices file to use it"
            )
        sum_usd = max(known) * input_tokens + rates.output * output_tokens
        return sum_usd * _factor(price, model, batch, inference_geo) / _MILLION

    def price_call(self, service: str, operation: str, on: date) -> CallPrice:
        """Return what one call of `operation` costs on a day.

        Raises:
            UnknownPrice: the operation is not in the table.
        """
        rows = [row for row in self.calls if row.service == service and operation in row.operations]
        row = _in_force(rows, on)
        if row is None:
            raise UnknownPrice(f"the price of {operation} at {service} on {on} is not known")
        usd = row.amount / row.per
        if row.currency == "EUR":
            usd *= self._usd_per_eur(on)
        return CallPrice(usd=usd, is_assumed=row.assumed, source=row.source)

    def _token_price(self, model: str, on: date) -> TokenPrice:
        price = _in_force([row for row in self.tokens if model in row.models], on)
        if price is None:
            known = ", ".join(sorted({name for row in self.tokens for name in row.models}))
            raise UnknownPrice(f"the price of {model} on {on} is not known; known are {known}")
        return price

    def _usd_per_eur(self, on: date) -> Decimal:
        if not self.exchange_rates:
            raise UnknownPrice("the table has no exchange rate for euros")
        by_day = sorted(self.exchange_rates, key=lambda rate: rate.day)
        past = [rate for rate in by_day if rate.day <= on]
        return (past[-1] if past else by_day[0]).usd_per_eur


class _Dated(Protocol):
    @property
    def effective_from(self) -> date | None: ...


_Row = TypeVar("_Row", bound=_Dated)


def _in_force(rows: Iterable[_Row], on: date) -> _Row | None:
    """Return the newest row that holds on a day."""

    def start(row: _Row) -> date:
        return row.effective_from or date.min

    return max((row for row in rows if start(row) <= on), key=start, default=None)


def _factor(price: TokenPrice, model: str, batch: bool, inference_geo: str | None) -> Decimal:
    factor = price.inference_geo_factors.get(inference_geo or "", Decimal(1))
    if not batch:
        return factor
    if price.batch_factor is None:
        raise UnknownPrice(f"the price of a batch with {model} is not known")
    return factor * price.batch_factor


def _without_models(rows: Iterable[TokenPrice], models: set[str]) -> Iterable[TokenPrice]:
    for row in rows:
        left = tuple(model for model in row.models if model not in models)
        if left:
            yield row.model_copy(update={"models": left})


def _without_operations(
    rows: Iterable[CallRow], operations: set[tuple[str, str]]
) -> Iterable[CallRow]:
    for row in rows:
        left = tuple(name for name in row.operations if (row.service, name) not in operations)
        if left:
            yield row.model_copy(update={"operations": left})


@cache
def _shipped() -> PriceTable:
    path = resources.files("signal_assets.domain") / "data" / "prices.yaml"
    return PriceTable.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
