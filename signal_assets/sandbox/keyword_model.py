"""What the sandbox's model finds in a text."""

import re
from collections.abc import Sequence

from signal_assets.domain.extractions import Claim

_PATTERNS = {
    "erp_systems": r"\b(SAP(?: S/4HANA)?|Exact(?: Online)?|AFAS|Microsoft Dynamics|Unit4|Oracle)\b",
    "p2p_tools": r"\b(Basware|Coupa|Tradeshift|Ariba|Medius|ISPnext|Palette)\b",
    "team_size": r"(?i)\bteam (?:van|of) [\w-]+(?: [\w-]+)?\b",
    "volume_indicators": r"(?i)\b[\d.,]+ (?:facturen|invoices)\b[^.\n]{0,30}",
    "complexity_signals": r"(?i)\b(?:\d+|zes|vijf) (?:landen|countries|entiteiten|entities)\b",
    "automation_status": r"(?i)\b(?:handmatig|manual(?:ly)?|nog op papier|overtypen)\b[^.\n]{0,30}",
}


def read_vacancy(title: str, description: str, fields: tuple[str, ...]) -> Sequence[Claim]:
    """Return what `title` and `description` state about the fields that have rules."""
    return [
        Claim(field=field, value=found[0].strip(), quote=found[0].strip())
        for field in fields
        if field in _PATTERNS
        for text in (title, description)
        for found in re.finditer(_PATTERNS[field], text)
    ]
