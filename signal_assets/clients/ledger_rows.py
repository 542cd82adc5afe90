"""Rows of the ledger: the statements on attempts, answers and totals, each inside a transaction."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql import func

from signal_assets.clients import service_slots
from signal_assets.clients.database import DatabaseNow
from signal_assets.clients.database_tables import answers, attempts, holders, totals
from signal_assets.clients.errors import BudgetExhausted
from signal_assets.clients.holders import Holder, is_dead
from signal_assets.clients.paid_calls import Answer, Budgets, Busy, Call, Caller, Ticket
from signal_assets.clients.prepared import Prepared, Row, Transaction
from signal_assets.domain.limits import account_of
from signal_assets.domain.records import Record

_LONGEST_TEXT = 500
_NOTHING = Decimal(0)

# Written out, not passed: SQLite plans a statement anew each time when a parameter may decide
# whether an index over some of the rows applies.
_ASKING_STATUS: ColumnElement[str] = literal_column("'asking'")
_UNKNOWN_STATUS: ColumnElement[str] = literal_column("'unknown'")

_ANSWER_COLUMNS = (
    answers.c.key,
    answers.c.body,
    answers.c.is_body_escaped,
    answers.c.status_code,
    answers.c.is_absent,
    answers.c.tokens_input,
    answers.c.tokens_output,
    answers.c.cost_usd,
    answers.c.received_at,
)
_NEWEST_ANSWER = Prepared(
    select(*_ANSWER_COLUMNS)
    .where(answers.c.key == bindparam("asked_key"), answers.c.is_reusable)
    .order_by(answers.c.answer_id.desc())
    .limit(1)
)
_REUSABLE_ANSWERS = (
    select(*_ANSWER_COLUMNS)
    .where(answers.c.key.in_(bindparam("asked_keys", expanding=True)), answers.c.is_reusable)
    .order_by(answers.c.answer_id)
)
_COUNT_UNUSABLE = select(func.count()).where(
    answers.c.key == bindparam("asked_key"),
    ~answers.c.is_reusable,
    answers.c.erased_at.is_(None),  # its body was erased, which says nothing of the service
)
_ASKING = Prepared(
    select(
        attempts.c.run_id,
        attempts.c.asset,
        DatabaseNow().label("database_now"),
        *(holders.c[name] for name in Holder.model_fields),
    )
    .select_from(attempts)
    .join(holders, attempts.c.holder_id == holders.c.holder_id)
    .where(attempts.c.key == bindparam("asked_key"), attempts.c.status == _ASKING_STATUS)
)
_SCOPES = or_(
    totals.c.scope == bindparam("run"),
    totals.c.scope == bindparam("month"),
    totals.c.scope == bindparam("service"),
    totals.c.scope == bindparam("all_profiles"),
)
_LOCK_TOTALS = Prepared(select(totals).where(_SCOPES).order_by(totals.c.scope).with_for_update())
_HOLD = Prepared(
    update(totals).where(_SCOPES).values(held_usd=totals.c.held_usd + bindparam("amount"))
)
_CHANGE_TOTAL = Prepared(
    update(totals)
    .where(totals.c.scope == bindparam("changed_scope"))
    .values(
        held_usd=totals.c.held_usd + bindparam("held_more"),
        spent_usd=totals.c.spent_usd + bindparam("spent_more"),
    )
)
_ATTEMPT_COLUMNS = (
    attempts.c.attempt_id,
    attempts.c.run_id,
    attempts.c.search_profile,
    attempts.c.service,
    attempts.c.day,
    attempts.c.holder_id,
    attempts.c.status,
    attempts.c.held_usd,
    attempts.c.cost_usd,
)
_OWN_AND_UNKNOWN = Prepared(
    select(*_ATTEMPT_COLUMNS)
    .where(
        attempts.c.key == bindparam("asked_key"),
        or_(attempts.c.status == _UNKNOWN_STATUS, attempts.c.attempt_id == bindparam("own_id")),
    )
    .with_for_update()
)
_CLOSE_ATTEMPT = Prepared(
    update(attempts)
    .where(attempts.c.attempt_id == bindparam("closed_id"))
    .values(
        status=bindparam("status"),
        finished_at=bindparam("finished_at"),
        held_usd=bindparam("held_usd"),
        cost_usd=bindparam("cost_usd"),
        tokens_input=bindparam("tokens_input"),
        tokens_output=bindparam("tokens_output"),
        reason=bindparam("reason"),
    )
)
_LEAVE_ALL_UNKNOWN = Prepared(
    update(attempts)
    .where(attempts.c.holder_id == bindparam("left_by"), attempts.c.status == _ASKING_STATUS)
    .values(status="unknown", finished_at=bindparam("finished_at"), reason=bindparam("reason"))
)
_END_SESSION = Prepared(
    update(holders)
    .where(holders.c.holder_id == bindparam("ended_by"))
    .values(ended_at=bindparam("ended_at"))
)
_ADD_ATTEMPT = Prepared(
    insert(attempts).returning(attempts.c.attempt_id),
    columns=[
        column.key
        for column in attempts.c
        if column.key not in ("attempt_id", "finished_at", "reason")
    ],
)
_ADD_TOTAL = Prepared(
    # Postgres' insert is compiled by SQLite as well: they share this clause.
    postgresql.insert(totals).on_conflict_do_nothing(),
    columns=[column.key for column in totals.c],
)
_ADD_ANSWER = Prepared(
    insert(answers),
    columns=[column.key for column in answers.c if column.key not in ("answer_id", "erased_at")],
)

Ending = Literal["released", "unknown"]


class Scopes(Record):
    """The four sums that one attempt counts in."""

    run: str
    month: str
    service: str
    all_profiles: str

    @property
    def each(self) -> tuple[str, ...]:
        return self.run, self.month, self.service, self.all_profiles


def scopes_of(run_id: str, search_profile: str, service: str, day: str) -> Scopes:
    month = day[:7]
    return Scopes(
        run=f"run/{run_id}",
        month=f"month/{month}/{search_profile}",
        service=f"service/{month}/{search_profile}/{service}",
        all_profiles=scope_of_all_profiles(service, month),
    )


def scope_of_all_profiles(service: str, month: str) -> str:
    return f"all_profiles/{month}/{account_of(service)}"


def fresh_answer(transaction: Transaction, call: Call, now: datetime) -> Answer | None:
    row = transaction.first(_NEWEST_ANSWER, {"asked_key": call.key})
    if row is None:
        return None
    answer = _read_answer(row)
    return answer if _is_fresh(answer, call, now) else None


def fresh_answers(db: Connection, calls: Sequence[Call], now: datetime) -> dict[str, Answer]:
    """Return the newest reusable answer of each call; at most some hundred calls at a time."""
    by_key = {call.key: call for call in calls}
    newest = {row.key: row for row in db.execute(_REUSABLE_ANSWERS, {"asked_keys": list(by_key)})}
    found = {key: _read_answer(row) for key, row in newest.items()}
    return {key: answer for key, answer in found.items() if _is_fresh(answer, by_key[key], now)}


def count_unusable(db: Connection, key: str) -> int:
    return int(db.execute(_COUNT_UNUSABLE, {"asked_key": key}).scalar_one())


def take_over_or_wait(transaction: Transaction, call: Call, now: datetime) -> Busy | None:
    """Return who asks the same; a dead one's attempt becomes unknown and stands in no way."""
    row = transaction.first(_ASKING, {"asked_key": call.key})
    if row is None:
        return None
    holder = Holder.model_validate({name: getattr(row, name) for name in Holder.model_fields})
    if not is_dead(holder, row.database_now):
        return Busy(until=f"run {row.run_id} ({row.asset}) has its answer to {call.summary}")
    leave_all_unknown(transaction, holder.holder_id, now, "the process that asked died")
    return None


