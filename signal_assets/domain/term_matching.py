"""Term matching: which search term a vacancy holds, for sources that cannot be searched."""

import re
from collections.abc import Sequence

from signal_assets.domain.search_profiles import SearchTerm
from signal_assets.domain.vacancies import normalize_text


class TermMatcher:
    """Finds the first of the terms that stands in a text as whole words, whatever its case.

    >>> from signal_assets.domain.search_profiles import SearchTerm
    >>> matcher = TermMatcher([SearchTerm(term="accounts payable")])
    >>> matcher.find("Medewerker Accounts\\n Payable (m/v)")
    'accounts payable'
    >>> matcher.find("subaccounts payables") is None
    True
    """

    def __init__(self, terms: Sequence[SearchTerm]) -> None:
        self._terms = []
        for term in sorted(terms, key=lambda term: term.priority != "primary"):
            words = normalize_text(term.term)
            self._terms.append((term, words, re.compile(rf"(?<!\w){re.escape(words)}(?!\w)")))

    def find(self, text: str, language: str | None = None) -> str | None:
        """Return the term as the profile writes it; primary terms go before secondary ones.

        Where the `language` of the text is known, its own terms go before those of other languages:
        a Dutch vacancy may well speak of accounts payable.
        """
        words = normalize_text(text)
        foreign = None
        for term, normalized, pattern in self._terms:
            if normalized in words and pattern.search(words):
                if language in (None, term.language):
                    return term.term
                foreign = foreign or term.term
        return foreign
