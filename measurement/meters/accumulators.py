"""From an instrument's readings to the joules it has seen since the meter started."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from measurement.accounting import counter_step
from measurement.errors import MeterFailure
from measurement.meters.base import EnergyCounter, Instrument, PartTime, PowerSensor

MAX_GAP_S = 10.0
"""Longest time without a reading that a power reading is held for."""

MAX_COMPONENT_POWER_W = 2500.0
"""More than any one component draws: separates a wrap from a reset, and limits how long a counter may go unread."""

UNSEEN_SHARE = 0.6
"""How much of the steps between a sensor's readings is scatter: less than 1, because power mostly changes once
between two readings. Found on simulated cards."""

MIN_AWAITED_PERIOD_S = 0.015
"""Windows open and close at the ticks of a counter that ticks less often than this; with a quicker one the error at
the edges is too small to matter (RAPL ticks every millisecond)."""


class ReadingFaults:
    """Failed readings and breaks of the count of one instrument, with their times on the meter's clock.

    A failed reading only invalidates the window whose edge it should have given; a break of the count invalidates
    every window that contains it.
    """

    def __init__(self) -> None:
        self._breaks: list[tuple[float, str]] = []
        self._failures: deque[tuple[float, str]] = deque(maxlen=100)

    def failed(self, at_s: float, reason: str) -> None:
        """Note a failed reading; the last 100 are kept."""
        self._failures.append((at_s, reason))

    def broke(self, at_s: float, reason: str) -> None:
        """Note a break of the count."""
        self._breaks.append((at_s, reason))

    def break_between(self, start_s: float, end_s: float) -> str | None:
        """Why the joules between two times can't be trusted; None if they can."""
        return next((reason for at_s, reason in self._breaks if start_s < at_s <= end_s), None)

    def failure_between(self, start_s: float, end_s: float) -> str | None:
        """The last failed reading between two times, in words; None if all were taken."""
        return next((reason for at_s, reason in reversed(self._failures) if start_s <= at_s <= end_s), None)


@dataclass(frozen=True, slots=True)
class Tick:
    """A change of a counter: it happened within ± `half_width_s` of `time_s`, and the accumulator was at `energy_j`
    then."""

    time_s: float
    half_width_s: float
    energy_j: float


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How a counter ticks: seconds from tick to tick, and the standard deviation of that."""

    period_s: float
    deviation_s: float


class Accumulator(Protocol):
    """Joules since an instrument's first reading. A window's joules are differences of it.

    `variance_j2` is the variance, in J², that comes from what happened between readings.
    """

    faults: ReadingFaults
    energy_j: float
    variance_j2: float
    read_at_s: float | None

    @property
    def instrument(self) -> Instrument: ...

    @property
    def power_w(self) -> float | None:
        """Recent watts, for display; None until there are enough readings."""

    @property
    def hold_s(self) -> float:
        """Seconds by which a window's edge may miss a change of the power."""

    def read(self, now_s: float) -> float | None:
        """A reading, in the instrument's own unit. A failure is noted, not raised: one bad sample must not cost
        hours of training."""

    def add(self, reading: float, now_s: float) -> None:
        """Count the joules up to a reading taken at `now_s`."""


def _read(read: Callable[[], float | None], faults: ReadingFaults, now_s: float, name: str) -> float | None:
    """A reading, on the second try if need be: drivers fail for one call. None and a noted fault if both fail."""
    for is_last in (False, True):
        try:
            return read()
        except MeterFailure as failure:
            if is_last:
                faults.failed(now_s, f"{name}: {failure}")
    return None


