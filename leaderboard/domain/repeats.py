"""Several results of one work: the uncertainty of their mean, from their own spread or from a board's pooled one.

Spreads are relative, since joules of works on one board differ by orders of magnitude, and their spreads by far less.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import Any

from leaderboard.domain.students_t import student_t95

FEW = 6
"""Below so many results a work's own deviation is known to worse than a third (1/√(2ν)), and t to that is 2.8."""
ENOUGH = 5
"""Degrees of freedom from which on a pool is known to a third, and serves for outliers and works of one result."""
FEWEST_WORKS = 3
"""Works that a pool is of before it stands for one that shows no spread of its own."""
FAR = 3.0
"""Standard deviations from which on a result is an outlier: by chance 1 in 400."""


class Basis(StrEnum):
    """Where the uncertainty of a mean is from."""

    OWN = "own"  # the deviation of the entry's own results
    POOLED = "pooled"  # that of all works of the board with two or more results
    WITHIN = "within"  # the repeatability inside each result; of one result there is no other


@dataclass(frozen=True, slots=True)
class Repeats:
    """One quantity of an entry over its results.

    `mean_j` is the mean of what was measured: declared joules are the same in every result. `deviations` has each
    result's deviation from the mean, relative to it, in the order of the results. `within_u95_j` is the single
    results' repeatability combined for the mean, √ΣU²/m, None if unknown.
    """

    mean_j: float
    deviations: tuple[float, ...]
    within_u95_j: float | None

    @classmethod
    def of(cls, values_j: Iterable[float], within_u95_j: Iterable[float | None]) -> Repeats:
        """Of one value a result, in joules, with its repeatability at 95 %. An unknown one adds nothing."""
        values = list(values_j)
        mean_j = math.fsum(values) / len(values)
        known = [u95_j for u95_j in within_u95_j if u95_j is not None]
        return cls(
            mean_j,
            tuple((value - mean_j) / mean_j if mean_j > 0 else 0.0 for value in values),
            math.hypot(*known) / len(values) if known else None,
        )

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Repeats:
        """As an entry stores them."""
        return cls(stored["mean_j"], tuple(stored["deviations"]), stored["within_u95_j"])

    @property
    def count(self) -> int:
        """m, the number of results."""
        return len(self.deviations)

    @property
    def squares(self) -> float:
        """(m - 1)·s², s the relative standard deviation."""
        return math.fsum(deviation * deviation for deviation in self.deviations)

    @property
    def relative_deviation(self) -> float | None:
        """s, None of one result."""
        return math.sqrt(self.squares / (self.count - 1)) if self.count > 1 else None


@dataclass(frozen=True, slots=True)
class Pool:
    """The spread of one quantity over a board's works: s_p = √(Σ ν·s² / Σ ν), with ν = m - 1 of each (GUM G.4)."""

    squares: float
    degrees_of_freedom: int
    works: int

    @classmethod
    def of(cls, repeats: Iterable[Repeats]) -> Pool:
        """The pool of what several works show; those of one result show nothing."""
        shown = [work for work in repeats if work.count > 1]
        return cls(math.fsum(work.squares for work in shown), sum(work.count - 1 for work in shown), len(shown))

    def without(self, repeats: Repeats) -> Pool:
        """The pool of the other works; the whole if it has none."""
        if repeats.count < 2 or not self.works:
            return self
        return Pool(
            max(0.0, self.squares - repeats.squares),
            self.degrees_of_freedom - repeats.count + 1,
            self.works - 1,
        )

    @property
    def relative_deviation(self) -> float | None:
        """s_p, None of no works."""
        return math.sqrt(self.squares / self.degrees_of_freedom) if self.degrees_of_freedom else None


NO_POOL = Pool(0.0, 0, 0)


@dataclass(frozen=True, slots=True)
class Width:
    """The uncertainty of a mean at 95 % coverage, in joules (None: unknown), and what it was found from.

    `relative_deviation` and `degrees_of_freedom` are those of the spread that was used; None of `Basis.WITHIN`.
    """

    u95_j: float | None
    basis: Basis
    relative_deviation: float | None = None
    degrees_of_freedom: int | None = None


def width(repeats: Repeats, pool: Pool = NO_POOL) -> Width:
    """Uncertainty of the mean of m results: `t · s / √m`, and at least what the single results' own ± give.

    s has the results' own repeatability in it already, so the two are not added up. It is the board's pooled
    deviation where there are fewer than FEW results, unless these scatter as the other works' don't: an outlier
    shows that the pool is not of its kind. A single result takes the pool once that has ENOUGH degrees of freedom
    from FEWEST_WORKS works, and before that has its own repeatability alone.
    """
    m, within_j = repeats.count, repeats.within_u95_j
    if m == 1:
        if pool.degrees_of_freedom < ENOUGH or pool.works < FEWEST_WORKS:
            return Width(within_j, Basis.WITHIN)
        basis, deviation, degrees = Basis.POOLED, pool.relative_deviation, pool.degrees_of_freedom
    elif m < FEW and pool.without(repeats).works and not outliers(repeats, pool):
        basis, deviation, degrees = Basis.POOLED, pool.relative_deviation, pool.degrees_of_freedom
    else:
        basis, deviation, degrees = Basis.OWN, repeats.relative_deviation, m - 1
    assert deviation is not None, "each of these has a degree of freedom"  # noqa: S101
    between_j = student_t95(degrees) * deviation * repeats.mean_j / math.sqrt(m)
    return Width(max(between_j, within_j or 0.0), basis, deviation, degrees)


@dataclass(frozen=True, slots=True)
class Outlier:
    """How far a result lies from the median of its work's results: as part of their mean, in standard deviations."""

    relative_deviation: float
    distance: float


def outliers(repeats: Repeats, pool: Pool) -> dict[int, Outlier]:
    """Results that lie FAR from their median by the spread of the other works, by position.

    The median, because one far result pulls the mean away from all the others. Judged once the other works have
    ENOUGH degrees of freedom, the fewer the more generously. Of two results that are far apart both are outliers,
    since either may be.
    """
    others, m = pool.without(repeats), repeats.count
    spread = others.relative_deviation
    if m < 2 or others.degrees_of_freedom < ENOUGH or not spread:
        return {}
    middle = median(repeats.deviations)
    expected = spread * math.sqrt(1 / 2 if m == 2 else 1 + 1 / m)
    limit = FAR * student_t95(others.degrees_of_freedom) / student_t95(10**9)
    found = {}
    for position, deviation in enumerate(repeats.deviations):
        apart = deviation - middle
        if abs(apart) > limit * expected:
            found[position] = Outlier(apart, abs(apart) / expected)
    return found
