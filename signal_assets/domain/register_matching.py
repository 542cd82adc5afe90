"""Register matching: which KvK number is the company that advertises, and on what evidence.

The sum of the evidence decides between `auto`, `review` and `none`. Sending a salesperson to the
wrong company is worse than sending none, so doubt is `review`.
"""

from collections.abc import Sequence

from signal_assets.domain.companies import Candidate, Match, RegisterSource
from signal_assets.domain.company_names import is_common_word
from signal_assets.domain.register_evidence import (
    SAME_FORM,
    SAME_NAME,
    SAME_PLACE,
    SAME_WEBSITE,
    AdvertisedCompany,
    Point,
    RegisterEntry,
    ScoredEntry,
    entry_places,
    score_entries,
)

AUTO_SCORE = 7.0
AUTO_LEAD = 2.0
REVIEW_SCORE = 3.0
MAX_PROFILES = 3
"""Base profiles bought for one company at most; each costs money."""
_CANDIDATES_KEPT = 10
_FEW = 3
"""With so few KvK numbers in all, one whose name does not fit may have a trade name that does."""


def decide(
    company: AdvertisedCompany, entries: Sequence[RegisterEntry], *, is_complete: bool
) -> Match:
    """Return which entry is the company.

    `is_complete` says that the register has no further entry with this name; only then does being
    the only one with the name count. The order of the entries does not matter.
    """
    return conclude(score_entries(company, entries, is_complete))


def conclude(scored: Sequence[ScoredEntry]) -> Match:
    """Return the decision that scored entries lead to, best first."""
    candidates = tuple(_to_candidate(item) for item in scored[:_CANDIDATES_KEPT])
    if not scored or scored[0].score < REVIEW_SCORE:
        return Match(
            decision="none",
            reasons=("No entry of the register looks like this company.",),
            candidates=candidates,
        )
    best = scored[0]
    rival = max(0.0, scored[1].score) if len(scored) > 1 else 0.0
    lead = best.score - rival
    obstacles = _find_obstacles(best, lead)
    return Match(
        decision="review" if obstacles else "auto",
        kvk_number=None if obstacles else best.entry.kvk_number,
        score=best.score,
        lead=lead,
        reasons=tuple(_with_points(point) for point in best.points) + obstacles,
        candidates=candidates,
        siblings=_find_siblings(scored),
    )


def _find_siblings(scored: Sequence[ScoredEntry]) -> tuple[str, ...]:
    """Return the other numbers that share the best one's name, group words aside."""
    return tuple(
        sorted(
            item.entry.kvk_number
            for item in scored[1:]
            if item.hit.tier in ("name", "letters", "core") and not item.hit.is_expired
        )
    )


def _find_obstacles(best: ScoredEntry, lead: float) -> tuple[str, ...]:
    obstacles = []
    if best.score < AUTO_SCORE:
        obstacles.append(f"The evidence adds up to {best.score:g} points; {AUTO_SCORE:g} decide.")
    if lead < AUTO_LEAD:
        obstacles.append(f"Another entry is only {lead:g} points behind; {AUTO_LEAD:g} are asked.")
    if best.cap:
        obstacles.append(best.cap)
    return tuple(obstacles)


def _to_candidate(item: ScoredEntry) -> Candidate:
    places = entry_places(item.entry)
    return Candidate(
        kvk_number=item.entry.kvk_number,
        name=item.hit.name,
        place=places[0] if places else None,
        score=item.score,
        reasons=tuple(_with_points(point) for point in item.points),
        source=_source(item),
    )


def _source(item: ScoredEntry) -> RegisterSource:
    sources = {row.source for row in item.entry.rows}
    if item.entry.profile or "kvk" in sources:
        return "kvk"
    return "employer_list" if "employer_list" in sources else "gleif"


def _with_points(point: Point) -> str:
    return f"{point.reason} ({point.points:+g})"


# Which base profile is worth its price.


def profile_worth_buying(
    company: AdvertisedCompany, scored: Sequence[ScoredEntry], asked: set[str]
) -> str | None:
    """Return the number whose base profile can change the decision next, or None."""
    if not scored or len(asked) >= MAX_PROFILES or conclude(scored).decision == "auto":
        return None
    named = [item for item in scored[:MAX_PROFILES] if item.hit.tier != "none"]
    if named and named[0].score >= REVIEW_SCORE:
        wanted = [item for item in named if _can_decide(company, item, scored[0])]
    elif len(scored) <= _FEW and not asked:
        wanted = list(scored[:1])
    else:
        wanted = []
    numbers = (item.entry.kvk_number for item in wanted)
    return next((number for number in numbers if number not in asked), None)


def _can_decide(company: AdvertisedCompany, item: ScoredEntry, best: ScoredEntry) -> bool:
    """Whether what a base profile may hold could make this entry, or the best one, `auto`."""
    website_gain = SAME_WEBSITE if company.website_hosts else 0.0
    letters = company.name.letters
    if (is_common_word(company.name.key_t2) or len(letters) <= 3) and not website_gain:
        return False
    form_gain = SAME_FORM if company.name.legal_form_hint else 0.0
    place_gain = SAME_PLACE if company.places else 0.0
    name_gain = SAME_NAME - item.hit.points
    reachable = item.score + website_gain + form_gain + place_gain + name_gain
    return reachable >= AUTO_SCORE and reachable >= best.score - AUTO_LEAD
