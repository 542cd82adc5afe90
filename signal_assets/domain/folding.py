"""Folding: text as names are compared, in lower case without accents."""

import unicodedata

_LETTERS_WITHOUT_DECOMPOSITION = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ı": "i", "ð": "d", "þ": "th"}
)


def fold(text: str) -> str:
    """Return `text` in lower case and without accents; folding twice changes nothing more.

    >>> fold("Coöperatie Café Smørrebrød")
    'cooperatie cafe smorrebrod'
    """
    if text.isascii():
        return text.lower()
    folded = _fold_once(text)
    while (again := _fold_once(folded)) != folded:
        folded = again
    return folded


def _fold_once(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).translate(
        _LETTERS_WITHOUT_DECOMPOSITION
    )
