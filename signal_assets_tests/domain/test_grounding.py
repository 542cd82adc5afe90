import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.extractions import Claim, VacancyText
from signal_assets.domain.gazetteers import Gazetteer
from signal_assets.domain.grounding import (
    MAX_QUOTE_CHARS,
    IndexedText,
    Span,
    facts_by_field,
    fold_text,
    ground,
    locate,
    supported_value,
)

FIELDS = ("erp_systems", "team_size", "volume_indicators", "automation_status")

# What the equivalence is about, so that random texts meet it often.
tricky_text = st.text(
    alphabet=st.sampled_from(
        "ab1 \n\t-'\"&;*\\\u00a0\u00ad\u200b\x00\u2013\u2019\u201cﬁé\u0301²½…"
    ),
    max_size=40,
) | st.text(max_size=40)


def vacancy(description: str, title: str = "Medewerker administratie") -> VacancyText:
    return VacancyText(vacancy_id="test:1", title=title, description=description)


def claim(field: str, value: str, quote: str) -> Claim:
    return Claim(field=field, value=value, quote=quote)


@given(before=st.text(), quote=st.text(min_size=1), after=st.text())
def test_a_located_quote_is_what_the_text_says_there(before, quote, after):
    text = before + quote + after
    span = locate(quote, text)
    assert span is not None
    assert text[span.start : span.end] == quote


@given(text=tricky_text, quote=tricky_text)
def test_a_span_always_lies_in_the_text_and_says_the_quote(text, quote):
    span = locate(quote, text)
    if span is not None:
        assert 0 <= span.start < span.end <= len(text)
        said = text[span.start : span.end]
        assert any(
            fold_text(quote, hyphen) in fold_text(said, hyphen) for hyphen in ("- ", "", "-")
        )


@given(
    before=tricky_text,
    words=st.lists(st.text("ab1-'é.\u2019\u201c", min_size=1), min_size=1, max_size=6),
    after=tricky_text,
)
def test_white_space_of_another_kind_never_hides_a_quote(before, words, after):
    text = f"{before} {' '.join(words)} {after}".replace(" ", "\u00a0\n ")
    assert locate(" ".join(words), text) is not None


@given(words=st.lists(st.text("abcdé1", min_size=1, max_size=6), min_size=1, max_size=8))
def test_invisible_characters_never_hide_a_quote(words):
    quote = " ".join(words)
    span = locate(quote, "x " + "\u200b".join(quote) + " y")
    assert span == Span(start=2, end=2 + 2 * len(quote) - 1)


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("werken  met\nSAP", "werken met SAP"),
        ("werken\u00a0met SAP", "werken met SAP"),
        ("crediteuren-\nadministratie", "crediteurenadministratie"),
        ("crediteuren\u00ad\n  administratie", "crediteurenadministratie"),
        ("inkoop-\nfacturen", "inkoop-facturen"),
        ("inkoop-\nen verkoopfacturen", "inkoop- en verkoopfacturen"),
        ("zo\u2019n 40 collega\u2019s", "zo'n 40 collega's"),
        ("\u201cbest of breed\u201d", '"best of breed"'),
        ("8\u201310 FTE", "8-10 FTE"),
        ("Finance &amp; Operations", "Finance & Operations"),
        ("SAP&nbsp;ERP", "SAP ERP"),
        ("zo&#8217;n 40", "zo'n 40"),
        ("Finance \\& Operations", "Finance & Operations"),
        ("ruim 2\\.2 miljoen", "ruim 2.2 miljoen"),
        ("met **SAP** werken", "met SAP werken"),
        ("S/4\u200bHANA", "S/4HANA"),
        ("fi\u0300nance", "fìnance"),
        ("ﬁnance", "finance"),
        ("１５ FTE", "15 FTE"),
        ("een\x00 team", "een team"),
        ("vijf mensen…", "vijf mensen..."),
    ],
)
def test_the_same_words_written_otherwise_are_found(text, quote):
    span = locate(quote, f"Wij: {text}. Einde")
    assert span == Span(start=5, end=5 + len(text))


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("ervaring met SAP", "ervaring met Oracle"),
        ("ervaring met SAP", "met ervaring SAP"),
        ("ervaring met kennis van SAP", "ervaring met SAP"),
        ("werken met sap", "werken met SAP"),
        ("10² facturen", "102 facturen"),
        ("½ FTE", "12 FTE"),
        ("team van 5", "team van 15"),
        ("", "SAP"),
        ("SAP", ""),
        ("een tekst", " \u200b "),
        ("een tekst", "\u200b\u200b"),
    ],
)
def test_other_words_are_not_found(text, quote):
    assert locate(quote, text) is None


