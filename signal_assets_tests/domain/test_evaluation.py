from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.activations import judge
from signal_assets.domain.evaluation import (
    Case,
    CaseReading,
    Comparison,
    EvaluationReport,
    Label,
    LabelledVacancy,
    NotComparable,
    Subject,
    compare,
    compare_reports,
    report,
)
from signal_assets.domain.extractions import Evidence, VacancyText
from signal_assets.domain.gazetteers import Gazetteer
from signal_assets.domain.grounding import locate
from signal_assets.domain.intervals import f1_difference_interval, f1_interval, f1_of, share_of

SHIPPED = Gazetteer.shipped()
COMPARISONS: dict[str, Comparison] = {
    "erp_systems": "values",
    "team_size": "numbers",
    "complexity_signals": "presence",
}
TEXT = "Je werkt met SAP S/4HANA en Exact in een team van zes. Wij zijn actief in 5 landen."


def label(value: str, quote: str, state=None) -> Label:
    return Label(value=value, quote=quote, state=state)


def found(field: str, value: str, quote: str, state=None) -> Evidence:
    span = locate(quote, TEXT)
    assert span is not None
    return Evidence(
        field=field, value=value, quote=quote, start=span.start, end=span.end, state=state
    )


def case_of(labels: Mapping[str, tuple[Label, ...]], *evidence: Evidence) -> Case:
    text = VacancyText(vacancy_id="v", title="", description=TEXT)
    reading = CaseReading(vacancy_id="v", evidence=evidence)
    return compare(LabelledVacancy(text=text, labels=labels), reading, COMPARISONS, SHIPPED)


@pytest.mark.parametrize(
    ("field", "labels", "evidence", "counts"),
    [
        (
            "erp_systems",
            [("sap s/4 hana", "SAP S/4HANA")],
            [("SAP S/4HANA", "SAP S/4HANA")],
            (1, 0, 0),
        ),
        ("erp_systems", [("SAP", "SAP S/4HANA")], [("SAP S/4HANA", "SAP S/4HANA")], (1, 0, 0)),
        ("erp_systems", [("SAP", "SAP S/4HANA")], [("Exact", "Exact")], (0, 1, 1)),
        ("erp_systems", [("SAP", "SAP")], [("SAP", "SAP"), ("Exact", "Exact")], (1, 1, 0)),
        ("team_size", [("6", "team van zes")], [("zes", "team van zes")], (1, 0, 0)),
        ("team_size", [("6", "team van zes")], [("5", "5 landen")], (0, 1, 1)),
        ("complexity_signals", [("abroad", "5 landen")], [("actief", "actief in")], (1, 0, 0)),
        ("complexity_signals", [], [("actief", "actief in")], (0, 1, 0)),
        ("complexity_signals", [("abroad", "5 landen")], [], (0, 0, 1)),
        ("complexity_signals", [], [], (0, 0, 0)),
    ],
)
def test_what_counts_as_the_same(field, labels, evidence, counts):
    labelled = {field: tuple(label(*one) for one in labels)}
    assert case_of(labelled, *(found(field, *one) for one in evidence)).counts(field) == counts


def test_an_exact_pair_goes_before_one_by_edition():
    labelled = {"erp_systems": (label("SAP", "SAP"), label("SAP S/4HANA", "SAP S/4HANA"))}
    case = case_of(
        labelled,
        found("erp_systems", "SAP S/4HANA", "SAP S/4HANA"),
        found("erp_systems", "SAP", "SAP"),
    )
    assert case.counts() == (2, 0, 0)
    assert not any(pair.by_edition for pair in case.fields["erp_systems"])


def test_another_state_is_half_an_error():
    labelled = {"erp_systems": (label("SAP S/4HANA", "SAP S/4HANA", "asked"),)}
    case = case_of(labelled, found("erp_systems", "SAP S/4HANA", "SAP S/4HANA", "in_use"))
    assert (case.errors, case.counts()) == (0.5, (1, 0, 0))


def report_of(
    *evidence: Evidence,
    labels: Mapping[str, tuple[Label, ...]] | None = None,
    labels_hash: str = "h",
) -> EvaluationReport:
    text = VacancyText(vacancy_id="v", title="", description=TEXT)
    return report(
        Subject(search_profile="p", reader="keyword", labels_hash=labels_hash),
        COMPARISONS,
        [LabelledVacancy(text=text, labels=labels or {})],
        {"v": CaseReading(vacancy_id="v", evidence=evidence, cost_usd=Decimal("0.5"))},
        SHIPPED,
        made_at=datetime(2026, 1, 1, tzinfo=UTC),
        seconds=1.0,
        latencies=[0.2, 0.1],
    )


SAP = found("erp_systems", "SAP S/4HANA", "SAP S/4HANA")
EXACT = found("erp_systems", "Exact", "Exact")
BOTH_LABELS = {"erp_systems": (label("SAP S/4HANA", "SAP S/4HANA"), label("Exact", "Exact"))}


def test_a_report_travels_as_json_and_comes_back_the_same():
    made = report_of(SAP, labels=BOTH_LABELS)
    assert EvaluationReport.model_validate_json(made.model_dump_json()) == made
    assert (made.accuracy, made.cost_usd_per_vacancy, made.latency_p50) == (
        0.667,
        Decimal("0.5"),
        0.2,
    )
    assert made.worst[0].text.description == TEXT


def test_two_reports_of_the_same_labels_are_compared():
    change = compare_reports(
        report_of(SAP, labels=BOTH_LABELS), report_of(SAP, EXACT, labels=BOTH_LABELS)
    )
    assert (change.overall.f1_before, change.overall.f1_after) == (0.667, 1.0)
    assert (change.better, change.worse) == (("v",), ())


def test_reports_of_other_labels_are_not_compared():
    with pytest.raises(NotComparable):
        compare_reports(report_of(SAP), report_of(SAP, labels_hash="other"))


@pytest.mark.parametrize(
    ("new", "active", "bar", "objection"),
    [
        ((SAP, EXACT), (SAP,), 0.8, None),
        ((SAP, EXACT), (SAP, EXACT), 0.8, None),
        ((SAP,), None, 0.8, "below the bar of 0.800"),
        ((SAP,), (SAP, EXACT), 0.5, "where the active one reaches 1.000"),
        ((SAP,), None, 0.5, None),
    ],
)
def test_a_prompt_is_held_against_the_bar_and_the_active_one(new, active, bar, objection):
    before = None if active is None else report_of(*active, labels=BOTH_LABELS)
    verdict = judge(report_of(*new, labels=BOTH_LABELS), before, bar)
    if objection is None:
        assert verdict.objection is None
    else:
        assert verdict.objection is not None
        assert objection in verdict.objection


@given(trials=st.integers(0, 500), data=st.data())
def test_an_interval_holds_its_share(trials, data):
    share = share_of(data.draw(st.integers(0, trials)), trials)
    low, high = share.interval.low, share.interval.high
    assert 0 <= low <= high <= 1
    assert share.value is None or low - 0.001 <= share.value <= high + 0.001


@given(st.lists(st.tuples(*[st.integers(0, 5)] * 3), min_size=1, max_size=30))
def test_the_interval_of_f1_holds_it_and_nothing_differs_from_itself(cases):
    f1 = f1_of(*(sum(column) for column in zip(*cases, strict=True)))
    interval = f1_interval(cases)
    assert 0 <= interval.low <= interval.high <= 1
    assert f1 is None or interval.low - 0.2 <= f1 <= interval.high + 0.2
    itself = f1_difference_interval(cases, cases)
    assert f1 is None or (itself.low, itself.high) == (0.0, 0.0)
