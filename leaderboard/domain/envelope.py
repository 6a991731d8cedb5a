"""Which of several straight lines is lowest at which N.

`static/leaderboard/envelope.js` mirrors this file operation for operation.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple


class Line(NamedTuple):
    """Joules before the first use and per image: F + N·e at N images, scaled if the order is."""

    one_time_j: float
    per_image_j: float


def crossing(a: Line, b: Line) -> float:
    """Usage intensity (images) where two lines of different slopes are equal, which may be negative or infinite."""
    return (a.one_time_j - b.one_time_j) / (b.per_image_j - a.per_image_j)


def lower_envelope(lines: Sequence[Line]) -> list[tuple[int, float]]:
    """Positions of the lines that are lowest somewhere over N > 0, each with the N from which it is.

    `lines` come in ascending order, and of equal ones the first is kept. Convex-hull trick: a crossing is a
    quotient of two correctly rounded differences, so magnitude costs it no digits.
    """
    hull: list[tuple[int, float]] = []
    for position, line in enumerate(lines):
        if not hull:
            hull.append((position, 0.0))
            continue
        if line.per_image_j >= lines[hull[-1][0]].per_image_j:
            continue
        start = crossing(line, lines[hull[-1][0]])
        if start == math.inf:
            continue
        while hull and start <= hull[-1][1]:
            hull.pop()
            start = crossing(line, lines[hull[-1][0]]) if hull else 0.0
        hull.append((position, start))
    return hull
