"""Faults as they are switched on: which one hits the next request."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from signal_assets.domain.records import Record
from signal_assets.sandbox.exchange import Answer, Asked

ServiceName = Literal[
    "claude",
    "kvk",
    "company_info",
    "company_info_soap",
    "company_info_hub",
    "serpapi",
    "boards",
    "careers",
]


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong, and the one line that says what a client sees.

    `instead` answers in place of the service, which then does no work and bills nothing; `after`
    changes what the service answered. A fault only meets requests to its `endpoints`.
    """

    service: ServiceName
    name: str
    line: str
    endpoints: frozenset[str]
    instead: Callable[[Asked], Answer] | None = None
    after: Callable[[Asked, Answer], Answer] | None = None


class FaultSwitch(Record):
    """A fault that is on: for how many requests, for which of them, and how often."""

    service: ServiceName
    fault: str
    times: Annotated[int, Field(ge=1)] | None = None
    """None: until it is switched off."""
    every: Annotated[int, Field(ge=1)] = 1
    """1: each matching request; 3: the third, the sixth …"""
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0
    seed: int = 0
    match: str | None = None
    """Words that the path, the query or the body of the request must hold."""


class UnknownFault(Exception):
    """There is no fault of that name for that service."""


@dataclass
class _Active:
    switch: FaultSwitch
    fault: Fault
    chance: random.Random = field(init=False)
    seen: int = 0
    used: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.switch.seed)  # noqa: S311 - repeatable  # nosec B311

    def strikes(self, haystack: str) -> bool:
        if self.switch.match is not None and self.switch.match not in haystack:
            return False
        if self.switch.times is not None and self.used >= self.switch.times:
            return False
        self.seen += 1
        if self.seen % self.switch.every or self.chance.random() >= self.switch.probability:
            return False
        self.used += 1
        return True


class FaultBoard:
    """The faults that are on, in the order they were switched on; the first that fits strikes."""

    def __init__(self, catalogue: Iterable[Fault]) -> None:
        self._catalogue = {(fault.service, fault.name): fault for fault in catalogue}
        self._active: list[_Active] = []

    @property
    def catalogue(self) -> tuple[Fault, ...]:
        return tuple(self._catalogue.values())

    def switch_on(self, switch: FaultSwitch) -> None:
        """Let a fault strike from the next request on.

        Raises:
            UnknownFault: the catalogue does not hold it.
        """
        fault = self._catalogue.get((switch.service, switch.fault))
        if fault is None:
            raise UnknownFault(f"{switch.service} has no fault {switch.fault!r}")
        self._active.append(_Active(switch, fault))

    def clear(self) -> None:
        self._active.clear()

    def pick(self, service: str, endpoint: str, asked: Asked) -> Fault | None:
        """Return the fault that strikes this request, if any, and count it."""
        candidates = [
            active
            for active in self._active
            if active.switch.service == service and endpoint in active.fault.endpoints
        ]
        if not candidates:
            return None
        haystack = _words_of(asked)
        return next((active.fault for active in candidates if active.strikes(haystack)), None)

    def switches(self) -> list[FaultSwitch]:
        return [active.switch for active in self._active]

    def as_json(self) -> list[dict[str, object]]:
        return [
            {**active.switch.model_dump(), "seen": active.seen, "used": active.used}
            for active in self._active
        ]


def _words_of(asked: Asked) -> str:
    query = "&".join(f"{name}={value}" for name, value in asked.query)
    return f"{asked.path}?{query}\n{asked.body.decode('utf-8', 'replace')}"
