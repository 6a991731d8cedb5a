"""When a run that joins a line will begin, from how long earlier runs took."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import quantiles


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """The lower and the upper quartile; of one value, that value twice. Raises ValueError without a value."""
    if not values:
        raise ValueError("quartiles of no value")
    if len(values) == 1:
        return values[0], values[0]
    lower, _, upper = quantiles(values, n=4, method="inclusive")
    return lower, upper


def expected_start_s(
    ahead: int, running: int, workers: int, durations_s: Sequence[float]
) -> tuple[float, float] | None:
    """Seconds until a new run begins, from and to; None if that is not known.

    ahead: runs that are done before it; running: runs that are being done; workers: that can do it, of which each
    does one run at a time; durations_s: of earlier runs. It begins when so many runs have ended that a worker is
    free. Those that are running may be about to end, or have just begun.
    """
    if workers < 1:
        return None
    must_end = ahead + running - workers + 1
    if must_end <= 0:
        return 0.0, 0.0
    if not durations_s:
        return None
    lower, upper = quartiles(durations_s)
    rounds = math.ceil(must_end / workers)
    return lower * (rounds - 1), upper * rounds
