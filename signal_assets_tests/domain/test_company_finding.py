from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.companies import KvkProfile, RegisterRow, RegisterSearch
from signal_assets.domain.company_finding import (
    Finding,
    NotAnswered,
    Sources,
    decide_again,
    find_company,
)
from signal_assets.domain.employer_lists import Employer, EmployerList
from signal_assets.domain.overrides import Override, Overrides
from signal_assets_tests.domain.test_register_matching import (
    ROWS,
    FakeRegister,
    advertised,
    profile,
    row,
)

BV = {"legal_form": "besloten_vennootschap", "is_natural_person_business": False}


def employers(*pairs: tuple[str, str], place: str | None = None) -> EmployerList:
    return EmployerList(Employer(name=name, kvk_number=kvk, place=place) for name, kvk in pairs)


def decided(name: str, verdict, **fields) -> Overrides:
    return Overrides([Override(name=name, verdict=verdict, line=2, **fields)])


class FakeLei:
    """Answers every question with the same rows; None: it cannot answer now."""

    def __init__(self, rows: Iterable[RegisterRow] | None) -> None:
        self.rows = None if rows is None else tuple(rows)
        self.asked: list[str] = []

    def search(self, name: str) -> RegisterSearch | None:
        self.asked.append(name)
        if self.rows is None:
            return None
        return RegisterSearch(total=len(self.rows), rows=self.rows)


def lei_row(kvk_number: str, name: str, **fields) -> RegisterRow:
    return row(kvk_number, name, kind="rechtspersoon", source="gleif", **fields)


def sources(register: FakeRegister | None = None, **others) -> Sources:
    if register is None:
        return Sources(**others)
    return Sources(search=register.search, get_profile=register.get_profile, **others)


def test_a_persons_word_goes_before_everything_and_asks_only_for_the_profile():
    register = FakeRegister([row("12345678", "TechCorp B.V.")], [profile("01234567", "Newtech")])
    overrides = decided("TechCorp", "is", kvk_number="01234567", note="phoned them")
    finding = find_company(
        advertised("TechCorp", kvk_numbers=("12345678",)), sources(register, overrides=overrides)
    )
    assert (finding.match.decision, finding.match.kvk_number) == ("auto", "01234567")
    assert (finding.decided_by, register.queries, register.bought) == ("override", [], ["01234567"])
    assert finding.match.reasons == (
        "A person decided that this company is 01234567 (overrides, line 2). "
        "Their note: phoned them",
    )


def test_a_persons_none_asks_nobody():
    register = FakeRegister([row("12345678", "TechCorp B.V.")])
    finding = find_company(
        advertised("TechCorp"), sources(register, overrides=decided("TechCorp", "none"))
    )
    assert (finding.match.decision, register.queries, register.bought) == ("none", [], [])


def test_a_number_that_a_person_rejected_is_no_candidate():
    register = FakeRegister([row("01234567", "TechCorp B.V."), row("12345678", "TechCorp B.V.")])
    overrides = decided("TechCorp", "is_not", kvk_number="01234567")
    finding = find_company(
        advertised("TechCorp", kvk_numbers=("01234567",)), sources(register, overrides=overrides)
    )
    assert finding.match.kvk_number == "12345678"
    assert {candidate.kvk_number for candidate in finding.match.candidates} == {"12345678"}


def test_the_users_list_decides_before_the_register_is_asked():
    register = FakeRegister(profiles=[profile("01234567", "TechCorp B.V.", **BV)])
    listed = employers(("TechCorp B.V.", "01234567"))
    finding = find_company(advertised("TechCorp"), sources(register, employers=listed))
    assert (finding.match.kvk_number, register.queries) == ("01234567", [])
    assert register.bought == ["01234567"]


def test_a_listed_number_that_the_register_does_not_know_is_never_chosen():
    listed = employers(("TechCorp B.V.", "01234567"))
    finding = find_company(advertised("TechCorp"), sources(FakeRegister(), employers=listed))
    assert (finding.match.decision, finding.unknown) == ("none", ("01234567",))


@pytest.mark.parametrize(
    "facts",
    [
        {**BV, "is_active": False},
        {"legal_form": "vennootschap_onder_firma", "is_natural_person_business": True},
    ],
)
def test_the_base_profile_can_send_a_listed_company_to_a_person(facts):
    register = FakeRegister(profiles=[profile("01234567", "TechCorp", **facts)])
    listed = employers(("TechCorp", "01234567"))
    finding = find_company(advertised("TechCorp"), sources(register, employers=listed))
    assert finding.match.decision == "review"


def test_the_list_and_the_register_are_weighed_together_where_the_list_leaves_a_doubt():
    register = FakeRegister([row("12345678", "TechCorp B.V.", place="Utrecht")])
    finding = find_company(
        advertised("TechCorp", places=("utrecht",)),
        sources(register, employers=employers(("TechCorp Nederland B.V.", "01234567"))),
    )
    assert finding.match.kvk_number == "12345678"
    assert finding.match.siblings == ("01234567",)
    assert [rung.source for rung in finding.rungs] == ["employer_list", "kvk"]


