"""The page of an evaluation: figures, labels against findings, quotes marked in the text.

One HTML file that needs nothing else: no script, no font, no image from anywhere. Everything that
comes from a vacancy is escaped.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from signal_assets.domain.evaluation import Case, Change, EvaluationReport, Pair, WorstCase
from signal_assets.domain.extractions import VacancyText
from signal_assets.domain.grounding import locate
from signal_assets.domain.intervals import Interval, Share

MAX_TEXT_CHARS = 30_000
"""A longer text is cut in the page; the places of quotes stay right."""


class Piece(NamedTuple):
    """A run of text with the marks that lie on it: words such as `found`, `label`, `dropped`."""

    text: str
    marks: str
    says: str


class _Mark(NamedTuple):
    start: int
    end: int
    kind: str
    says: str


def render_evaluation(report: EvaluationReport, change: Change | None = None) -> str:
    """Return the page of `report`, with what changed since an earlier one."""
    environment = Environment(
        loader=PackageLoader("signal_assets.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=_percent, interval=_interval, score=_score, words=_words, verdict=_verdict
    )
    template = environment.get_template("evaluation.html")
    return template.render(
        report=report,
        change=change,
        worst=[(one, _title_pieces(one), _text_pieces(one)) for one in report.worst],
        others=_others(report),
    )


def mark_text(text: str, marks: list[_Mark]) -> Iterator[Piece]:
    """Yield `text` in pieces, each with the marks that cover it."""
    edges = sorted({0, len(text), *(edge for mark in marks for edge in mark[:2])})
    for start, end in pairwise(edges):
        covering = [mark for mark in marks if mark.start <= start and end <= mark.end]
        yield Piece(
            text[start:end],
            " ".join(sorted({mark.kind for mark in covering})),
            "; ".join(dict.fromkeys(mark.says for mark in covering)),
        )


def _text_pieces(worst: WorstCase) -> list[Piece]:
    text = worst.text.description[:MAX_TEXT_CHARS]
    return list(mark_text(text, list(_marks(worst.case, worst.text, "description", len(text)))))


def _title_pieces(worst: WorstCase) -> list[Piece]:
    title = worst.text.title
    return list(mark_text(title, list(_marks(worst.case, worst.text, "title", len(title)))))


def _marks(case: Case, text: VacancyText, part: str, limit: int) -> Iterator[_Mark]:
    words = text.title if part == "title" else text.description
    for field, pairs in case.fields.items():
        for pair in pairs:
            found, label = pair.found, pair.label
            if found is not None and found.part == part and found.end <= limit:
                kind = "found" if label is not None else "found extra"
                yield _Mark(found.start, found.end, kind, f"found {field}: {found.value}")
            span = locate(label.quote, words) if label is not None else None
            if span is not None and label is not None and span.end <= limit:
                kind = "label" if found is not None else "label missed"
                yield _Mark(span.start, span.end, kind, f"labelled {field}: {label.value}")


def _others(report: EvaluationReport) -> list[Case]:
    shown = {one.case.vacancy_id for one in report.worst}
    return [case for case in report.cases if case.errors and case.vacancy_id not in shown]


def _percent(share: Share) -> str:
    return "–" if share.value is None else f"{share.value:.1%}"


def _score(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _interval(interval: Interval) -> str:
    return f"{interval.low:.2f}–{interval.high:.2f}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _verdict(pair: Pair) -> str:
    if pair.found is None:
        return "missed"
    if pair.label is None:
        return "extra"
    return "state" if pair.same_state is False else "right"
