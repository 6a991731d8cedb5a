"""What an entry was measured on. A device's gain error is common to all that is measured on it."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence

GAIN_U95 = round(1.96 * 0.05 / math.sqrt(3), 6)
"""Relative gain error at 95 % of a device that nobody calibrated: ±5 %, rectangular."""


def identity(uuid: str | None) -> str:
    """A device's name from its UUID: the same for each of its runs, and not the UUID itself. Empty if unknown."""
    return hashlib.sha256(f"device {uuid}".encode()).hexdigest()[:16] if uuid else ""


def of_mean(devices: Sequence[tuple[str, float]]) -> tuple[str, float]:
    """Device and gain of a mean over results, from those of each result.

    Results of several devices share their gains, √Σ(share · gain)²; the name says which, and how much of each: equal
    mixtures have the same error.
    """
    number = Counter(name for name, _ in devices)
    gains = {name: max(gain for other, gain in devices if other == name) for name in number}
    if len(number) == 1:
        return next(iter(gains.items()))
    least = math.gcd(*number.values())
    mixture = " ".join(f"{name}:{count // least}" for name, count in sorted(number.items()))
    gain = math.hypot(*(count / len(devices) * gains[name] for name, count in number.items()))
    return identity(mixture), round(gain, 6)
