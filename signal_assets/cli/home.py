"""The folder Dagster keeps its runs in, made ready before the first use."""

import importlib.util
import os
import uuid
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from signal_assets.cli.console import WRONG_USE, stop
from signal_assets.clients.database import with_driver
from signal_assets.settings import Settings
from signal_assets.shipped import shipped

if TYPE_CHECKING:
    import dagster as dg


VARIANTS = (
    "dagster.yaml",
    "deploy/postgres/dagster.yaml",
    "deploy/s3/dagster.yaml",
    "deploy/celery-local-logs/dagster.yaml",
    "deploy/celery/dagster.yaml",
)

SHIPPED_BEFORE = frozenset(
    {
        "689d49830c7e7b39f77db147db60ee31615192c06068c56debf3e0d0be2a0851",
        "58c0bd19819810ab22f341291f3e23d79fe5477642f81847c18fb3c2cc39ae3f",
        "65b12c70fd387fd152680afd7052fdadf9aa74768d2cdc11cbdd337b907a2a90",
        "942169aae764c1f6460969685b14fbae12948d2ed66cbf84457216b98920fc91",
        "c17f6a4cd0c1826f624e04bd44c852d7d029ad258ecebf38c75360669c4b8a58",
        "cbc1228aebb6affb5cee25ac7aad9e090d7c3ac7b1668a6ec0ecd4304c0c1f6a",
        "e5c90a6408acc496f3f81c118072951c9493e7e2042c677579b9ec8367f3f3e7",
    }
)
"""SHA-256 of each `dagster.yaml` that came with an earlier version: nobody changed those either."""


def prepare_home(settings: Settings) -> None:
    """Make DAGSTER_HOME with its `dagster.yaml`, and point this process and its children at it.

    A `dagster.yaml` that somebody changed is the user's and stays; one that is still as we ship it
    follows the settings. Settings that ask for what is not there end the command with exit code 2.
    """
    _check_celery(settings)
    home = settings.dagster_home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    wanted, present = _variant_for(settings).read_bytes(), home / "dagster.yaml"
    if not present.exists() or (present.read_bytes() != wanted and _is_shipped(present)):
        replacement = present.with_name(f".{uuid.uuid4().hex}.yaml")
        replacement.write_bytes(wanted)
        replacement.rename(present)
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    if settings.dagster_postgres_url is not None:
        url = settings.dagster_postgres_url.get_secret_value()
        os.environ["DAGSTER_POSTGRES_URL"] = with_driver(url)
    if settings.logs_bucket is not None:
        os.environ["SIGNAL_ASSETS_LOGS_BUCKET"] = settings.logs_bucket
    if settings.celery_broker is not None:
        os.environ["SIGNAL_ASSETS_CELERY_BROKER"] = settings.celery_broker.get_secret_value()
        os.environ["SIGNAL_ASSETS_CELERY_BACKEND"] = _celery_backend(settings)


def _check_celery(settings: Settings) -> None:
    if settings.celery_broker is None:
        return
    if settings.dagster_postgres_url is None:
        stop("SIGNAL_ASSETS_CELERY_BROKER needs DAGSTER_POSTGRES_URL too.", WRONG_USE)
    missing = [name for name in ("dagster_celery", "redis") if not importlib.util.find_spec(name)]
    if missing:
        stop(
            f"SIGNAL_ASSETS_CELERY_BROKER needs {' and '.join(missing)}: "
            "pip install 'signal-assets[celery]'",
            WRONG_USE,
        )


def _celery_backend(settings: Settings) -> str:
    """Return where Celery keeps what became of its tasks.

    Beside Dagster's runs unless told otherwise: from a Redis that lost its data, Dagster would
    conclude that every run that is going had lost its worker.
    """
    if settings.celery_backend is not None:
        return settings.celery_backend.get_secret_value()
    return f"db+{os.environ['DAGSTER_POSTGRES_URL']}"


def _variant_for(settings: Settings) -> Path:
    if settings.celery_broker is not None:
        folder = "celery-local-logs" if settings.logs_bucket is None else "celery"
        return shipped(f"deploy/{folder}/dagster.yaml")
    if settings.logs_bucket is not None:
        return shipped("deploy/s3/dagster.yaml")
    if settings.dagster_postgres_url is not None:
        return shipped("deploy/postgres/dagster.yaml")
    return shipped("dagster.yaml")


def _is_shipped(file: Path) -> bool:
    content = file.read_bytes()
    if sha256(content).hexdigest() in SHIPPED_BEFORE:
        return True
    return content in [shipped(variant).read_bytes() for variant in VARIANTS]


def open_instance(settings: Settings) -> "dg.DagsterInstance":
    """Return the Dagster instance of this machine, its storage made if it was not there.

    It is opened once before other processes are started: several that open an empty SQLite storage
    at the same moment trip over each other.
    """
    import dagster as dg

    prepare_home(settings)
    return dg.DagsterInstance.get()
