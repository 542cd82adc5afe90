"""Denials: where a text names a thing only to say that it is not used or not asked for."""

import re

CLAUSE_END = re.compile(r"[\n•]|[.!?;](?=\s|$)")

_NOT_USED = re.compile(
    r"(?:\bniet (?:met|in|van)|\bgeen|\bno|\bzonder|\bwithout|\binstead of|\bin plaats van|"
    r"\bnot (?:use|using|work with|working with|in)|\bdo(?:es)?n.t (?:use|work with)|"
    r"\b(?:geen|no|zonder|without) (?:[^\W\d_]{1,15} )?(?:ervaring|kennis|experience|knowledge)\b"
    r"[^,;:.]{0,25})\s(?:the |het |de )?$"
)
_NOT_USED_IN_LIST = re.compile(
    r"\b(?:niet (?:met|in|van)|not (?:use|work with))\s"
    r"(?:(?!maar|but|wel )[^;:.]){0,40}\b(?:of|en|or|nor|noch|and)\s$"
)
_NOT_USED_AFTER = re.compile(
    r"[^,;:.]{0,30}\b(?:niet (?:nodig|vereist|noodzakelijk)|geen (?:vereiste|must)|"
    r"not (?:required|needed|necessary))\b"
)

_REACH_BEFORE = 120
_REACH_AFTER = 80


def is_denied_at(lower: str, start: int, end: int) -> bool:
    """Whether what stands at `start` to `end` of a text in lower case is denied there.

    >>> text = "wij werken niet met sap, wel met afas"
    >>> is_denied_at(text, 20, 23), is_denied_at(text, 33, 37)
    (True, False)
    """
    before = lower[max(0, start - _REACH_BEFORE) : start]
    after = lower[end : end + _REACH_AFTER]
    return is_denied(last_clause(before), first_clause(after))


def is_denied(before: str, after: str) -> bool:
    """Whether the words before and after a name, in lower case and of one clause, deny it."""
    return (
        _NOT_USED.search(before) is not None
        or _NOT_USED_IN_LIST.search(before) is not None
        or _NOT_USED_AFTER.match(after) is not None
    )


def last_clause(before: str) -> str:
    ends = [match.end() for match in CLAUSE_END.finditer(before)]
    return before[ends[-1] :] if ends else before


def first_clause(after: str) -> str:
    stop = CLAUSE_END.search(after)
    return after[: stop.start()] if stop else after
