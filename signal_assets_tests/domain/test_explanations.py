from signal_assets.domain.companies import RegisterRow
from signal_assets.domain.company_finding import Sources, find_company
from signal_assets.domain.explanations import explain
from signal_assets.domain.overrides import Override, Overrides
from signal_assets.domain.printed_numbers import find_kvk_numbers
from signal_assets_tests.domain.test_register_matching import FakeRegister, advertised


def lines_of(finding) -> dict[str, tuple[str, ...]]:
    return {step.title: step.lines for step in explain(finding)}


def test_every_step_of_a_decision_is_told():
    register = FakeRegister(
        [RegisterRow(kvk_number="01234567", name="TechCorp B.V.", kind="hoofdvestiging")]
    )
    company = advertised(
        "Werken bij TechCorp", printed=find_kvk_numbers("KvK 76543210"), places=("den haag",)
    )
    finding = find_company(company, Sources(search=register.search))
    told = lines_of(finding)
    assert told["The name"][:3] == (
        "Advertised as “Werken bij TechCorp”.",
        "Without what advertisements put around it: “TechCorp”.",
        "First key, legal form off: “techcorp”.",
    )
    assert told["What the vacancies state"] == (
        "Places: Den Haag.",
        "KvK number 76543210: “KvK 76543210”.",
    )
    assert told["What was asked"] == ("The Business Register for “TechCorp”: 1 row.",)
    assert told["The evidence"][0] == "01234567 TechCorp B.V.: 7 points"
    assert told["The decision"][0] == "auto: 01234567."


def test_a_persons_word_is_told_with_its_line():
    overrides = Overrides([Override(name="TechCorp", verdict="none", line=4)])
    told = lines_of(find_company(advertised("TechCorp"), Sources(overrides=overrides)))
    assert told["What a person decided"] == (
        "A person decided that the register does not have this company (overrides, line 4).",
    )
    assert told["The decision"] == ("none.",)


def test_a_decision_that_todays_rules_would_not_make_says_so():
    register = FakeRegister(
        [RegisterRow(kvk_number="01234567", name="TechCorp B.V.", kind="hoofdvestiging")]
    )
    finding = find_company(advertised("TechCorp"), Sources(search=register.search))
    changed = finding.match.model_copy(update={"decision": "review", "kvk_number": None})
    told = lines_of(finding.model_copy(update={"match": changed}))
    assert told["The decision"][-1].endswith("it would be auto: 01234567.")
