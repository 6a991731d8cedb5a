"""A reference kernel: the same work, timed just before and just after a window.

It shows what a window's own load figures don't: a clock that falls with heat, a neighbour on the same physical core
or on the memory of the same host.
"""

from __future__ import annotations

import hashlib
import statistics
import time
from dataclasses import dataclass

from measurement.vocabulary import Flag

MAX_DRIFT = 0.25
"""Relative difference of the kernel's CPU time after a window from that before it, above which a figure is held."""

PASSES = 25
_HASHED = bytes(2**20)
_COPIED = bytes(4 * 2**20)


@dataclass(frozen=True, slots=True)
class ReferenceDrift:
    """Relative difference in CPU time of the reference kernel after a window from before it; None if unknown."""

    drift: float | None = None

    @property
    def flags(self) -> frozenset[Flag]:
        """`reference_drift`, if it is above the bound."""
        return frozenset({Flag.REFERENCE_DRIFT}) if abs(self.drift or 0.0) > MAX_DRIFT else frozenset()

    @property
    def notes(self) -> tuple[str, ...]:
        """The same as text."""
        if not self.flags or self.drift is None:
            return ()
        return (f"the reference kernel took {self.drift:+.0%} of CPU time after the window, compared with before it",)

    @property
    def conditions(self) -> dict[str, float]:
        """The drift for the record, if known."""
        return {} if self.drift is None else {"reference_drift": round(self.drift, 4)}


def reference_s(passes: int = PASSES) -> float:
    """CPU seconds of one pass of the kernel: SHA-256 of a MiB and a copy of 4 MiB, in one thread; the median.

    CPU time, since waiting for a CPU is counted by the window's load.
    """
    buffer = bytearray(len(_COPIED))
    taken_s = []
    for _ in range(passes + 1):
        began_s = time.thread_time()
        hashlib.sha256(_HASHED).digest()
        buffer[:] = _COPIED
        taken_s.append(time.thread_time() - began_s)
    return statistics.median(taken_s[1:])  # the first one touches its memory for the first time
