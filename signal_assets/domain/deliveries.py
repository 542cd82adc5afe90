"""Deliveries: the list as it is handed over, with short quotes and a link for each claim."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from signal_assets.domain.outreach import why_left_out
from signal_assets.domain.records import Record
from signal_assets.domain.suppression import SuppressionList

NOBODY = SuppressionList()

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet runs a cell that begins like this; see OWASP on CSV injection."""


class Proof(Record):
    """One value a vacancy states, the words that state it, and where to read them."""

    field: str
    value: str
    quote: str
    vacancy_id: str
    url: str | None = None
    date: str | None = None


class Delivery(Record):
    """One company as it is handed over."""

    company_id: str
    name: str
    kvk_number: str | None
    match_decision: str | None
    extraction_quality: float | None
    vacancy_count: int
    employee_range: str | None
    revenue_range: str | None
    legal_form: str | None
    sbi_codes: tuple[str, ...]
    establishment_count: int | None
    non_mailing: bool | None
    outreach: dict[str, str]
    outreach_rules: dict[str, str]
    """Channel → the rule that says so."""
    siblings: tuple[str, ...]
    """KvK numbers of the same group by name."""
    first_seen_at: str
    proofs: tuple[Proof, ...]


class LeftOut(NamedTuple):
    """A company that is kept out of the delivery, and why."""

    company_id: str
    reason: str


def select_deliveries(
    rows: Iterable[Mapping[str, Any]],
    *,
    include_unmatched: bool,
    include_natural_person_businesses: bool,
    suppression: SuppressionList = NOBODY,
) -> tuple[list[Delivery], list[LeftOut]]:
    """Return what of `merged_companies` may be handed over, best first, and what is left out.

    A company that the register was asked for and that has no certain KvK number is left out unless
    asked for: nobody has said yet which company it is, nor whether its data are personal data.
    Where there is no key for the register, companies are handed over as they advertise themselves.
    """
    deliveries: list[Delivery] = []
    left_out: list[LeftOut] = []
    for row in rows:
        reason = _why_suppressed(row, suppression) or _why_left_out(
            row, include_unmatched, include_natural_person_businesses
        )
        if reason is None:
            deliveries.append(_delivery(row))
        else:
            left_out.append(LeftOut(row["company_id"], reason))
    deliveries.sort(key=lambda item: (-(item.extraction_quality or 0.0), item.company_id))
    return deliveries, sorted(left_out)


def _why_suppressed(row: Mapping[str, Any], suppression: SuppressionList) -> str | None:
    hit = suppression.find(
        kvk_number=row["kvk_number"],
        hosts=row.get("websites") or (),
        names=(row["name"], row["company_id"], *(row["merged_from"] or ())),
    )
    return None if hit is None else hit.reason


def _why_left_out(
    row: Mapping[str, Any], include_unmatched: bool, include_natural_person_businesses: bool
) -> str | None:
    if row["match_decision"] is None:
        return None
    if row["kvk_number"] is None:
        return None if include_unmatched else "It has no certain KvK number."
    return why_left_out(
        row["is_natural_person_business"],
        include_natural_person_businesses=include_natural_person_businesses,
    )


def _delivery(row: Mapping[str, Any]) -> Delivery:
    signals: dict[str, list[dict[str, Any]]] = json.loads(row["signals"] or "{}")
    return Delivery(
        company_id=row["company_id"],
        name=row["name"],
        kvk_number=row["kvk_number"],
        match_decision=row["match_decision"],
        extraction_quality=row["extraction_quality"],
        vacancy_count=len(row["vacancy_ids"]),
        employee_range=row["employee_range"],
        revenue_range=row["revenue_range"],
        legal_form=row["legal_form"],
        sbi_codes=tuple(row["sbi_codes"] or ()),
        establishment_count=row["establishment_count"],
        non_mailing=row["non_mailing"],
        outreach=json.loads(row["outreach"] or "{}"),
        outreach_rules=json.loads(row.get("outreach_rules") or "{}"),
        siblings=tuple(row.get("siblings") or ()),
        first_seen_at=row["first_seen_at"].isoformat(),
        proofs=tuple(
            Proof(field=field, **signal) for field, found in signals.items() for signal in found
        ),
    )


def to_flat_row(delivery: Delivery, fields: Iterable[str]) -> dict[str, str]:
    """Return a delivery as one row of a spreadsheet: a column for each field, and one with proof.

    No cell begins like a formula.
    """
    plain = delivery.model_dump(
        exclude={"proofs", "outreach", "outreach_rules", "sbi_codes", "siblings"}
    )
    row = {key: "" if value is None else str(value) for key, value in plain.items()}
    row["sbi_codes"] = ", ".join(delivery.sbi_codes)
    row["siblings"] = ", ".join(delivery.siblings)
    for channel, verdict in delivery.outreach.items():
        row[f"outreach_{channel}"] = verdict
        row[f"outreach_{channel}_rule"] = delivery.outreach_rules.get(channel, "")
    for field in fields:
        proofs = [proof for proof in delivery.proofs if proof.field == field]
        row[field] = "; ".join(dict.fromkeys(proof.value for proof in proofs))
        row[f"{field}_proof"] = "\n".join(map(_cite, proofs))
    return {key: _harmless(value) for key, value in row.items()}


def _cite(proof: Proof) -> str:
    where = proof.url or proof.vacancy_id
    return f"“{' '.join(proof.quote.split())}” ({where})"


def _harmless(value: str) -> str:
    """Return a cell that no spreadsheet takes for a formula.

    >>> _harmless("=HYPERLINK(1)")
    "'=HYPERLINK(1)"
    """
    return f"'{value}" if value.startswith(FORMULA_STARTS) else value
