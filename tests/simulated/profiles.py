"""True power over time, with its exact energy: what a simulated card draws and no meter ever sees."""

from __future__ import annotations

import itertools
import math
import random
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self


class Segment(NamedTuple):
    """Power that goes linearly from `start_w` to `end_w` in `duration_s`."""

    duration_s: float
    start_w: float
    end_w: float


@dataclass(frozen=True)
class Profile:
    """Segments of power from time 0 on: repeated for ever, or the last power held for ever. Before 0 the first
    power holds (a repeating profile has always repeated)."""

    segments: tuple[Segment, ...]
    repeating: bool = True

    def __post_init__(self) -> None:
        if not self.segments or any(not segment.duration_s > 0 for segment in self.segments):
            raise ValueError("a profile needs segments, each with a duration above 0 s")

    @classmethod
    def constant(cls, power_w: float) -> Self:
        """The same power for ever."""
        return cls((Segment(1.0, power_w, power_w),))

    @classmethod
    def square(cls, low_w: float, high_w: float, period_s: float, duty: float = 0.5, phase_s: float = 0.0) -> Self:
        """`high_w` for `duty` of each period, then `low_w`; `phase_s` into the period at time 0."""
        high_s = duty * period_s
        wave = [Segment(high_s, high_w, high_w), Segment(period_s - high_s, low_w, low_w)]
        return cls(_rotated([segment for segment in wave if segment.duration_s > 0], phase_s % period_s))

    @classmethod
    def triangle(cls, low_w: float, high_w: float, period_s: float) -> Self:
        """Up from `low_w` to `high_w` and down again in each period."""
        return cls((Segment(period_s / 2, low_w, high_w), Segment(period_s / 2, high_w, low_w)))

    @classmethod
    def ramp(cls, start_w: float, end_w: float, duration_s: float) -> Self:
        """Once from `start_w` to `end_w`, which then holds."""
        return cls((Segment(duration_s, start_w, end_w),), repeating=False)

    @classmethod
    def steps(cls, steps: Iterable[tuple[float, float]], *, repeating: bool = False) -> Self:
        """Pieces of constant power, each (seconds, watts)."""
        return cls(tuple(Segment(duration_s, watts, watts) for duration_s, watts in steps), repeating)

    @classmethod
    def bursts(
        cls,
        seed: int,
        *,
        low_w: float = 80.0,
        high_w: float = 380.0,
        mean_busy_s: float = 0.2,
        mean_idle_s: float = 0.2,
        duration_s: float = 120.0,
    ) -> Self:
        """Busy and idle stretches of random (exponential) length, repeated after `duration_s`."""
        random_ = random.Random(seed)
        segments: list[Segment] = []
        passed_s = 0.0
        while passed_s < duration_s:
            for mean_s, watts in ((mean_busy_s, high_w), (mean_idle_s, low_w)):
                segments.append(Segment(0.002 + random_.expovariate(1 / mean_s), watts, watts))
                passed_s += segments[-1].duration_s
        return cls(tuple(segments))

    @classmethod
    def training(
        cls,
        seed: int,
        *,
        idle_w: float = 90.0,
        busy_w: float = 360.0,
        step_s: float = 0.12,
        steps_per_epoch: int = 150,
        epochs: int = 4,
    ) -> Self:
        """Steps as a training loop makes them: a dip for the input, forward, backward, optimizer; between two epochs
        an evaluation at lower power and a pause. Lengths and powers of the parts vary by some per cent."""
        random_ = random.Random(seed)

        def part(seconds: float, start_w: float, end_w: float) -> Segment:
            share = random_.gauss(1.0, 0.04)
            return Segment(max(1e-3, seconds * random_.gauss(1.0, 0.1)), start_w * share, end_w * share)

        segments = []
        for _ in range(epochs):
            for _ in range(steps_per_epoch):
                segments += [
                    part(0.15 * step_s, idle_w * 1.2, idle_w * 1.2),
                    part(0.30 * step_s, 0.80 * busy_w, 0.90 * busy_w),
                    part(0.45 * step_s, busy_w, busy_w),
                    part(0.10 * step_s, 0.5 * busy_w, 0.4 * busy_w),
                ]
            segments += [part(20 * step_s, 0.6 * busy_w, 0.6 * busy_w), part(0.4, idle_w, idle_w)]
        return cls(tuple(segments))

    def first(self, seconds: float) -> Profile:
        """The first `seconds` of it, once; the power it ends with holds."""
        kept: list[Segment] = []
        passed_s = 0.0
        for segment in itertools.cycle(self.segments) if self.repeating else self.segments:
            left_s = seconds - passed_s
            if left_s <= 0:
                break
            share = min(1.0, left_s / segment.duration_s)
            end_w = segment.start_w + share * (segment.end_w - segment.start_w)
            kept.append(Segment(share * segment.duration_s, segment.start_w, end_w))
            passed_s += segment.duration_s
        if passed_s < seconds:
            last_w = self.segments[-1].end_w
            kept.append(Segment(seconds - passed_s, last_w, last_w))
        return Profile(tuple(kept), repeating=False)

    def then(self, later: Profile, after_s: float) -> Profile:
        """This for `after_s` seconds, then one cycle of `later`, whose last power holds."""
        return Profile((*self.first(after_s).segments, *later.segments), repeating=False)

    @property
    def length_s(self) -> float:
        """Seconds of one cycle."""
        return self._starts_s[-1]

    def power_w(self, time_s: float) -> float:
        """True watts at `time_s`; where power jumps, those after the jump."""
        rest_s = time_s - self._cycles(time_s) * self.length_s
        if rest_s < 0:
            return self.segments[0].start_w
        if rest_s >= self.length_s:
            return self.segments[-1].end_w
        position = bisect_right(self._starts_s, rest_s) - 1
        duration_s, start_w, end_w = self.segments[position]
        return start_w + (rest_s - self._starts_s[position]) / duration_s * (end_w - start_w)

    def energy_j(self, start_s: float, end_s: float) -> float:
        """True joules between two times, in closed form."""
        return self._energy_since_zero_j(end_s) - self._energy_since_zero_j(start_s)

    def mean_power_w(self, start_s: float, end_s: float) -> float:
        return self.energy_j(start_s, end_s) / (end_s - start_s)

    @cached_property
    def _starts_s(self) -> list[float]:
        return [0.0, *itertools.accumulate(segment.duration_s for segment in self.segments)]

    @cached_property
    def _energies_j(self) -> list[float]:
        spent = (segment.duration_s * (segment.start_w + segment.end_w) / 2 for segment in self.segments)
        return [0.0, *itertools.accumulate(spent)]

    def _cycles(self, time_s: float) -> float:
        return math.floor(time_s / self.length_s) if self.repeating else 0.0

    def _energy_since_zero_j(self, time_s: float) -> float:
        cycles = self._cycles(time_s)
        rest_s = time_s - cycles * self.length_s
        before_j = cycles * self._energies_j[-1]
        if rest_s < 0:
            return before_j + rest_s * self.segments[0].start_w
        if rest_s >= self.length_s:
            return before_j + self._energies_j[-1] + (rest_s - self.length_s) * self.segments[-1].end_w
        position = bisect_right(self._starts_s, rest_s) - 1
        duration_s, start_w, end_w = self.segments[position]
        inside_s = rest_s - self._starts_s[position]
        slope = (end_w - start_w) / duration_s
        return before_j + self._energies_j[position] + inside_s * (start_w + slope * inside_s / 2)


def _rotated(segments: list[Segment], phase_s: float) -> tuple[Segment, ...]:
    """The cycle of constant pieces as it runs from `phase_s` on."""
    before: list[Segment] = []
    after: list[Segment] = []
    passed_s = 0.0
    for duration_s, start_w, end_w in segments:
        split_s = min(max(phase_s - passed_s, 0.0), duration_s)
        if split_s > 0:
            before.append(Segment(split_s, start_w, end_w))
        if duration_s - split_s > 0:
            after.append(Segment(duration_s - split_s, start_w, end_w))
        passed_s += duration_s
    return (*after, *before)
