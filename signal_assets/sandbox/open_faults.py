"""What can go wrong with job boards and career sites, which anybody may ask."""

from dataclasses import replace
from typing import Literal

from signal_assets.sandbox.exchange import json_answer
from signal_assets.sandbox.fault_board import Fault
from signal_assets.sandbox.faults import FaultShelf

BOARD_ENDPOINTS = (
    "recruitee",
    "greenhouse",
    "lever",
    "ashby",
    "smartrecruiters",
    "teamtailor",
    "workable",
    "personio",
)


def open_faults() -> list[Fault]:
    """Return the faults of boards and of career sites."""
    return [*_faults("boards", BOARD_ENDPOINTS), *_faults("careers", ("page",))]


def _faults(service: Literal["boards", "careers"], endpoints: tuple[str, ...]) -> list[Fault]:
    shelf = FaultShelf(service, endpoints)
    too_many = json_answer(429, {"error": "Too many requests"}, headers={"retry-after": "1"})
    shelf.instead("too_many", "429 with Retry-After: 1", lambda asked: too_many)
    shelf.instead(
        "forbidden", "403: this page is not for us", lambda asked: json_answer(403, {"error": "No"})
    )
    shelf.instead(
        "server_error",
        "500: an error on their side",
        lambda asked: json_answer(500, {"error": "Internal error"}),
    )
    shelf.instead(
        "gone", "404: the page is not there", lambda asked: json_answer(404, {"error": "Not found"})
    )
    shelf.after(
        "rubbish",
        "200 with JSON that is no listing",
        lambda asked, answer: replace(answer, body=b'{"maintenance": true}'),
    )
    shelf.add_transport_faults()
    return shelf.faults
