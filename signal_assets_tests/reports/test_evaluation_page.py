from html.parser import HTMLParser

from signal_assets.domain.evaluation import compare_reports
from signal_assets.reports.evaluation_page import mark_text, render_evaluation
from signal_assets_tests.domain.test_evaluation import BOTH_LABELS, EXACT, SAP, report_of


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.marked: dict[str, str] = {}
        self.tags: list[str] = []
        self._mark: str | None = None

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "mark":
            self._mark = dict(attrs)["class"]

    def handle_data(self, data):
        if self._mark is not None:
            self.marked[data] = self._mark

    def handle_endtag(self, tag):
        if tag == "mark":
            self._mark = None


def read(page: str) -> _Words:
    words = _Words()
    words.feed(page)
    return words


def test_quotes_are_marked_in_the_text_as_found_missed_or_extra():
    report = report_of(SAP, labels={"erp_systems": BOTH_LABELS["erp_systems"][1:]})
    marked = read(render_evaluation(report)).marked
    assert marked["SAP S/4HANA"] == "found extra"
    assert marked["Exact"] == "label missed"


def test_the_page_needs_nothing_else_and_runs_nothing():
    page = render_evaluation(report_of(SAP, EXACT))
    assert not {"script", "link", "img", "iframe"} & set(read(page).tags)
    assert "http" not in page.lower().replace("http-equiv", "")


def test_words_of_a_vacancy_are_never_markup():
    report = report_of(SAP)
    worst = report.worst[0]
    text = worst.text.model_copy(update={"title": "<script>alert(1)</script>"})
    nasty = report.model_copy(update={"worst": (worst.model_copy(update={"text": text}),)})
    page = render_evaluation(nasty)
    assert "script" not in read(page).tags
    assert "&lt;script&gt;" in page


def test_a_comparison_shows_both_runs():
    before, after = report_of(SAP, labels=BOTH_LABELS), report_of(SAP, EXACT, labels=BOTH_LABELS)
    page = render_evaluation(after, compare_reports(before, after))
    assert "0.667" in page
    assert "Better: v" in page


def test_a_text_without_marks_is_one_piece():
    assert [piece.text for piece in mark_text("text", [])] == ["text"]
