"""A meter's gain error: the same for every run on a card, so it matters between cards and not between runs."""

from __future__ import annotations

import math
import os

from measurement.accounting import GAIN_HALF_WIDTH, rectangular, student_t95
from measurement.errors import BadInput

GAIN_VARIABLE = "MEASUREMENT_GAIN_U95"


def gain_relative_u() -> float:
    """Relative standard uncertainty of a meter's gain: ±5 % rectangular, or what a calibration found.

    `MEASUREMENT_GAIN_U95` is the calibrated relative uncertainty at 95 %, e.g. 0.01. BadInput where it is no share.
    """
    given = os.environ.get(GAIN_VARIABLE, "").strip()
    if not given:
        return rectangular(GAIN_HALF_WIDTH).standard
    try:
        u95 = float(given)
    except ValueError:
        u95 = math.nan
    if not 0 <= u95 < 1:
        raise BadInput(
            f"{GAIN_VARIABLE} must be a calibrated meter's relative uncertainty at 95 %, 0 to 1, e.g. 0.01 "
            f"(got {given!r})",
            field=GAIN_VARIABLE,
        )
    return u95 / student_t95(math.inf)
