"""The user's limits file: what all runs on all machines may use of each service."""

from pathlib import Path

from signal_assets.clients.strict_yaml import BadFile, read_strictly
from signal_assets.domain.limits import LIMITED_SERVICES, NO_LIMITS, ServiceLimits

SETTING = "SIGNAL_ASSETS_LIMITS"


class BadLimitsFile(BadFile):
    """The file cannot be used; the message names the file, the lines and the fields."""


def load_limits(path: Path | None) -> ServiceLimits:
    """Return the limits of the file; without a file nothing is limited.

    Raises:
        BadLimitsFile: the file cannot be read, is not YAML, or is not a table of limits.
    """
    if path is None:
        return NO_LIMITS
    holds = f"services ({', '.join(LIMITED_SERVICES)}), each with its limits"
    return read_strictly(path, ServiceLimits.model_validate, BadLimitsFile, holds)
