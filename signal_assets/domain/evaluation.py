"""Evaluation: what a reader kept of labelled vacancies, compared with what they state.

A kept value and a labelled one are the same, by the kind of the field:

- `values` (a list): when their usual spellings are, without case, each pair once. Where no better
  pair is left an edition and its plain product match too (`SAP`, `SAP S/4HANA`), and so do two
  values that are no known products when their quotes overlap in the text.
- `numbers`: when they state the same numbers ("zes" is 6).
- `presence`: when both say something.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal

from signal_assets.domain.extractions import Evidence, ToolState, VacancyText
from signal_assets.domain.gazetteers import Gazetteer
from signal_assets.domain.grounding import (
    DroppedClaim,
    is_list_question,
    locate,
    stated_numbers,
)
from signal_assets.domain.intervals import (
    Counts,
    Interval,
    Share,
    f1_difference_interval,
    f1_interval,
    f1_of,
    share_of,
)
from signal_assets.domain.records import Record

WORST_CASES = 10
REPORT_FORMAT = 1
"""Raise it when a report of before can no longer be compared with one of now."""

Comparison = Literal["values", "numbers", "presence"]

_NUMBER_QUESTION = re.compile(
    r"\b(?:how (?:many|much)|numbers?|volumes?|size|hoeveel|aantal(?:len)?|omvang)\b", re.IGNORECASE
)


class Label(Record):
    """One value that a person read in the text, with the words that state it."""

    value: str
    quote: str
    state: ToolState | None = None


class LabelledVacancy(Record):
    """One vacancy and what a person read in it: field → its values."""

    text: VacancyText
    labels: Mapping[str, tuple[Label, ...]]


class CaseReading(Record):
    """What a reader made of one labelled vacancy, after its claims were checked."""

    vacancy_id: str
    evidence: tuple[Evidence, ...] = ()
    dropped: tuple[DroppedClaim, ...] = ()
    failure: str | None = None
    """Why the vacancy was not read; its labels then count as not found."""
    tokens_input: int = 0
    tokens_output: int = 0
    cost_usd: Decimal = Decimal(0)


class Pair(Record):
    """A kept value and the label it answers; one of them may be missing."""

    found: Evidence | None
    label: Label | None
    by_edition: bool = False
    quotes_overlap: bool | None = None

    @property
    def is_both(self) -> bool:
        return self.found is not None and self.label is not None

    @property
    def same_state(self) -> bool | None:
        """Whether both say the same of the product; None where the label says nothing of it."""
        if self.found is None or self.label is None or self.label.state is None:
            return None
        return self.found.state == self.label.state

    @property
    def is_wrong(self) -> bool:
        return not self.is_both or self.same_state is False


class Case(Record):
    """One vacancy, compared: field → pairs."""

    vacancy_id: str
    title: str
    fields: dict[str, tuple[Pair, ...]]
    claims: int
    dropped: tuple[DroppedClaim, ...] = ()
    failure: str | None = None

    def counts(self, field: str | None = None) -> Counts:
        """Count pairs, found only and labelled only, of one field or of all."""
        pairs = [
            pair for name, found in self.fields.items() if field in (None, name) for pair in found
        ]
        return (
            sum(pair.is_both for pair in pairs),
            sum(pair.label is None for pair in pairs),
            sum(pair.found is None for pair in pairs),
        )

    @property
    def errors(self) -> float:
        """A value too many or too few counts one, a wrong state a half."""
        _, only_found, only_labelled = self.counts()
        wrong_states = sum(
            pair.same_state is False for pairs in self.fields.values() for pair in pairs
        )
        return only_found + only_labelled + wrong_states / 2


class FieldFigures(Record):
    """What was counted of one field, or of all fields together (`field` is then `overall`)."""

    field: str
    comparison: Comparison | None
    both: int
    only_found: int
    only_labelled: int
    by_edition: int
    precision: Share
    recall: Share
    f1: float | None
    """None where nothing is labelled and nothing was found."""
    f1_interval: Interval
    """Bootstrapped over vacancies, 95 %."""
    state: Share
    """Of the pairs whose label has a state: those with the same state."""
    quote_overlap: Share
    """Of the pairs: those whose quotes overlap in the text."""


class WorstCase(Record):
    """A case with many errors, with the text to look them up in."""

    case: Case
    text: VacancyText


class Subject(Record):
    """What was measured: a reader with its prompt and model, on one set of labelled vacancies."""

    search_profile: str
    reader: str
    model: str | None = None
    prompt_version: int | None = None
    prompt_hash: str | None = None
    labels_hash: str
    """Of the labelled vacancies; only figures on the same ones can be compared."""


class EvaluationReport(Record):
    """Everything one evaluation found out; what the JSON report holds."""

    format: int = REPORT_FORMAT
    subject: Subject
    made_at: datetime
    vacancies: int
    failures: dict[str, int]
    """Reason → vacancies that could not be read."""
    fields: tuple[FieldFigures, ...]
    overall: FieldFigures
    accuracy: float
    """F1 over all fields together; what a bar is held against. 1 where there is nothing to find."""
    quote_accuracy: Share
    """Of the claims: those whose quote stands in the text."""
    unsupported: Share
    """Of the claims: those that were dropped, for whatever reason."""
    reasons_dropped: dict[str, int]
    tokens_input: int
    tokens_output: int
    cost_usd: Decimal
    """Of all answers when they were bought, also where they come from the ledger now."""
    cost_usd_per_vacancy: Decimal
    seconds: float
    """From the first vacancy to the last, as it went."""
    seconds_per_vacancy: float
    latency_p50: float | None
    """Seconds of one reading; None where nothing was read anew."""
    latency_p95: float | None
    cases: tuple[Case, ...]
    worst: tuple[WorstCase, ...]


def comparison_for(question: str) -> Comparison:
    """Return how answers to a question are compared, where the profile does not say.

    >>> comparison_for("Which ERP systems are named? Return as a list.")
    'values'
    >>> comparison_for("How many people are in the team?")
    'numbers'
    """
    if is_list_question(question):
        return "values"
    return "numbers" if _NUMBER_QUESTION.search(question) else "presence"


def compare(
    labelled: LabelledVacancy,
    reading: CaseReading,
    comparisons: Mapping[str, Comparison],
    gazetteer: Gazetteer,
) -> Case:
    """Compare what was kept of one vacancy with its labels, in the fields of `comparisons`."""
    text = labelled.text
    fields = {}
    for field, comparison in comparisons.items():
        found = [item for item in reading.evidence if item.field == field]
        labels = labelled.labels.get(field, ())
        if comparison == "values":
            pairs = _pair_values(found, labels, text, gazetteer)
        elif comparison == "numbers":
            pairs = _pair_numbers(found, labels, text)
        else:
            pairs = _pair_presence(found, labels, text)
        fields[field] = tuple(pairs)
    return Case(
        vacancy_id=text.vacancy_id,
        title=text.title,
        fields=fields,
        claims=len(reading.evidence) + len(reading.dropped),
        dropped=reading.dropped,
        failure=reading.failure,
    )


def _pair_values(
    found: Sequence[Evidence], labels: Sequence[Label], text: VacancyText, gazetteer: Gazetteer
) -> list[Pair]:
    left_found, left_labels = list(found), list(labels)
    pairs = []
    for rule in ("same", "edition", "words"):
        rest = []
        for item in left_found:
            label = next(
                (one for one in left_labels if _is_same(item, one, rule, text, gazetteer)), None
            )
            if label is None:
                rest.append(item)
                continue
            left_labels.remove(label)
            pairs.append(
                Pair(
                    found=item,
                    label=label,
                    by_edition=rule == "edition",
                    quotes_overlap=quotes_overlap(item, label, text),
                )
            )
        left_found = rest
    return [*pairs, *_single(left_found, left_labels)]


def _is_same(
    found: Evidence, label: Label, rule: str, text: VacancyText, gazetteer: Gazetteer
) -> bool:
    usual = gazetteer.usual_spelling(label.value)
    if rule == "same":
        return found.value.casefold() == (usual or label.value).casefold()
    if rule == "edition":
        wanted = usual or label.value
        return wanted in gazetteer.lineage(found.value) or found.value in gazetteer.lineage(wanted)
    is_product = usual is not None or gazetteer.usual_spelling(found.value) is not None
    return not is_product and quotes_overlap(found, label, text)


def _pair_numbers(
    found: Sequence[Evidence], labels: Sequence[Label], text: VacancyText
) -> list[Pair]:
    left_found, left_labels = list(found), list(labels)
    pairs = []
    for item in found:
        numbers = stated_numbers(item.value)
        label = next(
            (
                one
                for one in left_labels
                if numbers in (stated_numbers(one.value), stated_numbers(one.quote))
            ),
            None,
        )
        if label is not None:
            left_found.remove(item)
            left_labels.remove(label)
            overlap = quotes_overlap(item, label, text)
            pairs.append(Pair(found=item, label=label, quotes_overlap=overlap))
    return [*pairs, *_single(left_found, left_labels)]


def _pair_presence(
    found: Sequence[Evidence], labels: Sequence[Label], text: VacancyText
) -> list[Pair]:
    """One pair at most: the two whose quotes overlap, else the first of each."""
    if not found or not labels:
        return _single(found[:1], labels[:1])
    overlapping = (
        (item, label) for item in found for label in labels if quotes_overlap(item, label, text)
    )
    item, label = next(overlapping, (found[0], labels[0]))
    return [Pair(found=item, label=label, quotes_overlap=quotes_overlap(item, label, text))]


def _single(found: Iterable[Evidence], labels: Iterable[Label]) -> list[Pair]:
    return [
        *(Pair(found=item, label=None) for item in found),
        *(Pair(found=None, label=label) for label in labels),
    ]


def quotes_overlap(found: Evidence, label: Label, text: VacancyText) -> bool:
    """Whether both quotes share a place in the same part of the text."""
    span = locate(label.quote, text.title if found.part == "title" else text.description)
    return span is not None and found.start < span.end and span.start < found.end


def report(
    subject: Subject,
    comparisons: Mapping[str, Comparison],
    labelled: Sequence[LabelledVacancy],
    readings: Mapping[str, CaseReading],
    gazetteer: Gazetteer,
    *,
    made_at: datetime,
    seconds: float,
    latencies: Sequence[float],
) -> EvaluationReport:
    """Compare every labelled vacancy with its reading and add the figures up."""
    cases = [
        compare(one, readings[one.text.vacancy_id], comparisons, gazetteer) for one in labelled
    ]
    dropped: Counter[str] = Counter(item.reason for case in cases for item in case.dropped)
    claims = sum(case.claims for case in cases)
    unlocated = dropped["quote_not_found"] + dropped["quote_too_long"]
    cost = sum((one.cost_usd for one in readings.values()), Decimal(0))
    overall = _figures(cases, None, None)
    ordered_latencies = sorted(latencies)
    return EvaluationReport(
        subject=subject,
        made_at=made_at,
        vacancies=len(cases),
        failures=dict(Counter(case.failure for case in cases if case.failure is not None)),
        fields=tuple(
            _figures(cases, field, comparison) for field, comparison in comparisons.items()
        ),
        overall=overall,
        accuracy=overall.f1 if overall.f1 is not None else 1.0,
        quote_accuracy=share_of(claims - unlocated, claims),
        unsupported=share_of(sum(dropped.values()), claims),
        reasons_dropped=dict(dropped),
        tokens_input=sum(one.tokens_input for one in readings.values()),
        tokens_output=sum(one.tokens_output for one in readings.values()),
        cost_usd=cost,
        cost_usd_per_vacancy=cost / max(1, len(cases)),
        seconds=round(seconds, 4),
        seconds_per_vacancy=round(seconds / max(1, len(cases)), 6),
        latency_p50=_percentile(ordered_latencies, 0.5),
        latency_p95=_percentile(ordered_latencies, 0.95),
        cases=tuple(cases),
        worst=tuple(_worst(cases, labelled)),
    )


class FieldChange(Record):
    """One field of two reports."""

    field: str
    f1_before: float | None
    f1_after: float | None
    difference: Interval
    """Of F1 after minus F1 before, bootstrapped over the same vacancies."""


class Change(Record):
    """What is different between two evaluations of the same labelled vacancies."""

    before: Subject
    after: Subject
    overall: FieldChange
    fields: tuple[FieldChange, ...]
    """The fields that both have."""
    better: tuple[str, ...]
    """Vacancies with fewer errors than before."""
    worse: tuple[str, ...]


class NotComparable(Exception):
    """Two reports are about other vacancies, labels or forms of report."""


def compare_reports(before: EvaluationReport, after: EvaluationReport) -> Change:
    """Return what changed from one evaluation to the other.

    Raises:
        NotComparable: they do not measure the same labelled vacancies.
    """
    if before.subject.labels_hash != after.subject.labels_hash:
        raise NotComparable("the two reports are about other labelled vacancies")
    names = {figures.field for figures in before.fields}
    shared = [figures.field for figures in after.fields if figures.field in names]
    old = {case.vacancy_id: _only_fields(case, shared) for case in before.cases}
    new = {case.vacancy_id: _only_fields(case, shared) for case in after.cases}
    return Change(
        before=before.subject,
        after=after.subject,
        overall=_change(old, new, None),
        fields=tuple(_change(old, new, field) for field in shared),
        better=tuple(name for name in new if new[name].errors < old[name].errors),
        worse=tuple(name for name in new if new[name].errors > old[name].errors),
    )


def _only_fields(case: Case, fields: Sequence[str]) -> Case:
    return case.model_copy(update={"fields": {field: case.fields[field] for field in fields}})


def _change(old: Mapping[str, Case], new: Mapping[str, Case], field: str | None) -> FieldChange:
    before = [old[name].counts(field) for name in old]
    after = [new[name].counts(field) for name in old]
    return FieldChange(
        field=field or "overall",
        f1_before=_f1(before),
        f1_after=_f1(after),
        difference=f1_difference_interval(before, after),
    )


def _f1(counts: Sequence[Counts]) -> float | None:
    both, only_found, only_labelled = (sum(column) for column in zip(*counts, strict=True))
    return f1_of(both, only_found, only_labelled)


def _figures(
    cases: Sequence[Case], field: str | None, comparison: Comparison | None
) -> FieldFigures:
    pairs = [
        pair
        for case in cases
        for name, found in case.fields.items()
        if field in (None, name)
        for pair in found
    ]
    counts = [case.counts(field) for case in cases]
    both, only_found, only_labelled = (sum(column) for column in zip(*counts, strict=True))
    states = [pair.same_state for pair in pairs if pair.same_state is not None]
    matched = [pair for pair in pairs if pair.is_both]
    return FieldFigures(
        field=field or "overall",
        comparison=comparison,
        both=both,
        only_found=only_found,
        only_labelled=only_labelled,
        by_edition=sum(pair.by_edition for pair in pairs),
        precision=share_of(both, both + only_found),
        recall=share_of(both, both + only_labelled),
        f1=f1_of(both, only_found, only_labelled),
        f1_interval=f1_interval(counts),
        state=share_of(sum(states), len(states)),
        quote_overlap=share_of(sum(bool(pair.quotes_overlap) for pair in matched), len(matched)),
    )


def _worst(cases: Iterable[Case], labelled: Iterable[LabelledVacancy]) -> Iterator[WorstCase]:
    texts = {one.text.vacancy_id: one.text for one in labelled}
    ordered = sorted(
        (case for case in cases if case.errors), key=lambda case: (-case.errors, case.vacancy_id)
    )
    for case in ordered[:WORST_CASES]:
        yield WorstCase(case=case, text=texts[case.vacancy_id])


def _percentile(ordered: Sequence[float], share: float) -> float | None:
    if not ordered:
        return None
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 6)
