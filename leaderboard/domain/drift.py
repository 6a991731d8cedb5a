"""Whether a new result of a work disagrees with the mean of its earlier ones, beyond what chance explains.

Simulated in tests/domain/test_drift_holds_few_honest_results.py: how many honest audits it holds, and what it finds.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from leaderboard.domain.repeats import ENOUGH, FEWEST_WORKS, Pool, Repeats
from leaderboard.domain.students_t import two_sided_p

HONEST = 0.999
"""Of honest audits, all figures of one together, this share is to pass.

Simulated with works of 1 to 10 runs, 0.01 % of honest audits are held; 0.02 % where works differ in spread by a
factor of 1.6; and 0.5 % where runs scatter with heavy tails (t of 4), too. Where runs scatter by 1.5 %, one audit
finds 49 % of drifts of 10 %, 82 % of 15 % and 92 % of 20 %.
"""
BORROWED = 4
"""Degrees of freedom that the other works' spread counts for at most: works differ in how far their runs scatter, so
that however many there are, they show no more of this one. A prior of the variance, as in G. Smyth's moderated t
(Statistical Applications in Genetics and Molecular Biology 3, 2004), with its weight fixed."""
COVERAGE_FACTOR = 1.96


@dataclass(frozen=True, slots=True)
class Difference:
    """Of a new result from the standing mean, relative to that; `u` is its combined standard uncertainty, relative,
    and `p` the probability of one as great by chance, two-sided."""

    relative: float
    u: float
    degrees_of_freedom: int
    p: float


def difference(
    standing: Repeats,
    pool: Pool,
    new_j: float,
    *,
    new_within_u95_j: float | None = None,
    gains_u95: Collection[float] = (),
) -> Difference | None:
    """Compare a new result with the mean of m: u² = s²·(1 + 1/m), at least the readings' own, and gains on top.

    s is of the standing results themselves, together with the spread of the board's other works (`pool`) as if that
    were BORROWED results. gains_u95: relative gain errors of the two devices, empty if both are one.
    None if how far such results are apart is not known.
    """
    others, m, mean_j = pool.without(standing), standing.count, standing.mean_j
    is_known = others.works >= FEWEST_WORKS and others.degrees_of_freedom >= ENOUGH
    borrowed = BORROWED if is_known else 0
    degrees = borrowed + m - 1
    if degrees < 1 or mean_j <= 0:
        return None
    variance = (borrowed * (others.relative_deviation or 0.0) ** 2 + standing.squares) / degrees
    between = variance * (1 + 1 / m)
    readings = math.hypot(standing.within_u95_j or 0.0, new_within_u95_j or 0.0) / COVERAGE_FACTOR / mean_j
    gains = math.fsum((gain / COVERAGE_FACTOR) ** 2 for gain in gains_u95)
    u_squared = max(between, readings**2) + gains
    if between <= 0:
        return None
    if gains:  # Welch and Satterthwaite (GUM G.4): a gain's is known exactly
        degrees = math.floor(degrees * (u_squared / (u_squared - gains)) ** 2)
    u = math.sqrt(u_squared)
    relative = new_j / mean_j - 1
    return Difference(relative, u, degrees, two_sided_p(relative / u, degrees))


def drifted(found: Collection[Difference]) -> Difference | None:
    """The most improbable difference of an audit, if no more than 1 - HONEST of honest audits have one like it.

    Each of its figures is another chance to be held for nothing, so the probability is multiplied by their number
    (Bonferroni).
    """
    worst = min(found, key=lambda one: one.p, default=None)
    return worst if worst is not None and worst.p * len(found) < 1 - HONEST else None
