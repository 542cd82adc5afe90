"""Company finding: the sources one after another, until one of them leaves no doubt.

A person's decision, a number printed in the vacancy, the user's own list, the Business Register,
the LEI register; then the score of all that was found. Base profiles are bought only where they
can change the decision.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from signal_assets.domain.companies import (
    KvkProfile,
    Match,
    RegisterRow,
    RegisterSearch,
    RegisterSource,
)
from signal_assets.domain.company_names import (
    NORMALIZER_VERSION,
    normalize_company_name,
    spellings_for_search,
)
from signal_assets.domain.employer_lists import EmployerList
from signal_assets.domain.overrides import Override, Overrides, Ruling
from signal_assets.domain.records import Record
from signal_assets.domain.register_evidence import (
    AdvertisedCompany,
    ScoredEntry,
    group_entries,
    hit_name,
    score_entries,
)
from signal_assets.domain.register_matching import (
    MAX_PROFILES,
    conclude,
    profile_worth_buying,
)
from signal_assets.domain.register_search import RegisterQuery, climb

DecidedBy = Literal["rule", "override"]
MAX_LEI_QUERIES = 2


@dataclass(frozen=True)
class Sources:
    """What can be asked; whatever is None is passed over. What they raise passes through."""

    overrides: Overrides = field(default_factory=Overrides)
    employers: EmployerList | None = None
    search: Callable[[RegisterQuery], RegisterSearch] | None = None
    get_profile: Callable[[str], KvkProfile | None] | None = None
    search_lei: Callable[[str], RegisterSearch | None] | None = None
    """Returns None when it cannot answer now."""

    @property
    def has_any(self) -> bool:
        """Whether anything can be asked at all."""
        return self.employers is not None or self.search is not None or self.search_lei is not None


class NotAnswered(Exception):
    """Nothing was found, but not every source has answered; so this says nothing of the company."""


class Rung(Record):
    """One question that was asked, and how much came back."""

    source: RegisterSource
    name: str
    place: str | None = None
    total: int
    is_cut_off: bool = False


class Finding(Record):
    """A decision with all it rests on, so that it can be made again without asking anybody."""

    company: AdvertisedCompany
    normalizer_version: int = NORMALIZER_VERSION
    rungs: tuple[Rung, ...] = ()
    rows: tuple[RegisterRow, ...] = ()
    profiles: tuple[KvkProfile, ...] = ()
    is_complete: bool = False
    """The sources hold no further entry with this name."""
    rejected: tuple[str, ...] = ()
    """KvK numbers that a person said it is not."""
    unknown: tuple[str, ...] = ()
    """KvK numbers under which the Business Register has no base profile."""
    decided_by: DecidedBy = "rule"
    override: Override | None = None
    match: Match

    @property
    def profile(self) -> KvkProfile | None:
        """The base profile of the chosen number, where it was read."""
        chosen = self.match.kvk_number
        return next((item for item in self.profiles if item.kvk_number == chosen), None)


def find_company(company: AdvertisedCompany, sources: Sources) -> Finding:
    """Return which KvK number the company is, with everything that was asked and found.

    Raises:
        NotAnswered: nothing was found, and the LEI register did not answer.
        Exception: whatever the other sources raise passes through.
    """
    ruling = sources.overrides.find(company.name, company.places)
    search = _Search(company, sources, ruling)
    if ruling.decided is not None:
        return search.follow(ruling.decided)
    for step in (
        search.read_printed_numbers,
        search.read_employers,
        search.climb_register,
        search.ask_lei_register,
        search.buy_profiles,
    ):
        step()
        if search.confirm():
            break
    return search.finding()


def decide_again(finding: Finding) -> Match:
    """Make a decision anew from what was found then, with the rules of today; asks nobody.

    The name is normalised anew. What a person decided stays.
    """
    if finding.decided_by == "override":
        return finding.match
    name = normalize_company_name(finding.company.name.raw_name)
    company = finding.company if name is None else finding.company.model_copy(update={"name": name})
    profiles = {profile.kvk_number: profile for profile in finding.profiles}
    rows = [row for row in finding.rows if row.kvk_number not in finding.unknown]
    entries = group_entries(rows, profiles)
    return conclude(score_entries(company, entries, finding.is_complete))


class _Search:
    """What has been found of one company so far."""

    def __init__(self, company: AdvertisedCompany, sources: Sources, ruling: Ruling) -> None:
        self._company = company
        self._sources = sources
        self._rejected = ruling.rejected
        self._rungs: list[Rung] = []
        self._rows: list[RegisterRow] = []
        self._profiles: dict[str, KvkProfile] = {}
        self._asked: set[str] = set()
        self._is_complete = False
        self._has_silent_source = False
        self._unknown: set[str] = set()

    def confirm(self) -> bool:
        """Whether one number is beyond doubt, its base profile included where it can be read.

        A number that the Business Register does not know is no candidate.
        """
        while True:
            number = self._match().kvk_number
            if number is None:
                return False
            if self._sources.get_profile is None or number in self._asked:
                return True
            self._buy(number)

    def follow(self, override: Override) -> Finding:
        """Take a person's word, and read the base profile of the number they gave."""
        number = override.kvk_number
        if number is None:
            reason = "A person decided that the register does not have this company."
            match = Match(decision="none", reasons=(_with_note(reason, override),))
        else:
            self._buy(number)
            reason = f"A person decided that this company is {number}."
            match = Match(
                decision="auto", kvk_number=number, reasons=(_with_note(reason, override),)
            )
        return self.finding(match, override)

    def read_printed_numbers(self) -> None:
        """Read what stands under the numbers printed in the vacancies."""
        numbers = [number for number in self._company.kvk_numbers if number not in self._rejected]
        for number in sorted(numbers)[:MAX_PROFILES]:
            if self._sources.employers is not None:
                self._add(self._sources.employers.get(number))
            self._buy(number)

    def read_employers(self) -> None:
        if self._sources.employers is None:
            return
        rows = self._sources.employers.find(self._company.name)
        self._rungs.append(
            Rung(source="employer_list", name=self._company.name.clean_name, total=len(rows))
        )
        self._add(rows)
        self._is_complete = True

    def climb_register(self) -> None:
        search = self._sources.search
        if search is None:
            return

        def ask(query: RegisterQuery) -> RegisterSearch:
            answer = search(query)
            self._rungs.append(
                Rung(
                    source="kvk",
                    name=query.name,
                    place=query.place,
                    total=answer.total,
                    is_cut_off=not answer.is_complete,
                )
            )
            return answer

        found = climb(self._company.name, self._company.places, ask)
        self._add(found.rows)
        self._is_complete = found.is_complete

    def ask_lei_register(self) -> None:
        """Ask for the legal name, unless the sources before have an equal one already."""
        search = self._sources.search_lei
        if search is None or any(self._has_name(row.name) for row in self._rows):
            return
        for spelling in spellings_for_search(self._company.name)[:MAX_LEI_QUERIES]:
            answer = search(spelling)
            if answer is None:
                self._has_silent_source = True
                return
            self._rungs.append(
                Rung(
                    source="gleif",
                    name=spelling,
                    total=answer.total,
                    is_cut_off=not answer.is_complete,
                )
            )
            self._add(answer.rows)
            if any(self._has_name(row.name) for row in answer.rows):
                break

    def buy_profiles(self) -> None:
        """Buy base profiles one by one for as long as one can change the decision."""
        if self._sources.get_profile is None:
            return
        while wanted := profile_worth_buying(self._company, self._scored(), self._asked):
            self._buy(wanted)

    def finding(self, match: Match | None = None, override: Override | None = None) -> Finding:
        match = match or self._match()
        if match.decision == "none" and self._has_silent_source:
            raise NotAnswered("the LEI register did not answer; nothing else was found")
        return Finding(
            company=self._company,
            rungs=tuple(self._rungs),
            rows=tuple(sorted(self._rows, key=lambda row: row.model_dump_json())),
            profiles=tuple(self._profiles[number] for number in sorted(self._profiles)),
            is_complete=self._is_complete,
            rejected=tuple(sorted(self._rejected)),
            unknown=tuple(sorted(self._unknown)),
            decided_by="rule" if override is None else "override",
            override=override,
            match=match,
        )

    def _match(self) -> Match:
        return conclude(self._scored())

    def _scored(self) -> list[ScoredEntry]:
        rows = [row for row in self._rows if row.kvk_number not in self._unknown]
        entries = group_entries(rows, self._profiles)
        return score_entries(self._company, entries, self._is_complete)

    def _has_name(self, name: str) -> bool:
        return hit_name(self._company.name, name).tier in ("name", "letters")

    def _add(self, rows: Iterable[RegisterRow]) -> None:
        known = set(self._rows)
        self._rows += [
            row for row in rows if row not in known and row.kvk_number not in self._rejected
        ]

    def _buy(self, kvk_number: str) -> None:
        get_profile = self._sources.get_profile
        if get_profile is None or kvk_number in self._asked:
            return
        self._asked.add(kvk_number)
        profile = get_profile(kvk_number)
        if profile is not None:
            self._profiles[kvk_number] = profile
        else:
            self._unknown.add(kvk_number)


def _with_note(reason: str, override: Override) -> str:
    where = f" (overrides, line {override.line})" if override.line else " (overrides)"
    note = f" Their note: {override.note}" if override.note else ""
    return f"{reason[:-1]}{where}.{note}"
