"""Reading help: the job by which another run, on any machine, reads slices of a big profile."""

from contextlib import ExitStack
from datetime import UTC, datetime

import dagster as dg

from signal_assets.clients.ledger import Budgets, Caller, Ledger
from signal_assets.clients.readers import VacancyReader
from signal_assets.clients.reading_slices import ReadingSlices
from signal_assets.defs.partitions import HELPED_RUN_TAG
from signal_assets.defs.shared_readings import SliceWorker, VacanciesChanged, help_reading
from signal_assets.defs.storage import TableStore
from signal_assets.domain.gazetteers import Gazetteer
from signal_assets.domain.prompts import PromptVersion
from signal_assets.domain.search_profiles import SearchProfile
from signal_assets.progress import Progress, Step


@dg.op(description="Read slices of the run that the tags name until none is open.")
def read_slices(
    context: dg.OpExecutionContext,
    search_profile: dg.ResourceParam[SearchProfile],
    prompt: dg.ResourceParam[PromptVersion],
    reader: dg.ResourceParam[VacancyReader],
    gazetteer: dg.ResourceParam[Gazetteer],
    ledger: dg.ResourceParam[Ledger],
    tables: dg.ResourceParam[TableStore],
    progress: dg.ResourceParam[Progress],
) -> None:
    helped = context.run.tags.get(HELPED_RUN_TAG)
    if helped is None:
        raise dg.Failure(f"Name the run to help in the tag {HELPED_RUN_TAG}.", allow_retries=False)
    caller = Caller(run_id=helped, asset="extracted_vacancies", search_profile=search_profile.name)
    with ledger.session(caller, Budgets()) as session, ExitStack() as shown:

        def steps(texts: int) -> Step:
            shown.close()
            return shown.enter_context(progress.steps("Reading a slice", texts))

        worker = SliceWorker(
            profile=search_profile,
            prompt=prompt,
            gazetteer=gazetteer,
            reader=reader,
            tables=tables,
            slices=ReadingSlices(ledger.database),
            session=session,
            run_id=helped,
            moment=datetime.now(UTC),
        )
        try:
            done, is_there = help_reading(worker, steps)
        except VacanciesChanged as error:
            raise dg.Failure(str(error), allow_retries=False) from error
    if not is_there:
        context.log.warning(
            f"Run {helped} reads nothing in slices, or asks something else than this machine would."
        )
    context.log.info(f"{done} slices read for run {helped}.")


@dg.job(
    description="Help a run that reads a big search profile; the sensor help_with_reading asks "
    "for it, and so does `signal-assets help-reading`."
)
def reading_help_job() -> None:
    read_slices()
