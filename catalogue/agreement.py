"""How well one figure predicts another up to a common factor: errors of logarithms, each value left out in turn."""

from __future__ import annotations

import math
from collections.abc import Sequence


def leave_one_out(logarithms: Sequence[float]) -> list[float]:
    """The error of each value when the mean of all the others stands for it.

    Takes ln(figure x predictor) of at least two, e.g. ln(joules x throughput): were the prediction perfect up to a
    common factor, all would be equal.
    """
    n, whole = len(logarithms), math.fsum(logarithms)
    return [(whole - value) / (n - 1) - value for value in logarithms]


def root_mean_square(errors: Sequence[float]) -> float:
    """Of errors of logarithms this is a relative standard uncertainty."""
    return math.sqrt(math.fsum(error * error for error in errors) / len(errors))


def quantile(values: Sequence[float], level: float) -> float:
    """By linear interpolation between order statistics; level 0.5 is the median."""
    ordered = sorted(values)
    position = (len(ordered) - 1) * level
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


def ratio_error(errors: Sequence[float], level: float) -> float:
    """The factor that a share `level` of the predictions is within, e.g. 1.2."""
    return math.exp(quantile([abs(error) for error in errors], level))


def kendall_tau(one: Sequence[float], other: Sequence[float]) -> float:
    """Kendall's tau-a of two orders: 1 the same, 0 unrelated, -1 reversed."""
    agreement = sum(
        (one[i] > one[j]) - (one[i] < one[j]) if other[i] > other[j] else (one[i] < one[j]) - (one[i] > one[j])
        for i in range(len(one))
        for j in range(i)
        if other[i] != other[j]
    )
    return agreement / (len(one) * (len(one) - 1) / 2)
