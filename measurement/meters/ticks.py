"""The value of a counter between two of its ticks: at a window's opening and at its end.

A counter that ticks every 20 to 100 ms shows at each tick what was spent until then, and nothing in between. So a
window opens at a tick, and at its end the meter waits for two more ticks: the first shows the joules of work and tail
together, the second the power of the tail.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from measurement.accounting import student_t95
from measurement.meters.accumulators import Rhythm, Tick

CALIBRATION_TICKS = 6
CALIBRATION_S = 0.5
"""A counter's period is measured over so many ticks and so long, whichever ends later."""

TAIL_TICKS = 2
"""Ticks to wait for after the work's end."""

RECENT_S = 1.0
"""How far back before a window's edge the power is taken into account."""


@dataclass(frozen=True, slots=True)
class Level:
    """What an accumulator was at, in joules, with its standard uncertainty."""

    energy_j: float
    standard_j: float


def rhythm_of(ticks: Sequence[Tick]) -> Rhythm | None:
    """The rhythm of successive ticks; None for fewer than three. Missed ticks do no harm.

    Its deviation is widened if it is known from few ticks, as in `spread_of`.
    """
    intervals_s = [after.time_s - before.time_s for before, after in itertools.pairwise(ticks)]
    if len(intervals_s) < 2:
        return None
    typical_s = statistics.median(intervals_s)
    counts = [max(1, round(interval_s / typical_s)) for interval_s in intervals_s]
    period_s = math.fsum(intervals_s) / sum(counts)
    strays = [interval_s - count * period_s for interval_s, count in zip(intervals_s, counts, strict=True)]
    return Rhythm(period_s, spread_of(strays))


def mean_power_w(before: Tick, after: Tick, rhythm: Rhythm) -> float | None:
    """Watts between two ticks; None if their times are too vague to count the periods between them."""
    elapsed_s = after.time_s - before.time_s
    vague_s = after.half_width_s + before.half_width_s
    if vague_s > rhythm.deviation_s:
        # Ticks are regular, so the interval is a whole number of periods.
        if vague_s > 0.65 * rhythm.period_s:
            return None
        elapsed_s = max(1, round(elapsed_s / rhythm.period_s)) * rhythm.period_s
    return (after.energy_j - before.energy_j) / elapsed_s if elapsed_s > 0 else None


def level_at_opening(ticks: Sequence[Tick], opened_s: float, rhythm: Rhythm, sensed_w: Sequence[float] = ()) -> Level:
    """The accumulator at `opened_s`, shortly after the last of `ticks`, at the power that it had before.

    The tick came at some time between two polls, evenly likely: `P·a/√3`, a being half the polls' distance. How far P
    may be off, and may have changed since the tick, follows from `sensed_w`, the component's recent sensor readings,
    or else from the ticks.
    """
    tick = ticks[-1]
    since_s = max(0.0, opened_s - tick.time_s)
    power_w = _power_up_to(ticks, rhythm) or 0.0
    spread_w = spread_of(sensed_w or _interval_powers_w(ticks, opened_s - RECENT_S, rhythm))
    return Level(
        tick.energy_j + power_w * since_s,
        math.hypot(math.hypot(power_w, spread_w) * tick.half_width_s / math.sqrt(3), spread_w * since_s),
    )


