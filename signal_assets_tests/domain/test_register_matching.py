from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.companies import (
    KvkProfile,
    RegisterRow,
    RegisterSearch,
    SbiActivity,
)
from signal_assets.domain.company_finding import Sources, find_company
from signal_assets.domain.company_names import normalize_company_name
from signal_assets.domain.register_evidence import (
    AdvertisedCompany,
    group_entries,
    is_one_edit_apart,
)
from signal_assets.domain.register_matching import decide
from signal_assets.domain.register_search import RegisterQuery, search_rungs

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def advertised(raw_name: str, **fields: Any) -> AdvertisedCompany:
    name = normalize_company_name(raw_name)
    assert name
    return AdvertisedCompany(name=name, **fields)


def row(kvk_number: str, name: str, **fields: Any) -> RegisterRow:
    fields.setdefault("kind", "hoofdvestiging")
    return RegisterRow(kvk_number=kvk_number, name=name, **fields)


def profile(kvk_number: str, name: str, **fields: Any) -> KvkProfile:
    return KvkProfile(kvk_number=kvk_number, name=name, fetched_at=NOW, **fields)


def judge(company: AdvertisedCompany, *rows: RegisterRow, is_complete: bool = True, **profiles):
    found = {item.kvk_number: item for item in profiles.get("profiles", ())}
    return decide(company, group_entries(rows, found), is_complete=is_complete)


class FakeRegister:
    """Finds rows that hold every word of the query, as the real one does; counts its calls.

    A row without a base profile of its own has one that says nothing but the name.
    """

    def __init__(
        self,
        rows: Iterable[RegisterRow] = (),
        profiles: Iterable[KvkProfile] = (),
        page_size: int = 100,
    ) -> None:
        self.rows = list(rows)
        self.profiles = {item.kvk_number: item for item in profiles}
        self.page_size = page_size
        self.queries: list[RegisterQuery] = []
        self.bought: list[str] = []

    def search(self, query: RegisterQuery) -> RegisterSearch:
        self.queries.append(query)
        words = set(query.name.lower().split())
        hits = [
            item
            for item in self.rows
            if words <= set(item.name.lower().split())
            and (query.place is None or query.place == item.place)
        ]
        return RegisterSearch(total=len(hits), rows=tuple(hits[: self.page_size]))

    def get_profile(self, kvk_number: str) -> KvkProfile | None:
        self.bought.append(kvk_number)
        if kvk_number in self.profiles:
            return self.profiles[kvk_number]
        names = [item.name for item in self.rows if item.kvk_number == kvk_number]
        return profile(kvk_number, min(names)) if names else None

    def match(self, company: AdvertisedCompany):
        sources = Sources(search=self.search, get_profile=self.get_profile)
        return find_company(company, sources).match


def test_the_only_entry_with_the_name_is_the_company():
    match = judge(advertised("TechCorp"), row("01234567", "TechCorp B.V."))
    assert (match.decision, match.kvk_number, match.score) == ("auto", "01234567", 7)


def test_the_first_hit_with_another_name_is_never_the_company():
    match = judge(advertised("TechCorp"), row("01234567", "Bakkerij De Hoek B.V."))
    assert (match.decision, match.kvk_number) == ("none", None)


def test_without_candidates_there_is_no_match():
    assert judge(advertised("TechCorp")).decision == "none"


def test_two_entries_with_the_name_are_left_to_a_person():
    match = judge(
        advertised("TechCorp"),
        row("01234567", "TechCorp B.V."),
        row("12345678", "TechCorp N.V."),
    )
    assert (match.decision, match.kvk_number) == ("review", None)
    assert [item.kvk_number for item in match.candidates] == ["01234567", "12345678"]


def test_the_place_breaks_a_tie():
    match = judge(
        advertised("TechCorp", places=("utrecht",)),
        row("01234567", "TechCorp B.V.", place="Groningen"),
        row("12345678", "TechCorp B.V.", place="Utrecht"),
    )
    assert (match.decision, match.kvk_number, match.lead) == ("auto", "12345678", 2)


def test_another_place_takes_nothing_away():
    company = advertised("TechCorp", places=("utrecht",))
    match = judge(company, row("01234567", "TechCorp B.V.", place="Maastricht"))
    assert (match.decision, match.score) == ("auto", 7)


