"""Claude batches: many vacancies in one request, for half the price and an answer later.

The requests and the judgement of the answers are those of live calls. A batch is written into the
ledger before it is sent; whoever runs next, after a wait that was too long or a killed process,
finds it there and goes on with it. What the service says once is stored at once: a results file
that breaks off costs nothing but another look.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import islice

from opentelemetry.trace import SpanKind, StatusCode

from signal_assets.clients.claude_calls import SERVICE, ClaudeCalls
from signal_assets.clients.claude_faults import Fault
from signal_assets.clients.claude_run import ClaudeLimits, ClaudeRun, wait_for_batch
from signal_assets.clients.claude_settling import NOT_ASKED_AGAIN, Settled, read_stored, settle
from signal_assets.clients.claude_transport import ClaudeTransport
from signal_assets.clients.ledger import LedgerSession
from signal_assets.clients.outcome_desk import OutcomeDesk
from signal_assets.clients.paid_calls import (
    Answer,
    BatchIntent,
    Busy,
    Call,
    NoSlot,
    OpenBatch,
    Ticket,
)
from signal_assets.clients.readers import OnOutcome
from signal_assets.clients.saying import NowAndThen
from signal_assets.clients.tracing import note, span
from signal_assets.domain.claude_answers import UnreadableAnswer, parse_message
from signal_assets.domain.claude_batches import (
    BatchRow,
    BatchState,
    parse_batch,
    parse_batch_list,
    parse_row,
)
from signal_assets.domain.claude_requests import ClaudeQuestions, FencedVacancy, fence_vacancy
from signal_assets.domain.extractions import (
    FailureKind,
    Reading,
    ReadingFailed,
    ReadingOutcome,
    ReadingPostponed,
    VacancyText,
)

logger = logging.getLogger(__name__)

RUN_AGAIN = "run again to go on, nothing is paid for twice"

_INTAKE = 500
_KEPT_MESSAGES = 20_000
_NEWEST_BATCHES = 100
_LONGEST_LIFE = timedelta(hours=25)
"""A batch expires after a day."""
_SAY_SECONDS = 30.0
_OUR_FAULT = frozenset({"invalid_request_error", "not_found_error", "request_too_large"})
_ACCOUNT_FAULT = frozenset({"authentication_error", "billing_error", "permission_error"})


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How large a batch is, and how long and how often is tried before something is given up."""

    wait_seconds: float = 5_400.0
    """Wall time after which the run ends and what is under way is left for the next run."""
    first_poll_seconds: float = 2.0
    longest_poll_seconds: float = 60.0
    """Looks at a batch grow rarer, up to this."""
    requests: int = 5_000
    """In one batch; the service takes 100,000, but what breaks is smaller this way."""
    size_bytes: int = 48 * 1024 * 1024
    """The service takes 256 MB."""
    tries: int = 2
    """Batches one text may be in because the service failed."""
    fetches: int = 3
    """Times one results file is fetched in a run, each time for the rows that are missing."""
    looks_for_lost: int = 3
    """Times the list of batches is read for one whose creation was not confirmed."""
    lost_wait_seconds: float = 2.0
    troubles_in_a_row: int = 6
    warms_up_from: int = 10
    """Texts in the first batch from which one is asked live, so that all find the cached prompt."""


@dataclass(slots=True, eq=False)
class _Job:
    """One text; vacancies with the same words travel together."""

    key: str
    max_tokens: int
    fenced: FencedVacancy | None
    """None: it is made anew when it is sent, as so many at once would take too much memory."""
    vacancies: list[VacancyText] = field(default_factory=list)
    cut_at: int | None = None
    has_larger_cap: bool = False
    tries: int = 0
    tokens_input: int = 0
    tokens_output: int = 0
    cost_usd: Decimal = Decimal(0)


