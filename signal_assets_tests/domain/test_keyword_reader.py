import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.extractions import Claim, VacancyText
from signal_assets.domain.grounding import ground
from signal_assets.domain.keyword_reader import KeywordReader, gazetteer_for
from signal_assets.domain.search_profiles import ExtractionOptions, SearchProfile

PROFILES = Path(__file__).resolve().parents[2] / "profiles"


def shipped_profile(name: str) -> SearchProfile:
    source = yaml.safe_load((PROFILES / f"{name}.yaml").read_text(encoding="utf-8"))
    return SearchProfile.model_validate(source)


ACCOUNTS_PAYABLE = KeywordReader(shipped_profile("accounts_payable").extraction)
WAREHOUSES = KeywordReader(shipped_profile("warehouse_operations").extraction)


def extraction(schema: dict[str, str], keywords: object = None) -> ExtractionOptions:
    return ExtractionOptions.model_validate(
        {"system_prompt": "Read.", "schema": schema, "keywords": keywords or {}}
    )


def read(text: str, reader: KeywordReader = ACCOUNTS_PAYABLE, title: str = "") -> tuple[Claim, ...]:
    return reader.read(VacancyText(vacancy_id="test:1", title=title, description=text))


def values(field: str, text: str, reader: KeywordReader = ACCOUNTS_PAYABLE) -> list[str]:
    return [claim.value for claim in read(text, reader) if claim.field == field]


@pytest.mark.parametrize(
    ("text", "products"),
    [
        ("Wij werken met SAP.", ["SAP"]),
        ("Je gebruikt SAP/Oracle/AFAS", ["SAP", "Oracle", "AFAS"]),
        ("cloud software van SAP (S/4 HANA)", ["SAP S/4HANA"]),
        ("SAP\u00a0S/4\u200bHANA of SAP S4HANA", ["SAP S/4HANA"]),
        ("SAP FI/CO en SAP-modules", ["SAP"]),
        ("MS Dynamics NAV en D365FO", NAV_AND_365 := [
            "Microsoft Dynamics NAV",
            "Microsoft Dynamics 365 Finance & Operations",
        ]),
        ("Dynamics 365 Finance &amp; Operations", NAV_AND_365[1:]),
        ("Dynamics 365 Finance \\& Operations", NAV_AND_365[1:]),
        ("ervaring met Intaact of Quickbooks", ["Sage Intacct", "QuickBooks"]),
        ("Excat Globe is een pré", ["Exact Globe"]),
        ("General ledgerNetSuite knowledge", ["NetSuite"]),
        ("EXACT ONLINE", ["Exact Online"]),
        ("ervaring met sap vereist", ["SAP"]),
        ("Exact, AFAS en King", ["Exact", "AFAS", "King"]),
        ("You use Sage for bookkeeping", ["Sage"]),
    ],
)  # fmt: skip
def test_a_product_is_found_in_its_usual_spelling(text, products):
    assert values("erp_systems", text) == products


@pytest.mark.parametrize(
    "text",
    [
        "You have an exact eye for figures",
        "Exact work matters to us",
        "a background in exact sciences, or Exact science",
        "een glas vers sap bij de lunch",
        "Oracle database administrator with PL/SQL",
        "Ervaring met Oracle, SQL Server en Postgres",
        "King Street 12, naast de Burger King",
        "Mr. King leads the accounting team",
        "Sage advice from The Sage",
        "Every Workday starts at nine. The workday ends at five.",
        "HR systems such as Workday, SAP SuccessFactors",
        "Microsoft Dynamics CRM en Salesforce",
        "Excel, Power BI, SAP BW en SQL",
        "Unit 4, second floor",
        "JDE Peet's makes coffee",
        "Je werkt bij Exact in Delft",
        "onderdeel van de Visma groep",
        "een ERP-systeem",
    ],
)
def test_a_word_that_only_looks_like_a_product_is_none(text):
    assert values("erp_systems", text) == []


@pytest.mark.parametrize(
    ("text", "products"),
    [
        ("Declaraties gaan via Concur", ["Concur"]),
        ("SAP Ariba of Coupa", ["SAP Ariba", "Coupa"]),
        ("Onboarding of Ariba; SAP Ariba certified", ["SAP Ariba"]),
        ("Facturen scannen met Palette en ScanSys", ["Palette", "ScanSys"]),
        ("We concur with the auditor. Concur with it.", []),
        ("een breed palet; a Palette of colours", []),
        ("P2P, OCR en e-procurement", []),
        ("Peppol, Basware en Blue10", ["Peppol", "Basware", "Blue10"]),
    ],
)
def test_purchase_to_pay_tools_are_found_by_name_only(text, products):
    assert values("p2p_tools", text) == products


def test_another_product_of_the_same_maker_is_not_the_plain_product():
    assert values("erp_systems", "Je werkt in SAP Ariba") == []


