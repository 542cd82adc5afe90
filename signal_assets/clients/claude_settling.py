"""Claude settling: an answer is judged, priced and stored, whichever way it came."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from signal_assets.clients.claude_calls import ClaudeCalls
from signal_assets.clients.ledger import LedgerSession
from signal_assets.clients.paid_calls import Answer, Ticket
from signal_assets.domain.claude_answers import (
    ClaudeMessage,
    UnreadableAnswer,
    UnusableAnswer,
    parse_claims,
    parse_message,
)
from signal_assets.domain.extractions import Claim, FailureKind, Reading, ReadingFailed

MAX_UNUSABLE_ANSWERS = 3
"""Useless paid answers to one text over all runs; the last of them is kept as its answer."""
NOT_ASKED_AGAIN = (
    f"{MAX_UNUSABLE_ANSWERS} paid answers to this text were of no use, it is not asked again"
)


@dataclass(frozen=True, slots=True)
class Settled:
    """An answer that stands in the ledger now."""

    claims: tuple[Claim, ...]
    unusable: UnusableAnswer | None
    is_last: bool
    """No more is asked about this text: too many answers were of no use."""
    cost_usd: Decimal
    tokens_input: int
    tokens_output: int


def settle(
    session: LedgerSession,
    calls: ClaudeCalls,
    ticket: Ticket,
    message: ClaudeMessage,
    body: str,
    fields: Sequence[str],
) -> Settled:
    """Store a message with its price, before anything else happens to it."""
    claims, unusable = _judge(message, fields)
    is_last = (
        unusable is not None and session.unusable_answers(ticket.key) + 1 >= MAX_UNUSABLE_ANSWERS
    )
    cost = calls.price(message, in_batch=ticket.in_batch)
    tokens = message.tokens
    session.complete(
        ticket,
        body=body,
        cost_usd=cost,
        tokens_input=tokens.prompt,
        tokens_output=tokens.output,
        reusable=unusable is None or is_last,
    )
    return Settled(claims, unusable, is_last, cost, tokens.prompt, tokens.output)


def read_stored(
    answer: Answer, fields: Sequence[str], model: str, cut_at: int | None
) -> Reading | ReadingFailed:
    """Read an answer of the ledger again; it costs nothing now, and shows what it cost."""
    try:
        claims = parse_claims(parse_message(answer.body), fields)
    except UnusableAnswer as unusable:
        return _stored_failure(unusable.kind, f"{unusable.reason}; {NOT_ASKED_AGAIN}", model)
    except UnreadableAnswer as unreadable:
        return _stored_failure("invalid", f"the stored answer is {unreadable}", model)
    return Reading(
        claims=claims,
        extractor="claude",
        model=model,
        tokens_input=answer.tokens_input,
        tokens_output=answer.tokens_output,
        cost_usd=answer.cost_usd,
        from_ledger=True,
        text_cut_at=cut_at,
    )


def _judge(
    message: ClaudeMessage, fields: Sequence[str]
) -> tuple[tuple[Claim, ...], UnusableAnswer | None]:
    try:
        return parse_claims(message, fields), None
    except UnusableAnswer as unusable:
        return (), unusable


def _stored_failure(kind: FailureKind, reason: str, model: str) -> ReadingFailed:
    return ReadingFailed(kind=kind, reason=f"Claude: {reason}", model=model)