def level_at_end(
    before: Sequence[Tick],
    after: Sequence[Tick],
    *,
    opened_s: float,
    ended_s: float,
    read_s: float,
    rhythm: Rhythm,
    sensed_w: Sequence[float] = (),
) -> Level:
    """The accumulator at `ended_s`, between the last tick of `before` and the first of `after` (two ticks or more).

    Two estimates of what was spent between the last tick and the end are combined, weighted by their variances: what
    the next tick shows less the tail, at the power that the tick after it shows; and the power of the window's last
    whole interval. The standard uncertainty is the larger of what the two say by themselves and how far they are
    apart (the internal and the external one of a weighted mean; R. T. Birge, Phys. Rev. 40, 207, 1932). The result
    lies within what the least and the most recent power allow, and is no more uncertain than any value in that range.

    opened_s: the tick at the window's opening. read_s: when the counter had been read at the end. sensed_w: the
    component's recent sensor readings inside the window; without them the counter's own intervals show how far power
    changes.
    """
    period_s = rhythm.period_s
    blur_s = after[0].half_width_s + rhythm.deviation_s
    if ended_s < after[0].time_s - period_s <= read_s + blur_s and len(before) > 1:
        # The counter ticked between the end and its reading.
        ticked = Tick(after[0].time_s - period_s, blur_s, before[-1].energy_j)
        before, after = before[:-1], (ticked, *after)
    until_s = max(0.0, after[0].time_s - ended_s)
    # If the process was not scheduled for a period between two polls, a tick went by unseen.
    stood_still = 2 * after[0].half_width_s >= 0.8 * period_s
    span_s = period_s * max(1, math.ceil((until_s - blur_s) / period_s)) if stood_still else period_s
    tail_s = min(until_s, span_s)

    def is_inside(tick: Tick) -> bool:
        return tick.time_s - tick.half_width_s >= opened_s - 0.01 * period_s

    means_w = _interval_powers_w(before, max(opened_s, ended_s - RECENT_S), rhythm)
    last = LastInterval(
        energy_j=after[0].energy_j - before[-1].energy_j,
        inside_s=span_s - tail_s,
        tail_s=tail_s,
        work_w=_power_up_to([tick for tick in before if is_inside(tick)], rhythm),
        tail_w=mean_power_w(after[0], after[1], rhythm) or 0.0,
        seen_w=(*sensed_w, *means_w),
        spread_w=spread_of(sensed_w if len(sensed_w) > 1 else means_w),
        tick_half_width_s=after[0].half_width_s,
        deviation_s=rhythm.deviation_s,
    )
    inside = last.inside()
    return Level(before[-1].energy_j + inside.energy_j, inside.standard_j)


@dataclass(frozen=True, slots=True)
class LastInterval:
    """The time between two ticks that a window ended in: `inside_s` of it before the end, `tail_s` after.

    `energy_j`: joules of both together. `work_w`: power before the interval, None in a short window; `tail_w`: after
    it. `seen_w`: recent readings of the power; `spread_w`: their standard uncertainty as a guess of the power at one
    moment. `tick_half_width_s`: how well the time of the interval's end is known; `deviation_s`: the ticks' jitter.
    """

    energy_j: float
    inside_s: float
    tail_s: float
    work_w: float | None
    tail_w: float
    seen_w: Sequence[float]
    spread_w: float
    tick_half_width_s: float
    deviation_s: float

    @property
    def period_s(self) -> float:
        return self.inside_s + self.tail_s

    def inside(self) -> Level:
        """Joules spent before the end."""
        level = (
            self._less_tail() if self.work_w is None else _weighted(self._less_tail(), self._as_before(self.work_w))
        )
        least_j, most_j = self._bounds_j()
        energy_j = min(max(level.energy_j, least_j), most_j) if least_j < most_j else level.energy_j
        return Level(energy_j, min(level.standard_j, self._most_uncertain_j(energy_j, least_j, most_j)))

    def _less_tail(self) -> Level:
        """All less the tail. Power may have fallen to the tail's anywhere in it (rectangular), or have changed."""
        before_w = self.energy_j / self.period_s if self.work_w is None else self.work_w
        moved_w = max(abs(before_w - self.tail_w) / math.sqrt(3), self._moves_w())
        terms_j = (
            self.tail_w * self.tick_half_width_s / math.sqrt(3),
            self.tail_w * self.tail_s * self.deviation_s / self.period_s,
            moved_w * self.tail_s,
        )
        return Level(self._within(self.energy_j - self.tail_w * self.tail_s), math.hypot(*terms_j))

    def _as_before(self, work_w: float) -> Level:
        """The power before the interval, held until the end.

        Both rest on when the last tick came: a tick late by δ makes that power too large by P·δ/τ and the time since
        the tick too long by δ. With independent δ at each tick that is `P·σ·√(1 + x + x²)` for a share x of the
        interval, σ being the standard deviation of intervals.
        """
        share = self.inside_s / self.period_s
        terms_j = (
            work_w * self.tick_half_width_s / math.sqrt(3),
            work_w * self.deviation_s * math.sqrt(1 + share + share * share),
            self._moves_w() * self.inside_s,
        )
        return Level(self._within(work_w * self.inside_s), math.hypot(*terms_j))

    def _moves_w(self) -> float:
        """How far power may be at one moment from what it was; from the powers around if there are no others."""
        if len(self.seen_w) > 1:
            return self.spread_w
        around_w = (self.tail_w, self.energy_j / self.period_s, *(() if self.work_w is None else (self.work_w,)))
        return spread_of(around_w)

    def _extremes_w(self) -> tuple[float, float]:
        """The least and the most power of the work among the readings."""
        seen_w = self.seen_w if len(self.seen_w) > 1 else (*self.seen_w, self.tail_w, self.energy_j / self.period_s)
        return min(seen_w), max(seen_w)

    def _bounds_j(self) -> tuple[float, float]:
        """The least and the most that can have been spent inside: the rest must have been spent in the tail."""
        least_w, most_w = self._extremes_w()
        tail_least_w, tail_most_w = min(least_w, self.tail_w), max(most_w, self.tail_w)
        return (
            max(least_w * self.inside_s, self.energy_j - tail_most_w * self.tail_s, 0.0),
            min(most_w * self.inside_s, self.energy_j - tail_least_w * self.tail_s, self.energy_j),
        )

    def _most_uncertain_j(self, energy_j: float, least_j: float, most_j: float) -> float:
        """Root mean square distance of `energy_j` to what may lie in its bounds, and the ticks' jitter.

        Values near the result are likelier than those near the bounds: a triangular distribution (GUM 4.3.9), its
        mode the result, as far from it as the bounds are on either side.
        """
        below_j, above_j = max(0.0, energy_j - least_j), max(0.0, most_j - energy_j)
        unseen_j = math.sqrt((below_j * below_j - below_j * above_j + above_j * above_j) / 6)
        most_w = max(self._extremes_w()[1], self.tail_w)
        terms_j = (most_w * self.tick_half_width_s / math.sqrt(3), most_w * self.deviation_s, unseen_j)
        return math.hypot(*terms_j)

    def _within(self, energy_j: float) -> float:
        return min(max(0.0, energy_j), self.energy_j)