def test_a_printed_number_on_the_list_needs_no_register():
    finding = find_company(
        advertised("TechCorp", kvk_numbers=("01234567",)),
        sources(employers=employers(("TechCorp B.V.", "01234567"), ("TechCorp N.V.", "12345678"))),
    )
    assert finding.match.kvk_number == "01234567"


def test_a_printed_number_of_another_company_is_not_believed():
    register = FakeRegister(profiles=[profile("01234567", "Uitzendkracht B.V.", **BV)])
    finding = find_company(advertised("TechCorp", kvk_numbers=("01234567",)), sources(register))
    assert finding.match.decision != "auto"


def test_the_lei_register_is_asked_only_where_no_source_has_the_name():
    lei = FakeLei([lei_row("12345678", "TechCorp B.V.")])
    register = FakeRegister([row("01234567", "TechCorp B.V.")])
    find_company(advertised("TechCorp"), sources(register, search_lei=lei.search))
    assert lei.asked == []
    find_company(advertised("TechCorp"), sources(FakeRegister(), search_lei=lei.search))
    assert lei.asked == ["TechCorp"]


def test_being_the_only_one_in_the_lei_register_counts_for_nothing():
    lei = FakeLei([lei_row("12345678", "TechCorp B.V.", place="Utrecht")])
    alone = find_company(advertised("TechCorp"), sources(search_lei=lei.search))
    placed = find_company(
        advertised("TechCorp", places=("utrecht",)), sources(search_lei=lei.search)
    )
    assert (alone.match.decision, placed.match.decision) == ("review", "auto")


def test_a_silent_lei_register_is_never_an_absent_company():
    lei = FakeLei(None)
    with pytest.raises(NotAnswered):
        find_company(advertised("TechCorp"), sources(FakeRegister(), search_lei=lei.search))


def test_a_silent_lei_register_does_not_hide_what_the_others_found():
    register = FakeRegister([row("01234567", "TechCorp Nederland B.V.")])
    finding = find_company(
        advertised("TechCorp"), sources(register, search_lei=FakeLei(None).search)
    )
    assert finding.match.decision == "review"


def test_a_natural_person_on_the_users_list_is_never_chosen_by_name_and_place():
    finding = find_company(
        advertised("Gebroeders Voorbeeld", places=("delft",)),
        sources(employers=employers(("Gebroeders Voorbeeld v.o.f.", "01234567"), place="Delft")),
    )
    assert finding.match.decision == "review"


PROFILES = st.lists(
    st.builds(
        profile,
        st.sampled_from(["01234567", "12345678", "23456789"]),
        st.sampled_from(["TechCorp B.V.", "TechCorp", "Techcorp Holding B.V."]),
        place=st.sampled_from([None, "Utrecht"]),
        websites=st.sampled_from([(), ("techcorp.example",)]),
        legal_form=st.sampled_from([None, "besloten_vennootschap", "eenmanszaak"]),
        is_natural_person_business=st.sampled_from([None, True, False]),
    ),
    unique_by=lambda item: item.kvk_number,
    max_size=3,
)
LISTS = st.lists(
    st.tuples(
        st.sampled_from(["TechCorp B.V.", "TechCorp", "Tech Corp Nederland"]),
        st.sampled_from(["01234567", "12345678", "90000001"]),
    ),
    max_size=3,
)
HOSTS = st.sampled_from([(), ("techcorp.example",)])


@given(ROWS, PROFILES, LISTS, HOSTS)
def test_a_decision_made_again_from_its_record_is_the_same(rows, profiles, listed, hosts):
    register = FakeRegister(rows, profiles)
    finding = find_company(
        advertised("TechCorp B.V.", places=("utrecht",), website_hosts=hosts),
        sources(register, employers=employers(*listed)),
    )
    stored = Finding.model_validate_json(finding.model_dump_json(exclude_defaults=True))
    assert stored == finding
    assert decide_again(stored) == finding.match


@given(ROWS, PROFILES, LISTS, st.randoms())
def test_the_order_in_which_sources_answer_does_not_matter(rows, profiles, listed, random):
    def find(rows, listed) -> Finding:
        register = FakeRegister(rows, profiles)
        company = advertised("TechCorp B.V.", places=("utrecht",))
        return find_company(company, sources(register, employers=employers(*listed)))

    shuffled = find(random.sample(rows, len(rows)), random.sample(listed, len(listed)))
    assert shuffled.match == find(rows, listed).match


@given(ROWS, PROFILES)
def test_natural_persons_are_never_chosen_without_number_or_website(rows, profiles):
    register = FakeRegister(rows, profiles)
    finding = find_company(advertised("TechCorp", places=("utrecht",)), sources(register))
    chosen = finding.profile
    if isinstance(chosen, KvkProfile):
        assert chosen.is_natural_person_business is not True