def test_the_stated_legal_form_breaks_a_tie():
    match = judge(
        advertised("TechCorp N.V."),
        row("01234567", "TechCorp B.V."),
        row("12345678", "TechCorp N.V."),
    )
    assert (match.decision, match.kvk_number, match.lead) == ("auto", "12345678", 4)


def test_being_the_only_one_counts_only_in_a_complete_answer():
    match = judge(advertised("TechCorp"), row("01234567", "TechCorp B.V."), is_complete=False)
    assert (match.decision, match.score) == ("review", 6)


def test_a_name_equal_only_without_group_words_needs_a_second_piece_of_evidence():
    holding = row("01234567", "TechCorp Nederland B.V.", place="Utrecht")
    assert judge(advertised("TechCorp"), holding).decision == "review"
    near = judge(advertised("TechCorp", places=("utrecht",)), holding)
    assert (near.decision, near.score) == ("auto", 7)


def test_one_wrong_letter_is_at_most_a_nomination():
    match = judge(
        advertised("TechCorpp", places=("utrecht",)), row("1", "TechCorp", place="Utrecht")
    )
    assert match.decision == "review"


def test_rows_of_one_number_count_once():
    match = judge(
        advertised("TechCorp"),
        row("01234567", "TechCorp B.V.", kind="rechtspersoon"),
        row("01234567", "TechCorp B.V."),
        row("01234567", "TechCorp Delft", kind="nevenvestiging"),
    )
    assert match.decision == "auto"
    assert len(match.candidates) == 1


def test_an_ended_or_expired_name_is_not_chosen():
    ended = row("01234567", "TechCorp B.V.", is_active=False)
    expired = row("12345678", "Newtech B.V.", expired_name="TechCorp B.V.")
    assert judge(advertised("TechCorp"), ended).decision == "review"
    assert judge(advertised("TechCorp"), expired).decision == "review"


def test_a_website_in_the_register_decides():
    match = judge(
        advertised("TechCorp", website_hosts=("https://www.techcorp.example/jobs",)),
        profiles=[
            profile("01234567", "TechCorp Holding B.V.", websites=("www.techcorp.example",)),
            profile("12345678", "TechCorp Beheer B.V."),
        ],
    )
    assert (match.decision, match.kvk_number) == ("auto", "01234567")


@pytest.mark.parametrize(
    ("printed", "decision"),
    [
        ("werkenbij.techcorp.example", "auto"),
        ("nottechcorp.example", "review"),
        ("example", "review"),
    ],
)
def test_a_host_below_the_registered_one_is_the_same_website(printed, decision):
    match = judge(
        advertised("TechCorp", website_hosts=(printed,)),
        profiles=[profile("01234567", "TechCorp Holding B.V.", websites=("techcorp.example",))],
    )
    assert match.decision == decision


def test_a_printed_number_decides_only_with_a_name_that_fits():
    company = advertised("TechCorp", kvk_numbers=("01234567",))
    fitting = judge(company, profiles=[profile("01234567", "TechCorp B.V.")])
    other = judge(company, profiles=[profile("01234567", "Printshop B.V.")])
    assert (fitting.decision, other.decision) == ("auto", "review")


@pytest.mark.parametrize("name", ["Jansen", "Atlas", "KPX"])
def test_short_and_common_names_are_left_to_a_person(name):
    match = judge(
        advertised(name, places=("utrecht",)), row("01234567", f"{name} B.V.", place="Utrecht")
    )
    assert (match.decision, match.kvk_number) == ("review", None)


@pytest.mark.parametrize("legal_form", ["eenmanszaak", "vennootschap_onder_firma", None])
def test_the_business_of_a_natural_person_is_never_chosen_by_name_and_place(legal_form):
    is_natural = None if legal_form is None else True
    match = judge(
        advertised("TechCorp", places=("utrecht",)),
        row("01234567", "TechCorp", place="Utrecht"),
        profiles=[
            profile(
                "01234567",
                "TechCorp",
                legal_form=legal_form,
                is_natural_person_business=is_natural,
            )
        ],
    )
    assert (match.decision, match.kvk_number) == ("review", None)


def test_a_holding_stands_behind_the_company_that_has_the_staff():
    match = judge(
        advertised("TechCorp", places=("utrecht",)),
        profiles=[
            profile("01234567", "TechCorp Holding B.V.", employee_count=0, place="Utrecht"),
            profile("12345678", "TechCorp B.V.", employee_count=80, place="Utrecht"),
        ],
    )
    assert (match.decision, match.kvk_number) == ("auto", "12345678")
    assert match.candidates[1].score == 4


