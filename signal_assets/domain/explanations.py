"""Explanations: how a decision came about, step by step, in sentences for a person."""

from collections.abc import Iterator

from signal_assets.domain.companies import RegisterSource
from signal_assets.domain.company_finding import Finding, Rung, decide_again
from signal_assets.domain.company_names import NORMALIZER_VERSION
from signal_assets.domain.records import Record
from signal_assets.domain.register_matching import AUTO_LEAD, AUTO_SCORE, REVIEW_SCORE

SOURCE_NAMES: dict[RegisterSource, str] = {
    "kvk": "Business Register",
    "employer_list": "your list of employers",
    "gleif": "LEI register",
}


class Step(Record):
    """One step of a decision; the lines belong under its title."""

    title: str
    lines: tuple[str, ...]


def explain(finding: Finding) -> tuple[Step, ...]:
    """Return the steps that led to a decision, in the order they were taken."""
    return (
        Step(title="The name", lines=tuple(_name(finding))),
        Step(title="What the vacancies state", lines=tuple(_stated(finding))),
        Step(title="What a person decided", lines=tuple(_person(finding))),
        Step(title="What was asked", lines=tuple(map(_rung, finding.rungs)) or ("Nobody.",)),
        Step(title="What was found", lines=tuple(_found(finding))),
        Step(title="The evidence", lines=tuple(_evidence(finding)) or ("No candidate.",)),
        Step(title="The decision", lines=tuple(_decision(finding))),
    )


def _name(finding: Finding) -> Iterator[str]:
    name = finding.company.name
    yield f"Advertised as “{name.raw_name}”."
    if name.clean_name != name.raw_name:
        yield f"Without what advertisements put around it: “{name.clean_name}”."
    form = f"; stated legal form: {name.legal_form_hint}" if name.legal_form_hint else ""
    yield f"First key, legal form off: “{name.key_t1}”{form}."
    yield f"Second key, group words and places off: “{name.key_t2}”."
    if name.kind != "employer":
        yield f"It is {name.kind}: {name.kind_reason}."
    yield f"Keys made by version {finding.normalizer_version} of the rules for names."


def _stated(finding: Finding) -> Iterator[str]:
    company = finding.company
    yield f"Places: {', '.join(company.places).title() or 'none'}."
    for fact in company.printed:
        kind = "KvK number" if fact.kind == "kvk_number" else "Website"
        quote = " ".join(fact.quote.split())
        where = f" ({fact.vacancy_id})" if fact.vacancy_id else ""
        yield f"{kind} {fact.value}: “{quote}”{where}."
    if company.speaks_of_team:
        yield "They speak of a team or of colleagues."


def _person(finding: Finding) -> Iterator[str]:
    if finding.override is not None:
        yield finding.match.reasons[0]
    for number in finding.rejected:
        yield f"It is not {number}."
    if finding.override is None and not finding.rejected:
        yield "Nothing."


def _rung(rung: Rung) -> str:
    place = f" in {rung.place}" if rung.place else ""
    rows = "1 row" if rung.total == 1 else f"{rung.total} rows"
    cut = ", more than one page: cut off" if rung.is_cut_off else ""
    return f"The {SOURCE_NAMES[rung.source]} for “{rung.name}”{place}: {rows}{cut}.".replace(
        "The your", "Your"
    )


def _found(finding: Finding) -> Iterator[str]:
    numbers = {row.kvk_number for row in finding.rows}
    yield f"{len(finding.rows)} rows of {len(numbers)} KvK numbers."
    for profile in finding.profiles:
        yield f"Base profile read: {profile.kvk_number} “{profile.name}”."
    for number in finding.unknown:
        yield f"The Business Register does not know {number}, so it is no candidate."
    if finding.decided_by == "rule" and not finding.is_complete:
        yield "The answers may not be complete, so being the only one counts for nothing."


def _evidence(finding: Finding) -> Iterator[str]:
    for candidate in finding.match.candidates:
        place = f", {candidate.place.title()}" if candidate.place else ""
        yield f"{candidate.kvk_number} {candidate.name}{place}: {candidate.score:g} points"
        for reason in candidate.reasons:
            yield f"    {reason}"


def _decision(finding: Finding) -> Iterator[str]:
    match = finding.match
    number = f": {match.kvk_number}" if match.kvk_number else ""
    yield f"{match.decision}{number}."
    if finding.decided_by == "override":
        return
    if match.score is not None and match.lead is not None:
        yield (
            f"{match.score:g} points, {match.lead:g} before the next; `auto` asks for "
            f"{AUTO_SCORE:g} and a lead of {AUTO_LEAD:g}, `review` for {REVIEW_SCORE:g}."
        )
    said = {reason for candidate in match.candidates for reason in candidate.reasons}
    for reason in match.reasons:
        if reason not in said:
            yield reason
    if match.siblings:
        yield f"Same name, group words aside: {', '.join(match.siblings)}; linked, never merged."
    again = decide_again(finding)
    if again != match:
        version = f"version {NORMALIZER_VERSION}"
        changed = f": {again.kvk_number}" if again.kvk_number else ""
        yield f"With today's rules ({version}) it would be {again.decision}{changed}."
