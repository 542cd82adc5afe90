"""What a client asked and the answer it gets, before bytes go over the wire."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any, Protocol


class Delivery(Enum):
    """How the bytes of an answer reach the client."""

    WHOLE = "whole"
    DRIP = "drip"
    RESET_BEFORE_HEADERS = "reset before headers"
    RESET_MID_BODY = "reset mid body"


@dataclass(frozen=True)
class Asked:
    """One request; `path` is what follows the service's base URL."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    base_url: str = ""
    arrived_at: float = 0.0

    @cached_property
    def payload(self) -> Any:
        """The JSON of the body; None when it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def parameter(self, name: str) -> str | None:
        """The last value given for a query parameter."""
        return dict(self.query).get(name)


@dataclass(frozen=True)
class Question:
    """What the journal keeps of a request; without keys and secrets."""

    endpoint: str
    key: str
    about: str = ""


@dataclass(frozen=True)
class Answer:
    """`is_billed`: the real service would have charged for it, whatever the client received."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    is_billed: bool = False
    delivery: Delivery = Delivery.WHOLE

    @property
    def payload(self) -> Any:
        return json.loads(self.body)


class Service(Protocol):
    """One outside service: a pure function from request to answer, plus its own memory."""

    name: str

    def question(self, asked: Asked) -> Question: ...

    def answer(self, asked: Asked) -> Answer: ...


def json_answer(
    status: int,
    payload: object,
    *,
    headers: Mapping[str, str] | None = None,
    content_type: str = "application/json",
    is_billed: bool = False,
) -> Answer:
    """Return `payload` as compact UTF-8 JSON."""
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(status, body, {"content-type": content_type, **(headers or {})}, is_billed)
