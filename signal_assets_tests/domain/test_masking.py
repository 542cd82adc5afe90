import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signal_assets.domain.claude_requests import fence_vacancy
from signal_assets.domain.extractions import Claim, VacancyText
from signal_assets.domain.grounding import ground
from signal_assets.domain.masking import MASK, find_personal_data, mask_personal_data


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Mail naar werk@voorbeeld.test.", ["werk@voorbeeld.test"]),
        ("sanne (at) voorbeeld.test", ["sanne (at) voorbeeld.test"]),
        ("Bel 06-12345678 of 020 123 45 67", ["06-12345678", "020 123 45 67"]),
        ("Tel. +31 (0)20 123 4567", ["+31 (0)20 123 4567"]),
        ("Bel +32 470 12 34 56", ["+32 470 12 34 56"]),
        ("Call (212) 555-0123", ["(212) 555-0123"]),
        ("Neem contact op met Jurriaan de Vos.", ["Jurriaan de Vos"]),
        ("Neem contact op\n**met** **Wisse Onbekend**", ["Wisse Onbekend"]),
        ("Lysette van den Berg staat je te woord", ["Lysette van den Berg"]),
        ("Groeten,\nSofie Claes\nCorporate Recruiter", ["Sofie Claes"]),
        ("Vragen aan J.P. van der Meer, teamleider", ["J.P. van der Meer"]),
        ("Wisse Onbekend, wisse@voorbeeld.test", ["Wisse Onbekend", "wisse@voorbeeld.test"]),
        ("Kerkstraat 12b, 1234 AB Utrecht", ["Kerkstraat 12b, 1234 AB"]),
        ("Grote Markt 3, 9000 Gent", ["Grote Markt 3, 9000"]),
        ("at 123 Main Street, Boston", ["123 Main Street"]),
        ("linkedin.com/in/wisse-onbekend", ["linkedin.com/in/wisse-onbekend"]),
        ("Contact Jane Doe. Jane belt je.", ["Jane Doe", "Jane"]),
    ],
)
def test_persons_and_how_to_reach_them_are_masked(text, masked):
    assert [text[start:end] for start, end in find_personal_data(text)] == masked


@pytest.mark.parametrize(
    "text",
    [
        "1500 AP invoices, 15.000 facturen per jaar, 2.500 EUR",
        "van 2019 - 2024, 38-40 uur, 07:30 - 16:00, € 3.000 - 4.500",
        "KvK 01234567, IBAN NL91ABNA0417164300, ref 0123456789012345",
        "ervaring met SAP S/4HANA 1909 en Dynamics 365 Business Central",
        "Je hebt contact met Exact Online en AFAS Profit gebruikers",
        "Contact our Finance Team. Bel de Afdeling Crediteuren",
        "een team van 5 collega's, 300 medewerkers in 12 landen",
    ],
)
def test_what_a_profile_asks_about_is_left_as_it_is(text):
    assert mask_personal_data(text) == text


@given(st.text() | st.text(alphabet="Jan Bel 06-@.1x\n*"))
@example("Bel Jan Smit 06 12345678\r\nİjan@x.nl")
def test_a_place_in_the_masked_text_is_the_place_in_the_text(text):
    masked = mask_personal_data(text)
    assert len(masked) == len(text)
    assert all(there in (was, MASK) for was, there in zip(text, masked, strict=True))


@pytest.mark.parametrize(
    "piece", ["a", "A. ", "Aa ", "0 ", "@", "bel ", "Aa-", "Jan ", "a.", "1 Aa "]
)
def test_masking_takes_time_in_proportion_to_the_text(piece):
    started = time.monotonic()
    mask_personal_data(piece * (200_000 // len(piece)))
    assert time.monotonic() - started < 4


def test_no_name_or_address_is_sent():
    message = fence_vacancy(vacancy("Team van 5. Mail Sanne de Wit: sanne@voorbeeld.test")).message
    assert "Team van 5. Mail _____ __ ___: ____________________" in message


def test_an_address_that_the_cut_halves_is_not_sent_in_half():
    message = fence_vacancy(vacancy("x" * 39_970 + " sanne.dewit@voorbeeld.test")).message
    assert "sanne" not in message


def test_texts_that_differ_in_a_masked_name_only_are_read_once():
    texts = (
        "Team van 5. Bel Sanne de Wit.",
        "Team van 5. Bel Bo-Anna Bos.",
        "Team van 5. Bel Jan Bos.",
    )
    digests = [fence_vacancy(vacancy(text)).words_digest for text in texts]
    assert digests[0] == digests[2]


def test_a_quote_outside_the_masks_stands_in_the_kept_text():
    text = "Bel Sanne de Wit. Je werkt in een team van 5 mensen."
    claim = Claim(field="team", value="5", quote="team van 5")
    (proof,) = ground([claim], vacancy(text), ["team"]).evidence
    assert text[proof.start : proof.end] == "team van 5"
    assert mask_personal_data(text)[proof.start : proof.end] == "team van 5"


def test_a_quote_with_a_part_of_a_mask_is_dropped():
    text = "Sanne de Wit leidt een team van 5."
    quote = mask_personal_data(text)
    claim = Claim(field="team", value="5", quote=quote)
    grounded = ground([claim], vacancy(text), ["team"])
    assert [dropped.reason for dropped in grounded.dropped] == ["quote_not_found"]


def vacancy(text: str) -> VacancyText:
    return VacancyText(vacancy_id="file:1", title="Boekhouder", description=text)
