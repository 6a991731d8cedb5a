"""The arithmetic of published results: plain values in, joules out; nothing is read here.

P is a hardware's mean power while it is busy, in watts: a share of its power limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

COVERAGE_95 = 1.96
"""From a standard uncertainty to an interval of 95 %, normal distribution (GUM G.6.6)."""

SECONDS_AN_HOUR = 3600.0


@dataclass(frozen=True)
class Figure:
    """Joules with their standard uncertainty, both without the error that all models of a card share."""

    energy_j: float
    standard_uncertainty_j: float

    @property
    def u95_j(self) -> float:
        """Half the width of the interval of 95 %, joules."""
        return COVERAGE_95 * self.standard_uncertainty_j


def busy_power_w(power_limit_w: float, share: float) -> float:
    """Mean power of busy hardware: a share of the power limit, watts."""
    return power_limit_w * share


def energy_per_image_j(power_w: float, images_per_s: float) -> float:
    """e = P / throughput."""
    return power_w / images_per_s


def training_energy_j(images_seen: float, power_w: float, images_per_s: float) -> float:
    """Images seen x P / training throughput; for a teacher, its inference throughput."""
    return images_seen * power_w / images_per_s


def device_hours_energy_j(device_hours: float, power_w: float) -> float:
    """Hours of one device x P."""
    return device_hours * SECONDS_AN_HOUR * power_w


def throughput_at(images_per_s: float, measured_px: int, wanted_px: int) -> float:
    """Throughput at another image size: inversely proportional to the area of the image."""
    return images_per_s * (measured_px / wanted_px) ** 2


def middle(low: float, high: float) -> tuple[float, float]:
    """Of a value between two: its expectation and relative standard uncertainty, rectangular (GUM 4.3.7)."""
    expectation = (low + high) / 2
    return expectation, (high - low) / 2 / math.sqrt(3) / expectation


def root_sum_of_squares(terms: Iterable[float]) -> float:
    """Combined standard uncertainty of independent terms (GUM 5.1.2)."""
    return math.sqrt(math.fsum(term * term for term in terms))


def with_relative(energy_j: float, *relative: float) -> Figure:
    """A figure whose independent relative standard uncertainties are given; 0.2 is 20 %."""
    return Figure(energy_j, energy_j * root_sum_of_squares(relative))


def total(parts: Iterable[Figure]) -> Figure:
    """The sum of independent figures."""
    known = list(parts)
    return Figure(
        math.fsum(part.energy_j for part in known),
        root_sum_of_squares(part.standard_uncertainty_j for part in known),
    )


def window_edges(update_period_s: float, duration_s: float) -> float:
    """Relative standard uncertainty of metered joules whose window began and ended between two readings.

    The triangular distribution of two rectangular edges, tau / sqrt(6), over the window (GUM 4.3.9).
    """
    return update_period_s / math.sqrt(6) / duration_s
