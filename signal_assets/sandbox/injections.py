"""Injections: the shipped attacks, each as a vacancy, with what it wants and what is true."""

from collections.abc import Iterator
from typing import Literal

import yaml

from signal_assets.domain.extractions import VacancyText
from signal_assets.domain.records import Record
from signal_assets.sandbox.world import data_folder


class Injection(Record):
    """One attack in an honest vacancy."""

    name: str
    vacancy: VacancyText
    attack: str
    """The words of the attack, as they stand in title or description."""
    wants: dict[str, str]
    """Field → the value it wants asserted."""
    states: dict[str, tuple[str, ...]]
    """Field → what may be kept of it: what the honest part states."""


class _Row(Record):
    name: str
    language: Literal["nl", "en"]
    text: str
    place: Literal["start", "middle", "end", "title"] = "middle"
    wants: dict[str, str]


class _Honest(Record):
    title: str
    before: str
    after: str


class _File(Record):
    honest: dict[str, _Honest]
    states: dict[str, tuple[str, ...]]
    attacks: tuple[_Row, ...]


def shipped_injections() -> Iterator[Injection]:
    """Yield every shipped attack."""
    data = (data_folder() / "injections.yaml").read_text("utf-8")
    file = _File.model_validate(yaml.safe_load(data))
    for number, row in enumerate(file.attacks):
        attack = row.text.strip()
        yield Injection(
            name=row.name,
            vacancy=_place(f"attack:{number}", file.honest[row.language], row.place, attack),
            attack=attack,
            wants=row.wants,
            states=file.states,
        )


def _place(vacancy_id: str, honest: _Honest, place: str, attack: str) -> VacancyText:
    if place == "title":
        parts = [honest.before, honest.after]
        title = attack
    else:
        title = honest.title
        parts = {
            "start": [attack, honest.before, honest.after],
            "middle": [honest.before, attack, honest.after],
            "end": [honest.before, honest.after, attack],
        }[place]
    text = "\n\n".join(part.strip() for part in parts)
    return VacancyText(vacancy_id=vacancy_id, title=title, description=text)
