"""Company quality: which advertising companies have said enough to be worth a paid look-up."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from fractions import Fraction

from signal_assets.domain.company_names import CompanyName, normalize_company_name
from signal_assets.domain.places import normalize_places
from signal_assets.domain.records import Record


class ReadVacancy(Record):
    """One vacancy after pass 1, as far as the quality of its company depends on it."""

    vacancy_id: str
    company_name: str | None = None
    location: str | None = None
    quality: float | None = None
    """Filled fields / fields in the schema, unrounded; None unless its extraction is completed."""
    duplicate_of: str | None = None
    is_intermediary: bool | None = None
    """Whether an agency posted it for a client; None where only its name can tell."""
    intermediary_reason: str | None = None
    negative_signals: tuple[str, ...] = ()
    first_seen_at: datetime


class GateRules(Record):
    """What a search profile asks of a company before money is spent on it."""

    quality_threshold: float
    enrich_negative_companies: bool = False


class CompanyQuality(Record):
    """One company that advertises, and whether it is worth a paid look-up."""

    company_id: str
    """The normalised name: the same company in every run."""
    name: str
    """Its most frequent spelling; of equally frequent ones the one seen first."""
    normalized_name: str
    vacancy_ids: tuple[str, ...]
    vacancy_count: int
    completed_count: int
    extraction_quality: float | None
    """Mean over the completed vacancies, four decimals; None when none is completed."""
    is_intermediary: bool
    """It is an agency in all its vacancies: they are kept and shown, but not scored."""
    intermediary_reason: str | None
    client_vacancy_ids: tuple[str, ...] = ()
    """Those it posted for clients it does not name; of an employer, they are not its vacancies."""
    negative_signals: tuple[str, ...]
    qualifies: bool
    reason: str
    places: tuple[str, ...]
    first_seen_at: datetime


def vacancy_quality(filled_fields: int, schema_fields: int) -> float:
    """Return which part of the schema's fields the vacancy fills.

    >>> vacancy_quality(1, 4)
    0.25
    """
    return filled_fields / schema_fields


def mean_quality(qualities: Sequence[float]) -> float | None:
    """Return the mean rounded to four decimals, a tie to the even digit; None of nothing.

    Each quality is a small fraction (filled / fields) that a float holds only nearly; it is taken
    as that fraction, so that the mean does not depend on the order or on how floats add up.

    >>> mean_quality([1.0, 0.25])
    0.625
    """
    if not qualities:
        return None
    total = sum((Fraction(quality).limit_denominator(1000) for quality in qualities), Fraction(0))
    return float(round(total / len(qualities), 4))


def find_company_name(vacancy: ReadVacancy) -> CompanyName | None:
    """Return the company a vacancy belongs to, or None if it names none ("-", "Confidential")."""
    name = normalize_company_name(vacancy.company_name) if vacancy.company_name else None
    return None if name is None or name.kind == "anonymous" else name


def vacancies_without_company(vacancies: Iterable[ReadVacancy]) -> tuple[str, ...]:
    """Return the ids of the vacancies that name no company: kept, but in no company's count."""
    return tuple(
        sorted(vacancy.vacancy_id for vacancy in vacancies if find_company_name(vacancy) is None)
    )


def assess_companies(
    vacancies: Iterable[ReadVacancy], rules: GateRules
) -> tuple[CompanyQuality, ...]:
    """Group vacancies by company and say of each company whether it qualifies.

    The order of the vacancies does not matter; companies come out by id. Vacancies that name no
    company are in none of them, see `vacancies_without_company`.
    """
    groups: dict[str, list[tuple[ReadVacancy, CompanyName]]] = defaultdict(list)
    for vacancy in vacancies:
        name = find_company_name(vacancy)
        if name is not None:
            groups[name.key_t1].append((vacancy, name))
    return tuple(_assess(key, groups[key], rules) for key in sorted(groups))


def count_once(vacancies: Iterable[ReadVacancy]) -> tuple[ReadVacancy, ...]:
    """Return the vacancies without their copies: each once for every employer that publishes it.

    A copy under an employer's name says who the client of an agency is, so the agency's own copy
    is left out then, also when it came first. The order that came in stays.
    """
    ordered = tuple(vacancies)
    copies: dict[str, list[ReadVacancy]] = defaultdict(list)
    for vacancy in ordered:
        copies[vacancy.duplicate_of or vacancy.vacancy_id].append(vacancy)
    counted = {item.vacancy_id for group in copies.values() for item in _choose(group)}
    return tuple(vacancy for vacancy in ordered if vacancy.vacancy_id in counted)


