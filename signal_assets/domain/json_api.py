"""JSON:API: the envelope in which Company.info's hub answers."""

from collections.abc import Mapping
from typing import Any

from signal_assets.domain.field_mapping import look_up_pointer
from signal_assets.domain.wire_fields import UnreadableAnswer, name_kind


def list_rows(payload: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the resources in `data`; none when it is null, an empty list or an empty object.

    Raises:
        UnreadableAnswer: there is no `data`, or something else stands there.
    """
    if "data" not in payload:
        raise UnreadableAnswer("the answer has no data")
    data = payload["data"] or []
    rows = [data] if isinstance(data, dict) else data
    if not isinstance(rows, list):
        raise UnreadableAnswer(f"data is {name_kind(rows)}, not a list")
    for row in rows:
        if not isinstance(row, dict):
            raise UnreadableAnswer(f"data holds {name_kind(row)}, not an object")
    return rows


def choose_row(
    payload: Mapping[str, Any], number_pointer: str | None, kvk_number: str
) -> dict[str, Any]:
    """Return the answer with nothing but the resource of one company in `data`.

    The company is the one whose number stands at `number_pointer`. Without a pointer it is the only
    one there is: of several none is chosen, as a guess would put one company's figures on another.

    Raises:
        UnreadableAnswer: none of the resources is surely the company.
    """
    rows = list_rows(payload)
    answers = [{**payload, "data": row} for row in rows]
    if number_pointer is not None:
        answers = [one for one in answers if look_up_pointer(one, number_pointer) == kvk_number]
    if len(answers) != 1:
        raise UnreadableAnswer(
            f"asked for {kvk_number}: {len(rows)} in the answer, {len(answers)} of them may be it"
        )
    return answers[0]


def get_id(payload: Mapping[str, Any]) -> str:
    """Return the id of the resource in `data`.

    Raises:
        UnreadableAnswer: there is none.
    """
    found = look_up_pointer(payload, "/data/id")
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    if not isinstance(found, str) or not found:
        raise UnreadableAnswer("data.id is missing")
    return found


def list_errors(payload: Mapping[str, Any]) -> str:
    """Return the errors of an answer in one line, empty when it names none."""
    errors = payload.get("errors")
    if not isinstance(errors, list):
        return ""
    words = [
        " ".join(str(error[name]) for name in ("code", "title", "detail") if error.get(name))
        for error in errors
        if isinstance(error, dict)
    ]
    return "; ".join(word for word in words if word)
