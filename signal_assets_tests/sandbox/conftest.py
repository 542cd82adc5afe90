"""One running sandbox for all tests, as good as new before each."""

from collections.abc import Iterator
from typing import Any

import pytest

from signal_assets.domain.claude_models import get_claude_model
from signal_assets.domain.claude_requests import ClaudeQuestions, fence_vacancy
from signal_assets.domain.extractions import VacancyText
from signal_assets.sandbox import SandboxServer


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture
def sandbox(running_sandbox: SandboxServer) -> Iterator[SandboxServer]:
    control = running_sandbox.control
    control.clear_journal()
    yield running_sandbox
    control.switch_off()
    control.clear_scripts()
    for service in ("claude", "kvk", "company_info", "serpapi"):
        control.set_latency(service, 0)


FIELDS = {
    "erp_systems": "Which ERP systems are mentioned? Return as a list.",
    "p2p_tools": "Which purchase-to-pay tools are mentioned? Return as a list.",
    "team_size": "Any indication of team size?",
}


def claude_body(
    description: str = "Je werkt met SAP in een team van 6 medewerkers.",
    title: str = "Crediteurenadministrateur",
    model: str = "claude-haiku-5-5",
) -> dict[str, Any]:
    """The body that the product's own request builder makes for a vacancy."""
    questions = ClaudeQuestions(get_claude_model(model), "Extract what the text states.", FIELDS)
    text = VacancyText(vacancy_id="v", title=title, description=description)
    return questions.build_request(fence_vacancy(text).message, 2000)
