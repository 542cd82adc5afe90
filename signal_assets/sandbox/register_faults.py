"""What can go wrong with KvK and Company.info."""

from collections.abc import Callable
from typing import Any

from signal_assets.sandbox.company_info import error_answer
from signal_assets.sandbox.exchange import Answer, Asked, json_answer
from signal_assets.sandbox.fault_board import Fault
from signal_assets.sandbox.faults import FaultShelf, with_headers
from signal_assets.sandbox.kvk import fault_answer

PROFILES = (
    "basisprofielen",
    "basisprofielen/eigenaar",
    "basisprofielen/hoofdvestiging",
    "basisprofielen/vestigingen",
)
SEARCH = ("zoeken",)


def kvk_faults() -> list[Fault]:
    shelf = FaultShelf("kvk", [*SEARCH, *PROFILES])
    _add_kvk_absences(shelf)
    _add_kvk_refusals(shelf)
    _add_kvk_shapes(shelf)
    shelf.add_transport_faults()
    return shelf.faults


def _add_kvk_absences(shelf: FaultShelf) -> None:
    shelf.instead(
        "nothing_found",
        "404 IPD5200 on a search: there is nothing",
        _kvk(404, "IPD5200", "Er zijn geen gegevens gevonden."),
        SEARCH,
    )
    shelf.instead(
        "no_such_number",
        "404 IPD0005 on a profile: the number is not registered",
        _kvk(404, "IPD0005", "Het product kan niet worden geleverd."),
        PROFILES,
    )
    for name, line, code in (
        ("being_processed", "404 IPD1002: data temporarily unavailable", "IPD1002"),
        ("try_in_five_minutes", "404 IPD1003: temporarily unavailable, try again", "IPD1003"),
        ("no_such_product", "404 IPD0001: the product does not exist", "IPD0001"),
        ("type_invalid", "404 IPD5203: the type is invalid", "IPD5203"),
    ):
        shelf.instead(name, line, _kvk(404, code, line.split(": ")[1]))
    shelf.instead(
        "not_found_without_body",
        "404 without any body",
        lambda asked: Answer(404, b"", {"content-type": "application/json"}),
    )
    shelf.instead(
        "wrapped_error",
        "404 IPD5200 in the older wrapping `meldingen`",
        lambda asked: json_answer(
            404,
            {"meldingen": {"fout": [{"code": "IPD5200", "omschrijving": "Niets gevonden."}]}},
        ),
        SEARCH,
    )


def _add_kvk_refusals(shelf: FaultShelf) -> None:
    for name, line, status, code in (
        ("wrong_key", "401: the gateway does not know the key", 401, "401"),
        ("not_subscribed", "403: the key has no subscription to this product", 403, "403"),
        ("too_fast_without_retry_after", "429 without retry-after", 429, "429"),
        ("wrong_parameters", "400 IPD1999: unknown or wrong parameters", 400, "IPD1999"),
        ("technical_fault", "500 IPD9999: technical fault", 500, "IPD9999"),
    ):
        shelf.instead(name, line, _kvk(status, code, line))
    for name, line, seconds in (
        ("too_fast", "429 with retry-after: 1", "1"),
        ("too_fast_absurd_retry_after", "429 with retry-after: 90000", "90000"),
    ):
        shelf.instead(name, line, _kvk(429, "429", line, {"retry-after": seconds}))
    shelf.instead(
        "unavailable",
        "503 without any body",
        lambda asked: Answer(503, b"", {"content-type": "text/plain"}),
    )


def _add_kvk_shapes(shelf: FaultShelf) -> None:
    shelf.payload(
        "links_as_array",
        "200 with `links` arrays instead of `_links` objects, everywhere in the answer",
        _flip_links,
    )
    shelf.after(
        "retirement_warning",
        "a good answer with a `warning: 299` header: this version is being retired",
        lambda asked, answer: with_headers(
            answer, {"warning": '299 - "Deze versie van de API wordt uitgefaseerd."'}
        ),
    )
    shelf.payload(
        "wrong_types",
        "200 with numbers where texts belong and texts where numbers belong",
        _swap_types,
    )
    shelf.payload(
        "unknown_dates",
        "200 with registration dates whose parts are 00",
        lambda payload: {
            **payload,
            "formeleRegistratiedatum": "00000000",
            "materieleRegistratie": {"datumAanvang": "20190000"},
        },
        ["basisprofielen"],
    )


def company_info_faults() -> list[Fault]:
    shelf = FaultShelf("company_info", ["companies"])
    for name, status, code, line in (
        ("wrong_key", 401, "unauthorized", "401: the token is not valid"),
        ("no_credit", 402, "insufficient_credit", "402: the credit is spent"),
        ("forbidden", 403, "forbidden", "403: the contract does not cover this"),
        ("not_found", 404, "company_not_found", "404: the company is not known"),
        ("too_fast_without_retry_after", 429, "too_many_requests", "429 without retry-after"),
        ("server_error", 500, "internal_error", "500: something broke on their side"),
    ):
        shelf.instead(name, line, _company_info(status, code, line))
    for name, line, seconds in (
        ("too_fast", "429 with retry-after: 1", "1"),
        ("too_fast_absurd_retry_after", "429 with retry-after: 90000", "90000"),
    ):
        answer = with_headers(
            error_answer(429, "too_many_requests", line), {"retry-after": seconds}
        )
        shelf.instead(name, line, _always(answer))
    shelf.payload(
        "wrong_types",
        "200 with numbers where texts belong and texts where numbers belong",
        _swap_types,
    )
    shelf.payload("empty_object", "200 with an object that holds nothing", lambda payload: {})
    shelf.payload(
        "other_number",
        "200 about another KvK number than was asked",
        lambda payload: {**payload, "kvkNumber": "99999999"},
    )
    shelf.payload("json_list", "200 with a JSON list", lambda payload: [payload])
    shelf.add_transport_faults()
    return shelf.faults


def _kvk(
    status: int, code: str, text: str, headers: dict[str, str] | None = None
) -> Callable[[Asked], Answer]:
    return _always(with_headers(fault_answer(status, code, text), headers or {}))


def _company_info(status: int, code: str, message: str) -> Callable[[Asked], Answer]:
    return _always(error_answer(status, code, message))


def _always(answer: Answer) -> Callable[[Asked], Answer]:
    return lambda asked: answer


def _flip_links(payload: Any) -> Any:
    if isinstance(payload, list):
        return [_flip_links(item) for item in payload]
    if not isinstance(payload, dict):
        return payload
    flipped = {name: _flip_links(value) for name, value in payload.items() if name != "_links"}
    if "_links" in payload:
        links = [{"rel": rel, "href": link["href"]} for rel, link in payload["_links"].items()]
        return {"links": links, **flipped}
    return flipped


def _swap_types(payload: Any) -> Any:
    """Texts of digits become numbers, numbers and flags become texts, objects become lists."""
    if isinstance(payload, dict):
        return {
            name: [value] if name == "financials" else _swap_types(value)
            for name, value in payload.items()
        }
    if isinstance(payload, list):
        return [_swap_types(item) for item in payload]
    if isinstance(payload, str):
        return int(payload) if payload.isdigit() else payload
    return str(payload)
