"""Reads instruments: as they fall due between a window's edges, all of them at an edge, and slow counters at their
ticks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

from measurement.meters.accumulators import Accumulator, CounterAccumulator, PowerAccumulator, Rhythm, Tick
from measurement.meters.base import Clock
from measurement.meters.components import Snapshot
from measurement.meters.part_time import PartTimeCheck
from measurement.meters.ticks import (
    CALIBRATION_S,
    CALIBRATION_TICKS,
    RECENT_S,
    TAIL_TICKS,
    Level,
    level_at_end,
    level_at_opening,
    rhythm_of,
)
from measurement.traces.trace import Readings

POLL_S = 0.0005
"""Pause between two readings of a counter whose tick is awaited: a tick's time is known to a fraction of a
millisecond, and the wait costs a few per cent of a core."""


LONG_READ_S = 0.001
"""Instruments that take longer to read are not read right at an edge if a tick is awaited."""

MAX_SPREAD_HOLD_S = 0.5
"""A sensor that averages over longer doesn't show how power changes from moment to moment."""


class Sampler:
    """The accumulators of a meter, and the rows of its trace. Every method may be called from any thread."""

    def __init__(self, accumulators: Sequence[Accumulator], clock: Clock) -> None:
        self.accumulators = tuple(accumulators)
        self.columns = [
            f"{item.instrument.name}_{'energy_j' if isinstance(item, CounterAccumulator) else 'sensor_w'}"
            for item in self.accumulators
        ]
        self.readings = Readings(self.columns)
        self.lock = threading.Lock()
        self._clock = clock
        self._opened_s = 0.0
        self._took_s: dict[int, float] = {}
        self._written_j: dict[int, float] = {}
        self._awaited: dict[int, CounterAccumulator] = {
            position: accumulator
            for position, accumulator in enumerate(self.accumulators)
            if isinstance(accumulator, CounterAccumulator) and accumulator.is_awaited
        }
        sensors = {position: self._sensor_of(position) for position in self._awaited}
        self._part_time_checks: dict[int, PartTimeCheck] = {
            position: PartTimeCheck(self._awaited[position], sensor)
            for position, sensor in sensors.items()
            if sensor is not None and sensor.is_part_time
        }

    def calibrate(self) -> None:
        """Measure how each awaited counter ticks, over half a second or more."""
        with self.lock:
            until_s = self._clock.monotonic_s() + CALIBRATION_S
            found = self._await_ticks(CALIBRATION_TICKS)
            while found and self._clock.monotonic_s() < until_s:
                for position, ticks in self._await_ticks(1, just_read=True).items():
                    found[position] += ticks
            for position, ticks in found.items():
                self._awaited[position].rhythm = rhythm_of(ticks)
            for position, check in self._part_time_checks.items():
                check.calibrate(_rhythm(self._awaited[position]), self._clock, POLL_S)

    def sample(self) -> None:
        """Read the instruments that are due."""
        with self.lock:
            now_s = self._clock.monotonic_s()
            due = [
                position
                for position, accumulator in enumerate(self.accumulators)
                if accumulator.read_at_s is None
                or now_s - accumulator.read_at_s >= 0.75 * accumulator.instrument.sample_period_s
            ]
            if due:
                readings = self._read(due, now_s)
                self._write(now_s, self._count(now_s, readings), edge=False)
                for position, check in self._part_time_checks.items():
                    sensor = self._sensor_of(position)
                    if sensor is not None and position in readings and sensor.read_at_s == now_s:
                        check.sample(now_s, sensor.power_w or 0.0)

    def open(self) -> Snapshot:
        """Read every instrument; the window opens when this returns.

        With slow counters it opens right after a tick (of the last one to tick, if there are several). Instruments
        that take long to read are read before that tick, so that the work begins at once after it; the remaining
        delay is counted at the power before the tick.
        """
        with self.lock:
            early = self._read(self._long_to_read(), self._clock.monotonic_s())
            self._count(self._clock.monotonic_s(), early)
            ticked = self._await_ticks(1)
            others = [position for position in range(len(self.accumulators)) if position not in {*early, *ticked}]
            readings = self._read(reversed(others), self._clock.monotonic_s())
            now_s = self._clock.monotonic_s()
            self._opened_s = max((ticks[-1].time_s for ticks in ticked.values()), default=now_s)
            energies = {**self._hold(now_s, early), **self._count(now_s, readings)}
            levels = {
                position: level_at_opening(
                    list(self._awaited[position].ticks),
                    now_s,
                    _rhythm(self._awaited[position]),
                    self._sensed_w(position, now_s - RECENT_S, now_s),
                )
                for position in ticked
            }
            return self._edge(now_s, energies, levels)

    def close(self, *, aligned: bool) -> Snapshot:
        """Read every instrument; then, if `aligned`, wait for the ticks of slow counters after the work's end.

        Slow counters are read first, since they may tick at any moment; instruments that take long to read are read
        after the first tick, when there is time.
        """
        with self.lock:
            now_s = self._clock.monotonic_s()
            late = self._long_to_read() if aligned else []
            at_once = [
                position for position in range(len(self.accumulators)) if position not in {*self._awaited, *late}
            ]
            readings = self._read(self._awaited, now_s)
            read_s = self._clock.monotonic_s()
            energies = self._count(now_s, {**readings, **self._read(at_once, now_s)})
            before = {position: list(accumulator.ticks) for position, accumulator in self._awaited.items()}

            def read_late() -> None:
                readings = self._read(late, now_s)
                counters = {
                    position: reading
                    for position, reading in readings.items()
                    if isinstance(self.accumulators[position], CounterAccumulator)
                }
                self._count(now_s, counters)
                for position, check in self._part_time_checks.items():
                    check.compare(_rhythm(self._awaited[position]))
                energies.update(self._hold(now_s, readings))

            after = self._await_ticks(TAIL_TICKS, just_read=True, meanwhile=read_late) if aligned else {}
            levels = {
                position: level_at_end(
                    before[position],
                    ticks,
                    opened_s=self._opened_s,
                    ended_s=now_s,
                    read_s=read_s,
                    rhythm=_rhythm(self._awaited[position]),
                    sensed_w=self._sensed_w(position, max(self._opened_s, now_s - RECENT_S), now_s),
                )
                for position, ticks in after.items()
                if before[position] and position in energies
            }
            snapshot = self._edge(now_s, energies, levels)
            self._write_ticks(after)
            return snapshot

    def mark(self) -> Snapshot:
        """Read every instrument between the edges of a window, without waiting.

        The trace gets no row of the counters that edges wait for: they are read between two ticks.
        """
        with self.lock:
            now_s = self._clock.monotonic_s()
            energies = self._count(now_s, self._read(range(len(self.accumulators)), now_s))
            quick = {position: energy_j for position, energy_j in energies.items() if position not in self._awaited}
            self._write(now_s, quick, edge=not self._awaited)
            return self._snapshot(now_s, energies, {})

    def _sensed_w(self, position: int, since_s: float, until_s: float) -> list[float]:
        """Readings of the power sensor of a counter's component between two times; empty if it has none."""
        sensor = self._sensor_of(position)
        if sensor is None or sensor.hold_s > MAX_SPREAD_HOLD_S:
            return []
        return [power_w for at_s, power_w in sensor.recent if since_s < at_s <= until_s]

    def _read(self, positions: Iterable[int], now_s: float) -> dict[int, float]:
        """The readings that are available, in the order of `positions`."""
        readings = {}
        for position in positions:
            asked_s = self._clock.monotonic_s()
            reading = self.accumulators[position].read(now_s)
            self._took_s[position] = self._clock.monotonic_s() - asked_s
            if reading is not None:
                readings[position] = reading
        return readings

    def _long_to_read(self) -> list[int]:
        """Instruments that would delay an edge at a tick."""
        if not self._awaited:
            return []
        others = (position for position in range(len(self.accumulators)) if position not in self._awaited)
        return [position for position in others if self._took_s.get(position, 0.0) > LONG_READ_S]

    def _hold(self, now_s: float, positions: Iterable[int]) -> dict[int, float]:
        """Joules of accumulators that were read near `now_s`: a sensor's last power holds until then."""
        for position in positions:
            accumulator = self.accumulators[position]
            if isinstance(accumulator, PowerAccumulator):
                accumulator.hold(now_s)
        return {position: self.accumulators[position].energy_j for position in positions}

    def _count(self, now_s: float, readings: Mapping[int, float]) -> dict[int, float]:
        """Add readings to their accumulators; returns the joules of each."""
        for position, reading in readings.items():
            self.accumulators[position].add(reading, now_s)
        return {position: self.accumulators[position].energy_j for position in readings}

    def _write(self, now_s: float, energies: Mapping[int, float], *, edge: bool) -> dict[int, float]:
        """One row of the trace, and the joules in it. A level that was written ahead of a tick is never lowered."""
        row: dict[str, float] = {}
        written: dict[int, float] = {}
        for position, energy_j in energies.items():
            accumulator = self.accumulators[position]
            if isinstance(accumulator, CounterAccumulator):
                written[position] = self._written_j[position] = max(energy_j, self._written_j.get(position, energy_j))
                row[self.columns[position]] = written[position]
            elif accumulator.power_w is not None:
                written[position], row[self.columns[position]] = energy_j, accumulator.power_w
        self.readings.append(now_s, row, edge=edge)
        return written

    def _edge(self, now_s: float, energies: Mapping[int, float], levels: Mapping[int, Level]) -> Snapshot:
        """An edge's row: `levels` replace the readings of the awaited counters."""
        known = {**energies, **{position: level.energy_j for position, level in levels.items()}}
        return self._snapshot(now_s, self._write(now_s, known, edge=True), levels)

    def _snapshot(self, now_s: float, energies: Mapping[int, float], levels: Mapping[int, Level]) -> Snapshot:
        everything = range(len(self.accumulators))
        return Snapshot(
            now_s,
            tuple(energies.get(position) for position in everything),
            tuple(levels[position].standard_j if position in levels else None for position in everything),
            tuple(accumulator.variance_j2 for accumulator in self.accumulators),
            tuple(sensor.sampled_j2 if (sensor := self._sensor_of(at)) is not None else 0.0 for at in everything),
            frozenset(position for position in everything if self._is_part_time(position)),
        )

    def _sensor_of(self, position: int) -> PowerAccumulator | None:
        """The power sensor of an accumulator's component, or the accumulator itself if it is one."""
        name = self.accumulators[position].instrument.name
        sensors = (accumulator for accumulator in self.accumulators if isinstance(accumulator, PowerAccumulator))
        return next((accumulator for accumulator in sensors if accumulator.instrument.name == name), None)

    def _is_part_time(self, position: int) -> bool:
        """Whether an accumulator knows no more than a part-time sensor."""
        accumulator = self.accumulators[position]
        if isinstance(accumulator, PowerAccumulator):
            return accumulator.is_part_time
        return position in self._part_time_checks and self._part_time_checks[position].repeats

    def _write_ticks(self, found: Mapping[int, Sequence[Tick]]) -> None:
        ticks = [(tick.time_s, position, tick.energy_j) for position, ticks in found.items() for tick in ticks]
        for time_s, position, energy_j in sorted(ticks):
            self._write(time_s, {position: energy_j}, edge=False)

    def _await_ticks(
        self, count: int, *, just_read: bool = False, meanwhile: Callable[[], None] | None = None
    ) -> dict[int, list[Tick]]:
        """The next `count` ticks of each awaited counter, without counters that stopped answering or ticking.

        Counters are polled in turn, and each tick lies between two polls. A change that the first poll finds may be
        as old as the sample before it, so it doesn't count unless the counter was `just_read`. `meanwhile` is called
        once, when each counter has just ticked or no counter is awaited any more.
        """
        found: dict[int, list[Tick]] = {position: [] for position in self._awaited}
        waiting, polled = dict(self._awaited), set(self._awaited if just_read else ())
        longest_s = max((accumulator.hold_s for accumulator in waiting.values()), default=0.0)
        until_s = self._clock.monotonic_s() + (count + 1.5) * longest_s
        while waiting and self._clock.monotonic_s() < until_s:
            for position, accumulator in list(waiting.items()):
                asked_s = self._clock.monotonic_s()
                reading = accumulator.read(asked_s)
                if reading is None:
                    del waiting[position]
                    continue
                last = accumulator.ticks[-1] if accumulator.ticks else None
                accumulator.add(reading, (asked_s + self._clock.monotonic_s()) / 2)
                is_first, polled = position not in polled, polled | {position}
                if accumulator.ticks and accumulator.ticks[-1] is not last and not is_first:
                    found[position].append(accumulator.ticks[-1])
                    if len(found[position]) == count:
                        del waiting[position]
            if meanwhile is not None and all(found[position] for position in waiting):
                meanwhile()
                meanwhile = None
            if waiting:
                self._clock.sleep(POLL_S)
        if meanwhile is not None:
            meanwhile()
        return {position: ticks for position, ticks in found.items() if len(ticks) == count}


def _rhythm(accumulator: CounterAccumulator) -> Rhythm:
    return accumulator.rhythm or Rhythm(accumulator.hold_s, 0.1 * accumulator.hold_s)
