"""Partitions: one per search profile, made from the profile files when the code is loaded."""

import logging
from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from signal_assets.clients.profile_files import load_profiles
from signal_assets.settings import Settings

PARTITION_TAG = "dagster/partition"
PROFILE_TAG = "signal_assets/search_profile"
"""Names the search profile of a run that makes no table, so that it may go beside one that does."""
HELPED_RUN_TAG = "signal_assets/helps_run"
"""Names the run that a run helps, and whose budget pays."""

MAX_RETRIES_TAG = "dagster/max_retries"

logger = logging.getLogger(__name__)


def profile_of(tags: Mapping[str, str]) -> str | None:
    """Return the search profile that a run is for, by its tags; None: for none, or for several."""
    return tags.get(PARTITION_TAG) or tags.get(PROFILE_TAG)


def profile_names(folder: Path) -> list[str]:
    """Return the names of the valid profiles; say of each other file what is wrong with it."""
    loaded = load_profiles(folder)
    for problem in loaded.problems:
        logger.error("Search profile refused: %s", problem)
    return sorted(loaded.profiles)


_names = profile_names(Settings().profiles)
search_profiles = dg.StaticPartitionsDefinition(_names)


def look_for_new_profiles() -> None:
    """Bring the partitions up to date with the folder, in a process that lives through many runs.

    A run of a search profile that was added meanwhile would fail when its first table is stored.
    The definition keeps the list it was given, so the list is changed in its place.
    """
    _names[:] = profile_names(Settings().profiles)
