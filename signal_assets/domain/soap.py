"""SOAP answers: envelopes read safely, as nested texts, and the faults in them."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from signal_assets.domain.wire_fields import UnreadableAnswer

ENVELOPE_NAMESPACE = "http://schemas.xmlsoap.org/soap/envelope/"

MAX_CHARS = 5_000_000
MAX_DEPTH = 60
MAX_ELEMENTS = 100_000

WireValue = str | list["WireValue"] | dict[str, "WireValue"]
"""What an element holds: its text, the parts it repeats as `item`, or its parts by name."""


class SoapFault(NamedTuple):
    """Why a service did not answer; `code` is dotted, the most general word first."""

    code: str
    text: str


class SoapAnswer(NamedTuple):
    """What stands in the body of an envelope."""

    content: Mapping[str, WireValue]
    fault: SoapFault | None


def make_envelope(namespace: str, operation: str, arguments: Mapping[str, str]) -> str:
    """Return the envelope of a question, with an empty header for the login.

    >>> make_envelope("urn:x", "ask", {"name": "A & B"}).split("<soap:Body>")[1]
    '<t:ask><t:name>A &amp; B</t:name></t:ask></soap:Body></soap:Envelope>'
    """
    inner = "".join(f"<t:{name}>{escape(text)}</t:{name}>" for name, text in arguments.items())
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<soap:Envelope xmlns:soap="{ENVELOPE_NAMESPACE}" xmlns:t="{escape(namespace)}">'
        f"<soap:Header/><soap:Body><t:{operation}>{inner}</t:{operation}></soap:Body>"
        "</soap:Envelope>"
    )


def parse_soap(body: str) -> SoapAnswer:
    """Return what the envelope holds, or its fault.

    Raises:
        UnreadableAnswer: it is no XML, no envelope, too large, or has a document type.
    """
    root = parse_xml(body)
    holder = _child(root, "Body") if local_name(root) == "Envelope" else None
    if holder is None:
        raise UnreadableAnswer("the answer is XML, but no SOAP envelope")
    fault = _child(holder, "Fault")
    if fault is not None:
        return SoapAnswer({}, _read_fault(fault))
    content = _value_of(holder)
    return SoapAnswer(content if isinstance(content, dict) else {}, None)


def strip_elements(body: str, is_private: Callable[[str], bool]) -> str:
    """Return the XML without the elements whose name `is_private`.

    What cannot be read as XML cannot be stripped either, so nothing of it is returned.
    """
    try:
        root = parse_xml(body)
        if is_private(local_name(root)):
            raise UnreadableAnswer("all of it is private")
    except UnreadableAnswer as error:
        return f"(not kept, as it may name a person: {error})"
    for parent in list(root.iter()):
        for child in [child for child in parent if is_private(local_name(child))]:
            parent.remove(child)
    return ElementTree.tostring(root, encoding="unicode")


def parse_xml(body: str) -> ElementTree.Element:
    """Return the root of a document that comes from outside.

    A document type is refused, and with it every entity of its own, so that no answer grows while
    it is read or pulls in a file.

    Raises:
        UnreadableAnswer: it is no XML, too large or too deep, or has a document type.
    """
    if len(body) > MAX_CHARS:
        raise UnreadableAnswer(f"the answer is longer than {MAX_CHARS:,} characters")
    parser = ElementTree.XMLParser(  # noqa: S314 - see _SafeBuilder  # nosec B314
        target=_SafeBuilder()
    )
    try:
        # As text, so that an encoding the document names for itself is not believed.
        parser.feed(body.encode("utf-8", "replace").decode())
        root = parser.close()
    except (ElementTree.ParseError, ValueError) as error:
        if isinstance(error, UnreadableAnswer):
            raise
        raise UnreadableAnswer(f"the answer is not XML: {error}") from None
    if not isinstance(root, ElementTree.Element):
        raise UnreadableAnswer("the answer is an empty document")
    return root


def local_name(element: ElementTree.Element) -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


class _SafeBuilder(ElementTree.TreeBuilder):
    """Builds elements, and gives up where a document is made to hurt."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0
        self._count = 0

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise UnreadableAnswer("the answer has a document type, which is refused")

    def start(self, tag: str, attrs: dict[str, str], /) -> ElementTree.Element:
        self._depth += 1
        self._count += 1
        if self._depth > MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise UnreadableAnswer("the answer is nested too deep, or has too many elements")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> ElementTree.Element:
        self._depth -= 1
        return super().end(tag)


def _value_of(element: ElementTree.Element) -> WireValue:
    """Return the parts of an element; repeated ones, and a list's `item`s, become a list."""
    parts: dict[str, list[WireValue]] = {}
    for child in element:
        parts.setdefault(local_name(child), []).append(_value_of(child))
    if not parts:
        return " ".join((element.text or "").split())
    if set(parts) == {"item"}:
        return parts["item"]
    return {name: found[0] if len(found) == 1 else found for name, found in parts.items()}


def _read_fault(fault: ElementTree.Element) -> SoapFault:
    detail = _child(fault, "detail")
    dotted = None if detail is None else _descendant_text(detail, "errorcode")
    general = (_descendant_text(fault, "faultcode") or "").rpartition(":")[2]
    text = _descendant_text(fault, "faultstring") or "no text"
    return SoapFault(re.sub(r"\s+", "", dotted or general), text)


def _child(element: ElementTree.Element, name: str) -> ElementTree.Element | None:
    return next((child for child in element if local_name(child) == name), None)


def _descendant_text(element: ElementTree.Element, name: str) -> str | None:
    for found in element.iter():
        if local_name(found) == name and (found.text or "").strip():
            return " ".join((found.text or "").split())
    return None
