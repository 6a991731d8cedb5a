"""A meter's gain error: the same for every run on a card, so it matters between cards and not between runs."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from measurement.accounting import GAIN_HALF_WIDTH, rectangular, student_t95
from measurement.errors import BadOption

GAIN_VARIABLE = "MEASUREMENT_GAIN_U95"
GAINS_VARIABLE = "MEASUREMENT_GAINS"


def gain_relative_u(identity: str = "") -> float:
    """Relative standard uncertainty of a meter's gain: what its calibration found, else ±5 % rectangular.

    identity: a GPU's UUID as `nvidia-smi -L` prints it, or `cpu` or `dram`. `MEASUREMENT_GAINS` names a JSON file of
    relative uncertainties at 95 % by identity, such as `{"GPU-…": 0.01}`; `MEASUREMENT_GAIN_U95` applies to all
    others. Raises BadOption for a value that is not between 0 and 1.
    """
    gains = _gains_of_file()
    if identity in gains:
        return _standard(gains[identity], f"{GAINS_VARIABLE}: {identity}", GAINS_VARIABLE)
    given = os.environ.get(GAIN_VARIABLE, "").strip()
    return _standard(given, GAIN_VARIABLE, GAIN_VARIABLE) if given else rectangular(GAIN_HALF_WIDTH).standard


def _gains_of_file() -> dict[str, Any]:
    given = os.environ.get(GAINS_VARIABLE, "").strip()
    if not given:
        return {}
    try:
        gains = json.loads(Path(given).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadOption(f"{GAINS_VARIABLE}: {given} can't be read: {error}", field=GAINS_VARIABLE) from None
    if not isinstance(gains, dict):
        raise BadOption(f"{GAINS_VARIABLE}: {given} must hold one JSON object, UUID to share", field=GAINS_VARIABLE)
    return gains


def _standard(given: object, name: str, field: str) -> float:
    try:
        u95 = math.nan if isinstance(given, bool) else float(str(given))
    except ValueError:
        u95 = math.nan
    if not 0 <= u95 < 1:
        raise BadOption(
            f"{name} must be a calibrated meter's relative uncertainty at 95 %, 0 to 1, e.g. 0.01 (got {given!r})",
            field=field,
        )
    return u95 / student_t95(math.inf)
