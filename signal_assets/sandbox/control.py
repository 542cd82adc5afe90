"""The control endpoint `/_sandbox`: the journal, faults, latency and scripted answers."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from signal_assets.domain.extractions import Claim
from signal_assets.domain.records import Record
from signal_assets.domain.search_profiles import KeywordRules
from signal_assets.sandbox.claude import ClaudeService
from signal_assets.sandbox.claude_batches import BatchRules
from signal_assets.sandbox.claude_limits import LimitsPerMinute
from signal_assets.sandbox.fault_board import FaultSwitch, ServiceName, UnknownFault
from signal_assets.sandbox.front import Desk

Endpoint = Callable[[Request], Awaitable[Response]]


class Latency(Record):
    """Seconds that a service waits before each answer."""

    service: ServiceName
    seconds: Annotated[float, Field(ge=0)]


class Script(Record):
    """Facts that Claude states of every text that holds `contains`."""

    contains: Annotated[str, Field(min_length=1)]
    facts: tuple[Claim, ...]


class Lesson(Record):
    """Rules of a profile by which the model finds fields that have no shipped rules."""

    rules: dict[str, KeywordRules]


class Obedience(Record):
    """Whether Claude does what the texts it reads tell it to do."""

    is_obedient: bool


class Pace(Record):
    """Seconds between two pieces of a dripping body."""

    seconds: Annotated[float, Field(ge=0)]


class Step(Record):
    """Seconds by which the sandbox's clock is moved forward."""

    seconds: Annotated[float, Field(ge=0)]


class Control:
    """Handlers of `/_sandbox`; a wrong body is answered with 400 and the reason."""

    def __init__(self, desk: Desk, claude: ClaudeService) -> None:
        self._desk = desk
        self._claude = claude

    def routes(self) -> list[Route]:
        table: list[tuple[str, str, Endpoint]] = [
            ("GET", "/", self._show_journal),
            ("GET", "/journal", self._show_journal),
            ("DELETE", "/journal", self._clear_journal),
            ("GET", "/faults", self._show_faults),
            ("POST", "/faults", self._switch_on),
            ("DELETE", "/faults", self._switch_off),
            ("GET", "/faults/catalogue", self._show_catalogue),
            ("POST", "/latency", self._set_latency),
            ("POST", "/drip", self._set_drip),
            ("POST", "/clock", self._advance),
            ("POST", "/claude/answers", self._add_script),
            ("DELETE", "/claude/answers", self._clear_scripts),
            ("POST", "/claude/rules", self._teach),
            ("POST", "/claude/obedience", self._set_obedience),
            ("POST", "/claude/limits", self._set_limits),
            ("POST", "/claude/batches", self._set_batch_rules),
        ]
        return [Route(path, _guard(run), methods=[method]) for method, path, run in table]

    async def _show_journal(self, request: Request) -> Response:
        query = request.query_params
        journal = self._desk.journal.as_json(
            service=query.get("service"),
            requests=query.get("requests", "1") != "0",
            bodies=query.get("bodies", "0") != "0",
        )
        return JSONResponse(journal)

    async def _clear_journal(self, request: Request) -> Response:
        self._desk.journal.clear()
        return _done()

    async def _show_faults(self, request: Request) -> Response:
        return JSONResponse(self._desk.faults.as_json())

    async def _show_catalogue(self, request: Request) -> Response:
        return JSONResponse(
            [
                {"service": fault.service, "fault": fault.name, "line": fault.line}
                for fault in self._desk.faults.catalogue
            ]
        )

    async def _switch_on(self, request: Request) -> Response:
        switch = FaultSwitch.model_validate_json(await request.body())
        self._desk.faults.switch_on(switch)
        return _done()

    async def _switch_off(self, request: Request) -> Response:
        self._desk.faults.clear()
        return _done()

    async def _set_latency(self, request: Request) -> Response:
        latency = Latency.model_validate_json(await request.body())
        self._desk.latency[latency.service] = latency.seconds
        return _done()

    async def _set_drip(self, request: Request) -> Response:
        self._desk.drip_pause = Pace.model_validate_json(await request.body()).seconds
        return _done()

    async def _advance(self, request: Request) -> Response:
        self._desk.clock.advance(Step.model_validate_json(await request.body()).seconds)
        return _done()

    async def _add_script(self, request: Request) -> Response:
        script = Script.model_validate_json(await request.body())
        self._claude.scripts.add(script.contains, script.facts)
        return _done()

    async def _clear_scripts(self, request: Request) -> Response:
        self._claude.scripts.clear()
        return _done()

    async def _teach(self, request: Request) -> Response:
        self._claude.model.teach(Lesson.model_validate_json(await request.body()).rules)
        return _done()

    async def _set_obedience(self, request: Request) -> Response:
        self._claude.is_obedient = Obedience.model_validate_json(await request.body()).is_obedient
        return _done()

    async def _set_limits(self, request: Request) -> Response:
        limits = LimitsPerMinute.model_validate_json(await request.body())
        self._claude.limits.per_minute = limits
        return _done()

    async def _set_batch_rules(self, request: Request) -> Response:
        self._claude.batches.rules = BatchRules.model_validate_json(await request.body())
        return _done()


def _guard(run: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> Response:
        try:
            return await run(request)
        except (UnknownFault, ValueError) as error:
            return JSONResponse({"error": str(error)}, status_code=400)

    return guarded


def _done(**details: Any) -> Response:
    return JSONResponse({"done": True, **details})