def test_many_quotes_in_a_long_text_take_little_time():
    text = "Je werkt met inkoop-\nfacturen en \u201cscans\u201d. " * 5000
    started = time.process_time()
    indexed = IndexedText(text)
    for number in range(2000):
        assert indexed.locate(f'facturen en "scans" {number}') is None
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("value", "quote", "kept"),
    [
        ("SAP", "ervaring met SAP", "SAP"),
        ("sap", "ervaring met SAP", "SAP"),
        ("exact-online", "Kennis van Exact Online", "Exact Online"),
        ("Microsoft Dynamics NAV", "je kent MS Dynamics NAV", "Microsoft Dynamics NAV"),
        ("Microsoft Dynamics 365", "wij gebruiken D365 F&O", "Microsoft Dynamics 365"),
        ("Foobar ERP", "je werkt in Foobar ERP", "Foobar ERP"),
        ("15.000 facturen", "zo'n 15,000 facturen", "15.000 facturen"),
        ("5", "team van 5", "5"),
        ("6", "een team van zes mensen", "6"),
        ("15000", "15k facturen", "15000"),
        ("about 60", "ongeveer 60 Engineers", "about 60"),
        ("handmatig boeken", "Handmatige boeken", "handmatig boeken"),
        ("fully manual bookings", "manual bookings", "manual bookings"),
    ],
)
def test_a_value_is_kept_as_its_quote_states_it(value, quote, kept):
    assert supported_value(value, quote, Gazetteer.shipped()) == kept


@pytest.mark.parametrize(
    ("value", "quote"),
    [
        ("Oracle", "ervaring met SAP"),
        ("SAP S/4HANA", "ervaring met SAP"),
        ("Exact", "an exact match of the figures"),
        ("SAP", "een glas vers sap"),
        ("15", "team van 5"),
        ("5", "team van 15"),
        ("100.000 invoices", "invoices are booked"),
        ("Foobar ERP", "je werkt in een ERP"),
        ("fully manual", "koffie en gezelligheid"),
        ("uses SAP for invoices", "je boekt invoices"),
        ("yes", "wij bieden een laptop"),
    ],
)
def test_a_value_its_quote_does_not_state_is_not_supported(value, quote):
    assert supported_value(value, quote, Gazetteer.shipped()) is None


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (claim("salary", "€ 3.000", "€ 3.000"), "unknown_field"),
        (claim("team_size", "  ", "team van 5"), "empty_value"),
        (claim("team_size", "-", "team van 5"), "empty_value"),
        (claim("team_size", "5", "team of 5"), "quote_not_found"),
        (claim("team_size", "5", ""), "quote_not_found"),
        (claim("team_size", "6", "team van 5"), "value_not_in_quote"),
        (claim("team_size", "5", "team van 5" + "x" * MAX_QUOTE_CHARS), "quote_too_long"),
    ],
)
def test_a_claim_without_proof_is_dropped_with_its_reason(made, reason):
    grounded = ground([made], vacancy("Ons team van 5 mensen, € 3.000"), FIELDS)
    assert grounded.evidence == ()
    assert [one.reason for one in grounded.dropped] == [reason]


def test_evidence_is_trimmed_placed_and_in_the_order_of_the_text():
    text = "Team van 5. Je werkt met\u00a0SAP."
    grounded = ground(
        [
            claim("erp_systems", " sap ", "werkt met SAP"),
            claim("team_size", " 5\n", "Team van 5"),
        ],
        vacancy(text),
        FIELDS,
    )
    assert [(one.field, one.value, one.quote) for one in grounded.evidence] == [
        ("team_size", "5", "Team van 5"),
        ("erp_systems", "SAP", "werkt met\u00a0SAP"),
    ]
    assert all(text[one.start : one.end] == one.quote for one in grounded.evidence)
    assert grounded.evidence[1].raw_value == "sap"


def test_the_description_is_searched_before_the_title():
    grounded = ground(
        [claim("erp_systems", "SAP", "SAP"), claim("erp_systems", "AFAS", "AFAS")],
        vacancy("Je werkt met SAP", title="Specialist AFAS en SAP"),
        FIELDS,
    )
    assert [(one.value, one.part) for one in grounded.evidence] == [
        ("AFAS", "title"),
        ("SAP", "description"),
    ]


def test_the_same_value_of_a_field_is_kept_once():
    grounded = ground(
        [
            claim("erp_systems", "sap", "Ervaring met SAP"),
            claim("erp_systems", "SAP", "Wij werken met SAP"),
            claim("erp_systems", "SAP", "SAP"),
        ],
        vacancy("Wij werken met SAP. Ervaring met SAP is een pré.", title="SAP"),
        FIELDS,
    )
    assert [(one.value, one.quote) for one in grounded.evidence] == [("SAP", "Wij werken met SAP")]
    assert grounded.dropped == ()