def test_an_agency_by_activity_is_not_chosen_for_an_employer():
    activity = SbiActivity(sbi_code="78201", is_main=True)
    match = judge(
        advertised("TechCorp"),
        profiles=[profile("01234567", "TechCorp B.V.", sbi_activities=(activity,))],
    )
    assert match.decision == "review"


def test_every_point_has_a_reason():
    match = judge(
        advertised("TechCorp B.V.", places=("delft",)), row("1", "TechCorp B.V.", place="Rotterdam")
    )
    assert match.reasons == (
        "The register's name “TechCorp B.V.” is the same but for the legal form. (+6)",
        "The register has no other entry with this name. (+1)",
        "The legal form is the same. (+1)",
        "It has an establishment in the same province (zuid-holland). (+0.5)",
    )


def test_a_doubt_is_said_with_the_reasons():
    match = judge(advertised("TechCorp"), row("1", "TechCorp Nederland B.V."))
    assert match.reasons[-1] == "The evidence adds up to 5 points; 7 decide."


ROWS = st.lists(
    st.builds(
        row,
        st.sampled_from(["01234567", "12345678", "23456789", "34567890"]),
        st.sampled_from(
            [
                "TechCorp B.V.",
                "TechCorp",
                "Techcorp Holding B.V.",
                "TechCorp Nederland",
                "Tech Corp",
                "TechCorpp B.V.",
                "Stichting TechCorp",
                "Bakkerij B.V.",
            ]
        ),
        kind=st.sampled_from(["hoofdvestiging", "nevenvestiging", "rechtspersoon"]),
        place=st.sampled_from([None, "Utrecht", "Delft"]),
        is_active=st.sampled_from([None, True, False]),
    ),
    max_size=6,
)
UNRELATED = st.lists(
    st.builds(
        profile,
        st.sampled_from(["90000001", "90000002"]),
        st.sampled_from(["Bakkerij De Hoek B.V.", "Holding Zon", "Kapper"]),
        place=st.sampled_from([None, "Utrecht"]),
        employee_count=st.sampled_from([None, 0, 500]),
        is_active=st.sampled_from([None, True, False]),
    ),
    min_size=1,
    max_size=2,
)


@given(ROWS, st.randoms(), st.booleans())
def test_the_order_of_the_candidates_does_not_matter(rows, random, is_complete):
    company = advertised("TechCorp B.V.", places=("utrecht",))
    entries = group_entries(rows, {})
    shuffled = group_entries(random.sample(rows, len(rows)), {})
    assert sorted(shuffled, key=lambda entry: entry.kvk_number) == list(entries)
    reordered = random.sample(entries, len(entries))
    assert decide(company, reordered, is_complete=is_complete) == decide(
        company, entries, is_complete=is_complete
    )


@given(ROWS, UNRELATED, st.booleans())
def test_an_unrelated_candidate_never_turns_review_into_auto(rows, unrelated, is_complete):
    company = advertised("TechCorp", places=("utrecht",))
    before = judge(company, *rows, is_complete=is_complete)
    after = judge(company, *rows, is_complete=is_complete, profiles=unrelated)
    assert before.decision == "auto" or after.decision != "auto"


@given(ROWS, st.booleans())
def test_auto_means_seven_points_and_a_lead_of_two(rows, is_complete):
    match = judge(advertised("TechCorp"), *rows, is_complete=is_complete)
    assert (match.kvk_number is not None) == (match.decision == "auto")
    if match.decision == "auto":
        assert match.score is not None
        assert match.lead is not None
        assert match.score >= 7
        assert match.lead >= 2


def test_the_rungs_go_from_faithful_to_few_words():
    name = normalize_company_name("Café Smit & Zonen Holding B.V.")
    assert name
    assert [(query.name, query.place) for query in search_rungs(name, ("utrecht",))] == [
        ("Café Smit & Zonen Holding B.V.", None),
        ("Café Smit & Zonen Holding", None),
        ("Café Smit & Zonen", None),
        ("cafe smit en zonen holding", None),
        ("cafe smit & zonen holding", None),
        ("cafe zonen", "Utrecht"),
    ]


