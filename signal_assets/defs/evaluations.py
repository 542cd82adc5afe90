"""Evaluations of a search profile: which reader is measured on which labelled vacancies."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from signal_assets.clients.claude import ClaudeReader
from signal_assets.clients.evaluation_files import LabelledSet, read_labelled
from signal_assets.clients.evaluations import CannotEvaluate, Task, evaluate
from signal_assets.clients.keyword import KeywordVacancyReader
from signal_assets.clients.ledger import Ledger, LedgerSession
from signal_assets.clients.limits_file import load_limits
from signal_assets.clients.paid_calls import Budgets, Caller
from signal_assets.clients.price_file import load_prices
from signal_assets.clients.profile_files import LoadedProfile
from signal_assets.domain.evaluation import EvaluationReport
from signal_assets.domain.extractions import ExtractorName
from signal_assets.domain.keyword_reader import KeywordReader, gazetteer_for
from signal_assets.domain.prices import PriceTable
from signal_assets.domain.prompts import PromptVersion
from signal_assets.domain.search_profiles import SearchProfile
from signal_assets.settings import Settings

OnStep = Callable[[], None]


def load_labelled(profile_file: LoadedProfile) -> LabelledSet | None:
    """Return the labelled vacancies that a profile names, or None if it names none.

    Raises:
        BadEvaluationFile: a file it names cannot be used.
    """
    options = profile_file.profile.evaluation
    if options is None:
        return None
    return read_labelled(
        profile_file.folder / options.labels, profile_file.folder / options.vacancies
    )


def default_reader(settings: Settings) -> ExtractorName:
    """Return the reader that pass 1 would use."""
    return "keyword" if settings.anthropic_api_key is None else "claude"


def measure(
    settings: Settings,
    search_profile: SearchProfile,
    labelled: LabelledSet,
    reader: ExtractorName,
    prompt: PromptVersion | None = None,
    *,
    on_step: OnStep = lambda: None,
) -> EvaluationReport:
    """Measure a reader on labelled vacancies; Claude needs a `prompt`, and its calls are paid.

    Answers that stand in the ledger are used again, so measuring the same again costs nothing.

    Raises:
        CannotEvaluate: no key, no labelled field, or the reader stopped before the end.
    """
    extraction = search_profile.extraction
    options = search_profile.evaluation
    task = Task(
        search_profile=search_profile.name,
        schema_=extraction.schema_ if prompt is None else prompt.schema_,
        comparisons={} if options is None else options.compare,
        prompt_version=None if prompt is None else prompt.version,
        prompt_hash=None if prompt is None else prompt.content_hash,
    )
    gazetteer = gazetteer_for(extraction)
    if reader == "keyword":
        keyword = KeywordVacancyReader(KeywordReader(extraction))
        return evaluate(keyword, task, labelled, gazetteer, on_step=on_step)
    if prompt is None:
        raise CannotEvaluate("Claude reads with a prompt version, and none is given")
    with _ledger(settings) as ledger:
        run_id = f"evaluation-{uuid.uuid4()}"
        with _session(settings, search_profile, ledger, run_id) as session:
            return evaluate(
                _claude(settings, session, prompt),
                task,
                labelled,
                gazetteer,
                read_latencies=lambda: ledger.call_seconds(run_id),
                on_step=on_step,
            )


@contextmanager
def _ledger(settings: Settings) -> Iterator[Ledger]:
    ledger = Ledger.open(settings.resolved_database_url, load_limits(settings.limits))
    try:
        yield ledger
    finally:
        ledger.close()


def _session(
    settings: Settings, search_profile: SearchProfile, ledger: Ledger, run_id: str
) -> LedgerSession:
    wanted = search_profile.budget_usd
    return ledger.session(
        Caller(run_id=run_id, asset="extraction_evaluation", search_profile=search_profile.name),
        Budgets(
            run=settings.run_budget_usd if wanted.run is None else wanted.run,
            month=wanted.month,
            services=wanted.services,
        ),
        kill_switch=settings.llm_kill_switch,
    )


def _claude(settings: Settings, session: LedgerSession, prompt: PromptVersion) -> ClaudeReader:
    if settings.anthropic_api_key is None:
        raise CannotEvaluate("Claude cannot be measured without a key (ANTHROPIC_API_KEY)")
    return ClaudeReader(
        session,
        prompt,
        model=settings.model,
        api_key=settings.anthropic_api_key.get_secret_value(),
        base_url=settings.anthropic_base_url,
        concurrency=settings.concurrency,
        prices=PriceTable.shipped() if settings.prices is None else load_prices(settings.prices),
    )