def spread_of(values: Sequence[float]) -> float:
    """How far one of such values may be from another: the standard deviation of those seen; 0 of one.

    It is widened by Student's t for their number, as 95 % intervals are made of it with a normal distribution's.
    """
    if len(values) < 2:
        return 0.0
    return statistics.stdev(values) * student_t95(len(values) - 1) / student_t95(math.inf)


def _interval_powers_w(ticks: Sequence[Tick], since_s: float, rhythm: Rhythm) -> list[float]:
    """Watts between each two ticks since then."""
    inside = [tick for tick in ticks if tick.time_s >= since_s]
    powers = (mean_power_w(*pair, rhythm) for pair in itertools.pairwise(inside))
    return [power_w for power_w in powers if power_w is not None]


def _power_up_to(ticks: Sequence[Tick], rhythm: Rhythm) -> float | None:
    """Watts over the interval before the last of `ticks`, or over as many as it takes to know them; None of one."""
    if len(ticks) < 2:
        return None
    if (power_w := mean_power_w(ticks[-2], ticks[-1], rhythm)) is not None:
        return power_w
    for before in reversed(ticks[:-1]):
        elapsed_s = ticks[-1].time_s - before.time_s
        if elapsed_s >= 8 * (ticks[-1].half_width_s + before.half_width_s):
            return (ticks[-1].energy_j - before.energy_j) / elapsed_s
    return None


def _weighted(one: Level, other: Level) -> Level:
    """The mean of two estimates, weighted by their variances; uncertain as they are, or as they are apart."""
    variance_j2 = one.standard_j**2 + other.standard_j**2
    if variance_j2 == 0:
        return Level((one.energy_j + other.energy_j) / 2, abs(one.energy_j - other.energy_j) / 2)
    weight = other.standard_j**2 / variance_j2
    internal_j = one.standard_j * other.standard_j / math.sqrt(variance_j2)
    external_j = math.sqrt(weight * (1 - weight)) * abs(one.energy_j - other.energy_j)
    return Level(weight * one.energy_j + (1 - weight) * other.energy_j, max(internal_j, external_j))
