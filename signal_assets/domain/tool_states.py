"""Tool states: whether a text works with a product, asks for it, or is changing to or from it.

The words of the same clause decide; where they say nothing, the heading above does. A product that
a task is done in is in use; one of which experience or knowledge is wanted is asked, also where it
is experience with implementing it; one that is introduced or replaced is migrating.
"""

import re
from bisect import bisect_left
from functools import cached_property
from typing import NamedTuple

from signal_assets.domain.denials import first_clause, is_denied, last_clause
from signal_assets.domain.extractions import ToolState
from signal_assets.domain.gazetteers import fold_case

_BEFORE = 120
_AFTER = 80
_CHANGE_AFTER = 40
"""Words of change follow the name closely ("SAP implementatie")."""


class ToldState(NamedTuple):
    """What one mention says of its product; of several mentions the lowest rank counts."""

    rank: int
    state: ToolState

    @property
    def is_stated_use(self) -> bool:
        """The text says in so many words that the product is worked with."""
        return self.rank == 0


_STATED_USE = ToldState(0, "in_use")
_CHANGE = ToldState(1, "migrating")
_BARE_MENTION = ToldState(2, "in_use")
_ASKED_FOR = ToldState(3, "asked")

_NAMES_A_COMPANY = re.compile(
    r"(?:^\W*(?:about|over)|\b(?:at|bij|join|joining)|"
    r"\b(?:alliance|technology|technologie|global|wereldwijde|strategic|strategische)[ -]"
    r"partners?\b[^.;]{0,60})\s$"
)
_MIGRATING = re.compile(
    r"implementat|implementing|implementeren|migrat|migreren|overstap|overgestap|"
    r"\bstap(?:t|pen)? over\b|overgang naar|transiti|uitrol|roll.?out|go.?live|invoer(?:en|ing)|"
    r"introduc|vervang|replac|onboarding of|moving to|switch(?:ing)? to"
)
_WANTED = re.compile(
    r"ervaring|experience|kennis|knowledge|bekend|familiar|affiniteit|affinity|proficien|"
    r"vaardig|skill|expertise|\bbeheers|vertrouwd|certifi|background|understanding|"
    r"gewerkt (?:hebt|hebben|met)|competen"
)
_ASKED = re.compile(
    rf"{_WANTED.pattern}|\bpré\b|\bpre\b|\bplus\b|prefer|voorkeur|liefst|gewenst|desir|"
    r"\bcomputer (?:skill|litera|knowledge|proficien)|computervaardig|handig|advantage|pluspunt|"
    r"ability to|literate|literacy|strong|excellent"
)
_OWN_EXPERIENCE = re.compile(
    r"\bdecades of experience|"
    r"\b(?:heeft|hebben|has|our|onze|we have)\s(?:[^\W\d_]+\s){0,3}?"
    r"(?:ervaring|kennis|experience|knowledge|expertise)\b|"
    r"\b(?:experience|ervaring|kennis|knowledge|familiar(?:ity)?)\s(?:with|met|van|of)\s"
    r"(?:our|onze|ons)\b"
)
"""Experience of the employer, or with what is the employer's own."""
_CANDIDATE = re.compile(
    r"kandida|candidate|applicant|\byou\b|\bjij\b|\bje\b|\bu\b|\bwho\b|\bdie\b|iemand|someone|persoon"
)
_WORKS_WITH = re.compile(
    r"\b(?:wij|we) (?:werken|gebruiken|use|work)|je werkt (?:met|in)|je gaat werken (?:met|in)|"
    r"\bin (?:ons|onze|our)\b|\b(?:our|ons|onze) (?:[^\W\d_]+[ -]){0,2}?"
    r"(?:systemen|systeem|systems?|pakket|package|software|erp|tools?|platforms?|applications?)\b|"
    r"you will (?:use|work (?:with|in))|working (?:with|in)|werken (?:met|in)"
)
_TASK_IN = re.compile(
    r"\b(?:invoices?|orders?|factu(?:ur|ren)|entries|entry|entering|boekingen|boek(?:en|t)?|"
    r"inboeken|data|gegevens|records?|mutaties|transact\w+|payments?|betalingen|process(?:es|ing)?|"
    r"verwerk(?:en|t|ing)|registr\w+|invoer(?:en|t)|maintain\w*|beheer(?:t|en)?|administratie|"
    r"posting|reports?|rapportages?)\b[^.;:]{0,40}\b(?:in|into|within|via|using|through|binnen)\s"
    r"(?:the |our |ons |onze |het |de )?$"
)
"""A task that is done in the product: what is entered, booked or kept there."""
_SHORT_LINE = re.compile(r"(?m)^[^\n]{3,60}$")
"""What may be a heading."""
_ASKING_HEADING = re.compile(
    r"wat vragen|wie ben jij|wie ben je|jouw profiel|je profiel|functie-?eisen|wat breng|wat neem|"
    r"vereisten|requirements|qualifications|your profile|who you are|what you.{0,3} bring|"
    r"you bring|what we ask|looking for|wij vragen|dit ben jij|wat verwachten|wij verwachten|"
    r"competenties|wat heb je|heb jij|must have|nice to have|about you|over jou\b|preferred|"
    r"^\W{0,8}(?:skills?|profiel|profile|experience|ervaring|jij hebt|je hebt|you have)\b.{0,12}$"
)
_OTHER_HEADING = re.compile(
    r"wat ga je|functieomschrijving|de functie|je functie|jouw functie|takenpakket|\btaken\b|"
    r"werkzaamheden|responsibilities|what you.{0,3}ll do|what you will do|your role|the role|"
    r"job description|about us|about the|over ons|wie zijn wij|wat bieden|wij bieden|we offer|"
    r"ons aanbod|benefits|arbeidsvoorwaarden|duties|key tasks|you will|your tasks|jouw rol|"
    r"je rol|je werk|de organisatie|your job|essential functions|accountabilities|het team|"
    r"the team|your day|in it for you"
)


