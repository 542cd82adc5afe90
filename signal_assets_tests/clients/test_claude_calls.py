"""The ledger's key of a Claude call."""

from datetime import date

from signal_assets.clients.claude_calls import ClaudeCalls
from signal_assets.domain.claude_models import get_claude_model
from signal_assets.domain.claude_requests import ClaudeQuestions, fence_vacancy
from signal_assets.domain.extractions import VacancyText
from signal_assets.domain.prices import PriceTable

VACANCY = fence_vacancy(
    VacancyText(vacancy_id="a", title="Clerk", description="You book invoices in SAP.")
)


def calls(endpoint: str, question: str = "Which systems?") -> ClaudeCalls:
    questions = ClaudeQuestions(
        get_claude_model("claude-haiku-5-5"), "You read vacancies.", {"erp_systems": question}
    )
    return ClaudeCalls(questions, PriceTable.shipped(), lambda: date(2026, 11, 20), 1, endpoint)


def test_an_answer_of_a_sandbox_is_never_taken_for_one_of_the_vendor() -> None:
    assert calls("this machine/claude").key_of(VACANCY) != calls("vendor").key_of(VACANCY)


def test_the_same_question_about_the_same_words_has_the_same_key() -> None:
    assert calls("vendor").key_of(VACANCY) == calls("vendor").key_of(VACANCY)


def test_another_question_has_another_key() -> None:
    assert calls("vendor").key_of(VACANCY) != calls("vendor", "Which ERP?").key_of(VACANCY)
