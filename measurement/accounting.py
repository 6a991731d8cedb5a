"""The arithmetic of energy readings: counter steps, step-function integrals and uncertainty. Pure functions.

Uncertainty follows the GUM (JCGM 100:2008): standard uncertainties are combined in quadrature and expanded to 95 %
coverage with Student's t for the effective degrees of freedom.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

GAIN_HALF_WIDTH = 0.05
"""Relative half-width of a meter's gain error without a calibration (methodology: ±5 %, rectangular)."""

# GUM Table G.2: t for a coverage of 95 % (two-sided), by degrees of freedom.
_T95 = (
    (1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (6, 2.447), (7, 2.365), (8, 2.306), (9, 2.262),
    (10, 2.228), (11, 2.201), (12, 2.179), (13, 2.160), (14, 2.145), (15, 2.131), (16, 2.120), (17, 2.110),
    (18, 2.101), (19, 2.093), (20, 2.086), (25, 2.060), (30, 2.042), (40, 2.021), (60, 2.000), (120, 1.980),
)  # fmt: skip
_T95_INFINITE = 1.960


def student_t95(degrees_of_freedom: float) -> float:
    """Student's t for 95 % two-sided coverage. ValueError below 1 degree of freedom.

    Fractions (from Welch–Satterthwaite) are rounded down, as GUM G.4.1 allows; between the table's rows t is
    interpolated in 1/ν.
    """
    if math.isinf(degrees_of_freedom):
        return _T95_INFINITE
    if not degrees_of_freedom >= 1:
        raise ValueError(f"{degrees_of_freedom} degrees of freedom; at least 1 is needed")
    whole = math.floor(degrees_of_freedom)
    upper = bisect_right(_T95, whole, key=lambda row: row[0])
    low_dof, low_t = _T95[upper - 1]
    inverse_high, high_t = (1 / _T95[upper][0], _T95[upper][1]) if upper < len(_T95) else (0.0, _T95_INFINITE)
    share = (1 / low_dof - 1 / whole) / (1 / low_dof - inverse_high)
    return low_t + share * (high_t - low_t)


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """A standard uncertainty (in the unit of its figure) and its degrees of freedom."""

    standard: float
    degrees_of_freedom: float = math.inf

    @property
    def u95(self) -> float:
        """Expanded to 95 % coverage."""
        return 0.0 if self.standard == 0 else student_t95(max(1.0, self.degrees_of_freedom)) * self.standard

    def scaled(self, factor: float) -> Uncertainty:
        """That of the quantity times `factor`, a number known exactly."""
        return Uncertainty(abs(factor) * self.standard, self.degrees_of_freedom)


def combined(terms: Iterable[Uncertainty]) -> Uncertainty:
    """Independent terms in quadrature, with the effective degrees of freedom of Welch–Satterthwaite (GUM G.4)."""
    kept = [term for term in terms if term.standard > 0]
    standard = math.hypot(*(term.standard for term in kept))
    spread = sum((term.standard / standard) ** 4 / term.degrees_of_freedom for term in kept)
    return Uncertainty(standard, 1 / spread if spread > 0 else math.inf)


def unaligned_edge_uncertainty(mean_power_w: float, update_period_s: float) -> Uncertainty:
    """Uncertainty, in joules, from one window edge that is not aligned to a tick: `P̄·τ/√12` (type B).

    The edge is off by up to one update period τ, evenly likely. A window's two edges together are `P̄·τ/√6`.
    """
    return Uncertainty(abs(mean_power_w) * update_period_s / math.sqrt(12))


def repeat_uncertainty(values: Sequence[float]) -> Uncertainty | None:
    """Uncertainty of the mean of repeated `values`: `s/√n`, n - 1 degrees of freedom (type A); None below two."""
    if len(values) < 2:
        return None
    return Uncertainty(statistics.stdev(values) / math.sqrt(len(values)), len(values) - 1)


def drift_variance(blocks: int, further: float) -> float:
    """Variance of the mean of `further` blocks about that of the `blocks` before them, one block's scatter being 1.

    `1/n + ln(n + m)/ln n`: if a figure drifts, neighbouring blocks are similar, so their mean is no better known than
    one of them. Of such flicker (1/f) noise the variance grows with the logarithm of the number of blocks; white
    noise alone would let it fall with 1/n. Source: M. S. Keshner, 1/f noise, Proceedings of the IEEE 70 (1982).
    ZeroDivisionError for a single block.
    """
    return 1 / blocks + math.log(blocks + further) / math.log(blocks)


def drifting_repeat_uncertainty(values: Sequence[float]) -> Uncertainty | None:
    """Uncertainty of the mean of repeats that drift; None for fewer than two.

    Half the variance between them and as many repeats after them, so that the difference of two such means is covered
    by both uncertainties together.
    """
    count = len(values)
    if count < 2:
        return None
    return Uncertainty(statistics.stdev(values) * math.sqrt(drift_variance(count, count) / 2), count - 1)


def rectangular(half_width: float) -> Uncertainty:
    """An error evenly likely anywhere within ± `half_width`: `a/√3` (type B)."""
    return Uncertainty(half_width / math.sqrt(3))


def absolute_u95(repeatability_u95: float, gain_u95: float) -> float:
    """Expanded uncertainty for comparing across cards: repeatability plus the gain's, linearly.

    A card's gain error is one unknown number in all of its figures: it does not average out over repeats or phases
    as independent errors do, so it is added like an uncorrected bias (GUM F.2.4.5). The same rule holds for one
    phase and for a sum of phases: `U(ΣE) + U(gain)·ΣE`. Meters of different components have gains of their own,
    independent of each other, which are combined in quadrature before.
    """
    return repeatability_u95 + gain_u95


def counter_step(before: float, after: float, counter_range: float | None) -> float | None:
    """The difference of two readings of a counter, in its own unit; None if it is unknown.

    A step back is one wrap of a counter whose range is known, provided that both readings lie in the range; without a
    range its cause is unknown (a driver reloaded, a device reset). Readings must be close enough in time that the
    counter can't have wrapped twice.
    """
    if after >= before:
        return after - before
    if counter_range is None or before > counter_range:
        return None
    return after - before + counter_range


def step_integral(times_s: Sequence[float], values: Sequence[float], start_s: float, end_s: float) -> float:
    """Integral over [start_s, end_s] of the step function through the samples, in value·seconds.

    Each sample holds until the next; the first also holds before itself and the last after itself, so that the
    function reaches the window's edges. `times_s` ascends. ValueError without samples or with end before start.
    """
    if not times_s or len(times_s) != len(values):
        raise ValueError("an integral needs at least one sample, and one time for each")
    if end_s < start_s:
        raise ValueError(f"the window ends ({end_s}) before it starts ({start_s})")
    first = max(0, bisect_right(times_s, start_s) - 1)
    terms = []
    for position in range(first, len(times_s)):
        from_s = start_s if position == first else times_s[position]
        if from_s >= end_s:
            break
        until_s = end_s if position + 1 == len(times_s) else min(times_s[position + 1], end_s)
        terms.append(values[position] * (until_s - from_s))
    return math.fsum(terms)