def leave_all_unknown(transaction: Transaction, holder_id: str, now: datetime, reason: str) -> None:
    transaction.execute(
        _LEAVE_ALL_UNKNOWN, {"left_by": holder_id, "finished_at": now, "reason": plain(reason)}
    )


def end_session(transaction: Transaction, holder_id: str, now: datetime) -> None:
    """Leave what has no outcome unknown, so that nobody waits for it."""
    leave_all_unknown(transaction, holder_id, now, "the session ended without its outcome")
    service_slots.give_all_back(transaction, holder_id)
    transaction.execute(_END_SESSION, {"ended_by": holder_id, "ended_at": now})


def lock_sums(transaction: Transaction, scopes: Scopes) -> dict[str, Row]:
    """Return the sums of a call by scope; no call to the same service ends meanwhile."""
    names = scopes.model_dump()
    standing = {row.scope: row for row in transaction.rows(_LOCK_TOTALS, names)}
    if len(standing) < len(names):
        _add_totals(transaction, names.values())
        standing = {row.scope: row for row in transaction.rows(_LOCK_TOTALS, names)}
    return standing


def hold(
    transaction: Transaction,
    call: Call,
    scopes: Scopes,
    budgets: Budgets,
    standing: Mapping[str, Row],
) -> None:
    """Add the reserve to the sums of the call, which are locked.

    Raises:
        BudgetExhausted: a sum would pass its limit.
    """
    account = account_of(call.service)
    limits = (
        ("run", scopes.run, budgets.run),
        ("month", scopes.month, budgets.month),
        (f"month of {call.service}", scopes.service, budgets.services.get(call.service)),
        (
            f"month of {account} for all search profiles together",
            scopes.all_profiles,
            budgets.all_profiles.get(account),
        ),
    )
    for name, scope, limit in limits:
        if limit is not None and call.reserve_usd > 0:
            _check_budget(name, limit, standing[scope], call.reserve_usd)
    transaction.execute(_HOLD, {**scopes.model_dump(), "amount": call.reserve_usd})


