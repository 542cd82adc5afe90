"""`signal-assets worker`: carries out, on this machine, the runs that wait in the queue."""

import socket
from typing import Annotated

import typer

from signal_assets.cli.console import WRONG_USE, out, stop
from signal_assets.cli.home import open_instance
from signal_assets.settings import Settings


def worker(
    processes: Annotated[
        int | None,
        typer.Option("--processes", min=1, help="Runs at a time; one per core if not given."),
    ] = None,
    queue: Annotated[
        str | None, typer.Option("--queue", help="Take runs of this queue instead of the usual.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of this worker, once per machine.")
    ] = None,
) -> None:
    """Carry out runs on this machine; start one on each machine that shall help.

    Needs SIGNAL_ASSETS_CELERY_BROKER, and the same databases, tables and profiles as the machine
    with the UI. SIGTERM or one Ctrl-C lets the runs that are going finish, and then ends it.

    Exit code 2: the settings name no queue to take runs from.
    """
    settings = Settings()
    if settings.celery_broker is None:
        stop("Set SIGNAL_ASSETS_CELERY_BROKER: it says where runs wait for a worker.", WRONG_USE)
    with open_instance(settings) as instance:
        import pandas  # noqa: F401 - what takes long to import, once for all runs; nothing of ours
        from dagster_celery.launcher import CeleryRunLauncher
        from dagster_celery.make_app import make_app
        from dagster_celery.tasks import create_execute_job_task, create_resume_job_task

        launcher = instance.run_launcher
        if not isinstance(launcher, CeleryRunLauncher):
            stop(f"{settings.dagster_home}/dagster.yaml launches runs without Celery.", WRONG_USE)
        app = make_app(launcher.app_args())  # type: ignore[no-untyped-call]
        usual_queue = launcher.default_queue
    create_execute_job_task(app)
    create_resume_job_task(app)
    arguments = ["worker", "--loglevel=INFO", "--without-gossip", "--without-mingle"]
    arguments += [f"--queues={queue or usual_queue}"]
    arguments += [f"--hostname={name or 'signal_assets'}@{socket.gethostname()}"]
    arguments += [f"--concurrency={processes}"] if processes else []
    out.print("Worker started (stop with Ctrl-C)", highlight=False)
    app.worker_main(arguments)