@given(st.text(min_size=1), st.booleans())
def test_rungs_are_at_most_six_and_all_different(raw_name, has_place):
    name = normalize_company_name(raw_name)
    if name:
        rungs = search_rungs(name, ("utrecht",) if has_place else ())
        assert 1 <= len(rungs) <= 6
        assert len(set(rungs)) == len(rungs)


def test_searching_stops_at_the_first_equal_name():
    register = FakeRegister([row("01234567", "TechCorp B.V.")])
    assert register.match(advertised("TechCorp B.V.")).decision == "auto"
    assert (len(register.queries), register.bought) == (1, ["01234567"])


def test_searching_goes_on_until_a_rung_finds_the_name():
    register = FakeRegister([row("01234567", "TechCorp", kind="rechtspersoon")] * 2)
    register.rows.append(row("01234567", "TechCorp"))
    match = register.match(advertised("TechCorp B.V."))
    assert (match.decision, match.kvk_number) == ("auto", "01234567")
    assert [query.name for query in register.queries] == ["TechCorp B.V.", "TechCorp"]


def test_an_answer_that_was_cut_off_is_asked_again_with_the_place():
    rows = [row(f"{number:08}", "TechCorp B.V.", place="Delft") for number in range(5)]
    rows.append(row("90000000", "TechCorp B.V.", place="Utrecht"))
    register = FakeRegister(rows, page_size=3)
    match = register.match(advertised("TechCorp", places=("utrecht",)))
    assert RegisterQuery(name="TechCorp", place="Utrecht") in register.queries
    assert (match.decision, match.kvk_number) == ("auto", "90000000")


def test_a_profile_is_bought_when_the_legal_form_decides():
    bought = profile(
        "01234567",
        "TechCorp",
        legal_form="besloten_vennootschap",
        is_natural_person_business=False,
    )
    register = FakeRegister([row("01234567", "TechCorp")], [bought])
    assert register.match(advertised("TechCorp")).decision == "auto"
    assert register.bought == ["01234567"]


def test_a_profile_may_show_a_trade_name_that_fits():
    bought = profile(
        "01234567",
        "Groothandel Voorbeeld B.V.",
        trade_names=("TechCorp",),
        legal_form="besloten_vennootschap",
        is_natural_person_business=False,
    )
    register = FakeRegister(profiles=[bought])
    hit = row("01234567", "Groothandel Voorbeeld B.V.")
    sources = Sources(
        search=lambda _: RegisterSearch(total=1, rows=(hit,)), get_profile=register.get_profile
    )
    match = find_company(advertised("TechCorp"), sources).match
    assert (match.decision, match.kvk_number) == ("auto", "01234567")


def test_no_profile_is_bought_for_a_name_that_is_left_to_a_person_anyway():
    register = FakeRegister([row("01234567", "Jansen B.V.")])
    assert register.match(advertised("Jansen")).decision == "review"
    assert register.bought == []


def test_three_profiles_at_most_are_bought():
    rows = [row(f"{number:08}", "TechCorp B.V.") for number in range(9)]
    register = FakeRegister(rows, [profile(item.kvk_number, item.name) for item in rows])
    assert register.match(advertised("TechCorp", places=("utrecht",))).decision == "review"
    assert len(register.bought) <= 3


def test_a_printed_number_is_read_before_anything_is_searched():
    register = FakeRegister(profiles=[profile("01234567", "TechCorp B.V.")])
    match = register.match(advertised("TechCorp", kvk_numbers=("01234567",)))
    assert (match.decision, match.kvk_number) == ("auto", "01234567")
    assert register.queries == []


def test_a_register_that_does_not_answer_says_nothing_of_the_company():
    def search(_: RegisterQuery) -> RegisterSearch:
        raise ConnectionError("try later")

    with pytest.raises(ConnectionError, match="try later"):
        find_company(advertised("TechCorp"), Sources(search=search, get_profile=lambda _: None))


@pytest.mark.parametrize(
    ("left", "right", "is_one"),
    [
        ("techcorp", "techcorp", False),
        ("techcorp", "techcor", True),
        ("techcorp", "xtechcorp", True),
        ("techcorp", "tachcorp", True),
        ("techcorp", "tehccorp", True),
        ("techcorp", "tachcarp", False),
        ("techcorp", "techcorpab", False),
        ("a", "", True),
    ],
)
def test_one_edit_is_one_letter_or_a_swap(left, right, is_one):
    assert is_one_edit_apart(left, right) is is_one
    assert is_one_edit_apart(right, left) is is_one