def test_a_module_names_its_product_where_no_field_asks_for_the_module():
    assert values("erp_systems", "Ervaring met SAP EWM") == ["SAP"]
    assert values("erp_systems", "Ervaring met SAP EWM", WAREHOUSES) == []
    assert values("wms_systems", "Ervaring met SAP EWM", WAREHOUSES) == ["SAP EWM"]


@pytest.mark.parametrize(
    "text",
    [
        "Wij werken niet met SAP",
        "Wij werken niet met AFAS of SAP",
        "Geen ervaring met SAP nodig",
        "Ervaring met SAP is niet vereist",
        "No SAP experience required: no experience with SAP needed",
        "We do not use SAP",
        "Wij gebruiken geen SAP",
    ],
)
def test_a_product_that_the_text_denies_is_not_claimed(text):
    assert "SAP" not in values("erp_systems", text)


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("Wij werken met SAP", "in_use"),
        ("Je boekt de facturen in SAP", "in_use"),
        ("Ervaring met SAP is een pré", "asked"),
        ("SAP knowledge is a plus", "asked"),
        ("Je bent geen onbekende met SAP", "asked"),
        ("## Functie-eisen\n- SAP", "asked"),
        ("## Functie-eisen\n- MBO\n## Wat ga je doen\n- Boeken in SAP", "in_use"),
        ("We are implementing SAP", "migrating"),
        ("Wij stappen over van Exact naar SAP", "migrating"),
        ("Ervaring met SAP is mooi. Wij werken in SAP.", "in_use"),
    ],
)
def test_the_state_says_how_the_text_speaks_of_a_product(text, state):
    states = [claim.state for claim in read(text) if claim.value == "SAP"]
    assert states == [state]


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("Je komt in een team van 6 mensen", "6"),
        ("een hecht administratief team van zes personen", "zes"),
        ("team of 8-10 specialists", "8-10"),
        ("onderdeel van een klantteam (ca 15 collega’s)", "ca 15"),
        ("afdeling (12 FTE)", "12"),
        ("The team currently consists of 14 direct colleagues", "14"),
        ("Het team bestaat uit 24 enthousiaste, hoogopgeleide professionals", "24"),
        ("Binnen de afdeling Finance werk je samen met ongeveer 40 professionals", "ongeveer 40"),
        ("Met ca. 25 medewerkers is deze afdeling klein", "ca. 25"),
        ("You manage 5 accountants", "5"),
        ("Je geeft leiding aan 6 medewerkers", "6"),
    ],
)
def test_a_stated_team_size_is_found(text, size):
    assert values("team_size", text) == [size]


@pytest.mark.parametrize(
    "text",
    [
        "een klein team",
        "Wij hebben 1.200 medewerkers",
        "join our team of 90,000+ people",
        "een team met 3 jaar ervaring",
        "ons team werkt 40 uur per week",
        "The team is focused on four areas of expertise",
        "8 FTE",
        "ons team zoekt twee vacatures",
    ],
)
def test_other_numbers_are_no_team_size(text):
    assert values("team_size", text) == []


@pytest.mark.parametrize(
    ("text", "volume"),
    [
        ("Je verwerkt circa 15.000 facturen per jaar.", "circa 15.000 facturen per jaar"),
        ("process 500+ invoices weekly", "500+ invoices weekly"),
        ("zo'n 800 inkoopfacturen per maand", "800 inkoopfacturen per maand"),
        ("15k invoices a year", "15k invoices a year"),
        ("ruim 2\\.2 miljoen betalingen", "ruim 2\\.2 miljoen betalingen"),
        ("a large volume of invoices", "large volume of invoices"),
    ],
)
def test_a_stated_volume_is_found_with_its_unit(text, volume):
    assert values("volume_indicators", text) == [volume]


@pytest.mark.parametrize("text", ["een omzet van 500 miljoen", "3.000 klanten", "high volume"])
def test_revenue_and_customers_are_no_volume(text):
    assert values("volume_indicators", text) == []


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("complexity_signals", "Je boekt voor meerdere administraties"),
        ("complexity_signals", "vestigingen in 65 landen"),
        ("complexity_signals", "our Shared Service Center"),
        ("complexity_signals", "een internationaal opererende organisatie"),
        ("complexity_signals", "multi-currency accounting"),
        ("automation_status", "handmatig inboeken van facturen"),
        ("automation_status", "facturen via scan en herken"),
        ("automation_status", "the transition to a new ERP"),
        ("automation_status", "implementatie van Basware"),
        ("automation_status", "het digitaliseren van de crediteurenadministratie"),
    ],
)
def test_a_signal_is_claimed_in_the_words_of_the_text(field, text):
    (found,) = [claim for claim in read(text) if claim.field == field]
    assert found.quote in text
    assert found.value == found.quote


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("complexity_signals", "Je spreekt vloeiend Engels"),
        ("complexity_signals", "een dynamische, internationale omgeving"),
        ("automation_status", "affiniteit met digitale tools"),
        ("automation_status", "leverancier van procesautomatisering voor de industrie"),
    ],
)
def test_general_praise_is_no_signal(field, text):
    assert values(field, text) == []


