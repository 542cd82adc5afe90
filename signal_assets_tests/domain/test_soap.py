"""SOAP answers from outside: read safely, or refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.soap import (
    MAX_CHARS,
    MAX_DEPTH,
    SoapFault,
    make_envelope,
    parse_soap,
    parse_xml,
    strip_elements,
)
from signal_assets.domain.wire_fields import UnreadableAnswer

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


def envelope(inner: str) -> str:
    return f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{inner}</s:Body></s:Envelope>'


def test_elements_become_texts_parts_and_lists_without_their_namespaces():
    inner = '<n:r xmlns:n="u"><out><a> x  y </a><l><item>1</item></l><e/></out></n:r>'
    assert parse_soap(envelope(inner)).content == {"r": {"out": {"a": "x y", "l": ["1"], "e": ""}}}


def test_a_fault_has_the_dotted_code_of_its_detail():
    inner = (
        "<s:Fault><faultcode>s:Client</faultcode><faultstring>No  money</faultstring>"
        "<detail><errorcode>Client.Payment</errorcode></detail></s:Fault>"
    )
    assert parse_soap(envelope(inner)).fault == SoapFault("Client.Payment", "No money")


def test_a_fault_without_detail_has_the_general_code():
    inner = "<s:Fault><faultcode>s:Server</faultcode></s:Fault>"
    assert parse_soap(envelope(inner)).fault == SoapFault("Server", "no text")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "not XML"),
        ("<html>", "not XML"),
        ("<html/>", "no SOAP envelope"),
        (envelope("<a>"), "not XML"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "document type"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "document type"),
        ("<a>&x;</a>", "not XML"),
        ("<a>" * (MAX_DEPTH + 1) + "</a>" * (MAX_DEPTH + 1), "too deep"),
        ("<a>" + " " * MAX_CHARS + "</a>", "longer than"),
        ("<a>\x01</a>", "not XML"),
    ],
)
def test_what_is_no_envelope_or_meant_to_hurt_is_refused(body, words):
    with pytest.raises(UnreadableAnswer, match=words):
        parse_soap(body)


def test_an_encoding_the_document_names_is_not_believed():
    assert parse_xml('<?xml version="1.0" encoding="UTF-16"?><a>é</a>').text == "é"


@given(st.text())
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(UnreadableAnswer):
        parse_soap(text)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_an_argument_arrives_as_it_was_given(text):
    root = parse_xml(make_envelope("urn:x", "ask", {"name": text}))
    found = root.find("{*}Body/{*}ask/{*}name")
    assert found is not None
    assert (found.text or "") == text


def test_private_elements_are_gone_wherever_they_stand():
    body = envelope(
        '<r><contact_a>Jan</contact_a><p xmlns="u"><contact_b>Jo</contact_b><c>1</c></p></r>'
    )
    kept = strip_elements(body, lambda name: name.startswith("contact_"))
    assert "Jan" not in kept
    assert "Jo" not in kept
    assert parse_soap(kept).content == {"r": {"p": {"c": "1"}}}


def test_of_what_cannot_be_stripped_nothing_is_kept():
    assert "Jan" not in strip_elements("<r><contact_a>Jan</contact", lambda name: False)
    assert "Jan" not in strip_elements("<contact_a>Jan</contact_a>", lambda name: True)
