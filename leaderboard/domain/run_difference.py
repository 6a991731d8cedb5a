"""How far two measurements of one quantity are apart, in units of the uncertainty of their difference."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """A quantity and its expanded uncertainty at 95 %, in the same unit; None if unknown."""

    value: float | None
    u95: float | None


def relative_difference(first: Measured, second: Measured) -> float | None:
    """Second minus first as a fraction of the first; None if either is unknown or the first is zero."""
    if first.value is None or second.value is None or first.value == 0:
        return None
    return (second.value - first.value) / first.value


def in_uncertainties(first: Measured, second: Measured) -> float | None:
    """Second minus first, divided by the expanded uncertainty of that: beyond ±1 chance alone explains it in 5 %.

    The two are independent, so that their uncertainties add as squares (GUM 5.1.2). None if any part is unknown, or
    both are certain.
    """
    if first.value is None or second.value is None or first.u95 is None or second.u95 is None:
        return None
    u95 = math.hypot(first.u95, second.u95)
    return (second.value - first.value) / u95 if u95 > 0 else None
