"""From an instrument's readings to the joules it has seen since the meter started."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from measurement.accounting import counter_step
from measurement.errors import MeterFailure
from measurement.meters.base import EnergyCounter, Instrument, PowerSensor

MAX_GAP_S = 10.0
"""Longest time without a reading that a power reading is held for."""

MAX_COMPONENT_POWER_W = 1500.0
"""More than any one component draws: bounds how often a counter may have wrapped unseen."""


class Troubles:
    """What went wrong with one instrument, with the time of each event on the meter's clock.

    A failed reading only spoils the window whose edge it was to be; a break of the count spoils every window that
    it lies in.
    """

    def __init__(self) -> None:
        self._breaks: list[tuple[float, str]] = []
        self._failures: deque[tuple[float, str]] = deque(maxlen=100)

    def failed(self, at_s: float, reason: str) -> None:
        self._failures.append((at_s, reason))

    def broke(self, at_s: float, reason: str) -> None:
        self._breaks.append((at_s, reason))

    def break_between(self, start_s: float, end_s: float) -> str | None:
        """Why the joules between two times can't be trusted; None where they can."""
        return next((reason for at_s, reason in self._breaks if start_s < at_s <= end_s), None)

    def failure_between(self, start_s: float, end_s: float) -> str | None:
        """The last failed reading between two times, in words; None where all were taken."""
        return next((reason for at_s, reason in reversed(self._failures) if start_s <= at_s <= end_s), None)


class Tally(Protocol):
    """Joules since an instrument's first reading. All windows are differences of tallies."""

    troubles: Troubles
    energy_j: float
    read_at_s: float | None

    @property
    def instrument(self) -> Instrument: ...

    @property
    def power_w(self) -> float | None:
        """Watts of late, for display; None before there is enough to tell."""

    @property
    def hold_s(self) -> float:
        """Seconds by which a window's edge may miss a change of the power."""

    def read(self, now_s: float) -> float | None:
        """A reading, in the instrument's own unit. A failure is noted, not raised: one bad sample must not cost
        hours of training."""

    def add(self, reading: float, now_s: float) -> None:
        """Count the joules up to a reading taken at `now_s`."""


class CounterTally:
    """Joules of an energy counter, through its wraps."""

    def __init__(self, counter: EnergyCounter) -> None:
        self.instrument = counter
        self.troubles = Troubles()
        self.energy_j = 0.0
        self.read_at_s: float | None = None
        self._last_mj: float | None = None
        self._recent: deque[tuple[float, float]] = deque(maxlen=200)

    @property
    def hold_s(self) -> float:
        return self.instrument.update_period_s

    @property
    def power_w(self) -> float | None:
        """Mean of the last second or so: a counter that has not ticked since its last reading is not at 0 W."""
        if len(self._recent) < 2 or self._recent[-1][0] == self._recent[0][0]:
            return None
        (start_s, start_j), (end_s, end_j) = self._recent[0], self._recent[-1]
        return (end_j - start_j) / (end_s - start_s)

    def read(self, now_s: float) -> float | None:
        try:
            return self.instrument.read_mj()
        except MeterFailure as failure:
            self.troubles.failed(now_s, f"{self.instrument.name}: {failure}")
            return None

    def add(self, reading: float, now_s: float) -> None:
        if self._last_mj is not None and self.read_at_s is not None:
            self.energy_j += self._step_j(self._last_mj, reading, now_s, now_s - self.read_at_s)
        self._last_mj, self.read_at_s = reading, now_s
        self._recent.append((now_s, self.energy_j))
        while len(self._recent) > 2 and self._recent[1][0] <= now_s - 1.0:
            self._recent.popleft()

    def _step_j(self, before_mj: float, after_mj: float, now_s: float, elapsed_s: float) -> float:
        name, range_mj = self.instrument.name, self.instrument.range_mj
        step_mj = counter_step(before_mj, after_mj, range_mj)
        if step_mj is None:
            self.troubles.broke(
                now_s,
                f"{name}: the counter stepped back from {before_mj:.0f} to {after_mj:.0f} mJ (driver reloaded?)",
            )
            return 0.0
        if range_mj is not None and elapsed_s > MAX_GAP_S and elapsed_s * MAX_COMPONENT_POWER_W >= range_mj / 1000:
            self.troubles.broke(now_s, f"{name}: no reading for {elapsed_s:.0f} s, so a wrap may have gone unseen")
        return step_mj / 1000


class PowerTally:
    """Joules of a power sensor: each reading held until the next."""

    def __init__(self, sensor: PowerSensor) -> None:
        self.instrument = sensor
        self.troubles = Troubles()
        self.energy_j = 0.0
        self.read_at_s: float | None = None
        self._power_w: float | None = None

    @property
    def hold_s(self) -> float:
        return max(self.instrument.update_period_s, self.instrument.sample_period_s)

    @property
    def power_w(self) -> float | None:
        return self._power_w

    def read(self, now_s: float) -> float | None:
        try:
            return self.instrument.read_w()
        except MeterFailure as failure:
            self.troubles.failed(now_s, f"{self.instrument.name}: {failure}")
            return None

    def add(self, reading: float, now_s: float) -> None:
        if self._power_w is not None and self.read_at_s is not None:
            elapsed_s = now_s - self.read_at_s
            self.energy_j += self._power_w * elapsed_s
            if elapsed_s > MAX_GAP_S:
                self.troubles.broke(now_s, f"{self.instrument.name}: no reading of the power for {elapsed_s:.0f} s")
        self._power_w, self.read_at_s = reading, now_s
