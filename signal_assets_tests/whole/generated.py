"""Invented vacancies in any number, advertised by the companies that the sandbox knows."""

import random
from collections.abc import Iterator
from typing import Any

from signal_assets.sandbox.world import SandboxCompany, shipped_world

_ERP_SYSTEMS = ("SAP S/4HANA", "Exact Globe", "AFAS Profit", "Microsoft Dynamics 365", "Unit4")
_TOOLS = ("Basware", "ISPnext", "Coupa", "Tradeshift", "Medius", "Blue10", "SAP Ariba")
_WORK = (
    "de maandafsluiting", "het betalen van leveranciers", "vragen van collega's", "de btw-aangifte",
    "het archief", "contact met de bank", "de controle van inkooporders", "het wagenpark",
    "declaraties", "de inventaris", "het onderhoud van stamgegevens", "rapportages voor het hoofd",
    "de postkamer", "het scannen van bonnen", "een overzicht van contracten", "de kas",
    "herinneringen van leveranciers", "het verwerken van creditnota's", "de planning van de week",
    "het inwerken van nieuwe mensen", "een verbouwing van het kantoor", "de jaarlijkse controle",
    "de verdeling van kosten", "het bijhouden van vaste activa", "afspraken met de accountant",
)  # fmt: skip
_PLACES = (
    "aan de haven", "midden in het centrum", "op een terrein vol bomen", "vlak bij het station",
    "in een oude fabriek", "naast het ziekenhuis", "boven de winkel", "op de bovenste verdieping",
    "langs het kanaal", "in een nieuw gebouw", "op loopafstand van het bos", "tegenover de markt",
)  # fmt: skip
_OFFERS = (
    "een fiets van de zaak", "ruimte om te leren", "een vaste plek na een jaar", "soep elke dag",
    "vrijdagmiddag vrij", "een dertiende maand", "werken vanuit huis", "een goed pensioen",
    "elke maand een uitje", "een eigen bureau", "reiskosten voor de trein", "veel zelfstandigheid",
)  # fmt: skip


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


def copies(count: int) -> Iterator[dict[str, Any]]:
    """Yield the first vacancies once more, as another board publishes them."""
    for row in vacancies(count):
        yield {**row, "external_id": f"copy-{row['external_id']}", "url": None}


def _text(number: int) -> str:
    """Return a text that shares its sentences with no other one."""
    chance = random.Random(number)
    work = ", ".join(chance.sample(_WORK, 9))
    place = chance.choice(_PLACES)
    opening = f"Ons kantoor ligt {place}. Vacature {number}: je dag bestaat uit {work}."
    offers = f"Wij bieden {', '.join(chance.sample(_OFFERS, 4))}."
    if number % 5 == 4:
        return f"{opening}\n\nJe neemt de telefoon op en zorgt voor de post.\n\n{offers}"
    facts = (
        f"Je verwerkt {1_000 + number * 37} facturen per jaar in "
        f"{_ERP_SYSTEMS[number % len(_ERP_SYSTEMS)]} en bewaakt de goedkeuring in "
        f"{_TOOLS[number % len(_TOOLS)]}. Je werkt in een team van {number % 17 + 2} medewerkers."
    )
    return f"{opening}\n\n{facts}\n\n{offers}"
