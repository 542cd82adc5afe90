"""Quote support: how much of what a reader claims of a text the text bears out."""

from collections.abc import Sequence

from signal_assets.domain.extractions import Claim, VacancyText
from signal_assets.domain.grounding import IndexedText


def quote_support(claims: Sequence[Claim], vacancy: VacancyText) -> float | None:
    """Return the share of `claims` whose quote stands in the vacancy; None when there is no claim.

    >>> text = VacancyText(vacancy_id="v", title="Clerk", description="You work with SAP.")
    >>> quote_support([Claim(field="erp", value="SAP", quote="work with SAP")], text)
    1.0
    >>> quote_support([Claim(field="erp", value="SAP", quote="SAP daily")], text)
    0.0
    """
    if not claims:
        return None
    parts = (IndexedText(vacancy.description), IndexedText(vacancy.title))
    found = sum(any(part.locate(claim.quote.strip()) for part in parts) for claim in claims)
    return found / len(claims)
