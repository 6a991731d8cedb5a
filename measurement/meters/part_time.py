"""Whether an energy counter measures more than a power sensor that measures only part of the time.

On some cards the sensor's reading is the mean of a quarter of the time (Yang, Adamek, Armour: "Part-time power
measurements", arXiv 2312.02741). Nobody documents whether the card's energy counter adds up these readings or all of
the power. The counter's steps show it when the power changes: a counter that only repeats the sensor adds, from tick
to tick, always the same mixture of two successive readings, because both keep their rhythm.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from measurement.meters.accumulators import CounterAccumulator, PowerAccumulator, Rhythm
from measurement.meters.base import Clock

ENOUGH = 4
"""Intervals with changing power needed to be sure, and needed for any verdict if the mixture isn't known."""

MOVED = 0.2
"""The power changed if successive readings differ by more than this share of the larger one."""

MAX_SAMPLES = 200
"""Number of samples kept: ten seconds."""

POLLED_UPDATES = 3.5
"""Update periods for which a sensor is polled, to find when it changes."""

SHARES = tuple(step / 20 for step in range(21))
"""Mixtures tried if none was measured, and steps around one that was: each time is known to a few of a hundred
milliseconds."""

SHARE_STEPS = tuple(step / 40 for step in range(-4, 5))


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading by the sampling thread: the counter's joules and the sensor's watts at that time."""

    time_s: float
    energy_j: float
    power_w: float


@dataclass(frozen=True, slots=True)
class _Interval:
    """Mean power between two ticks, and the pairs of successive readings that it may be a mixture of."""

    power_w: float
    pairs: tuple[tuple[float, float], ...]

    def deviates(self, share: float, jitter: float) -> float:
        """How far the mean is from that mixture, in standard deviations: from the nearer of the pairs, if it isn't
        known which reading held. Each end of the interval jitters by `jitter` of its length, at that reading's power.
        """
        return min(
            abs(self.power_w - share * first - (1 - share) * second) / (jitter * math.hypot(first, second))
            for first, second in self.pairs
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a counter may do no more than repeat its sensor; `sees_more` if it surely does more."""

    repeats: bool
    sees_more: bool


def repeats_sensor(
    samples: Sequence[Sample], period_s: float, deviation_s: float, share: float | None = None
) -> Verdict | None:
    """Whether the counter's steps between ticks are one mixture of the sensor's readings; None if undecided.

    period_s, deviation_s: of the counter's ticks. share: how much of such a mixture is the reading that held when the
    interval began; None to look for it. Of n normal deviates the median one is below `0.67 + 1.3/√n` standard
    deviations in 95 of 100 cases: if the steps are further off, the ticks' jitter can't explain it.
    """
    changing = [interval for interval in _intervals(samples, period_s) if _changes(interval)]
    if len(changing) < (1 if share is not None else ENOUGH):
        return None
    jitter = max(deviation_s / math.sqrt(2), 0.005 * period_s) / period_s
    shares = SHARES if share is None else [min(max(0.0, share + step), 1.0) for step in SHARE_STEPS]
    off = min(statistics.median(item.deviates(one, jitter) for item in changing) for one in shares)
    near = 0.67 + 1.3 / math.sqrt(len(changing))
    return Verdict(off <= near, len(changing) >= ENOUGH and off > 3 * near)


def _changes(interval: _Interval) -> bool:
    return all(abs(first - second) > MOVED * max(first, second) for first, second in interval.pairs)


def _intervals(samples: Sequence[Sample], period_s: float) -> list[_Interval]:
    """Between successive ticks, if none was missed between them."""
    ticks = [row for row in range(1, len(samples)) if samples[row].energy_j != samples[row - 1].energy_j]
    updates, values_w = [0], [samples[0].power_w] if samples else []
    for before, after in itertools.pairwise(samples):
        if before.power_w != after.power_w:
            values_w.append(after.power_w)
        updates.append(len(values_w) - 1)
    found = []
    for start, end in itertools.pairwise(ticks):
        elapsed_s = samples[end].time_s - samples[start].time_s
        gaps_s = (after.time_s - before.time_s for before, after in itertools.pairwise(samples[start - 1 : end + 1]))
        if not 0.4 * period_s < elapsed_s < 1.6 * period_s or max(gaps_s) > 0.8 * period_s:
            continue
        held = {updates[start - 1], updates[start]}
        pairs = tuple((values_w[update], values_w[update + 1]) for update in held if update + 1 < len(values_w))
        if pairs:
            found.append(_Interval((samples[end].energy_j - samples[start].energy_j) / period_s, pairs))
    return found


class PartTimeCheck:
    """Whether a counter may do no more than repeat the part-time sensor of the same component.

    `repeats` is the latest verdict. Once a counter surely measured more than the sensor, it is not checked again.
    """

    def __init__(self, counter: CounterAccumulator, sensor: PowerAccumulator) -> None:
        self.repeats = False
        self._counter, self._sensor = counter, sensor
        self._samples: deque[Sample] = deque(maxlen=MAX_SAMPLES)
        self._share: float | None = None
        self._sees_more = False

    def calibrate(self, rhythm: Rhythm, clock: Clock, pause_s: float) -> None:
        """Poll the sensor for a few updates: their times relative to the last tick show for how much of a counter's
        interval the reading at its beginning still applies."""
        until_s = clock.monotonic_s() + POLLED_UPDATES * self._sensor.instrument.update_period_s
        last_w, last_s, turns = None, 0.0, []
        while self._counter.ticks and clock.monotonic_s() < until_s:
            asked_s = clock.monotonic_s()
            power_w = self._sensor.read(asked_s)
            now_s = (asked_s + clock.monotonic_s()) / 2
            if last_w is not None and power_w != last_w:
                since_s = (now_s + last_s) / 2 - self._counter.ticks[-1].time_s
                turns.append(2 * math.pi * since_s / rhythm.period_s)
            last_w, last_s = power_w, now_s
            clock.sleep(pause_s)
        if turns:
            mean = math.atan2(math.fsum(map(math.sin, turns)), math.fsum(map(math.cos, turns)))
            self._share = mean / (2 * math.pi) % 1.0

    def sample(self, now_s: float, power_w: float) -> None:
        """Add a reading of both."""
        self._samples.append(Sample(now_s, self._counter.energy_j, power_w))

    def compare(self, rhythm: Rhythm) -> None:
        """Update the verdict from the last samples; if these don't decide, the earlier verdict remains."""
        if self._sees_more:
            return
        verdict = repeats_sensor(list(self._samples), rhythm.period_s, rhythm.deviation_s, self._share)
        if verdict is not None:
            self.repeats, self._sees_more = verdict.repeats, verdict.sees_more
