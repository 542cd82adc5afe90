"""The application: the routes of the service and what stands behind them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Path, Query
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse, Response

from signal_assets import __version__
from signal_assets.api import answers
from signal_assets.api.answers import (
    ActivatedAnswer,
    ActivationRequest,
    Companies,
    ErrorAnswer,
    NewPrompt,
    NewRun,
    ProfileAnswer,
    PromptAnswer,
    Readiness,
    RunState,
    StartedRun,
)
from signal_assets.api.dagster_runs import Runs, TooManyRuns
from signal_assets.api.errors import ApiError, add_error_handlers
from signal_assets.api.guard import OPEN_PATHS, BodyLimit, Guard
from signal_assets.api.health import Health
from signal_assets.api.metrics import Metrics
from signal_assets.api.traced import Traced
from signal_assets.clients.decision_tables import TableRefused
from signal_assets.clients.evaluation_files import BadEvaluationFile
from signal_assets.clients.ledger import Ledger
from signal_assets.clients.ledger_reports import PassRecord
from signal_assets.clients.profile_files import (
    LoadedProfile,
    ProfileRefused,
    load_named_profile,
    load_profiles,
)
from signal_assets.clients.prompts import PromptStore, UnknownPrompt
from signal_assets.clients.suppression_files import read_suppression
from signal_assets.defs.activating import ActivationRefused, activate_prompt
from signal_assets.defs.extraction_prompts import active_prompt
from signal_assets.defs.frames import rows_of
from signal_assets.defs.storage import TableStore
from signal_assets.domain.activations import Activation
from signal_assets.domain.deliveries import select_deliveries
from signal_assets.settings import Settings

ProfileName = Annotated[
    str, Path(pattern=r"^[a-z0-9_]{1,64}$", description="The name of a search profile.")
]
Version = Annotated[int, Path(ge=1, le=1_000_000, description="The number of a prompt version.")]
Limit = Annotated[int, Query(ge=1, le=1_000, description="How many at most.")]
_ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"model": ErrorAnswer, "description": description}
    for code, description in {
        401: "No bearer token, or another one.",
        403: "Without a token: not from this machine's own programs.",
        404: "There is none of that name or number.",
        409: "It does not go together with what is there.",
        413: "The body is too long.",
        422: "What was sent is not what is asked for.",
        500: "An unexpected error.",
        503: "The database or a file cannot be used.",
    }.items()
}


class Backend:
    """What the routes need: settings, database, tables and Dagster's runs."""

    def __init__(self, settings: Settings, runs: Runs) -> None:
        self.settings = settings
        self.runs = runs
        self.prompts = PromptStore.open(settings.resolved_database_url)
        self.ledger = Ledger.open(settings.resolved_database_url)
        self.tables = TableStore(settings.storage)
        self.health = Health(self.ledger.database, self.tables)
        self.metrics = Metrics(settings, self.ledger, runs)

    def close(self) -> None:
        self.prompts.close()
        self.ledger.close()

    def profile(self, name: str) -> LoadedProfile:
        """Return one profile, with version 1 of its prompt made if there was none."""
        try:
            loaded = load_named_profile(self.settings.profiles, name)
        except ProfileRefused:
            raise ApiError(404, "not_found", f"there is no search profile {name}") from None
        active_prompt(self.prompts, loaded.profile)
        return loaded


