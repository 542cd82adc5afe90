"""Limits: how much of each service all runs on all machines may use together."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal, get_args

from pydantic import Field

from signal_assets.domain.records import Record

LimitedService = Literal["claude", "kvk", "company_info", "serpapi", "gleif"]
LIMITED_SERVICES: tuple[LimitedService, ...] = get_args(LimitedService)

_ACCOUNTS: Mapping[str, LimitedService] = {"claude_step_up": "claude"}


def account_of(service: str) -> str:
    """Return whose limits a service of the ledger counts in.

    The second model of a step-up is asked with the same key and stands on the same bill as the
    first one; budgets of a search profile still tell the two apart.

    >>> account_of("claude_step_up")
    'claude'
    >>> account_of("kvk")
    'kvk'
    """
    return _ACCOUNTS.get(service, service)


class ServiceLimit(Record):
    """What one service may be asked; None is not limited."""

    in_flight: Annotated[int, Field(ge=1, strict=True)] | None = None
    """Requests at the same time."""
    per_minute: Annotated[int, Field(ge=1, strict=True)] | None = None
    """Requests started in any 60 seconds."""
    usd_per_month: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)] | None = None
    """US dollars per calendar month (UTC), all search profiles together."""

    @property
    def is_paced(self) -> bool:
        return self.in_flight is not None or self.per_minute is not None


class ServiceLimits(Record):
    """The limits of all services; one that is not named is not limited."""

    claude: ServiceLimit = ServiceLimit()
    kvk: ServiceLimit = ServiceLimit()
    company_info: ServiceLimit = ServiceLimit()
    serpapi: ServiceLimit = ServiceLimit()
    gleif: ServiceLimit = ServiceLimit()

    def of(self, service: str) -> ServiceLimit:
        """Return the limit that a service of the ledger counts in.

        >>> limits = ServiceLimits(claude=ServiceLimit(in_flight=2))
        >>> limits.of("claude_step_up").in_flight
        2
        >>> limits.of("another").in_flight is None
        True
        """
        account = account_of(service)
        return getattr(self, account) if account in LIMITED_SERVICES else ServiceLimit()

    @property
    def usd_per_month(self) -> dict[str, Decimal]:
        """Service → US dollars per month, where that is limited."""
        limits = {name: self.of(name).usd_per_month for name in LIMITED_SERVICES}
        return {name: limit for name, limit in limits.items() if limit is not None}


NO_LIMITS = ServiceLimits()
