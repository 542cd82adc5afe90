"""Intervals: how far a measured share or score may lie from the true one, at 95 %."""

import math
from collections.abc import Sequence

import numpy as np

from signal_assets.domain.records import Record

RESAMPLES = 2_000
_Z = 1.959964
_SEED = 20_260_101
"""Fixed, so that the same cases give the same interval."""

Counts = tuple[int, int, int]
"""Of one case: pairs, found without a label, labelled but not found."""


class Interval(Record):
    """From `low` to `high`, both between -1 and 1."""

    low: float
    high: float


class Share(Record):
    """So many of so many, with Wilson's interval; no value where nothing was tried."""

    successes: int
    trials: int
    value: float | None
    interval: Interval


def share_of(successes: int, trials: int) -> Share:
    """Return the share with its interval, which is all of 0 to 1 where nothing was tried.

    >>> share_of(9, 10).interval
    Interval(low=0.596, high=0.982)
    """
    if trials == 0:
        return Share(successes=0, trials=0, value=None, interval=Interval(low=0.0, high=1.0))
    share = successes / trials
    middle = share + _Z * _Z / (2 * trials)
    spread = _Z * math.sqrt(share * (1 - share) / trials + _Z * _Z / (4 * trials * trials))
    whole = 1 + _Z * _Z / trials
    return Share(
        successes=successes,
        trials=trials,
        value=round(share, 4),
        interval=Interval(
            low=round(max(0.0, (middle - spread) / whole), 3),
            high=round(min(1.0, (middle + spread) / whole), 3),
        ),
    )


def f1_of(both: int, only_found: int, only_labelled: int) -> float | None:
    """Return the harmonic mean of precision and recall; None where there is nothing to find.

    >>> f1_of(3, 1, 0)
    0.857
    """
    whole = 2 * both + only_found + only_labelled
    return round(2 * both / whole, 3) if whole else None


def f1_interval(cases: Sequence[Counts]) -> Interval:
    """Return the bootstrap interval of F1 over whole cases; values of one text stand together."""
    scores = _resampled_f1(cases)
    return _percentiles(scores[~np.isnan(scores)], Interval(low=0.0, high=1.0))


def f1_difference_interval(before: Sequence[Counts], after: Sequence[Counts]) -> Interval:
    """Return the interval of F1 after minus F1 before, over the same cases in the same order."""
    differences = _resampled_f1(after) - _resampled_f1(before)
    return _percentiles(differences[~np.isnan(differences)], Interval(low=-1.0, high=1.0))


def _resampled_f1(cases: Sequence[Counts]) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    if not cases:
        return np.full(1, np.nan)
    drawn = np.random.default_rng(_SEED).multinomial(
        len(cases), np.full(len(cases), 1 / len(cases)), size=RESAMPLES
    )
    sums = drawn @ np.asarray(cases, dtype=np.int64)
    whole = 2 * sums[:, 0] + sums[:, 1] + sums[:, 2]
    with np.errstate(invalid="ignore"):
        return np.asarray(2 * sums[:, 0] / np.where(whole == 0, np.nan, whole), dtype=np.float64)


def _percentiles(
    scores: "np.ndarray[tuple[int], np.dtype[np.float64]]", unknown: Interval
) -> Interval:
    if scores.size == 0:
        return unknown
    low, high = np.percentile(scores, [2.5, 97.5])
    return Interval(low=round(float(low), 3), high=round(float(high), 3))
