"""The journal: every request the sandbox received, counted per question."""

from collections import deque
from dataclasses import dataclass
from typing import Any

from signal_assets.sandbox.exchange import Answer, Delivery, Question

KEPT_ENTRIES = 100_000
KEPT_BODIES = 500
_REACHES_THE_CLIENT = (Delivery.WHOLE, Delivery.DRIP)


@dataclass(slots=True)
class Entry:
    """One request; `status` is None until it is answered."""

    number: int
    service: str
    endpoint: str
    question: str
    about: str
    at: float
    status: int | None = None
    fault: str | None = None
    is_billed: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "service": self.service,
            "endpoint": self.endpoint,
            "question": self.question,
            "about": self.about,
            "at": self.at,
            "status": self.status,
            "fault": self.fault,
            "is_billed": self.is_billed,
        }


@dataclass(slots=True)
class Count:
    """How often one question came, reached the client as a whole 200, and was billed."""

    requests: int = 0
    answered: int = 0
    billed: int = 0


class Journal:
    """Counts are complete; of the entries the last 100,000 stay, of the bodies the last 500."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT_ENTRIES)
        self._bodies: deque[tuple[int, bytes]] = deque(maxlen=KEPT_BODIES)
        self._counts: dict[tuple[str, str, str], Count] = {}
        self._received = 0

    def open(self, service: str, question: Question, body: bytes, at: float) -> Entry:
        """Write down a request as it arrives."""
        self._received += 1
        entry = Entry(self._received, service, question.endpoint, question.key, question.about, at)
        self._entries.append(entry)
        if body:
            self._bodies.append((entry.number, body))
        self._count(entry).requests += 1
        return entry

    def close(self, entry: Entry, answer: Answer, fault: str | None) -> None:
        """Write down how it was answered."""
        entry.status = answer.status
        entry.fault = fault
        entry.is_billed = answer.is_billed
        count = self._count(entry)
        count.answered += answer.status == 200 and answer.delivery in _REACHES_THE_CLIENT
        count.billed += answer.is_billed

    def bill(self, service: str, question: Question) -> None:
        """Write down work that was billed without a request of its own: a row of a batch."""
        key = (service, question.endpoint, question.key)
        count = self._counts.setdefault(key, Count())
        count.requests += 1
        count.answered += 1
        count.billed += 1

    def _count(self, entry: Entry) -> Count:
        key = (entry.service, entry.endpoint, entry.question)
        return self._counts.setdefault(key, Count())

    def clear(self) -> None:
        self._entries.clear()
        self._bodies.clear()
        self._counts.clear()

    def as_json(
        self, *, service: str | None = None, requests: bool = True, bodies: bool = False
    ) -> dict[str, Any]:
        """Return counts per question and totals per service, with entries or bodies if wanted."""
        counts = [
            {
                "service": key[0],
                "endpoint": key[1],
                "question": key[2],
                "requests": count.requests,
                "answered": count.answered,
                "billed": count.billed,
            }
            for key, count in self._counts.items()
            if service in (None, key[0])
        ]
        journal: dict[str, Any] = {"totals": self._totals(), "counts": counts}
        if requests:
            journal["requests"] = [
                entry.as_json() for entry in self._entries if service in (None, entry.service)
            ]
        if bodies:
            journal["bodies"] = [
                {"number": number, "body": body.decode("utf-8", "replace")}
                for number, body in self._bodies
            ]
        return journal

    def _totals(self) -> dict[str, dict[str, int]]:
        totals: dict[str, dict[str, int]] = {}
        for (service, _, _), count in self._counts.items():
            total = totals.setdefault(service, {"requests": 0, "answered": 0, "billed": 0})
            total["requests"] += count.requests
            total["answered"] += count.answered
            total["billed"] += count.billed
        return totals

    def dump_counts(self) -> list[list[Any]]:
        """Return the counts in the form `load_counts` takes."""
        return [
            [*key, count.requests, count.answered, count.billed]
            for key, count in self._counts.items()
        ]

    def load_counts(self, rows: list[list[Any]]) -> None:
        for service, endpoint, question, requests, answered, billed in rows:
            self._counts[(service, endpoint, question)] = Count(requests, answered, billed)
