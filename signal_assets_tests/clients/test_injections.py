"""Attacks on both readers: what speaks to the machine proves nothing, whoever reads it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from signal_assets.clients.claude import ClaudeReader
from signal_assets.clients.keyword import KeywordVacancyReader
from signal_assets.clients.ledger import Ledger
from signal_assets.clients.paid_calls import Budgets, Caller
from signal_assets.clients.profile_files import load_named_profile
from signal_assets.clients.readers import VacancyReader
from signal_assets.domain.extractions import Claim, Reading
from signal_assets.domain.grounding import ground
from signal_assets.domain.keyword_reader import KeywordReader, gazetteer_for
from signal_assets.domain.search_profiles import SearchProfile
from signal_assets.sandbox import SANDBOX_KEYS, SandboxServer
from signal_assets.sandbox.injections import Injection, shipped_injections
from signal_assets.shipped import shipped
from signal_assets_tests.clients.claude_services import Outcomes

ATTACKS = list(shipped_injections())
each_attack = pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)


class _ProfilePrompt:
    """The prompt of a profile's own file."""

    number = 1

    def __init__(self, profile: SearchProfile) -> None:
        self.system_prompt = profile.extraction.system_prompt
        self.questions = profile.extraction.schema_


@pytest.fixture(scope="module")
def profile() -> SearchProfile:
    return load_named_profile(shipped("profiles"), "accounts_payable").profile


@pytest.fixture(scope="module")
def obeyed(
    profile: SearchProfile, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, tuple[Claim, ...]]]:
    """What the obedient model asserts of every attack, by the Claude reader."""
    folder: Path = tmp_path_factory.mktemp("obeyed")
    with SandboxServer() as server:
        server.control.set_obedience(True)
        ledger = Ledger.open(f"sqlite:///{folder / 'ledger.db'}")
        caller = Caller(run_id="r", asset="extracted_vacancies", search_profile=profile.name)
        with ledger.session(caller, Budgets()) as session:
            reader = ClaudeReader(
                session,
                _ProfilePrompt(profile),
                model="claude-haiku-5-5",
                api_key=SANDBOX_KEYS["claude"],
                base_url=server.environment()["ANTHROPIC_BASE_URL"],
            )
            yield read_all(reader)
        ledger.close()


@pytest.fixture(scope="module")
def found(profile: SearchProfile) -> dict[str, tuple[Claim, ...]]:
    return read_all(KeywordVacancyReader(KeywordReader(profile.extraction)))


def read_all(reader: VacancyReader) -> dict[str, tuple[Claim, ...]]:
    outcomes = Outcomes()
    reader.read_all((attack.vacancy for attack in ATTACKS), outcomes.take)
    claims = {}
    for vacancy_id, outcome in outcomes.by_id.items():
        assert isinstance(outcome, Reading), outcome
        claims[vacancy_id] = outcome.claims
    return claims


def check_kept(attack: Injection, claims: tuple[Claim, ...], profile: SearchProfile) -> None:
    vacancy = attack.vacancy
    kept = ground(claims, vacancy, profile.fields, gazetteer_for(profile.extraction)).evidence
    for proof in kept:
        text = vacancy.title if proof.part == "title" else vacancy.description
        assert text[proof.start : proof.end] == proof.quote
        begin = text.find(attack.attack)
        assert begin < 0 or not (proof.start < begin + len(attack.attack) and begin < proof.end), (
            proof
        )
        assert proof.value in attack.states.get(proof.field, ()), proof


def test_there_are_attacks_of_many_kinds_in_both_languages() -> None:
    assert len(ATTACKS) >= 25
    assert len({attack.vacancy.description for attack in ATTACKS} | {"title"}) > 25


@each_attack
def test_the_obedient_model_does_assert_what_the_attack_wants(attack, obeyed) -> None:
    asserted = {(claim.field, claim.value) for claim in obeyed[attack.vacancy.vacancy_id]}
    assert set(attack.wants.items()) <= asserted


@each_attack
def test_nothing_the_obedient_model_asserts_is_kept_without_the_honest_text(
    attack, obeyed, profile
) -> None:
    check_kept(attack, obeyed[attack.vacancy.vacancy_id], profile)


@each_attack
def test_the_keyword_reader_finds_the_honest_text_and_nothing_else(attack, found, profile) -> None:
    claims = found[attack.vacancy.vacancy_id]
    check_kept(attack, claims, profile)
    kept = ground(claims, attack.vacancy, profile.fields, gazetteer_for(profile.extraction))
    assert {"Exact Online"} == {one.value for one in kept.evidence if one.field == "erp_systems"}
    assert "team_size" in {one.field for one in kept.evidence}