def add_attempt(
    transaction: Transaction, call: Call, caller: Caller, holder_id: str, day: str, now: datetime
) -> Ticket:
    values = {
        "key": call.key,
        "service": call.service,
        "summary": plain(call.summary),
        "run_id": caller.run_id,
        "asset": caller.asset,
        "search_profile": caller.search_profile,
        "holder_id": holder_id,
        "day": day,
        "status": "asking",
        "started_at": now,
        "held_usd": call.reserve_usd,
        "cost_usd": _NOTHING,
        "tokens_input": 0,
        "tokens_output": 0,
    }
    (added,) = transaction.rows(_ADD_ATTEMPT, values)
    return Ticket(attempt_id=added.attempt_id, key=call.key, service=call.service)


def complete(
    transaction: Transaction, ticket: Ticket, answer: Answer, is_reusable: bool
) -> Sequence[Row]:
    """Store the answer and settle the attempt and its unknown equals; return them as they were."""
    rows = _open_attempts(transaction, ticket)
    _change_totals(transaction, rows, held_usd=_NOTHING, cost_usd=answer.cost_usd)
    transaction.execute_each(_CLOSE_ATTEMPT, [_settled(row, ticket, answer) for row in rows])
    body, is_escaped = storable(answer.body)
    transaction.execute(
        _ADD_ANSWER,
        {
            "key": ticket.key,
            "attempt_id": ticket.attempt_id,
            "body": body,
            "is_body_escaped": is_escaped,
            "status_code": answer.status_code,
            "is_absent": answer.is_absent,
            "is_reusable": is_reusable,
            "tokens_input": answer.tokens_input,
            "tokens_output": answer.tokens_output,
            "cost_usd": answer.cost_usd,
            "received_at": answer.received_at,
        },
    )
    return rows


def close_attempt(
    transaction: Transaction, ticket: Ticket, ending: Ending, reason: str, now: datetime
) -> None:
    own = next(
        row for row in _open_attempts(transaction, ticket) if row.attempt_id == ticket.attempt_id
    )
    held = own.held_usd if ending == "unknown" else _NOTHING
    _change_totals(transaction, [own], held_usd=held, cost_usd=_NOTHING)
    transaction.execute(
        _CLOSE_ATTEMPT,
        {
            "closed_id": own.attempt_id,
            "status": ending,
            "finished_at": now,
            "held_usd": held,
            "cost_usd": _NOTHING,
            "tokens_input": 0,
            "tokens_output": 0,
            "reason": plain(reason),
        },
    )