class ToolStates:
    """What one text says of the products it names; `lower` is the text, case folded."""

    def __init__(self, lower: str) -> None:
        self._lower = lower

    def told_at(self, start: int, end: int) -> ToldState | None:
        """What the mention at `start` to `end` says; None where it is denied or names a company."""
        before = last_clause(self._lower[max(0, start - _BEFORE) : start])
        after = first_clause(self._lower[end : end + _AFTER])
        if is_denied(before, after) or _NAMES_A_COMPANY.search(before):
            return None
        if _OWN_EXPERIENCE.search(before) and not _CANDIDATE.search(before):
            return _STATED_USE
        if _WANTED.search(before):
            return _ASKED_FOR
        if _MIGRATING.search(before) or _MIGRATING.search(after[:_CHANGE_AFTER]):
            return _CHANGE
        if _TASK_IN.search(before):
            return _STATED_USE
        if _ASKED.search(before) or _ASKED.search(after):
            return _ASKED_FOR
        if _WORKS_WITH.search(before):
            return _STATED_USE
        return _ASKED_FOR if self._is_under_requirements(start) else _BARE_MENTION

    def _is_under_requirements(self, position: int) -> bool:
        """The last heading above asks something of the candidate."""
        index = bisect_left(self._headings, (position, False))
        return index > 0 and self._headings[index - 1][1]

    @cached_property
    def _headings(self) -> list[tuple[int, bool]]:
        """Where the headings stand, and whether they ask something of the candidate."""
        found = []
        for line in _SHORT_LINE.finditer(self._lower):
            if _ASKING_HEADING.search(line.group()):
                found.append((line.start(), True))
            elif _OTHER_HEADING.search(line.group()):
                found.append((line.start(), False))
        return found


def tool_state_at(text: str, start: int, end: int) -> ToolState | None:
    """Return what `text` says of the product it names at `start` to `end`.

    >>> text = "Je boekt facturen in SAP. Kennis van Exact is een pré."
    >>> tool_state_at(text, 21, 24), tool_state_at(text, 37, 42)
    ('in_use', 'asked')
    """
    told = ToolStates(fold_case(text)).told_at(start, end)
    return None if told is None else told.state
