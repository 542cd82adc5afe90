from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.prices import PriceTable, TokenUsage, UnknownPrice

TODAY = date(2026, 11, 20)
HAIKU, SONNET = "claude-haiku-5-5", "claude-sonnet-5-5"
SHIPPED = PriceTable.shipped()


@pytest.mark.parametrize(
    ("model", "usage", "dollars"),
    [
        (HAIKU, TokenUsage(input=1_000_000, output=0), "0.50"),
        (HAIKU, TokenUsage(input=1_200, output=600, cache_read=2_300), "0.000443"),
        (HAIKU, TokenUsage(input=0, output=0, cache_write_5m=8, cache_write_1h=5), "0.000002"),
        (HAIKU, TokenUsage(input=0, output=0, cache_read=1), "0.00000001"),
        (SONNET, TokenUsage(input=1_200, output=600, cache_read=2_300), "0.00863"),
        ("claude-opus-5-5", TokenUsage(input=10, output=10), "0.00024"),
        ("claude-haiku-4-5-20251001", TokenUsage(input=10, output=10), "0.00006"),
    ],
)
def test_tokens_cost_what_the_vendor_says(model, usage, dollars):
    assert SHIPPED.price_tokens(model, usage, TODAY) == Decimal(dollars)


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        (TokenUsage(input=100_000, output=1_000), "0.0105"),
        (TokenUsage(input=100_001, output=1_000), "0.0525005"),
        (TokenUsage(input=1, output=1_000, cache_read=100_000), "0.0075005"),
        (TokenUsage(input=1, output=1_000, cache_write_5m=100_000), "0.0650005"),
    ],
)
def test_the_whole_prompt_chooses_the_band_of_all_its_tokens(usage, dollars):
    assert SHIPPED.price_tokens(HAIKU, usage, TODAY) == Decimal(dollars)


def test_a_batch_costs_half():
    usage = TokenUsage(input=1_000, output=100, cache_read=1)
    assert SHIPPED.price_tokens(HAIKU, usage, TODAY, batch=True) == Decimal("0.000075005")


def test_one_region_costs_a_tenth_more():
    usage = TokenUsage(input=1_000, output=0)
    assert SHIPPED.price_tokens(HAIKU, usage, TODAY, inference_geo="us") == Decimal("0.00011")
    assert SHIPPED.price_tokens(HAIKU, usage, TODAY, inference_geo="global") == Decimal("0.0001")


@pytest.mark.parametrize(
    ("day", "dollars"), [(date(2026, 10, 6), "0.20"), (date(2026, 10, 7), "0.10")]
)
def test_a_price_holds_from_its_day(day, dollars):
    usage = TokenUsage(input=0, output=0, cache_read=1_000_000)
    assert SHIPPED.price_tokens(SONNET, usage, day) == Decimal(dollars)


@pytest.mark.parametrize(
    ("model", "day"),
    [("claude-nobody-1", TODAY), (HAIKU, date(2026, 10, 6)), ("claude-sonnet-4-20250514", TODAY)],
)
def test_a_model_without_a_price_is_refused(model, day):
    with pytest.raises(UnknownPrice, match=model):
        SHIPPED.price_tokens(model, TokenUsage(input=1, output=1), day)
    with pytest.raises(UnknownPrice, match=model):
        SHIPPED.price_tokens_at_most(model, 1, 1, day)


def test_a_model_whose_prices_are_known_in_part_is_refused_before_the_call():
    with pytest.raises(UnknownPrice, match="not every price of claude-fable-5-2"):
        SHIPPED.price_tokens_at_most("claude-fable-5-2", 1, 1, TODAY)
    with pytest.raises(UnknownPrice, match="cache reads"):
        SHIPPED.price_tokens("claude-fable-5-2", TokenUsage(input=0, output=0, cache_read=1), TODAY)
    with pytest.raises(UnknownPrice, match="batch"):
        SHIPPED.price_tokens("claude-fable-5-2", TokenUsage(input=1, output=1), TODAY, batch=True)


COUNTS = st.integers(min_value=0, max_value=200_000)


