"""HTML text: what a person reads of a page's HTML, as plain text."""

import html
import re
from itertools import accumulate

from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser

MAX_DEPTH = 500
"""Deeper markup is not parsed, only taken out: parsing it takes time quadratic to its depth."""

_UNREAD = "script, style, noscript, template, head, svg, iframe, object, select, textarea"
_PARAGRAPHS = (
    "p, h1, h2, h3, h4, h5, h6, ul, ol, dl, table, blockquote, pre, section, article, header, "
    "footer, hr, figure, form"
)
_LINES = "div, li, tr, dt, dd, address, caption, figcaption, main, aside, nav, option"

# Noncharacters, which no text may hold: they stand for breaks while white space is collapsed.
_LINE, _PARAGRAPH, _ITEM, _CELL = "\ufdd0", "\ufdd1", "\ufdd2", "\ufdd3"
_MARKS = f"{_LINE}{_PARAGRAPH}{_ITEM}{_CELL}"

_NOT_IN_HTML = re.compile(f"[{_MARKS}\x00\ud800-\udfff]")
_VOID = "area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr"
_BLOCK_TAG = re.compile(r"<(?:br|div|h[1-6]|li|ol|p|table|td|tr|ul)(?![a-z])", re.IGNORECASE)
_ANY_TAG = re.compile(rf"<(/?)(?:(?P<void>(?:{_VOID})\b)|[a-z])[^<>]*>", re.IGNORECASE)
_BREAK = re.compile(rf"[{_MARKS} ]*[{_LINE}{_PARAGRAPH}{_ITEM}][{_MARKS} ]*")
_TAG = re.compile(
    r"</?(?:a|b|br|div|em|font|h[1-6]|hr|i|img|li|ol|p|section|span|strong|table|tbody|td|tr|u|ul)"
    r"(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)


def html_to_text(markup: str) -> str:
    """Return what a person reads of HTML: a line for each block, a blank line between paragraphs.

    Items of a list begin with "- ", cells of a row are one blank apart, entities are their
    characters. Scripts, styles and markup are gone; of broken HTML comes what a browser would show.

    >>> html_to_text("<p>Ons team:</p><ul><li>5&nbsp;collega&#39;s</li><li>SAP<br>Coupa</li></ul>")
    "Ons team:\\n\\n- 5 collega's\\n- SAP\\nCoupa"
    """
    markup = _NOT_IN_HTML.sub("", markup)
    if is_too_deep(markup):
        return " ".join(html.unescape(_ANY_TAG.sub(" ", markup)).split())
    tree = LexborHTMLParser(markup, options=LexborDocumentOptions.WO_EVENTS)
    if tree.body is None:
        return ""
    for node in tree.css(_UNREAD):
        node.decompose()
    _mark_breaks(tree)
    text = " ".join(tree.body.text().split())
    return _BREAK.sub(_break, text).replace(_CELL, " ").strip()


def is_too_deep(markup: str) -> bool:
    """Whether markup is nested so deep that parsing it would take minutes."""
    steps = (-1 if tag[1] else 1 for tag in _ANY_TAG.finditer(markup) if not tag["void"])
    return any(depth > MAX_DEPTH for depth in accumulate(steps))


def _mark_breaks(tree: LexborHTMLParser) -> None:
    for selector, before, after in (
        ("br", "", _LINE),
        ("td, th", "", _CELL),
        ("li", _ITEM, ""),
        (_LINES, _LINE, _LINE),
        (_PARAGRAPHS, _PARAGRAPH, _PARAGRAPH),
    ):
        for node in tree.css(selector):
            if before:
                node.insert_before(before)
            if after:
                node.insert_after(after)


def _break(match: re.Match[str]) -> str:
    marks = match[0]
    new_line = "\n\n" if _PARAGRAPH in marks else "\n"
    return f"{new_line}- " if _ITEM in marks else new_line


def plain_text(published: str) -> str:
    """Return a text that may be HTML as plain text; one without markup stays as it is.

    Where only words are marked up (`<b>`), the lines are those of the text itself.

    >>> plain_text("Ons <b>team</b>:\\n5 &amp; meer"), plain_text("a &amp; b")
    ('Ons team:\\n5 & meer', 'a &amp; b')
    """
    if not is_html(published):
        return published
    if _BLOCK_TAG.search(published) is None:
        published = published.replace("\n", "<br>")
    return html_to_text(published)


def is_html(text: str) -> bool:
    """Whether `text` is marked up with HTML; a single "<" or a placeholder "<naam>" is not.

    >>> is_html("<p>Wij zoeken</p>"), is_html("omzet < 5 mln, mail <naam>")
    (True, False)
    """
    return _TAG.search(text) is not None
