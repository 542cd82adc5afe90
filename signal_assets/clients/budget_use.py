"""Budget use: how much of each budget of a search profile its month has used up."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from signal_assets.clients.claude_calls import STEP_UP_SERVICE
from signal_assets.clients.ledger_figures import MonthSum
from signal_assets.domain.records import Record
from signal_assets.domain.search_profiles import SearchProfile

WHOLE_MONTH = "month"
"""The budget for all services together, beside those that have a service's name."""


class BudgetUse(Record):
    """One budget in one month; `used_usd` is spent, or held for calls without an outcome."""

    search_profile: str
    budget: str
    """`month`, or the service whose own budget it is."""
    limit_usd: Decimal
    used_usd: Decimal

    @property
    def share(self) -> float:
        """Used of limit; of a budget of nothing, nothing is used while nothing is spent."""
        if self.limit_usd == 0:
            return 0.0 if self.used_usd == 0 else 1.0
        return float(self.used_usd / self.limit_usd)


def service_budgets(profile: SearchProfile) -> dict[str, Decimal]:
    """Return the dollars each service that has a budget of its own may cost in a month."""
    step_up = {STEP_UP_SERVICE: profile.step_up.budget_usd} if profile.step_up else {}
    return {**profile.budget_usd.services, **step_up}


def budget_uses(
    profiles: Mapping[str, SearchProfile], sums: Iterable[MonthSum]
) -> Iterator[BudgetUse]:
    """Yield how far each budget is used, by search profile; no limit is no budget."""
    used = {(each.search_profile, each.service): each.spent_usd + each.held_usd for each in sums}
    for name, profile in sorted(profiles.items()):
        limits: list[tuple[str | None, Decimal]] = [*service_budgets(profile).items()]
        if profile.budget_usd.month is not None:
            limits.append((None, profile.budget_usd.month))
        for service, limit in limits:
            yield BudgetUse(
                search_profile=name,
                budget=service or WHOLE_MONTH,
                limit_usd=limit,
                used_usd=used.get((name, service), Decimal(0)),
            )
