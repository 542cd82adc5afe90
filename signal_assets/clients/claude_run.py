"""A Claude run: many vacancies on their way to one outcome each, some of them at the same time."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice

from opentelemetry.trace import SpanKind, StatusCode

from signal_assets.clients.claude_calls import ClaudeCalls
from signal_assets.clients.claude_faults import Fault
from signal_assets.clients.claude_settling import NOT_ASKED_AGAIN, read_stored, settle
from signal_assets.clients.claude_transport import ClaudeTransport, Received
from signal_assets.clients.errors import BudgetExhausted
from signal_assets.clients.ledger import LedgerSession
from signal_assets.clients.outcome_desk import OutcomeDesk
from signal_assets.clients.pacing import Pace, PacingRules
from signal_assets.clients.paid_calls import Answer, Busy, Call, NoSlot, Ticket
from signal_assets.clients.readers import OnOutcome
from signal_assets.clients.saying import NowAndThen
from signal_assets.clients.tracing import note, span
from signal_assets.domain.claude_answers import (
    UnreadableAnswer,
    hash_body,
    parse_message,
)
from signal_assets.domain.claude_requests import ClaudeQuestions, FencedVacancy, fence_vacancy
from signal_assets.domain.extractions import (
    Claim,
    FailureKind,
    Reading,
    ReadingFailed,
    ReadingOutcome,
    ReadingPostponed,
    VacancyText,
)

logger = logging.getLogger(__name__)

_INTAKE = 64
_MAX_OPEN = 2_000


@dataclass(frozen=True, slots=True)
class ClaudeLimits:
    """How long and how often is tried before something is given up."""

    attempt_seconds: float = 120.0
    """Wall time of one attempt, however slowly the answer drips in."""
    vacancy_seconds: float = 600.0
    """Wall time from the first attempt at a vacancy to the start of its last."""
    slot_seconds: float = 600.0
    """Longest wait in which the limits over all runs give this run no turn at all."""
    longest_asked_wait_seconds: float = 60.0
    """The service may ask for a pause this long; a vacancy is not kept waiting for a longer one."""
    tries: int = 4
    """Attempts at one vacancy that broke on the way."""
    unreadable_answers: int = 2
    """Answers to one vacancy that were no message at all."""
    rejections_in_a_row: int = 5
    """Requests refused one after the other, after which nothing is asked any more."""
    pacing: PacingRules = field(default_factory=PacingRules)


@dataclass(slots=True, eq=False)
class _Job:
    """One text on its way; vacancies with the same words travel together."""

    fenced: FencedVacancy
    call: Call
    max_tokens: int
    vacancies: list[VacancyText] = field(default_factory=list)
    began_at: float | None = None
    tries: int = 0
    unreadable: int = 0
    busy: int = 0
    has_larger_cap: bool = False
    tokens_input: int = 0
    tokens_output: int = 0
    cost_usd: Decimal = Decimal(0)


class ClaudeRun:
    """Keeps as many calls in flight as the pace allows, and settles each with the ledger.

    Lives in one event loop. The ledger is called straight from the loop: it is fast, and an answer
    is stored before anything else happens to it. `say` tells a person what is waited for.
    """

    def __init__(
        self,
        session: LedgerSession,
        questions: ClaudeQuestions,
        calls: ClaudeCalls,
        open_transport: Callable[[], ClaudeTransport],
        limits: ClaudeLimits,
        concurrency: int,
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
        self._concurrency = concurrency
        self._pace = Pace(concurrency, limits.pacing, warms_up=questions.is_cached)
        self._source = iter(vacancies)
        self._is_source_empty = False
        self._desk = OutcomeDesk(on_outcome, lambda: session.spend.cost_usd)
        self._say = NowAndThen(say)

        self._open: dict[str, _Job] = {}
        self._ready: deque[_Job] = deque()
        self._sleeping: dict[_Job, asyncio.TimerHandle] = {}
        self._in_flight: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._gate_timer: asyncio.TimerHandle | None = None
        self._awaits_budget = False
        self._turn_opens_at = float("-inf")
        self._last_turn_at: float | None = None
        self._rejections = 0
        self._stopped: ReadingPostponed | None = None

    async def work(self) -> None:
        """Bring every vacancy to its outcome."""
        try:
            while self._open or not self._is_source_empty:
                if self._needs_intake():
                    self._take_in()
                    self._start_ready()
                    await asyncio.sleep(0)
                else:
                    self._start_ready()
                    await self._wake.wait()
                self._wake.clear()
                self._reap()
        finally:
            await self._wind_up()
        self._desk.log_progress("done")

    # --- taking in -------------------------------------------------------------------------

    def _needs_intake(self) -> bool:
        if self._is_source_empty:
            return False
        return len(self._ready) < self._concurrency and len(self._open) < _MAX_OPEN

    def _take_in(self) -> None:
        """Take some vacancies in; those whose answer is stored are done at once."""
        batch = list(islice(self._source, _INTAKE))
        self._is_source_empty = len(batch) < _INTAKE
        fresh: list[_Job] = []
        for vacancy in batch:
            fenced = fence_vacancy(vacancy)
            key = self._calls.key_of(fenced)
            job = self._open.get(key)
            if job is None:
                cap = self._questions.model.max_output_tokens
                job = _Job(fenced, self._calls.plan(key, fenced, cap), cap)
                self._open[key] = job
                fresh.append(job)
            job.vacancies.append(vacancy)
        stored = self._session.answers([job.call for job in fresh])
        for job in fresh:
            answer = stored.get(job.call.key)
            failure = self._desk.failure_of(job.call.key)
            if answer is not None:
                self._finish(job, self._read_stored(job, answer))
            elif failure is not None:
                self._finish(job, failure)
            elif self._stopped is not None:
                self._finish(job, self._stopped)
            else:
                self._ready.append(job)

    # --- starting --------------------------------------------------------------------------

    def _start_ready(self) -> None:
        now = time.monotonic()
        while (
            self._ready
            and not self._awaits_budget
            and now >= self._turn_opens_at
            and self._pace.has_room(len(self._in_flight), now)
        ):
            self._start(self._ready.popleft(), now)
        opens_at = max(self._pace.opens_at, self._turn_opens_at)
        if self._ready and now < opens_at:
            self._wake_up_in(opens_at - now)

    def _wake_up_in(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if self._gate_timer is not None:
            if self._gate_timer.when() <= loop.time() + seconds:
                return
            self._gate_timer.cancel()
        self._gate_timer = loop.call_later(seconds, self._open_gate)

    def _open_gate(self) -> None:
        self._gate_timer = None
        self._wake.set()

    def _start(self, job: _Job, now: float) -> None:
        if self._transport is None:
            self._transport = self._open_transport()
        try:
            asked = self._session.begin(job.call)
        except BudgetExhausted as error:
            self._wait_for_budget(job, str(error))
            return
        if isinstance(asked, NoSlot):
            self._wait_for_turn(job, asked, now)
            return
        if job.began_at is None:
            job.began_at = now
        if isinstance(asked, Answer):
            self._finish(job, self._read_stored(job, asked))
        elif isinstance(asked, Busy) and asked.in_batch:
            self._finish(job, ReadingPostponed(kind="waiting", reason=wait_for_batch(asked)))
        elif isinstance(asked, Busy):
            self._wait_for_other_run(job, now)
        else:
            self._last_turn_at = now
            task = asyncio.create_task(self._ask(self._transport, job, asked))
            self._in_flight.add(task)
            task.add_done_callback(self._wake_up)

    def _wait_for_budget(self, job: _Job, reason: str) -> None:
        """Calls in flight hold more than they will cost: what is left is known when they are in."""
        if self._in_flight:
            self._ready.appendleft(job)
            self._awaits_budget = True
        else:
            self._stop(ReadingPostponed(kind="budget", reason=reason), job)

    def _wait_for_turn(self, job: _Job, no_slot: NoSlot, now: float) -> None:
        """The job goes first when the wait is over; nothing of it counts as an attempt."""
        if self._last_turn_at is None or self._in_flight:
            self._last_turn_at = now
        if now - self._last_turn_at > self._limits.slot_seconds:
            reason = f"{no_slot.reason}, and none came free in {self._limits.slot_seconds:.0f} s"
            self._stop(ReadingPostponed(kind="unavailable", reason=reason), job)
            return
        self._ready.appendleft(job)
        self._turn_opens_at = now + no_slot.wait_seconds
        self._say(f"Claude: waiting for a turn: {no_slot.reason}")

    def _wait_for_other_run(self, job: _Job, now: float) -> None:
        if self._is_late(job, now):
            reason = "another run is asking for the same answer"
            self._finish(job, ReadingPostponed(kind="unavailable", reason=reason))
            return
        self._sleep(job, min(2.0, 0.1 * 2.0**job.busy))
        job.busy += 1

    def _wake_up(self, _task: asyncio.Task[None]) -> None:
        self._wake.set()

    def _reap(self) -> None:
        """Drop the tasks that are done; an error in one is an error of the run."""
        done = [task for task in self._in_flight if task.done()]
        self._in_flight.difference_update(done)
        if done:
            self._awaits_budget = False
            self._turn_opens_at = float("-inf")
        for task in done:
            task.result()

    # --- one attempt -----------------------------------------------------------------------

    async def _ask(self, transport: ClaudeTransport, job: _Job, ticket: Ticket) -> None:
        if not await self._reach_start(job, ticket):
            return
        request = self._questions.build_request(job.fenced.message, job.max_tokens)
        cost_before = job.cost_usd
        with span(
            "claude messages",
            kind=SpanKind.CLIENT,
            signal_assets__service=ticket.service,
            signal_assets__operation="messages",
            signal_assets__model=self._questions.model.name,
            signal_assets__from_ledger=False,
        ) as opened:
            sent_at = time.monotonic()
            try:
                came = await transport.ask(request)
            except BaseException:
                self._session.leave_unknown(ticket, "interrupted")
                raise
            if isinstance(came, Fault):
                note(opened, http__response__status_code=came.status)
                opened.set_status(StatusCode.ERROR, came.verdict)
                self._settle_fault(job, ticket, came, sent_at)
            else:
                note(opened, http__response__status_code=200)
                self._settle_answer(job, ticket, came, sent_at)
            note(opened, signal_assets__cost_usd=float(job.cost_usd - cost_before))

    async def _reach_start(self, job: _Job, ticket: Ticket) -> bool:
        """Wait until the call may be sent; return False if it must not be any more."""
        if ticket.starts_in <= 0:
            return True
        try:
            await asyncio.sleep(ticket.starts_in)
        except BaseException:
            self._session.release(ticket, "interrupted before it was sent")
            raise
        if self._stopped is None:
            return True
        self._session.release(ticket, "stopped before it was sent")
        self._finish(job, self._stopped)
        return False

    def _settle_answer(self, job: _Job, ticket: Ticket, came: Received, sent_at: float) -> None:
        try:
            body = came.body.decode()
            message = parse_message(body)
        except (UnicodeDecodeError, UnreadableAnswer) as error:
            reason = str(error) if isinstance(error, UnreadableAnswer) else "not UTF-8"
            self._settle_unreadable(job, ticket, _quarantine(reason, came), sent_at)
            return
        self._pace.note_answer()
        self._rejections = 0
        settled = settle(self._session, self._calls, ticket, message, body, self._questions.fields)
        job.cost_usd += settled.cost_usd
        job.tokens_input += settled.tokens_input
        job.tokens_output += settled.tokens_output
        if settled.unusable is None:
            self._finish(job, self._reading(job, settled.claims))
        else:
            reason = _quarantine(settled.unusable.reason, came)
            self._settle_unusable(job, settled.unusable.kind, reason, is_last=settled.is_last)

    def _settle_unusable(self, job: _Job, kind: FailureKind, reason: str, *, is_last: bool) -> None:
        """An answer that was cut off is asked for once more with room for the double."""
        if is_last:
            self._fail(job, kind, f"{reason}; {NOT_ASKED_AGAIN}")
        elif kind == "truncated" and not job.has_larger_cap and self._stopped is None:
            self._double_cap(job)
            self._ready.append(job)
        else:
            self._fail(job, kind, reason)

    def _settle_unreadable(self, job: _Job, ticket: Ticket, reason: str, sent_at: float) -> None:
        self._session.leave_unknown(ticket, reason)
        self._pace.note_trouble(sent_at, time.monotonic(), pauses_all=False)
        job.unreadable += 1
        if job.unreadable < self._limits.unreadable_answers:
            self._try_again(job, reason, self._pace.backoff(job.unreadable), "invalid")
        else:
            self._fail_unless_stopped(job, "invalid", reason)
        self._stop_if_down(reason)

    def _settle_fault(self, job: _Job, ticket: Ticket, fault: Fault, sent_at: float) -> None:
        if fault.may_be_billed:
            self._session.leave_unknown(ticket, fault.reason)
        else:
            self._session.release(ticket, fault.reason)
        asked_wait = fault.wait_seconds
        if fault.verdict == "stop":
            reason = f"Claude will not serve us: {fault.reason}"
            self._stop(ReadingPostponed(kind="unavailable", reason=reason), job)
        elif fault.verdict == "reject":
            self._reject(job, fault.reason)
        elif fault.verdict == "retry":
            self._settle_broken(job, fault.reason, sent_at)
        elif asked_wait is not None and asked_wait > self._limits.longest_asked_wait_seconds:
            self._pace.note_trouble(sent_at, time.monotonic(), pauses_all=True)
            self._reject(job, f"{fault.reason}, with a request to wait {asked_wait:.0f} s")
        else:
            self._settle_overload(job, fault, sent_at)

    def _settle_overload(self, job: _Job, fault: Fault, sent_at: float) -> None:
        now = time.monotonic()
        self._pace.note_trouble(sent_at, now, pauses_all=True, asked_wait=fault.wait_seconds)
        self._stop_if_down(fault.reason)
        self._try_again(job, fault.reason, 0.0, "service")

    def _settle_broken(self, job: _Job, reason: str, sent_at: float) -> None:
        self._pace.note_trouble(sent_at, time.monotonic(), pauses_all=False)
        self._stop_if_down(reason)
        job.tries += 1
        if job.tries < self._limits.tries:
            self._try_again(job, reason, self._pace.backoff(job.tries), "service")
        else:
            self._fail_unless_stopped(job, "service", f"{reason}, {job.tries} times")

    def _try_again(self, job: _Job, reason: str, wait: float, kind: FailureKind) -> None:
        if self._stopped is not None:
            self._finish(job, self._stopped)
        elif self._is_late(job, max(time.monotonic() + wait, self._pace.opens_at)):
            seconds = self._limits.vacancy_seconds
            self._fail(job, kind, f"{reason}, and no answer within {seconds:g} s")
        elif wait > 0:
            self._sleep(job, wait)
        else:
            self._ready.appendleft(job)

    def _is_late(self, job: _Job, now: float) -> bool:
        return job.began_at is not None and now > job.began_at + self._limits.vacancy_seconds

    def _sleep(self, job: _Job, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._sleeping[job] = loop.call_later(seconds, self._rouse, job)

    def _rouse(self, job: _Job) -> None:
        del self._sleeping[job]
        self._ready.append(job)
        self._wake.set()

    def _double_cap(self, job: _Job) -> None:
        if not job.has_larger_cap:
            job.has_larger_cap = True
            job.max_tokens *= 2
            job.call = self._calls.plan(job.call.key, job.fenced, job.max_tokens)

    # --- stopping --------------------------------------------------------------------------

    def _reject(self, job: _Job, reason: str) -> None:
        self._fail_unless_stopped(job, "service", reason)
        self._rejections += 1
        if self._rejections >= self._limits.rejections_in_a_row:
            reason = f"Claude refused {self._rejections} requests in a row: {reason}"
            self._stop(ReadingPostponed(kind="unavailable", reason=reason))

    def _stop_if_down(self, reason: str) -> None:
        if self._pace.is_down:
            times = self._pace.rounds_of_trouble
            reason = f"Claude gave no answer {times} times in a row: {reason}"
            self._stop(ReadingPostponed(kind="unavailable", reason=reason))

    def _stop(self, outcome: ReadingPostponed, job: _Job | None = None) -> None:
        """Ask nothing more; calls in flight still come to their end."""
        if self._stopped is None:
            logger.warning("Claude: stopped asking: %s", outcome.reason)
            self._stopped = outcome
        for timer in self._sleeping.values():
            timer.cancel()
        waiting = [*self._sleeping, *self._ready, *([job] if job else [])]
        self._sleeping.clear()
        self._ready.clear()
        for each in waiting:
            self._finish(each, self._stopped)

    async def _wind_up(self) -> None:
        for timer in [*self._sleeping.values(), *([self._gate_timer] if self._gate_timer else [])]:
            timer.cancel()
        for task in self._in_flight:
            task.cancel()
        await asyncio.gather(*self._in_flight, return_exceptions=True)
        if self._transport is not None:
            await self._transport.close()

    # --- outcomes --------------------------------------------------------------------------

    def _read_stored(self, job: _Job, answer: Answer) -> ReadingOutcome:
        """Read an answer of the ledger again; it costs nothing now, and shows what it cost."""
        return read_stored(
            answer, self._questions.fields, self._questions.model.name, job.fenced.cut_at
        )

    def _reading(self, job: _Job, claims: tuple[Claim, ...]) -> Reading:
        return Reading(
            claims=claims,
            extractor="claude",
            model=self._questions.model.name,
            tokens_input=job.tokens_input,
            tokens_output=job.tokens_output,
            cost_usd=job.cost_usd,
            text_cut_at=job.fenced.cut_at,
        )

    def _fail_unless_stopped(self, job: _Job, kind: FailureKind, reason: str) -> None:
        if self._stopped is not None and not job.cost_usd:
            self._finish(job, self._stopped)
        else:
            self._fail(job, kind, reason)

    def _fail(self, job: _Job, kind: FailureKind, reason: str) -> None:
        failed = ReadingFailed(
            kind=kind,
            reason=f"Claude: {reason}",
            model=self._questions.model.name,
            tokens_input=job.tokens_input,
            tokens_output=job.tokens_output,
            cost_usd=job.cost_usd,
        )
        self._finish(job, failed)

    def _finish(self, job: _Job, outcome: ReadingOutcome) -> None:
        del self._open[job.call.key]
        self._desk.hand_over(job.call.key, job.vacancies, outcome)
        self._wake.set()


def wait_for_batch(busy: Busy) -> str:
    """Return why a text of an open batch is not asked again, and how to go on."""
    return f"it waits until {busy.until}; run again to go on, nothing is paid for twice"


def _quarantine(reason: str, came: Received) -> str:
    """Return `reason` with what a person needs to find the answer again."""
    return f"{reason} (request {came.request_id}, body {hash_body(came.body)})"