def create_app(settings: Settings, runs: Runs, token: str | None) -> FastAPI:
    """Return the service; with a `token` every caller must bring it.

    Raises:
        DatabaseUnavailable: the database cannot be used.
    """
    backend = Backend(settings, runs)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        backend.close()

    app = FastAPI(
        title="signal_assets",
        version=__version__,
        summary="Search profiles, prompts, runs, and companies with their evidence.",
        lifespan=lifespan,
        responses=_ERRORS,
        redirect_slashes=False,
    )
    add_error_handlers(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(BaseHTTPMiddleware, dispatch=Guard(token))
    app.add_middleware(Traced)
    _add_health(app, backend)
    _add_profiles(app, backend)
    _add_prompts(app, backend)
    _add_runs(app, backend)
    _add_companies(app, backend)
    if token is not None:
        _describe_token(app)
    return app


def _add_health(app: FastAPI, backend: Backend) -> None:
    # Not in a thread: threads may all be waiting for a database that hangs.
    @app.get("/health", tags=["service"])
    @app.get("/health/live", tags=["service"])
    async def health() -> answers.Health:
        """Say that the service answers."""
        return answers.Health(version=__version__)

    @app.get("/health/ready", tags=["service"], responses={503: {"model": Readiness}})
    def ready(response: Response) -> Readiness:
        """Say whether database and tables can be used; 503 when one cannot."""
        seen = backend.health.look()
        response.status_code = 200 if seen.is_ready else 503
        return seen

    @app.get("/metrics", tags=["service"], response_class=PlainTextResponse)
    def metrics() -> Response:
        """Return calls, money, passes and ages in Prometheus's text format."""
        return Response(backend.metrics.text(), media_type=CONTENT_TYPE_LATEST)


def _add_profiles(app: FastAPI, backend: Backend) -> None:
    @app.get("/profiles", tags=["profiles"])
    def list_profiles() -> list[ProfileAnswer]:
        """List the search profiles that can be used."""
        profiles = load_profiles(backend.settings.profiles).profiles
        return [ProfileAnswer.of(one.profile) for one in profiles.values()]

    @app.get("/profiles/{profile}", tags=["profiles"])
    def get_profile(profile: ProfileName) -> ProfileAnswer:
        """Return one search profile."""
        return ProfileAnswer.of(backend.profile(profile).profile)


def _add_prompts(app: FastAPI, backend: Backend) -> None:
    @app.get("/profiles/{profile}/prompts", tags=["prompts"])
    def list_prompts(profile: ProfileName) -> list[PromptAnswer]:
        """List the prompt versions of a search profile, oldest first."""
        backend.profile(profile)
        return [PromptAnswer.of(one) for one in backend.prompts.versions(profile)]

    @app.get("/profiles/{profile}/prompts/active", tags=["prompts"])
    def get_active_prompt(profile: ProfileName) -> PromptAnswer:
        """Return the version that reads."""
        backend.profile(profile)
        return PromptAnswer.of(backend.prompts.active(profile))

    @app.get("/profiles/{profile}/prompts/{version}", tags=["prompts"])
    def get_prompt(profile: ProfileName, version: Version) -> PromptAnswer:
        """Return one version."""
        backend.profile(profile)
        try:
            return PromptAnswer.of(backend.prompts.get(profile, version))
        except UnknownPrompt as error:
            raise ApiError(404, "not_found", str(error)) from None

    @app.get("/profiles/{profile}/activations", tags=["prompts"])
    def list_activations(profile: ProfileName) -> list[Activation]:
        """List when which version became active and why it could, oldest first."""
        backend.profile(profile)
        return backend.prompts.activations(profile)

    @app.post("/profiles/{profile}/prompts", tags=["prompts"], status_code=201)
    def create_prompt(profile: ProfileName, prompt: NewPrompt) -> PromptAnswer:
        """Make a new version; it waits until it is activated."""
        backend.profile(profile)
        made = backend.prompts.create(
            profile,
            prompt.system_prompt,
            prompt.fields,
            prompt.notes,
            datetime.now(UTC),
            activate=False,
        )
        return PromptAnswer.of(made)

    @app.post("/profiles/{profile}/prompts/{version}/activation", tags=["prompts"])
    def activate(
        profile: ProfileName, version: Version, request: ActivationRequest
    ) -> ActivatedAnswer:
        """Make a version the active one, after measuring it where vacancies are labelled.

        409 when it falls below the bar or below the active version. With Claude the answer takes as
        long as reading the labelled vacancies takes, and costs it once.
        """
        loaded = backend.profile(profile)
        try:
            done = activate_prompt(
                backend.settings,
                loaded,
                backend.prompts,
                version,
                activated_by="api",
                force_reason=request.force_reason,
            )
        except UnknownPrompt as error:
            raise ApiError(404, "not_found", str(error)) from None
        except ActivationRefused as refused:
            raise ApiError(409, "not_good_enough", str(refused)) from None
        except BadEvaluationFile as error:
            raise ApiError(503, "labels_unusable", str(error)) from None
        backend.runs.report_prompt(done.prompt)
        return ActivatedAnswer(prompt=PromptAnswer.of(done.prompt), activation=done.activation)


def _add_runs(app: FastAPI, backend: Backend) -> None:
    @app.get("/runs", tags=["runs"])
    def list_runs(
        profile: Annotated[str | None, Query(pattern=r"^[a-z0-9_]{1,64}$")] = None,
        pass_: Annotated[Literal["llm", "external"] | None, Query(alias="pass")] = None,
        limit: Limit = 100,
    ) -> list[PassRecord]:
        """List what runs did, the newest first: one entry for each table of a pass."""
        return backend.ledger.passes(profile, pass_, limit)

    @app.post("/runs", tags=["runs"], status_code=202)
    def start_run(run: NewRun, response: Response) -> StartedRun:
        """Start a run in the background; its id is Dagster's, and `/runs/{run_id}` follows it."""
        backend.profile(run.profile)
        try:
            run_id = backend.runs.start(run.profile, run.pass_, reread=run.reread)
        except TooManyRuns as error:
            raise ApiError(409, "too_many_runs", str(error)) from None
        response.headers["location"] = f"/runs/{run_id}"
        return StartedRun(run_id=run_id, profile=run.profile, pass_=run.pass_)

    @app.get("/runs/{run_id}", tags=["runs"])
    def get_run(run_id: Annotated[str, Path(pattern=r"^[0-9a-zA-Z-]{1,64}$")]) -> RunState:
        """Say where a run stands, and what its passes did so far."""
        state = backend.runs.state(run_id)
        if state is None:
            raise ApiError(404, "not_found", f"there is no run {run_id}")
        passes = tuple(one for one in backend.ledger.passes(state.profile) if one.run_id == run_id)
        return state.model_copy(update={"passes": passes})


def _add_companies(app: FastAPI, backend: Backend) -> None:
    @app.get("/profiles/{profile}/companies", tags=["companies"])
    def list_companies(
        profile: ProfileName,
        unmatched: Annotated[
            bool, Query(description="Also those without a certain KvK number.")
        ] = False,
        limit: Limit = 100,
        offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    ) -> Companies:
        """List the companies that may be handed over, best first, each value with its quote.

        Who is on the suppression list is left out, and so are businesses of natural persons unless
        the search profile wants them.
        """
        options = backend.profile(profile).profile
        try:
            suppression = read_suppression(backend.settings.suppression)
        except TableRefused as error:
            raise ApiError(503, "suppression_unusable", str(error)) from None
        frame = backend.tables.read("merged_companies", profile)
        if frame is None:
            return Companies(total=0, companies=())
        deliveries, _ = select_deliveries(
            rows_of(frame),
            include_unmatched=unmatched,
            include_natural_person_businesses=options.include_natural_person_businesses,
            suppression=suppression,
        )
        return Companies(
            total=len(deliveries), companies=tuple(deliveries[offset : offset + limit])
        )


def _describe_token(app: FastAPI) -> None:
    """Say in the service's own description that a token is needed."""
    schema = app.openapi()
    schema.setdefault("components", {})["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"}
    }
    schema["security"] = [{"token": []}]
    for path in OPEN_PATHS:
        schema["paths"][path]["get"]["security"] = []