@given(fresh=COUNTS, read=COUNTS, short=COUNTS, long=COUNTS, output=COUNTS, batch=st.booleans())
def test_no_use_of_the_cache_costs_more_than_the_most(fresh, read, short, long, output, batch):
    usage = TokenUsage(
        input=fresh, output=output, cache_read=read, cache_write_5m=short, cache_write_1h=long
    )
    at_most = SHIPPED.price_tokens_at_most(HAIKU, usage.prompt, output, TODAY, batch=batch)
    assert SHIPPED.price_tokens(HAIKU, usage, TODAY, batch=batch) <= at_most


@given(tokens=COUNTS, fewer=COUNTS, output=COUNTS)
def test_fewer_tokens_never_have_a_higher_most(tokens, fewer, output):
    most = SHIPPED.price_tokens_at_most(HAIKU, max(tokens, fewer), output, TODAY)
    assert SHIPPED.price_tokens_at_most(HAIKU, min(tokens, fewer), output, TODAY) <= most


@pytest.mark.parametrize(
    ("service", "operation", "dollars", "is_assumed"),
    [
        ("kvk", "zoeken", "0", False),
        ("kvk", "basisprofiel", "0.023522", False),
        ("company_info", "companies", "0.58805", True),
        ("serpapi", "search", "0.015", True),
    ],
)
def test_a_call_costs_what_the_table_says(service, operation, dollars, is_assumed):
    price = SHIPPED.price_call(service, operation, TODAY)
    assert (price.usd, price.is_assumed) == (Decimal(dollars), is_assumed)
    assert price.source


def test_an_operation_without_a_price_is_refused():
    with pytest.raises(UnknownPrice, match="uittreksel at kvk"):
        SHIPPED.price_call("kvk", "uittreksel", TODAY)


def test_every_shipped_row_says_where_and_when_it_was_read():
    assert all(row.source and row.retrieved_on for row in SHIPPED.tokens)
    assert all(row.source and row.retrieved_on for row in SHIPPED.calls)
    assert all(rate.source and rate.retrieved_on for rate in SHIPPED.exchange_rates)


def test_a_users_price_stands_over_the_shipped_one_and_leaves_the_others():
    table = PriceTable.parse(
        {
            "calls": [
                {
                    "service": "company_info",
                    "operations": ["companies"],
                    "amount": "0.35",
                    "currency": "EUR",
                    "source": "our contract",
                }
            ],
            "tokens": [
                {
                    "models": [HAIKU],
                    "source": "our contract",
                    "bands": [
                        {
                            "input": "1",
                            "output": "1",
                            "cache_read": "1",
                            "cache_write_5m": "1",
                            "cache_write_1h": "1",
                        }
                    ],
                }
            ],
            "exchange_rates": [{"day": "2026-11-01", "usd_per_eur": "2", "source": "mine"}],
        }
    )
    price = table.price_call("company_info", "companies", TODAY)
    usage = TokenUsage(input=500_000, output=500_000)
    assert (price.usd, price.is_assumed) == (Decimal("0.70"), False)
    assert table.price_tokens(HAIKU, usage, date(2020, 1, 1)) == 1
    assert table.price_call("company_info", "dossier", TODAY).is_assumed
    assert table.price_tokens(SONNET, usage, TODAY) == 6


def test_euros_are_converted_at_the_newest_rate_that_is_not_after_the_day():
    rates = [
        {"day": f"2026-{month:02}-01", "usd_per_eur": str(month), "source": "any"}
        for month in (9, 3, 6)
    ]
    table = PriceTable.parse({"exchange_rates": rates})
    dollars = [
        table.price_call("kvk", "basisprofiel", day).usd
        for day in (date(2026, 1, 1), date(2026, 3, 1), date(2026, 8, 31), date(2027, 1, 1))
    ]
    assert dollars == [Decimal("0.06"), Decimal("0.06"), Decimal("0.12"), Decimal("0.18")]


@pytest.mark.parametrize(
    "bands", [[100, 50, None], [100, 100, None], [100], [None, 100], [None, None]]
)
def test_bands_must_rise_to_one_without_a_limit(bands):
    rates = dict.fromkeys(
        ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h"), "1"
    )
    row = {
        "models": ["m"],
        "source": "any",
        "bands": [{**rates, "up_to": limit} for limit in bands],
    }
    with pytest.raises(ValueError, match="up_to"):
        PriceTable.parse({"tokens": [row]})
