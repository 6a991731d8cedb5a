"""Whether an energy counter sees more than a power sensor that looks only part of the time.

On some cards the sensor's reading is the mean of a quarter of the time (Yang, Adamek, Armour: "Part-time power
measurements", arXiv 2312.02741). Nobody documents whether the card's energy counter adds up these readings or all of
the power. It shows in how the counter moves where power does: a counter that only repeats the sensor gains, from tick
to tick, a mixture of two readings in a row that is always the same, because both keep their times.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from measurement.meters.accumulators import CounterTally, PowerTally, Rhythm
from measurement.meters.base import Clock

ENOUGH = 4
"""Intervals in which power moved that it takes to be sure, and to tell at all where the mixture isn't known."""

MOVED = 0.2
"""Readings in a row that are further apart than this share of the larger one tell something."""

MAX_SAMPLES = 200
"""Samples that are kept: ten seconds."""

POLLED_UPDATES = 3.5
"""Update periods that a sensor is polled for, to see when it changes."""

SHARES = tuple(step / 20 for step in range(21))
"""Mixtures that are tried where none was measured, and how far from one that was: two times are known to a few of a
hundred milliseconds each."""

SHARE_STEPS = tuple(step / 40 for step in range(-4, 5))


@dataclass(frozen=True, slots=True)
class Sample:
    """One look of the sampling thread: the counter's joules and the sensor's watts at that time."""

    time_s: float
    energy_j: float
    power_w: float


@dataclass(frozen=True, slots=True)
class _Interval:
    """Mean power between two ticks, and the pairs of readings in a row that it may be a mixture of."""

    power_w: float
    pairs: tuple[tuple[float, float], ...]

    def deviates(self, share: float, jitter: float) -> float:
        """How far the mean is from that mixture, in standard deviations: from the nearer of the pairs, where it isn't
        known which reading held. Each end of the interval jitters by `jitter` of its length, at that reading's power.
        """
        return min(
            abs(self.power_w - share * first - (1 - share) * second) / (jitter * math.hypot(first, second))
            for first, second in self.pairs
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a counter may do no more than repeat its sensor; `sees_more` where it surely does more."""

    repeats: bool
    sees_more: bool


def repeats_sensor(
    samples: Sequence[Sample], period_s: float, deviation_s: float, share: float | None = None
) -> Verdict | None:
    """Whether the counter's gains between ticks are one mixture of the sensor's readings; None where nothing tells.

    period_s, deviation_s: of the counter's ticks. share: how much of such a mixture is the reading that held when the
    interval began; None to look for it. Of n normal deviates the median one is below `0.67 + 1.3/√n` standard
    deviations in 95 of 100 cases: no further off may the gains be for the ticks' jitter to explain it.
    """
    telling = [interval for interval in _intervals(samples, period_s) if _moves(interval)]
    if len(telling) < (1 if share is not None else ENOUGH):
        return None
    jitter = max(deviation_s / math.sqrt(2), 0.005 * period_s) / period_s
    shares = SHARES if share is None else [min(max(0.0, share + step), 1.0) for step in SHARE_STEPS]
    off = min(statistics.median(item.deviates(one, jitter) for item in telling) for one in shares)
    near = 0.67 + 1.3 / math.sqrt(len(telling))
    return Verdict(off <= near, len(telling) >= ENOUGH and off > 3 * near)


def _moves(interval: _Interval) -> bool:
    return all(abs(first - second) > MOVED * max(first, second) for first, second in interval.pairs)


def _intervals(samples: Sequence[Sample], period_s: float) -> list[_Interval]:
    """Between each two ticks in a row, none missed between them."""
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


class Echo:
    """A counter beside a part-time sensor of the same component, and whether it may do no more than repeat that.

    `repeats` is what was last seen. Once a counter surely told more than the sensor, it is never doubted again.
    """

    def __init__(self, counter: CounterTally, sensor: PowerTally) -> None:
        self.repeats = False
        self._counter, self._sensor = counter, sensor
        self._samples: deque[Sample] = deque(maxlen=MAX_SAMPLES)
        self._share: float | None = None
        self._sees_more = False

    def calibrate(self, rhythm: Rhythm, clock: Clock, pause_s: float) -> None:
        """Poll the sensor for a few updates: their times beside the last tick's tell how much of a counter's interval
        the reading holds that held when it began."""
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
        """Both were just read."""
        self._samples.append(Sample(now_s, self._counter.energy_j, power_w))

    def compare(self, rhythm: Rhythm) -> None:
        """Judge by the last samples; where these tell nothing, what was judged before stands."""
        if self._sees_more:
            return
        verdict = repeats_sensor(list(self._samples), rhythm.period_s, rhythm.deviation_s, self._share)
        if verdict is not None:
            self.repeats, self._sees_more = verdict.repeats, verdict.sees_more