def storable(body: str) -> tuple[str, bool]:
    """Return `body` as databases can keep it, and whether it had to be escaped for that.

    Neither can keep half a surrogate pair, and Postgres no NUL character.

    >>> storable('{"a": "é"}')
    ('{"a": "é"}', False)
    >>> storable("a\\x00b")
    ('a\\\\x00b', True)
    """
    if "\x00" not in body and (body.isascii() or _is_encodable(body)):
        return body, False
    return body.encode("unicode_escape").decode("ascii"), True


def plain(words: str) -> str:
    """Return the beginning of `words` without what databases cannot keep."""
    short = words[:_LONGEST_TEXT].replace("\x00", "")
    return short.encode("utf-8", "replace").decode("utf-8")


def _is_encodable(body: str) -> bool:
    try:
        body.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def readable(body: str, is_escaped: bool) -> str:
    """Return a stored body as it was received; see `storable`."""
    return body.encode("ascii").decode("unicode_escape") if is_escaped else body


def _read_answer(row: Row) -> Answer:
    return Answer(
        body=readable(row.body, row.is_body_escaped),
        status_code=row.status_code,
        is_absent=row.is_absent,
        tokens_input=row.tokens_input,
        tokens_output=row.tokens_output,
        cost_usd=row.cost_usd,
        received_at=row.received_at,
        from_ledger=True,
    )


def _is_fresh(answer: Answer, call: Call, now: datetime) -> bool:
    oldest = call.absent_max_age if answer.is_absent else call.max_age
    return oldest is None or now - answer.received_at <= oldest


def _check_budget(name: str, limit: Decimal, total: Row, reserve: Decimal) -> None:
    if total.spent_usd + total.held_usd + reserve <= limit:
        return
    raise BudgetExhausted(
        f"budget of the {name}: limit {limit:f} USD, spent {total.spent_usd:f}, "
        f"held {total.held_usd:f} for calls without an outcome; "
        f"the next call may cost {reserve:f} and was not made"
    )


def _add_totals(transaction: Transaction, scopes: Iterable[str]) -> None:
    transaction.execute_each(
        _ADD_TOTAL,
        [{"scope": scope, "spent_usd": _NOTHING, "held_usd": _NOTHING} for scope in sorted(scopes)],
    )


def _open_attempts(transaction: Transaction, ticket: Ticket) -> Sequence[Row]:
    names = {"asked_key": ticket.key, "own_id": ticket.attempt_id}
    rows = transaction.rows(_OWN_AND_UNKNOWN, names)
    own = next((row for row in rows if row.attempt_id == ticket.attempt_id), None)
    if own is None or own.status in ("completed", "released"):
        raise ValueError(f"call {ticket.attempt_id} of {ticket.service} already has its outcome")
    return rows


def _settled(row: Row, ticket: Ticket, answer: Answer) -> dict[str, object]:
    is_own = row.attempt_id == ticket.attempt_id
    return {
        "closed_id": row.attempt_id,
        "status": "completed" if is_own else "settled",
        "finished_at": answer.received_at,
        "held_usd": _NOTHING,
        "cost_usd": answer.cost_usd,
        "tokens_input": answer.tokens_input if is_own else 0,
        "tokens_output": answer.tokens_output if is_own else 0,
        "reason": None if is_own else f"settled at the price of call {ticket.attempt_id}",
    }


def _change_totals(
    transaction: Transaction, rows: Iterable[Row], *, held_usd: Decimal, cost_usd: Decimal
) -> None:
    """Move the sums by what `rows` will count for more than they do now; in one order for all."""
    held_more: defaultdict[str, Decimal] = defaultdict(Decimal)
    spent_more: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        scopes = scopes_of(row.run_id, row.search_profile, row.service, row.day)
        for scope in scopes.each:
            held_more[scope] += held_usd - row.held_usd
            spent_more[scope] += cost_usd - row.cost_usd
    transaction.execute_each(
        _CHANGE_TOTAL,
        [
            {
                "changed_scope": scope,
                "held_more": held_more[scope],
                "spent_more": spent_more[scope],
            }
            for scope in sorted(held_more)
        ],
    )


def day_of(now: datetime) -> str:
    return now.astimezone(UTC).date().isoformat()