def _choose(copies: list[ReadVacancy]) -> list[ReadVacancy]:
    if len(copies) == 1:
        return copies
    by_employer: dict[str, ReadVacancy] = {}
    named: list[ReadVacancy] = []
    for vacancy in sorted(copies, key=lambda item: (item.first_seen_at, item.vacancy_id)):
        name = find_company_name(vacancy)
        if name is not None:
            named.append(vacancy)
            if _find_agency_reason(vacancy, name) is None:
                by_employer.setdefault(name.key_t2, vacancy)
    first = min(copies, key=lambda item: (item.first_seen_at, item.vacancy_id))
    return list(by_employer.values()) or named[:1] or [first]


def _assess(
    key: str, group: list[tuple[ReadVacancy, CompanyName]], rules: GateRules
) -> CompanyQuality:
    group.sort(key=lambda item: (item[0].first_seen_at, item[0].vacancy_id))
    reasons = [_find_agency_reason(vacancy, name) for vacancy, name in group]
    for_clients = [vacancy for (vacancy, _), why in zip(group, reasons, strict=True) if why]
    own = [vacancy for (vacancy, _), why in zip(group, reasons, strict=True) if not why]
    vacancies = own or for_clients
    completed = [vacancy for vacancy in vacancies if vacancy.quality is not None]
    quality = mean_quality([item.quality for item in own if item.quality is not None])
    intermediary_reason = None if own else reasons[0]
    signals = tuple(sorted({signal for item in vacancies for signal in item.negative_signals}))
    is_only_negative = bool(completed) and all(item.negative_signals for item in completed)
    obstacle = (
        _why_intermediary(intermediary_reason)
        or _why_unread(quality)
        or _why_below(quality, rules.quality_threshold)
        or _why_negative(is_only_negative and not rules.enrich_negative_companies, signals)
    )
    return CompanyQuality(
        company_id=key,
        name=_choose_spelling([name for _, name in group]),
        normalized_name=key,
        vacancy_ids=tuple(vacancy.vacancy_id for vacancy in vacancies),
        vacancy_count=len(vacancies),
        completed_count=len(completed),
        extraction_quality=quality,
        is_intermediary=intermediary_reason is not None,
        intermediary_reason=intermediary_reason,
        client_vacancy_ids=tuple(vacancy.vacancy_id for vacancy in for_clients),
        negative_signals=signals,
        qualifies=obstacle is None,
        reason=obstacle or _why_qualified(quality, len(completed), rules.quality_threshold),
        places=normalize_places(vacancy.location for vacancy in vacancies),
        first_seen_at=vacancies[0].first_seen_at,
    )


def _choose_spelling(names: Sequence[CompanyName]) -> str:
    """Return the most frequent spelling; `names` come oldest first, which settles a tie."""
    counts = Counter(name.clean_name for name in names)
    return max(counts, key=counts.__getitem__)


def _find_agency_reason(vacancy: ReadVacancy, name: CompanyName) -> str | None:
    """Return why the vacancy is that of an agency's client, or None if it is the poster's own."""
    if vacancy.is_intermediary is None:
        return name.kind_reason if name.kind == "intermediary" else None
    if not vacancy.is_intermediary:
        return None
    return vacancy.intermediary_reason or "it is posted for a client"


def _why_unread(quality: float | None) -> str | None:
    return "None of its vacancies has been read yet." if quality is None else None


def _why_intermediary(reason: str | None) -> str | None:
    if reason is None:
        return None
    return f"An agency ({reason}): its vacancies belong to a client it does not name."


def _why_below(quality: float | None, threshold: float) -> str | None:
    if quality is None or quality >= threshold:
        return None
    return f"Its vacancies fill {_percent(quality)} of the fields; {_percent(threshold)} is asked."


def _why_negative(is_only_negative: bool, signals: Sequence[str]) -> str | None:
    if not is_only_negative:
        return None
    quoted = ", ".join(f"“{signal}”" for signal in signals)
    return f"Every vacancy that was read says it has bought already: {quoted}."


def _why_qualified(quality: float | None, completed: int, threshold: float) -> str:
    vacancies = "1 vacancy fills" if completed == 1 else f"{completed} vacancies fill"
    return (
        f"Its {vacancies} {_percent(quality or 0)} of the fields; {_percent(threshold)} is asked."
    )


def _percent(part: float) -> str:
    return f"{part * 100:.4g} %"