class CounterAccumulator:
    """Joules of an energy counter, through its wraps. `rhythm` says how it ticks, once that was measured."""

    def __init__(self, counter: EnergyCounter) -> None:
        self.instrument = counter
        self.faults = ReadingFaults()
        self.energy_j = 0.0
        self.variance_j2 = 0.0
        self.read_at_s: float | None = None
        self.rhythm: Rhythm | None = None
        self.ticks: deque[Tick] = deque(maxlen=24)
        self._last_mj: float | None = None
        self._changed_at_s = 0.0
        self._recent: deque[tuple[float, float]] = deque(maxlen=200)

    @property
    def is_awaited(self) -> bool:
        """Whether windows open and close at this counter's ticks."""
        return self.instrument.update_period_s >= MIN_AWAITED_PERIOD_S

    @property
    def hold_s(self) -> float:
        return self.rhythm.period_s if self.rhythm is not None else self.instrument.update_period_s

    @property
    def power_w(self) -> float | None:
        """Mean of the last second or so: a counter that has not ticked since its last reading is not at 0 W."""
        if len(self._recent) < 2 or self._recent[-1][0] == self._recent[0][0]:
            return None
        (start_s, start_j), (end_s, end_j) = self._recent[0], self._recent[-1]
        return (end_j - start_j) / (end_s - start_s)

    def read(self, now_s: float) -> float | None:
        return _read(self.instrument.read_mj, self.faults, now_s, self.instrument.name)

    def add(self, reading: float, now_s: float) -> None:
        """As in the Protocol. Readings taken close together locate a tick's time precisely in `ticks`."""
        if self._last_mj is not None and self.read_at_s is not None:
            self.energy_j += self._step_j(self._last_mj, reading, now_s)
        if self._last_mj is None or self.read_at_s is None:
            self._changed_at_s = now_s
        elif reading != self._last_mj:
            self._changed_at_s = now_s
            half_width_s = (now_s - self.read_at_s) / 2
            self.ticks.append(Tick(now_s - half_width_s, half_width_s, self.energy_j))
        self._last_mj, self.read_at_s = reading, now_s
        if not self._recent or now_s - self._recent[-1][0] >= 0.01:
            self._recent.append((now_s, self.energy_j))
        while len(self._recent) > 2 and self._recent[1][0] <= now_s - 1.0:
            self._recent.popleft()

    def _step_j(self, before_mj: float, after_mj: float, now_s: float) -> float:
        """Joules between two readings. An impossible step is noted as a break, and windows that contain it are
        void."""
        name, range_mj = self.instrument.name, self.instrument.range_mj
        step_mj = counter_step(before_mj, after_mj, range_mj)
        if step_mj is None:
            self.faults.broke(
                now_s,
                f"{name}: the counter stepped back from {before_mj:.0f} to {after_mj:.0f} mJ (driver reloaded?)",
            )
            return 0.0
        elapsed_s = now_s - (self.read_at_s or 0.0)
        if range_mj is not None and elapsed_s * MAX_COMPONENT_POWER_W >= range_mj / 1000:
            self.faults.broke(now_s, f"{name}: no reading for {elapsed_s:.0f} s, so a wrap may have gone unseen")
            return 0.0
        # A counter stays the same between ticks, so its step may be as old as its last change.
        longest_s = now_s - self._changed_at_s + 2 * self.instrument.update_period_s
        if step_mj / 1000 > MAX_COMPONENT_POWER_W * longest_s + 1.0:
            self.faults.broke(
                now_s,
                f"{name}: the counter went from {before_mj:.0f} to {after_mj:.0f} mJ within {longest_s:.2g} s, more "
                "than any device draws: it was reset, or its range is not what the driver says",
            )
            return 0.0
        return step_mj / 1000


class PowerAccumulator:
    """Joules of a power sensor: each reading held until the next.

    `sampled_j2` is the variance, in J², that a sensor adds which measures only part of the time: each of its readings
    represents a whole update period, and half the mean square step between readings is the variance of one.
    """

    def __init__(self, sensor: PowerSensor) -> None:
        self.instrument = sensor
        self.faults = ReadingFaults()
        self.energy_j = 0.0
        self.variance_j2 = 0.0
        self.read_at_s: float | None = None
        self.recent: deque[tuple[float, float]] = deque(maxlen=30)
        self.sampled_j2 = 0.0
        self._power_w: float | None = None

    @property
    def hold_s(self) -> float:
        return max(self.instrument.update_period_s, self.instrument.sample_period_s)

    @property
    def is_part_time(self) -> bool:
        """Whether the sensor sees only part of each update period."""
        return isinstance(self.instrument, PartTime) and self.instrument.seen_share < 1

    @property
    def power_w(self) -> float | None:
        return self._power_w

    def read(self, now_s: float) -> float | None:
        return _read(self.instrument.read_w, self.faults, now_s, self.instrument.name)

    def add(self, reading: float, now_s: float) -> None:
        if self._power_w is not None and self.read_at_s is not None:
            # When the power changed is unknown; its mean square step is twice its variance.
            self.variance_j2 += UNSEEN_SHARE * ((reading - self._power_w) * (now_s - self.read_at_s)) ** 2 / 2
        self.hold(now_s)
        self._power_w, self.read_at_s = reading, now_s
        if not self.recent:
            self.recent.append((now_s, reading))
            return
        before_s, before_w = self.recent[-1]
        if now_s - before_s >= 0.9 * self.instrument.update_period_s:
            self.sampled_j2 += ((reading - before_w) * (now_s - before_s)) ** 2 / 2
            self.recent.append((now_s, reading))

    def hold(self, now_s: float) -> None:
        """Count the joules up to `now_s` at the last reading's power."""
        if self._power_w is None or self.read_at_s is None:
            return
        elapsed_s = now_s - self.read_at_s
        self.energy_j += self._power_w * elapsed_s
        if elapsed_s > MAX_GAP_S:
            self.faults.broke(now_s, f"{self.instrument.name}: no reading of the power for {elapsed_s:.0f} s")
        self.read_at_s = now_s