class ClaudeBatchRun:
    """Sends texts in batches, waits for them, and settles each row with the ledger.

    Batches of earlier runs come first. `say` tells a person what is waited for.
    """

    def __init__(
        self,
        session: LedgerSession,
        questions: ClaudeQuestions,
        calls: ClaudeCalls,
        open_transport: Callable[[], ClaudeTransport],
        limits: BatchLimits,
        live_limits: ClaudeLimits,
        vacancies: Iterable[VacancyText],
        on_outcome: OnOutcome,
        say: Callable[[str], None] = logger.info,
    ) -> None:
        self._session = session
        self._questions = questions
        self._calls = calls
        self._open_transport = open_transport
        self._transport: ClaudeTransport | None = None
        self._limits = limits
        self._live_limits = live_limits
        self._source = iter(vacancies)
        self._desk = OutcomeDesk(on_outcome, lambda: session.spend.cost_usd)
        self._say, self._say_now_and_then = say, NowAndThen(say)
        self._say_what_is_looked_at = NowAndThen(say, _SAY_SECONDS)

        self._open: dict[str, _Job] = {}
        self._ready: deque[_Job] = deque()
        self._flights: list[OpenBatch] = []
        self._troubles = 0
        self._is_warm = not questions.is_cached
        self._stopped: ReadingPostponed | None = None

    async def work(self) -> None:
        """Bring every vacancy to its outcome, or leave it waiting for its batch."""
        self._ends_at = time.monotonic() + self._limits.wait_seconds
        try:
            if not self._session.is_kill_switch_on:
                await self._adopt()
            self._take_in()
            await self._look_at_all()
            await self._go_round()
        finally:
            if self._transport is not None:
                await self._transport.close()
        self._postpone_the_rest()
        self._desk.log_progress("done")

    async def collect(self) -> None:
        """Look once after batches of earlier runs: what has ended is stored, nothing is sent."""
        self._ends_at = time.monotonic()
        if self._session.is_kill_switch_on:
            return
        try:
            await self._adopt()
            await self._look_at_all()
        finally:
            if self._transport is not None:
                await self._transport.close()

    # --- taking in -------------------------------------------------------------------------

    def _take_in(self) -> None:
        """Take all vacancies in; those whose answer is stored are done at once."""
        in_flight = {key for flight in self._flights for key in flight.tickets}
        while some := list(islice(self._source, _INTAKE)):
            fresh: dict[str, tuple[_Job, Call]] = {}
            for vacancy in some:
                fenced = fence_vacancy(vacancy)
                key = self._calls.key_of(fenced)
                job = self._open.get(key)
                if job is None:
                    cap = self._questions.model.max_output_tokens
                    kept = fenced if len(self._open) < _KEPT_MESSAGES else None
                    job = self._open[key] = _Job(key, cap, kept, cut_at=fenced.cut_at)
                    fresh[key] = job, self._calls.plan(key, fenced, cap, in_batch=True)
                job.vacancies.append(vacancy)
            stored = self._session.answers([call for _, call in fresh.values()])
            for key, (job, _) in fresh.items():
                failure = self._desk.failure_of(key)
                if key in stored:
                    self._finish(job, self._stored(job, stored[key]))
                elif failure is not None:
                    self._finish(job, failure)
                elif key not in in_flight:
                    self._ready.append(job)

    # --- the rounds ------------------------------------------------------------------------

    async def _go_round(self) -> None:
        """Send and look until all is in, or was waited for long enough from when we were ready."""
        if self._ready or self._awaited():
            self._transport = self._service
            self._ends_at = time.monotonic() + self._limits.wait_seconds
        pause = self._limits.first_poll_seconds
        while self._stopped is None and (self._ready or self._awaited()):
            await self._submit_ready()
            left = self._ends_at - time.monotonic()
            if left <= 0:
                return
            if not self._awaited() or self._stopped is not None:
                continue
            self._say_what_is_awaited(pause)
            await asyncio.sleep(min(pause, left))
            has_ended = await self._look_at_all()
            grown = min(pause * 1.5, self._limits.longest_poll_seconds)
            pause = self._limits.first_poll_seconds if has_ended else grown

    def _awaited(self) -> list[OpenBatch]:
        """Return the batches some of our vacancies wait for."""
        return [each for each in self._flights if any(key in self._open for key in each.tickets)]

    def _say_what_is_awaited(self, pause: float) -> None:
        awaited = self._awaited()
        texts = sum(len(flight.tickets) for flight in awaited)
        names = ", ".join(flight.service_id or "one without an id yet" for flight in awaited[:3])
        minutes = (self._ends_at - time.monotonic()) / 60
        self._say_what_is_looked_at(
            f"Claude: {texts:,} texts are in {len(awaited)} batches under way ({names}); "
            f"next look in {pause:.0f} s, waiting {minutes:.0f} minutes at most"
        )

    # --- sending ---------------------------------------------------------------------------

    async def _submit_ready(self) -> None:
        """Send what is ready, as far as the budgets go; what comes back makes room for the rest."""
        over_budget: str | None = None
        while self._ready and over_budget is None and time.monotonic() < self._ends_at:
            await self._warm_up()
            if self._ready and self._stopped is None:
                over_budget = await self._submit_one()
            if self._stopped is not None:
                return
        if over_budget is not None and not self._awaited():
            self._stop("budget", over_budget)

    async def _warm_up(self) -> None:
        """Ask the first text live: its answer puts the prompt into the cache for the others.

        It also shows, before thousands of texts are sent, that the service takes the request.
        """
        if self._is_warm or len(self._ready) < self._limits.warms_up_from:
            return
        self._is_warm = True
        job = self._ready.popleft()
        outcomes: list[ReadingOutcome] = []
        await ClaudeRun(
            self._session,
            self._questions,
            self._calls,
            self._open_transport,
            self._live_limits,
            1,
            job.vacancies[:1],
            lambda _, outcome: outcomes.append(outcome),
            self._say,
        ).work()
        (outcome,) = outcomes
        if isinstance(outcome, ReadingPostponed) and outcome.kind != "waiting":
            self._ready.appendleft(job)
            self._stop(outcome.kind, outcome.reason)
        else:
            self._finish(job, outcome)

    async def _submit_one(self) -> str | None:
        """Send one batch; return why a budget did not let all of it go."""
        jobs, requests, calls = self._next_load()
        intent = BatchIntent(
            endpoint=self._calls.endpoint,
            asked=self._questions.digest,
            fields=self._questions.fields,
        )
        begun = self._session.begin_batch(calls, intent)
        if begun.no_slot is not None:
            self._ready.extendleft(reversed(jobs))
            await self._wait_for_turn(begun.no_slot)
            return None
        tickets = begun.batch.tickets if begun.batch else {}
        for job in reversed(jobs):
            if job.key in begun.answers:
                self._finish(job, self._stored(job, begun.answers[job.key]))
            elif job.key in begun.busy:
                self._finish(job, _busy(begun.busy[job.key]))
            elif job.key not in tickets:
                self._ready.appendleft(job)
        if begun.batch is not None:
            await asyncio.sleep(begun.starts_in)
            self._say(f"Claude: sending a batch of {len(tickets):,} texts")
            await self._create(
                begun.batch, [each for each in requests if each["custom_id"] in tickets]
            )
        return begun.over_budget

    async def _wait_for_turn(self, no_slot: NoSlot) -> None:
        self._say_now_and_then(f"Claude: waiting for a turn: {no_slot.reason}")
        left = self._ends_at - time.monotonic()
        await asyncio.sleep(max(0.0, min(no_slot.wait_seconds, left)))

    def _next_load(self) -> tuple[list[_Job], list[dict[str, object]], list[Call]]:
        """Take as many jobs as one batch holds."""
        jobs: list[_Job] = []
        requests: list[dict[str, object]] = []
        calls: list[Call] = []
        size = 0
        while self._ready and len(jobs) < self._limits.requests and size < self._limits.size_bytes:
            job = self._ready.popleft()
            fenced = job.fenced or fence_vacancy(job.vacancies[0])
            job.fenced = None
            params = self._questions.build_request(fenced.message, job.max_tokens)
            jobs.append(job)
            requests.append({"custom_id": job.key, "params": params})
            calls.append(self._calls.plan(job.key, fenced, job.max_tokens, in_batch=True))
            size += self._questions.count_tokens_at_most(fenced.message)
        return jobs, requests, calls

    async def _create(self, batch: OpenBatch, requests: list[dict[str, object]]) -> None:
        with span(
            "claude batches.create",
            kind=SpanKind.CLIENT,
            signal_assets__service=SERVICE,
            signal_assets__operation="batches.create",
            signal_assets__model=self._questions.model.name,
            signal_assets__requests=len(requests),
        ) as opened:
            came = await self._service.create_batch(requests)
            if isinstance(came, Fault):
                note(opened, http__response__status_code=came.status)
                opened.set_status(StatusCode.ERROR, came.verdict)
        if isinstance(came, Fault):
            if came.may_be_billed:
                await self._find_lost(batch, came.reason)
                return
            self._undo(batch, came.reason)
            if came.verdict == "reject":
                self._stop("unavailable", f"Claude refused a batch: {came.reason}")
            elif not self._meet(came):
                await asyncio.sleep(self._pause_after(came))
            return
        self._troubles = 0
        try:
            self._keep(batch, parse_batch(came.body).id)
        except UnreadableAnswer as unreadable:
            await self._find_lost(batch, str(unreadable))

    def _keep(self, batch: OpenBatch, service_id: str) -> OpenBatch:
        self._session.note_submitted(batch, service_id)
        known = OpenBatch(
            batch.number,
            service_id,
            batch.intent,
            batch.request_count,
            batch.created_at,
            batch.tickets,
        )
        self._flights = [*(each for each in self._flights if each is not batch), known]
        return known

    def _undo(self, batch: OpenBatch, reason: str) -> None:
        """The service certainly has no such batch: nothing is held for it any more."""
        for key, ticket in batch.tickets.items():
            self._session.release(ticket, reason)
            if key in self._open:
                self._ready.append(self._open[key])
        batch.tickets.clear()
        self._close(batch, f"never created: {reason}")

    # --- batches whose fate is not known ---------------------------------------------------

    async def _adopt(self) -> None:
        asked = (self._questions.digest,)
        for batch in self._session.adopt_batches(self._calls.endpoint, asked):
            self._flights.append(batch)
            if batch.service_id is None:
                await self._find_lost(batch, "the run that sent it ended")
            else:
                self._say(f"Claude: going on with batch {batch.service_id} of an earlier run")

    async def _find_lost(self, batch: OpenBatch, reason: str) -> None:
        """Read the service's list for a batch that may have been created without our hearing of it.

        Nothing is sent again before the list was read; while it cannot be read, or names several
        that could be it, the batch stays open for the next run.
        """
        if batch not in self._flights:
            self._flights.append(batch)
        for look in range(self._limits.looks_for_lost):
            await asyncio.sleep(look * self._limits.lost_wait_seconds)
            came = await self._service.list_batches(_NEWEST_BATCHES)
            if isinstance(came, Fault):
                if self._meet(came):
                    return
                continue
            try:
                fitting = await self._choose(batch, parse_batch_list(came.body))
            except UnreadableAnswer:
                continue
            if fitting is not None:
                if fitting:
                    self._keep(batch, fitting)
                return
            if look + 1 == self._limits.looks_for_lost:
                reason = f"{reason}; the service lists no such batch"
                self._undo(batch, reason)
                self._meet(Fault("retry", False, reason))

    async def _choose(self, batch: OpenBatch, listed: Iterable[BatchState]) -> str | None:
        """Return the id of `batch` in the list; None: it is not there, empty: that is not sure."""
        known = self._session.known_batch_ids()
        fitting = [
            each
            for each in listed
            if each.id not in known and each.request_count == batch.request_count
        ]
        unsure = []
        for each in fitting:
            if each.processing_status != "ended" or each.results_url is None:
                unsure.append(each)
            elif await self._holds(each.results_url, batch):
                return each.id
        if len(unsure) > 1:
            return ""
        return unsure[0].id if unsure else None

    async def _holds(self, url: str, batch: OpenBatch) -> bool:
        """Whether the results at `url` are those of `batch`."""
        found: set[str] = set()

        def note(line: bytes) -> None:
            row = _read_row(line)
            if row is not None:
                found.add(row.custom_id)

        await self._service.read_lines(url, note)
        return not found.isdisjoint(batch.tickets)

    # --- looking ---------------------------------------------------------------------------

    async def _look_at_all(self) -> bool:
        """Look at each batch under way; return whether any has ended."""
        has_ended = False
        for flight in list(self._flights):
            if self._stopped is None:
                has_ended |= await self._look_at(flight)
        return has_ended

    async def _look_at(self, flight: OpenBatch) -> bool:
        if flight.service_id is None:
            await self._find_lost(flight, "its creation was not confirmed")
            return flight not in self._flights
        came = await self._service.get_batch(flight.service_id)
        if isinstance(came, Fault):
            if came.status == 404 and _is_over(flight):
                self._give_up(flight, f"the service knows no batch {flight.service_id}")
                return True
            self._meet(came)
            return False
        try:
            state = parse_batch(came.body)
        except UnreadableAnswer as unreadable:
            self._meet(Fault("retry", False, str(unreadable)))
            return False
        if state.processing_status != "ended" or state.results_url is None:
            self._troubles = 0
            return False
        return await self._collect_results(flight, state.results_url)

    async def _collect_results(self, flight: OpenBatch, url: str) -> bool:
        """Fetch the results until every row is there; return whether the batch is done with."""
        for fetch in range(self._limits.fetches):
            await asyncio.sleep(fetch * self._limits.lost_wait_seconds)
            lines = _Lines()
            fault = await self._read_results(flight, url, lines)
            if not flight.tickets:
                self._troubles = 0
                self._close(flight, "collected")
                return True
            if fault is not None and fault.status == 404 and _is_over(flight):
                self._give_up(flight, f"the results of batch {flight.service_id} are gone")
                return True
            if fault is not None and self._meet(fault):
                return False
            if fault is None and not lines.is_cut and fetch + 1 == self._limits.fetches:
                self._give_up(flight, f"the results of batch {flight.service_id} lack a row")
                return True
        logger.warning("Claude: the results of %s could not be read to the end", flight.service_id)
        return False

    async def _read_results(self, flight: OpenBatch, url: str, lines: "_Lines") -> Fault | None:
        cost_before = self._session.spend.cost_usd
        with span(
            "claude batches.results",
            kind=SpanKind.CLIENT,
            signal_assets__service=SERVICE,
            signal_assets__operation="batches.results",
            signal_assets__from_ledger=False,
        ) as opened:
            fault = await self._service.read_lines(url, partial(self._take, flight, lines))
            if fault is not None:
                note(opened, http__response__status_code=fault.status)
                opened.set_status(StatusCode.ERROR, fault.verdict)
            cost = self._session.spend.cost_usd - cost_before
            note(opened, signal_assets__cost_usd=float(cost))
            return fault

    def _take(self, flight: OpenBatch, lines: "_Lines", line: bytes) -> None:
        if not line.strip():
            return
        row = _read_row(line)
        lines.is_cut = lines.is_cut or row is None
        ticket = flight.tickets.pop(row.custom_id, None) if row is not None else None
        if row is not None and ticket is not None:
            self._settle_row(flight, row, ticket)

    def _give_up(self, flight: OpenBatch, reason: str) -> None:
        """What is left of the batch may have been billed, and its answers will not come."""
        for key in flight.tickets:
            self._fail(key, "service", reason)
        self._close(flight, reason)

    def _close(self, flight: OpenBatch, outcome: str) -> None:
        self._session.close_batch(flight, outcome)
        flight.tickets.clear()
        self._flights = [each for each in self._flights if each.number != flight.number]

    # --- rows ------------------------------------------------------------------------------

    def _settle_row(self, flight: OpenBatch, row: BatchRow, ticket: Ticket) -> None:
        match row.kind:
            case "succeeded":
                self._settle_message(flight, row, ticket)
            case "errored":
                self._session.release(ticket, f"errored in the batch: {row.error_type}")
                self._settle_error(row)
            case "expired":
                self._session.release(ticket, "expired in the batch")
                reason = f"its batch expired before its turn; {RUN_AGAIN}"
                self._finish_key(row.custom_id, ReadingPostponed(kind="waiting", reason=reason))
            case "canceled":
                self._session.release(ticket, "canceled in the batch")
                reason = f"its batch was canceled; {RUN_AGAIN}"
                self._finish_key(row.custom_id, ReadingPostponed(kind="waiting", reason=reason))
            case "unknown":
                self._session.leave_unknown(ticket, "a row of a type that is not known")
                self._fail(row.custom_id, "service", "a row of results of a type that is not known")

    def _settle_message(self, flight: OpenBatch, row: BatchRow, ticket: Ticket) -> None:
        body = row.message or ""
        try:
            message = parse_message(body)
        except UnreadableAnswer as unreadable:
            self._session.leave_unknown(ticket, str(unreadable))
            self._fail(row.custom_id, "invalid", str(unreadable))
            return
        settled = settle(self._session, self._calls, ticket, message, body, flight.intent.fields)
        job = self._open.get(row.custom_id)
        if job is not None:
            self._judge(job, settled)

    def _judge(self, job: _Job, settled: Settled) -> None:
        job.cost_usd += settled.cost_usd
        job.tokens_input += settled.tokens_input
        job.tokens_output += settled.tokens_output
        unusable = settled.unusable
        if unusable is None:
            self._finish(job, self._reading(job, settled))
        elif settled.is_last:
            self._fail(job.key, unusable.kind, f"{unusable.reason}; {NOT_ASKED_AGAIN}")
        elif unusable.kind == "truncated" and not job.has_larger_cap:
            job.has_larger_cap = True
            job.max_tokens *= 2
            self._ready.append(job)
        else:
            self._fail(job.key, unusable.kind, unusable.reason)

    def _settle_error(self, row: BatchRow) -> None:
        said = f"errored in the batch ({row.error_type})"
        if row.error_type in _OUR_FAULT:
            self._fail(row.custom_id, "service", said)
        elif row.error_type in _ACCOUNT_FAULT:
            reason = f"Claude will not serve us: {said}"
            self._finish_key(row.custom_id, ReadingPostponed(kind="unavailable", reason=reason))
        else:
            self._again(row.custom_id, said)

    def _again(self, key: str, reason: str) -> None:
        """Put a text into the next batch, a bounded number of times."""
        job = self._open.get(key)
        if job is None:
            return
        job.tries += 1
        if job.tries < self._limits.tries:
            self._ready.append(job)
        else:
            self._fail(key, "service", f"{reason}, {job.tries} times")

    # --- trouble and stopping --------------------------------------------------------------

    @property
    def _service(self) -> ClaudeTransport:
        if self._transport is None:
            self._transport = self._open_transport()
        return self._transport

    def _meet(self, fault: Fault) -> bool:
        """Count a trouble of the service; return whether it is one too many."""
        if fault.verdict == "stop":
            self._stop("unavailable", f"Claude will not serve us: {fault.reason}")
            return True
        self._troubles += 1
        if self._troubles >= self._limits.troubles_in_a_row:
            reason = f"Claude gave no answer {self._troubles} times in a row: {fault.reason}"
            self._stop("unavailable", reason)
            return True
        logger.warning("Claude: %s", fault.reason)
        return False

    def _pause_after(self, fault: Fault) -> float:
        asked = fault.wait_seconds or self._limits.first_poll_seconds
        return min(asked, self._limits.longest_poll_seconds)

    def _stop(self, kind: str, reason: str) -> None:
        if self._stopped is None:
            logger.warning("Claude: stopped asking: %s", reason)
            self._stopped = ReadingPostponed.model_validate({"kind": kind, "reason": reason})

    def _postpone_the_rest(self) -> None:
        """What is in a batch waits for it, whatever stopped the run."""
        for flight in self._flights:
            waits = Busy(until=f"batch {flight.service_id or 'without an id yet'} has ended")
            for key in list(flight.tickets):
                self._finish_key(key, _busy(waits.model_copy(update={"in_batch": True})))
        reason = f"the time to wait for batches is over; {RUN_AGAIN}"
        rest = self._stopped or ReadingPostponed(kind="waiting", reason=reason)
        for key in list(self._open):
            self._finish_key(key, rest)

    # --- outcomes --------------------------------------------------------------------------

    def _stored(self, job: _Job, answer: Answer) -> ReadingOutcome:
        return read_stored(answer, self._questions.fields, self._questions.model.name, job.cut_at)

    def _reading(self, job: _Job, settled: Settled) -> Reading:
        return Reading(
            claims=settled.claims,
            extractor="claude",
            model=self._questions.model.name,
            tokens_input=job.tokens_input,
            tokens_output=job.tokens_output,
            cost_usd=job.cost_usd,
            text_cut_at=job.cut_at,
        )

    def _fail(self, key: str, kind: FailureKind, reason: str) -> None:
        job = self._open.get(key)
        if job is None:
            return
        failed = ReadingFailed(
            kind=kind,
            reason=f"Claude: {reason}",
            model=self._questions.model.name,
            tokens_input=job.tokens_input,
            tokens_output=job.tokens_output,
            cost_usd=job.cost_usd,
        )
        self._finish(job, failed)

    def _finish_key(self, key: str, outcome: ReadingOutcome) -> None:
        job = self._open.get(key)
        if job is not None:
            self._finish(job, outcome)

    def _finish(self, job: _Job, outcome: ReadingOutcome) -> None:
        del self._open[job.key]
        self._desk.hand_over(job.key, job.vacancies, outcome)


@dataclass(slots=True)
class _Lines:
    """What one look at a results file showed."""

    is_cut: bool = False
    """A line could not be read."""


def _is_over(flight: OpenBatch) -> bool:
    """Whether the batch is so old that the service cannot be at work on it any more.

    A younger one that the service does not know may belong to another workspace than the key does:
    to ask its texts anew would pay for them twice.
    """
    return datetime.now(UTC) - flight.created_at > _LONGEST_LIFE


def _read_row(line: bytes) -> BatchRow | None:
    try:
        return parse_row(line)
    except UnreadableAnswer:
        return None


def _busy(busy: Busy) -> ReadingPostponed:
    if busy.in_batch:
        return ReadingPostponed(kind="waiting", reason=wait_for_batch(busy))
    return ReadingPostponed(kind="unavailable", reason="another run is asking for the same answer")
