"""Whether a machine has drifted, by what the reference workload took on it compared with its own past."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from statistics import median

FEWEST_PAST = 3
"""Measurements that a past is of before anything is compared with it."""
MOST_PAST = 30
"""The newest ones that it is of."""
IN_A_ROW = 3
"""So many measurements beyond the bound, with none within it between them, take a worker out of service."""
MOST_DRIFT = {"cuda": 0.1, "cpu": 0.25}
"""The bound by kind of hardware, relative: a GPU's clocks are its own, a CPU shares its heat and its host."""
DISTURBING = frozenset({"foreign_process", "busy_machine", "overloaded_machine", "reference_drift"})
"""Other work changed a measurement: it is shown, and nothing follows from it."""


def drift(value: float | None, past: Sequence[float]) -> float | None:
    """Relative to the median of the past, 0.02 for 2 % more; None if either is not known."""
    if value is None or len(past) < FEWEST_PAST or (middle := median(past)) <= 0:
        return None
    return value / middle - 1


def is_disturbed(flags: Collection[str]) -> bool:
    """Whether other work may have changed a measurement."""
    return not DISTURBING.isdisjoint(flags)


def is_adrift(drifts: Collection[float | None], kind: str) -> bool:
    """Whether any of a measurement's drifts lies beyond the bound of its kind of hardware."""
    return any(one is not None and abs(one) > MOST_DRIFT[kind] for one in drifts)
