"""Register evidence: what speaks for and against a KvK number being the company that advertises.

Every piece adds or takes points and gives a reason. The points are start values, not yet fitted on
labelled pairs.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from signal_assets.domain.companies import KvkProfile, RegisterRow
from signal_assets.domain.company_names import (
    CompanyName,
    NameKeys,
    is_common_word,
    register_keys,
)
from signal_assets.domain.legal_forms import is_natural_person_form
from signal_assets.domain.places import get_province, known_places, normalize_place
from signal_assets.domain.printed_numbers import PrintedFact
from signal_assets.domain.records import Record

SAME_NAME = 6.0
_SAME_LETTERS, _SAME_FEW_LETTERS = 6.0, 5.0
_MANY_LETTERS = 8
"""So many letters in one order are one name, however they are spaced: of 9,101 real employers two
share them without sharing the words."""
_SAME_CORE = 4.0
_ONLY_ONE = 1.0
SAME_FORM, _OTHER_FORM = 1.0, -3.0
SAME_PLACE, _SAME_PROVINCE = 2.0, 0.5
SAME_WEBSITE = 6.0
_PRINTED_NUMBER = 8.0
_NO_BRANCH = -1.0
_ENDED = -4.0
_HOLDING = -2.0
_AGENCY = -2.0
_SOLE_WITH_TEAM = -3.0
_LETTERS_IN_REGISTER, _LETTERS_IN_LIST = 4, 3
"""Letters a name needs to decide by itself. Many firms of the register share three letters; a list
of employers is short, and one whose three letters no other employer has is the one meant."""
_TYPO_LENGTH = 6
_CLOSE_TYPO_LENGTH = 20
"""One wrong letter in so many is a likeness of 95 %."""

_HOLDING_WORDS = frozenset(("holding", "holdings", "beheer"))
_HOLDING_SBI = ("64210", "70101", "70102")
_AGENCY_SBI = "78"


class AdvertisedCompany(Record):
    """What the vacancies say of a company, as far as it tells it from others."""

    name: CompanyName
    places: tuple[str, ...] = ()
    """Normalised, see `places.normalize_places`."""
    website_hosts: tuple[str, ...] = ()
    kvk_numbers: tuple[str, ...] = ()
    """Printed in a vacancy or imprint."""
    speaks_of_team: bool = False
    """The vacancies speak of teams or of more than ten people."""
    printed: tuple[PrintedFact, ...] = ()
    """Where the numbers and hosts stand."""


class RegisterEntry(Record):
    """All that is known of one KvK number: its search rows and, if bought, its base profile."""

    kvk_number: str
    rows: tuple[RegisterRow, ...] = ()
    profile: KvkProfile | None = None

    @property
    def is_employer(self) -> bool:
        """On a list of employers that the user answers for."""
        return any(row.source == "employer_list" for row in self.rows)

    @property
    def is_only_in_lei_register(self) -> bool:
        """Known only from GLEIF, which does not have every company."""
        return self.profile is None and all(row.source == "gleif" for row in self.rows)


class Point(NamedTuple):
    points: float
    reason: str


NameTier = Literal["name", "letters", "core", "typo", "none"]


class NameHit(NamedTuple):
    tier: NameTier
    name: str
    is_expired: bool
    points: float
    reason: str


class ScoredEntry(NamedTuple):
    entry: RegisterEntry
    hit: NameHit
    points: tuple[Point, ...]
    cap: str | None
    """Why a person must look at it, however good the evidence."""
    distance: tuple[int, int]
    """Words in which its name differs, and whether those are a place or "holding": decides between
    entries with equal points which one a person sees first, and nothing else."""

    @property
    def score(self) -> float:
        return sum(point.points for point in self.points)


def group_entries(
    rows: Iterable[RegisterRow], profiles: Mapping[str, KvkProfile]
) -> tuple[RegisterEntry, ...]:
    """Gather the rows of each KvK number, ordered by number."""
    grouped: dict[str, dict[str, RegisterRow]] = defaultdict(dict)
    for row in rows:
        grouped[row.kvk_number][row.model_dump_json()] = row
    for kvk_number in profiles:
        grouped.setdefault(kvk_number, {})
    return tuple(
        RegisterEntry(
            kvk_number=kvk_number,
            rows=tuple(by_content[content] for content in sorted(by_content)),
            profile=profiles.get(kvk_number),
        )
        for kvk_number, by_content in sorted(grouped.items())
    )


def score_entries(
    company: AdvertisedCompany, entries: Sequence[RegisterEntry], is_complete: bool
) -> list[ScoredEntry]:
    """Return the entries with their points, best first; equal ones by number."""
    hits = {entry.kvk_number: _best_hit(company.name, entry) for entry in entries}
    only_one = _find_only_one(hits) if is_complete else None
    staffed = {
        entry.kvk_number
        for entry in entries
        if hits[entry.kvk_number].tier != "none" and _has_staff(entry)
    }
    scored = [
        _score(
            company,
            entry,
            hits[entry.kvk_number],
            is_only_one=entry.kvk_number == only_one,
            has_staffed_rival=bool(staffed - {entry.kvk_number}),
        )
        for entry in entries
    ]
    return sorted(scored, key=lambda item: (-item.score, item.distance, item.entry.kvk_number))


def _find_only_one(hits: Mapping[str, NameHit]) -> str | None:
    """Return the only number with the strongest kind of equal name that any number has."""
    for tier in ("name", "letters", "core"):
        numbers = [number for number, hit in hits.items() if hit.tier == tier]
        if numbers:
            return numbers[0] if len(numbers) == 1 else None
    return None


def _score(
    company: AdvertisedCompany,
    entry: RegisterEntry,
    hit: NameHit,
    *,
    is_only_one: bool,
    has_staffed_rival: bool,
) -> ScoredEntry:
    points = [Point(hit.points, hit.reason)]
    if is_only_one and not entry.is_only_in_lei_register:
        points.append(Point(_ONLY_ONE, "The register has no other entry with this name."))
    points += _score_form(company, entry, hit)
    points += _score_place(company, entry)
    points += _score_website(company, entry)
    points += _score_number(company, entry)
    points += _score_standing(company, entry, hit)
    if has_staffed_rival and _is_holding(entry):
        points.append(Point(_HOLDING, "A holding; another entry with this name has the staff."))
    return ScoredEntry(
        entry=entry,
        hit=hit,
        points=tuple(point for point in points if point.points),
        cap=_find_cap(company, entry, hit),
        distance=_distance(company.name, hit.name),
    )


# What an entry is called.


def _names(entry: RegisterEntry) -> list[tuple[str, bool]]:
    """Return every name of an entry, and whether it is an expired one."""
    names = {(row.name, False) for row in entry.rows}
    names |= {(row.expired_name, True) for row in entry.rows if row.expired_name}
    if entry.profile:
        stated = (entry.profile.name, entry.profile.statutory_name, *entry.profile.trade_names)
        names |= {(name, False) for name in stated if name}
    return sorted(names)


def _best_hit(name: CompanyName, entry: RegisterEntry) -> NameHit:
    hits = [hit_name(name, text, is_expired) for text, is_expired in _names(entry)]
    if not hits:
        return NameHit("none", entry.kvk_number, False, 0.0, "")
    return max(hits, key=lambda hit: (hit.points, not hit.is_expired))


def hit_name(name: CompanyName, text: str, is_expired: bool = False) -> NameHit:
    keys = register_keys(text)
    tier, points = _compare(name, keys)
    reason = {
        "name": f"The register's name “{text}” is the same but for the legal form.",
        "letters": f"The register's name “{text}” has the same letters, spaced otherwise.",
        "core": f"The register's name “{text}” is the same without group, country or place.",
        "typo": f"The register's name “{text}” differs in one letter.",
        "none": "",
    }[tier]
    return NameHit(tier, text, is_expired, points, reason)


def _compare(name: CompanyName, keys: NameKeys | None) -> tuple[NameTier, float]:
    if keys is None:
        return "none", 0.0
    if keys.key_t1 in (name.key_t1, name.full_key):
        return "name", SAME_NAME
    if keys.letters in (name.letters, name.full_letters):
        is_long = len(keys.letters) >= _MANY_LETTERS
        return "letters", _SAME_LETTERS if is_long else _SAME_FEW_LETTERS
    if keys.key_t2 == name.key_t2:
        return "core", _SAME_CORE
    shorter = min(len(keys.letters), len(name.letters))
    if shorter >= _TYPO_LENGTH and is_one_edit_apart(keys.letters, name.letters):
        return "typo", 3.0 if shorter >= _CLOSE_TYPO_LENGTH else 2.0
    return "none", 0.0


def _distance(name: CompanyName, text: str) -> tuple[int, int]:
    keys = register_keys(text)
    if keys is None:
        return 0, 0
    theirs = set(keys.key_t1.split())
    other = min((theirs ^ set(ours.split()) for ours in (name.key_t1, name.full_key)), key=len)
    is_far = bool(other & _HOLDING_WORDS) or not other.isdisjoint(known_places())
    return len(other), int(is_far)


def is_one_edit_apart(left: str, right: str) -> bool:
    """Whether one letter too many, too few or wrong, or two swapped, make the difference.

    >>> is_one_edit_apart("techcorp", "tehccorp"), is_one_edit_apart("techcorp", "techcorps")
    (True, True)
    >>> is_one_edit_apart("techcorp", "techcorp")
    False
    """
    if left == right or abs(len(left) - len(right)) > 1:
        return False
    if len(left) > len(right):
        left, right = right, left
    start = 0
    while start < len(left) and left[start] == right[start]:
        start += 1
    if len(left) < len(right):
        return left[start:] == right[start + 1 :]
    if left[start + 1 :] == right[start + 1 :]:
        return True
    swapped = left[start : start + 2] == right[start : start + 2][::-1]
    return swapped and left[start + 2 :] == right[start + 2 :]


# What else speaks for or against it.


def _score_form(company: AdvertisedCompany, entry: RegisterEntry, hit: NameHit) -> list[Point]:
    advertised, registered = company.name.legal_form_hint, _legal_form(entry, hit)
    if advertised is None or registered is None:
        return []
    if advertised == registered:
        return [Point(SAME_FORM, "The legal form is the same.")]
    if advertised == "foreign" and not any(_is_foreign(name) for name, _ in _names(entry)):
        return []  # a parent abroad advertises; its Dutch company has a Dutch form
    return [Point(_OTHER_FORM, "The legal form is another.")]


def _is_foreign(name: str) -> bool:
    keys = register_keys(name)
    return keys is not None and keys.legal_form_hint == "foreign"


def _legal_form(entry: RegisterEntry, hit: NameHit | None) -> str | None:
    if entry.profile and entry.profile.legal_form:
        return None if entry.profile.legal_form == "other" else entry.profile.legal_form
    stated = next((row.legal_form for row in entry.rows if row.legal_form), None)
    if stated:
        return stated
    names = [hit.name] if hit else []
    names += [name for name, is_expired in _names(entry) if not is_expired]
    hints = (keys.legal_form_hint for name in names if (keys := register_keys(name)))
    return next((hint for hint in hints if hint), None)


def entry_places(entry: RegisterEntry) -> list[str]:
    texts = [row.place for row in entry.rows]
    texts += [entry.profile.place] if entry.profile else []
    return sorted({place for text in texts if text and (place := normalize_place(text))})


def _score_place(company: AdvertisedCompany, entry: RegisterEntry) -> list[Point]:
    places = entry_places(entry)
    shared = [place for place in places if place in company.places]
    if shared:
        return [Point(SAME_PLACE, f"It has an establishment in {shared[0].title()}.")]
    wanted = {province for place in company.places if (province := get_province(place))}
    near = [province for place in places if (province := get_province(place)) in wanted]
    if near:
        return [Point(_SAME_PROVINCE, f"It has an establishment in the same province ({near[0]}).")]
    return []


def _score_website(company: AdvertisedCompany, entry: RegisterEntry) -> list[Point]:
    registered = (
        {normalize_host(host) for host in entry.profile.websites} if entry.profile else set()
    )
    printed = {normalize_host(host) for host in company.website_hosts}
    shared = sorted(
        host
        for host in registered
        if "." in host and any(f".{other}".endswith(f".{host}") for other in printed)
    )
    if not shared:
        return []
    return [Point(SAME_WEBSITE, f"The register has the website of the vacancy, {shared[0]}.")]


def normalize_host(host: str) -> str:
    """Return the bare host of a web address.

    >>> normalize_host("https://www.Example.nl/jobs")
    'example.nl'
    """
    return host.lower().split("//")[-1].split("/")[0].split(":")[0].removeprefix("www.")


def _score_number(company: AdvertisedCompany, entry: RegisterEntry) -> list[Point]:
    if entry.kvk_number not in company.kvk_numbers:
        return []
    return [Point(_PRINTED_NUMBER, f"The vacancy prints the number {entry.kvk_number}.")]


def _score_standing(company: AdvertisedCompany, entry: RegisterEntry, hit: NameHit) -> list[Point]:
    points = []
    in_register = [row for row in entry.rows if row.source == "kvk"]
    if in_register and all(row.kind == "rechtspersoon" for row in in_register):
        points.append(Point(_NO_BRANCH, "The register shows no establishment of it."))
    if _is_ended(entry) or hit.is_expired:
        points.append(Point(_ENDED, "This entry or this name of it has ended."))
    if _is_agency(entry) and company.name.kind != "intermediary":
        points.append(Point(_AGENCY, "It is an agency by its activity."))
    if company.speaks_of_team and _legal_form(entry, hit) == "eenmanszaak":
        points.append(Point(_SOLE_WITH_TEAM, "A sole proprietor, but the vacancy has a team."))
    return points


def _is_ended(entry: RegisterEntry) -> bool:
    if entry.profile and entry.profile.is_active is not None:
        return not entry.profile.is_active
    return bool(entry.rows) and all(row.is_active is False for row in entry.rows)


def _is_agency(entry: RegisterEntry) -> bool:
    activities = entry.profile.sbi_activities if entry.profile else ()
    return any(item.is_main and item.sbi_code.startswith(_AGENCY_SBI) for item in activities)


def _is_holding(entry: RegisterEntry) -> bool:
    if any("holding" in name.lower() for name, _ in _names(entry)):
        return True
    profile = entry.profile
    return profile is not None and (is_holding(profile) or profile.employee_count in (0, 1))


def is_holding(profile: KvkProfile) -> bool:
    """Whether a company is a holding by its activity or by its name."""
    codes = {item.sbi_code for item in profile.sbi_activities}
    names = (profile.name, profile.statutory_name or "", *profile.trade_names)
    return bool(codes & set(_HOLDING_SBI)) or any("holding" in name.lower() for name in names)


def _has_staff(entry: RegisterEntry) -> bool:
    return entry.profile is not None and (entry.profile.employee_count or 0) > 1


# What evidence may decide without a person.


def _find_cap(company: AdvertisedCompany, entry: RegisterEntry, hit: NameHit) -> str | None:
    has_number = bool(_score_number(company, entry))
    has_website = bool(_score_website(company, entry))
    if hit.tier == "none":
        return "No name of this entry is the advertised one."
    if is_common_word(company.name.key_t2) and not has_number:
        return f"“{company.name.key_t2}” is a name many companies have."
    least = _LETTERS_IN_LIST if entry.is_employer else _LETTERS_IN_REGISTER
    if _count_signs(company.name) < least and not (has_number or has_website):
        return "The name is too short to decide by."
    if has_number or has_website:
        return None
    is_natural = _is_natural_person(entry)
    if is_natural is None and not entry.is_employer:
        return "The legal form is not known, so it may be the business of a natural person."
    if is_natural:
        return "The business of a natural person is not chosen by name and place alone."
    return None


def _count_signs(name: CompanyName) -> int:
    """Return how many letters and ampersands the first key has: three in "H&M"."""
    return len(name.letters) + name.key_t1.split().count("en")


def _is_natural_person(entry: RegisterEntry) -> bool | None:
    if entry.profile and entry.profile.is_natural_person_business is not None:
        return entry.profile.is_natural_person_business
    if any(row.kind == "rechtspersoon" for row in entry.rows):
        return False
    form = _legal_form(entry, None)
    return False if form == "foreign" else is_natural_person_form(form)
