import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.gazetteers import (
    Gazetteer,
    ProductRule,
    ProductRules,
    TextWords,
    fold_case,
    products_of,
    shipped_rule_names,
    shipped_rules,
)

SHIPPED = Gazetteer.shipped()
PRODUCT_SETS = [
    (name, rules)
    for name in shipped_rule_names()
    if isinstance(rules := shipped_rules(name), ProductRules)
]


def test_the_shipped_rule_sets_are_these():
    assert shipped_rule_names() == (
        "automation_status",
        "complexity_signals",
        "erp_systems",
        "p2p_tools",
        "team_size",
        "volume_indicators",
        "wms_systems",
    )


def test_a_rule_set_that_is_not_shipped_is_a_key_error():
    with pytest.raises(KeyError, match="crm_systems"):
        shipped_rules("crm_systems")


@pytest.mark.parametrize(("name", "rules"), PRODUCT_SETS)
def test_no_product_stands_twice_in_a_rule_set(name, rules):
    names = [product.name for product in rules.products]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("name", "rules"), PRODUCT_SETS)
def test_every_edition_and_other_name_is_of_a_known_product(name, rules):
    names = {product.name for _, others in PRODUCT_SETS for product in others.products}
    named = {product.edition_of for product in rules.products}
    named |= {product.means for product in rules.products}
    assert named - {None} <= names


@pytest.mark.parametrize(("name", "rules"), PRODUCT_SETS)
def test_every_product_is_found_by_each_of_its_spellings(name, rules):
    missed = [
        spelling
        for product in rules.products
        for spelling in (product.name, *product.also)
        if not SHIPPED.is_named(product.means or product.name, f"Ervaring met {spelling} nodig")
    ]
    assert missed == []


def test_the_longest_name_wins():
    assert [one.product for one in SHIPPED.mentions("werken in Exact Globe Next")] == [
        "Exact Globe"
    ]


def test_an_edition_counts_as_its_plain_product_but_not_the_other_way_round():
    assert SHIPPED.is_named("SAP", "SAP S/4HANA")
    assert not SHIPPED.is_named("SAP S/4HANA", "SAP")


def test_names_in_a_quote_need_no_context_but_their_capitals():
    assert SHIPPED.names_in("Palette") == {"Palette"}
    assert SHIPPED.names_in("palette") == set()


def test_a_product_of_the_profile_replaces_the_shipped_one_of_its_name():
    own = SHIPPED.with_products([ProductRule(name="SAP", also=("Sapsysteem",))])
    assert own.names_in("Sapsysteem") == {"SAP"}


def test_an_acronym_of_a_profile_counts_in_capitals_only():
    gazetteer = Gazetteer(products_of({"ZAP": []}))
    assert gazetteer.names_in("ZAP en zap") == {"ZAP"}
    assert [one.start for one in gazetteer.mentions("zap en ZAP")] == [7]


@given(st.text())
def test_folding_case_keeps_every_character_in_its_place(text):
    assert len(fold_case(text)) == len(text)


@given(st.text(st.sampled_from("aBé1 -_/.İ"), max_size=60))
def test_words_begin_where_the_text_says_them(text):
    words = TextWords(text)
    for word in words.distinct:
        for start in words.starts(word):
            assert words.lower.startswith(word, start)


@given(st.lists(st.sampled_from(["team", "aB", "sap", "x1", "e"]), max_size=200))
def test_searching_and_indexing_find_the_same_places(pieces):
    text = " ".join(pieces)
    asked_once = TextWords(text)
    asked_often = TextWords(text)
    for _ in range(100):
        asked_often.starts("team")
    for word in asked_once.distinct:
        assert list(asked_once.starts(word)) == list(asked_often.starts(word))
