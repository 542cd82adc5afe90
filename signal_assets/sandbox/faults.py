"""Making faults: a shelf per service, and those that every service can have."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from signal_assets.sandbox.exchange import Answer, Asked, Delivery, json_answer
from signal_assets.sandbox.fault_board import Fault, ServiceName

HTML = b"<!doctype html><html><head><title>Maintenance</title></head><body>Back soon</body></html>"


class FaultShelf:
    """Collects the faults of one service; `endpoints` are those a fault meets by default."""

    def __init__(self, service: ServiceName, endpoints: Iterable[str]) -> None:
        self._service = service
        self._endpoints = frozenset(endpoints)
        self.faults: list[Fault] = []

    def instead(
        self,
        name: str,
        line: str,
        make: Callable[[Asked], Answer],
        endpoints: Iterable[str] | None = None,
    ) -> None:
        """Add a fault that answers in place of the service."""
        self.faults.append(
            Fault(self._service, name, line, self._endpoints_or(endpoints), instead=make)
        )

    def after(
        self,
        name: str,
        line: str,
        change: Callable[[Asked, Answer], Answer],
        endpoints: Iterable[str] | None = None,
    ) -> None:
        """Add a fault that changes what the service answered."""
        self.faults.append(
            Fault(self._service, name, line, self._endpoints_or(endpoints), after=change)
        )

    def payload(
        self,
        name: str,
        line: str,
        change: Callable[[dict[str, Any]], Any],
        endpoints: Iterable[str] | None = None,
    ) -> None:
        """Add a fault that changes the JSON of a successful answer."""

        def apply(asked: Asked, answer: Answer) -> Answer:
            if answer.status != 200:
                return answer
            return with_payload(answer, change(answer.payload))

        self.after(name, line, apply, endpoints)

    def add_transport_faults(self) -> None:
        """Add what can go wrong between any client and any service."""
        self.instead("bad_gateway_html", "502 with an HTML page", lambda asked: html_answer(502))
        self.instead(
            "html_with_200", "200 with an HTML page instead of JSON", lambda asked: html_answer(200)
        )
        self.after(
            "cut_json",
            "the whole answer arrives, but its JSON stops halfway; the work was billed",
            lambda asked, answer: replace(answer, body=answer.body[: len(answer.body) // 2]),
        )
        self.after(
            "reset_before_headers",
            "TCP reset after the work was done and billed, before any byte of the answer",
            lambda asked, answer: replace(answer, delivery=Delivery.RESET_BEFORE_HEADERS),
        )
        self.after(
            "reset_mid_body",
            "headers and half of the body, then a TCP reset; the work was billed",
            lambda asked, answer: replace(answer, delivery=Delivery.RESET_MID_BODY),
        )
        self.after(
            "slow_drip",
            "a good answer in ten pieces with a pause before each (2.5 s in all, see /drip)",
            lambda asked, answer: replace(answer, delivery=Delivery.DRIP),
        )

    def _endpoints_or(self, endpoints: Iterable[str] | None) -> frozenset[str]:
        return self._endpoints if endpoints is None else frozenset(endpoints)


def html_answer(status: int) -> Answer:
    return Answer(status, HTML, {"content-type": "text/html; charset=utf-8"})


def with_payload(answer: Answer, payload: object) -> Answer:
    """Return `answer` with another JSON body; status, headers and bill stay."""
    changed = json_answer(answer.status, payload)
    return replace(answer, body=changed.body)


def with_headers(answer: Answer, headers: Mapping[str, str]) -> Answer:
    return replace(answer, headers={**answer.headers, **headers})
