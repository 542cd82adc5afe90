"""The folder Dagster keeps its runs in, made ready before the first use."""

import os
import shutil
from typing import TYPE_CHECKING

from signal_assets.settings import Settings
from signal_assets.shipped import shipped

if TYPE_CHECKING:
    import dagster as dg


def prepare_home(settings: Settings) -> None:
    """Make DAGSTER_HOME with its `dagster.yaml`, and point this process and its children at it.

    A `dagster.yaml` that stands there already is the user's and stays.
    """
    home = settings.dagster_home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        shutil.copyfile(shipped("dagster.yaml"), home / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"


def open_instance(settings: Settings) -> "dg.DagsterInstance":
    """Return the Dagster instance of this machine, its storage made if it was not there.

    It is opened once before other processes are started: several that open an empty SQLite storage
    at the same moment trip over each other.
    """
    import dagster as dg

    prepare_home(settings)
    return dg.DagsterInstance.get()
