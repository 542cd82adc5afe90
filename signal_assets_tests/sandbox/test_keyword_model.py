"""The sandbox's model: what it finds in the invented vacancies."""

import pytest

from signal_assets.domain.search_profiles import KeywordRules
from signal_assets.sandbox.keyword_model import KeywordModel
from signal_assets.sandbox.world import SandboxVacancy, shipped_world

WORKED_EXAMPLE = ("erp_systems", "p2p_tools", "team_size", "automation_status")
ALL_FIELDS = (*WORKED_EXAMPLE, "volume_indicators", "complexity_signals")


def vacancy(external_id: str) -> SandboxVacancy:
    return next(row for row in shipped_world().vacancies if row.external_id == external_id)


@pytest.mark.parametrize(
    ("external_id", "fields"),
    [("we-1", set(WORKED_EXAMPLE)), ("we-2", {"erp_systems"}), ("we-3", set())],
)
def test_the_worked_example_fills_four_one_and_no_fields(external_id, fields):
    row = vacancy(external_id)
    claims = KeywordModel().read(row.title, row.description, WORKED_EXAMPLE)
    assert {claim.field for claim in claims} == fields


def test_every_quote_stands_in_its_vacancy():
    model = KeywordModel()
    for row in shipped_world().vacancies:
        for claim in model.read(row.title, row.description, ALL_FIELDS):
            assert claim.quote in row.description or claim.quote in row.title


def test_enough_companies_state_enough_to_be_worth_a_demo():
    model = KeywordModel()
    rich = {
        row.company_name
        for row in shipped_world().vacancies
        if len({claim.field for claim in model.read(row.title, row.description, ALL_FIELDS)}) >= 4
    }
    assert len(rich) >= 10


def test_controls_state_nothing():
    for external_id in ("ap-118", "ap-126", "ap-127", "ap-129"):
        row = vacancy(external_id)
        assert KeywordModel().read(row.title, row.description, ALL_FIELDS) == ()


def test_a_field_without_rules_is_not_read():
    assert KeywordModel().read("Titel", "Wij werken met SAP.", ("favourite_colour",)) == ()


def test_a_bad_rule_teaches_nothing():
    model = KeywordModel()
    with pytest.raises(ValueError, match="no rule set"):
        model.teach({"colour": KeywordRules(use="no_such_rules")})
    assert model.read("Titel", "Rood.", ("colour",)) == ()


def test_a_lesson_holds_only_where_all_of_its_fields_are_asked():
    model = KeywordModel()
    zebra = KeywordRules(products={"Zebra": []})
    model.teach({"stripes": zebra, "erp_systems": zebra})
    text = "Wij werken met SAP en Zebra."

    def values(*fields: str) -> set[str]:
        return {claim.value for claim in model.read("Titel", text, fields)}

    assert values("erp_systems", "team_size") == {"SAP"}
    assert values("erp_systems", "stripes") == {"Zebra"}