def test_a_title_is_read_too():
    claims = read("Je boekt facturen.", title="Crediteurenadministrateur AFAS")
    assert [claim.value for claim in claims] == ["AFAS"]


def test_another_subject_is_read_by_the_rules_in_its_own_profile():
    text = "Werken met Picqer in 3-ploegendienst: 80.000 orderregels per dag, met handscanners."
    found = {claim.field: claim.value for claim in read(text, WAREHOUSES)}
    assert found == {
        "wms_systems": "Picqer",
        "shift_work": "3-ploegendienst",
        "volume_indicators": "80.000 orderregels per dag",
        "automation_status": "handscanners",
    }


def test_products_of_a_profile_are_found_beside_the_shipped_ones():
    reader = KeywordReader(
        extraction(
            {"tools": "Which?"},
            {"tools": {"use": "p2p_tools", "products": {"Vandaag Factuur": ["VandaagFactuur"]}}},
        )
    )
    assert values("tools", "Coupa en vandaagfactuur", reader) == ["Coupa", "Vandaag Factuur"]


def test_a_pattern_claims_each_value_once_and_its_group_is_the_value():
    reader = KeywordReader(
        extraction(
            {"perks": "?"}, {"perks": {"patterns": [r"een (?P<value>laptop|fiets) van ons"]}}
        )
    )
    claims = read("Een laptop van ons, een fiets van ons, een laptop van ons.", reader)
    assert [(claim.value, claim.quote) for claim in claims] == [
        ("laptop", "Een laptop van ons"),
        ("fiets", "een fiets van ons"),
    ]


def test_a_field_without_rules_is_left_to_the_model():
    assert read("Wij werken met SAP", KeywordReader(extraction({"culture": "?"}))) == ()


def test_a_bad_pattern_is_refused_naming_its_field():
    with pytest.raises(ValueError, match=r"keywords of perks: bad pattern '\(auto'"):
        KeywordReader(extraction({"perks": "?"}, {"perks": {"patterns": ["(auto"]}}))


def test_an_unknown_rule_set_is_refused_naming_the_ones_there_are():
    with pytest.raises(ValueError, match=r"keywords of tools: no rule set 'erp'.*erp_systems"):
        KeywordReader(extraction({"tools": "?"}, {"tools": {"use": "erp"}}))


def test_a_spelling_without_letters_is_refused():
    with pytest.raises(ValueError, match="holds no letter"):
        KeywordReader(extraction({"tools": "?"}, {"tools": {"products": {"--": []}}}))


WORDS = (
    *("SAP", "Exact", "Online", "AFAS", "s/4", "HANA", "Basware", "Palette", "Concur", "Picqer"),
    *("niet", "met", "geen", "ervaring", "implementatie", "team", "van", "of", "12", "zes"),
    *("mensen", "medewerkers", "15.000", "facturen", "per", "jaar", "invoices", "nachtdienst"),
    *("internationale", "organisatie", "landen", "handmatig", "boeken", "handscanners"),
    *(",", ".", "\n", "**", "&amp;", "\u00a0", "\u200b", "İ", "ß", "\x00"),
)
some_words = st.lists(st.sampled_from(WORDS) | st.text(max_size=5), max_size=40).map(" ".join)


@pytest.mark.parametrize(
    ("reader", "options"),
    [
        (ACCOUNTS_PAYABLE, shipped_profile("accounts_payable").extraction),
        (WAREHOUSES, shipped_profile("warehouse_operations").extraction),
    ],
)
def test_every_claim_survives_grounding(reader, options):
    gazetteer = gazetteer_for(options)

    @given(title=some_words, description=some_words)
    def survives(title, description):
        text = VacancyText(vacancy_id="test:1", title=title, description=description)
        claims = reader.read(text)
        assert all(claim.quote in description or claim.quote in title for claim in claims)
        assert ground(claims, text, options.schema_, gazetteer).dropped == ()

    survives()


@pytest.mark.parametrize(
    "piece",
    [
        *(" ", "a", "aB", "1,", "\u200b", "*", "&", "SAP ", "niet ", "niet met ", "profiel\nSAP\n"),
        *("team ", "team of a very ", "12 people ", "international ", "several ", "number of "),
    ],
)
@pytest.mark.parametrize("reader", [ACCOUNTS_PAYABLE, WAREHOUSES])
def test_a_hostile_text_of_the_greatest_length_is_read_in_seconds(reader, piece):
    text = (piece * 200_000)[:200_000]
    started = time.process_time()
    read(text, reader)
    assert time.process_time() - started < 5


def test_a_text_of_many_different_words_is_read_in_seconds():
    text = " ".join(f"team{number} {number}" for number in range(15_000))
    started = time.process_time()
    read(text)
    assert time.process_time() - started < 5
