"""Invented vacancies in any number, advertised by the companies that the sandbox knows."""

from collections.abc import Iterator
from typing import Any

from signal_assets.sandbox.world import SandboxCompany, shipped_world

_ERP_SYSTEMS = ("SAP S/4HANA", "Exact Globe", "AFAS Profit", "Microsoft Dynamics 365", "Unit4")
_TOOLS = ("Basware", "ISPnext", "Coupa", "Tradeshift", "Medius", "Blue10", "SAP Ariba")
_OPENINGS = (
    "Wij groeien en zoeken versterking voor de crediteurenadministratie.",
    "Ons kantoor zoekt een collega die van cijfers houdt.",
    "Bij ons krijg je de ruimte om de administratie beter te maken.",
)


def vacancies(count: int) -> Iterator[dict[str, Any]]:
    """Yield vacancies with texts of their own; every fifth says nothing of use."""
    companies = shipped_world().companies
    for number in range(count):
        yield _vacancy(number, companies[number % len(companies)])


def _vacancy(number: int, company: SandboxCompany) -> dict[str, Any]:
    main = company.main_establishment
    return {
        "external_id": f"gen-{number}",
        "title": "Crediteurenadministrateur",
        "company_name": company.name,
        "location": main.place if main else None,
        "description": _text(number),
        "url": f"https://vacatures.example/gen-{number}",
        "posted_at": f"2026-11-{number % 18 + 1:02d}",
        "language": "nl",
    }


def _text(number: int) -> str:
    opening = f"{_OPENINGS[number % len(_OPENINGS)]} Vacature {number}."
    if number % 5 == 4:
        return f"{opening}\n\nJe neemt de telefoon op en zorgt voor de post."
    return (
        f"{opening}\n\nJe verwerkt {1_000 + number * 37} facturen per jaar in "
        f"{_ERP_SYSTEMS[number % len(_ERP_SYSTEMS)]} en bewaakt de goedkeuring in "
        f"{_TOOLS[number % len(_TOOLS)]}. Je werkt in een team van {number % 17 + 2} medewerkers."
    )