@pytest.mark.parametrize(
    ("quote", "kept"),
    [("SAP", []), ("niet met SAP", []), ("SAP, wel met AFAS", []), ("ervaring met SAP", ["SAP"])],
)
def test_a_product_that_the_text_denies_there_is_dropped(quote, kept):
    text = vacancy("Wij werken niet met SAP, wel met AFAS. Toch is ervaring met SAP mooi.")
    grounded = ground([claim("erp_systems", "SAP", quote)], text, FIELDS)
    assert [one.value for one in grounded.evidence] == kept
    assert [one.reason for one in grounded.dropped] == ([] if kept else ["denied"])


def test_the_state_of_a_product_goes_with_it():
    made = Claim(field="erp_systems", value="AFAS", quote="kennis van AFAS", state="asked")
    assert ground([made], vacancy("kennis van AFAS"), FIELDS).evidence[0].state == "asked"


@given(
    title=tricky_text,
    description=tricky_text,
    made=st.lists(
        st.builds(
            Claim,
            field=st.sampled_from([*FIELDS, "other"]),
            value=tricky_text,
            quote=tricky_text,
        ),
        max_size=6,
    ),
)
def test_every_kept_quote_stands_where_it_says(title, description, made):
    text = vacancy(description, title)
    grounded = ground(made, text, FIELDS)
    for one in grounded.evidence:
        part = description if one.part == "description" else title
        assert part[one.start : one.end] == one.quote
        assert one.field in FIELDS
        assert one.value == one.value.strip() != ""
    assert len(grounded.evidence) + len(grounded.dropped) <= len(made)


def test_facts_are_a_text_a_list_or_nothing_in_the_order_of_the_schema():
    schema = {
        "team_size": "Any indication of team size?",
        "erp_systems": "Which ERP systems are mentioned? Return as a list.",
        "automation_status": "How manual is the work?",
        "p2p_tools": "Which tools? Return as a list.",
    }
    text = "SAP en team van 5, handmatig boeken, papieren facturen"
    evidence = ground(
        [
            claim("erp_systems", "SAP", "SAP"),
            claim("team_size", "5", "team van 5"),
            claim("automation_status", "handmatig boeken", "handmatig boeken"),
            claim("automation_status", "papieren facturen", "papieren facturen"),
        ],
        vacancy(text),
        schema,
    ).evidence
    facts = facts_by_field(evidence, schema)
    assert list(facts.items()) == [
        ("team_size", "5"),
        ("erp_systems", ["SAP"]),
        ("automation_status", ["handmatig boeken", "papieren facturen"]),
        ("p2p_tools", None),
    ]


@pytest.mark.parametrize(
    ("text", "value", "quote", "kept"),
    [
        ("Geen ploegendienst.", "ploegendienst", "ploegendienst", []),
        ("Geen ploegendienst.", "ploegendienst", "Geen ploegendienst", []),
        ("Geen ploegendienst.", "Geen ploegendienst", "Geen ploegendienst", ["Geen ploegendienst"]),
        ("OCR is niet nodig.", "OCR", "OCR", []),
        ("Een ploegendienst.", "ploegendienst", "ploegendienst", ["ploegendienst"]),
    ],
)
def test_what_the_text_denies_is_not_stated(text, value, quote, kept):
    grounded = ground([claim("automation_status", value, quote)], vacancy(text), FIELDS)
    assert [one.value for one in grounded.evidence] == kept


@pytest.mark.parametrize(
    ("text", "value", "quote"),
    [
        ("Wij werken 40 uur per week.", "40", "40 uur"),
        ("Wij werken 40 uur per week.", "40", "werken 40"),
        ("Wij werken 40 uur per week.", "4", "4"),
        ("Een team van 40.", "40", "40"),
        ("Salaris van € 40 bruto.", "40", "Salaris van € 40"),
    ],
)
def test_a_number_that_counts_something_else_is_no_proof(text, value, quote):
    assert ground([claim("team_size", value, quote)], vacancy(text), FIELDS).evidence == ()


def test_what_the_text_says_of_a_product_is_read_where_the_reader_was_silent():
    text = "Je boekt facturen in MS Dynamics NAV."
    (proof,) = ground(
        [claim("erp_systems", "ms dynamics nav", "facturen in MS Dynamics NAV")],
        vacancy(text),
        FIELDS,
    ).evidence
    assert (proof.value, proof.raw_value, proof.state) == (
        "Microsoft Dynamics NAV",
        "MS Dynamics NAV",
        "in_use",
    )
