import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.company_names import (
    company_key,
    normalize_company_name,
    register_keys,
)
from signal_assets.domain.folding import fold

LEGAL_PARTS = (
    "B.V.",
    "BV",
    "b v",
    "N.V.",
    "C.V.",
    "U.A.",
    "i.o.",
    "GmbH",
    "Co.",
    "KG",
    "S.à",
    "r.l.",
)
WEAK_PARTS = (
    "Holding",
    "Groep",
    "Nederland",
    "Royal",
    "koninklijk",
    "Stichting",
    "the",
    "io",
    "nl",
)
NOISE_PARTS = (
    "via",
    "namens",
    "in",
    "opdracht",
    "van",
    "Werken bij",
    "vacatures",
    "careers",
    "(NL)",
)
SMALL_PARTS = ("-", "&", "/", "|", "[x]", "a", "s", "x", "1", "'t", "v.d.", "Gebr.", "Ø", "ﬁ", "İ")
PARTS = st.sampled_from(
    (*LEGAL_PARTS, *WEAK_PARTS, *NOISE_PARTS, *SMALL_PARTS, "TechCorp", "Utrecht", "den", "Haag")
)
NAMES = st.one_of(st.text(max_size=40), st.lists(PARTS, min_size=1, max_size=6).map(" ".join))


@pytest.mark.parametrize(
    ("raw_name", "key"),
    [
        ("TechCorp B.V.", "techcorp"),
        ("TechCorp BV", "techcorp"),
        ("TECHCORP b. v.", "techcorp"),
        ("B.V. TechCorp", "techcorp"),
        ("TechCorp B.V. i.o.", "techcorp"),
        ("MiniStartup", "ministartup"),
        ("Bäckerei Müller GmbH", "backerei muller"),
        ("Bäckerei Müller GmbH & Co. KG", "backerei muller"),
        ("Coöperatie De Akker U.A.", "de akker"),
        ("Stichting Zorg & Welzijn", "zorg en welzijn"),
        ("Gebr. Jansen v.o.f.", "gebroeders jansen"),
        ("v.d. Berg & Zn.", "van den berg en zonen"),
        ("Thuiszorg ’t Hart", "thuiszorg het hart"),
        ("'s-Gravenland Wonen", "s gravenland wonen"),
        ("A.B. Voorbeeld", "ab voorbeeld"),
        ("A B Voorbeeld", "ab voorbeeld"),
        ("J.A.M. B. V.", "jam"),
        ("Royal Voorbeeld", "koninklijke voorbeeld"),
        ("Voorbeeld S.A.", "voorbeeld"),
        ("Sa Voorbeeld", "sa voorbeeld"),
        ("Smit en Co", "smit en co"),
        ("C&A", "c en a"),
        ("Voorbeeld.io", "voorbeeld io"),
        ("Café Øst", "cafe ost"),
    ],
)
def test_spellings_of_one_company_share_a_key(raw_name, key):
    assert company_key(raw_name) == key


@pytest.mark.parametrize("raw_name", ["BV", "Stichting", "De Vereniging", "Holding", "The Group"])
def test_a_name_of_only_such_words_keeps_them(raw_name):
    assert company_key(raw_name) == raw_name.lower()


@pytest.mark.parametrize(
    ("raw_name", "clean_name"),
    [
        ("Werken bij TechCorp B.V.", "TechCorp B.V."),
        ("TechCorp vacatures", "TechCorp"),
        ("TechCorp via Bemiddelaar", "TechCorp"),
        ("TechCorp B.V. - Utrecht", "TechCorp B.V."),
        ("TechCorp | Wij bouwen robots", "TechCorp"),
        ("TechCorp (TC)", "TechCorp"),
        ("Jobs at TechCorp Careers", "TechCorp"),
        ("Via Appia", "Via Appia"),
    ],
)
def test_what_advertisements_put_around_a_name_is_taken_off(raw_name, clean_name):
    name = normalize_company_name(raw_name)
    assert name
    assert (name.clean_name, name.raw_name) == (clean_name, raw_name)


@pytest.mark.parametrize(
    ("name", "key_t2"),
    [
        ("TechCorp Nederland Holding B.V.", "techcorp"),
        ("TechCorp Utrecht", "techcorp"),
        ("The TechCorp Group N.V.", "techcorp"),
        ("TechCorp.nl", "techcorp"),
        ("Koninklijke TechCorp", "techcorp"),
        ("Gemeente Utrecht", "gemeente utrecht"),
        ("Universiteit Leiden", "universiteit leiden"),
        ("Utrecht", "utrecht"),
        ("Nederland Groep", "nederland groep"),
    ],
)
def test_the_second_key_drops_the_words_of_a_group(name, key_t2):
    keys = register_keys(name)
    assert keys
    assert keys.key_t2 == key_t2


@pytest.mark.parametrize(
    ("name", "legal_form"),
    [
        ("TechCorp B.V.", "besloten_vennootschap"),
        ("TechCorp naamloze vennootschap", "naamloze_vennootschap"),
        ("Stichting TechCorp", "stichting"),
        ("Coöperatieve Vereniging TechCorp U.A.", "cooperatie"),
        ("TechCorp GmbH", "foreign"),
        ("TechCorp", None),
    ],
)
def test_the_legal_form_taken_off_is_kept_as_a_hint(name, legal_form):
    keys = register_keys(name)
    assert keys
    assert keys.legal_form_hint == legal_form


@pytest.mark.parametrize(
    ("raw_name", "kind"),
    [
        ("TechCorp", "employer"),
        ("Randstad Finance", "intermediary"),
        ("Tempo-Team", "intermediary"),
        ("Voorbeeld Uitzendbureau B.V.", "intermediary"),
        ("Jansen Werving & Selectie", "intermediary"),
        ("Voorbeeld - IT Recruitment", "intermediary"),
        ("Confidential", "anonymous"),
        ("Onze opdrachtgever", "anonymous"),
        ("N/A", "anonymous"),
    ],
)
def test_a_name_tells_who_advertises(raw_name, kind):
    name = normalize_company_name(raw_name)
    assert name
    assert name.kind == kind


@pytest.mark.parametrize("raw_name", ["", "   ", "---", "***", "?!", "\u200b"])
def test_without_a_letter_or_digit_there_is_no_name(raw_name):
    assert normalize_company_name(raw_name) is None


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Alpha BV", "Alfa BV"),
        ("Van der Berg", "Van den Berg"),
        ("TechCorp Holding", "TechCorp"),
        ("Gemeente Utrecht", "Gemeente Leiden"),
    ],
)
def test_different_names_have_different_keys(left, right):
    assert company_key(left) != company_key(right)


@given(NAMES)
def test_a_key_is_its_own_key(raw_name):
    key = company_key(raw_name)
    assert key is None or company_key(key) == key


@given(NAMES)
def test_a_register_key_is_its_own_key(name):
    keys = register_keys(name)
    if keys:
        again = register_keys(keys.key_t1)
        weak = register_keys(keys.key_t2)
        assert again
        assert weak
        assert (again.key_t1, again.key_t2) == (keys.key_t1, keys.key_t2)
        assert weak.key_t2 == keys.key_t2


@given(NAMES)
def test_a_key_is_never_empty(raw_name):
    name = normalize_company_name(raw_name)
    if name is None:
        assert not any(letter.isalnum() for letter in fold(raw_name))
    else:
        assert name.key_t1
        assert name.key_t2
        assert name.clean_name


@given(st.text())
def test_folding_twice_changes_nothing_more(text):
    assert fold(fold(text)) == fold(text)
