"""What a counter stood at between two of its ticks: at a window's opening and at its end.

A counter that ticks every 20 to 100 ms shows at each tick what was spent until then, and nothing in between. So a
window opens at a tick, and at its end two more ticks are waited for: the first shows the joules of work and tail
together, the second what the tail draws.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from measurement.meters.tally import Rhythm, Tick

CALIBRATION_TICKS = 6
CALIBRATION_S = 0.5
"""A counter's period is measured over so many ticks and so long, whichever ends later."""

TAIL_TICKS = 2
"""Ticks waited for after the work's end."""


DOUBT = 0.45
"""Standard uncertainty over the difference of two estimates: the interval reaches from one to the other."""

DECAY = 0.25
"""How much of the step from work to tail may be left in the tail: power falls in tenths of a second."""

UNSEEN = 0.7
"""How much of the power's scatter remains in the part of an interval that no tick tells of. Both factors were set so
that the intervals of short windows hold the true joules 95 times in 100, over all profiles and cards of the tests."""


@dataclass(frozen=True, slots=True)
class Level:
    """What a tally stood at, in joules, and with what standard uncertainty."""

    energy_j: float
    standard_j: float


def rhythm_of(ticks: Sequence[Tick]) -> Rhythm | None:
    """The rhythm of successive ticks; None for fewer than three. Missed ticks do no harm."""
    intervals_s = [after.time_s - before.time_s for before, after in itertools.pairwise(ticks)]
    if len(intervals_s) < 2:
        return None
    typical_s = statistics.median(intervals_s)
    counts = [max(1, round(interval_s / typical_s)) for interval_s in intervals_s]
    period_s = math.fsum(intervals_s) / sum(counts)
    strays = [interval_s - count * period_s for interval_s, count in zip(intervals_s, counts, strict=True)]
    return Rhythm(period_s, statistics.stdev(strays))


def mean_power_w(before: Tick, after: Tick, rhythm: Rhythm) -> float | None:
    """Watts between two ticks; None where their times are too vague to tell how many periods lie between them."""
    elapsed_s = after.time_s - before.time_s
    vague_s = after.half_width_s + before.half_width_s
    if vague_s > rhythm.deviation_s:
        # Ticks are regular, so the interval is a whole number of periods.
        if vague_s > 0.65 * rhythm.period_s:
            return None
        elapsed_s = max(1, round(elapsed_s / rhythm.period_s)) * rhythm.period_s
    return (after.energy_j - before.energy_j) / elapsed_s if elapsed_s > 0 else None


def level_at_opening(ticks: Sequence[Tick], opened_s: float, rhythm: Rhythm, spread_w: float = 0.0) -> Level:
    """The tally at `opened_s`, at or shortly after the last of `ticks`, at the power that it had before.

    The tick came at some time between two polls, evenly likely: `P·a/√3`, a being half the polls' distance. How far
    P may be off in so short a time, `spread_w` tells.
    """
    tick = ticks[-1]
    power_w = (mean_power_w(ticks[-2], tick, rhythm) if len(ticks) > 1 else None) or 0.0
    return Level(
        tick.energy_j + power_w * max(0.0, opened_s - tick.time_s),
        math.hypot(power_w, spread_w) * tick.half_width_s / math.sqrt(3),
    )


def level_at_end(
    before: Sequence[Tick],
    after: Sequence[Tick],
    *,
    opened_s: float,
    ended_s: float,
    rhythm: Rhythm,
    spread_w: float = 0.0,
) -> Level:
    """The tally at `ended_s`, between the last tick of `before` and the first of `after` (two ticks or more).

    Two estimates of what was spent between the last tick and the end: what the next tick shows less the tail, at the
    power that the tick after it tells (right where power changed before the end), and the power of the window's last
    whole interval (right where it changed after the end). Where they agree, their weighted mean counts. Where not,
    and power changed once, the smaller is right if it fell and the larger if it rose. Standard uncertainty: the next
    tick's time, what each estimate rests on, their difference, and `spread_w` (the standard deviation of power from
    one moment to the next) over the part of the interval that nobody saw.
    """
    period_s = rhythm.period_s
    if after[0].time_s - period_s > ended_s and len(before) > 1:
        # The counter ticked between the end and its reading.
        ticked = Tick(after[0].time_s - period_s, after[0].half_width_s + rhythm.deviation_s, before[-1].energy_j)
        before, after = before[:-1], (ticked, *after)
    start, end, later = before[-1], after[0], after[1]
    tail_s = min(max(0.0, end.time_s - ended_s), period_s)
    inside_s = period_s - tail_s
    boundary_j = end.energy_j - start.energy_j
    tail_w = mean_power_w(end, later, rhythm) or 0.0
    work_w = _work_power_w(before, opened_s, rhythm)
    less_tail_j = _within(boundary_j - tail_w * tail_s, boundary_j)
    as_before_j = less_tail_j if work_w is None else _within(work_w * inside_s, boundary_j)
    doubt_j = abs(less_tail_j - as_before_j)
    tail_doubt_j = math.hypot(
        abs(tail_w) * tail_s * rhythm.deviation_s / period_s,
        0.0 if work_w is None else DECAY * (work_w - tail_w) * tail_s,
    )
    chosen_j, chosen_doubt_j = less_tail_j, tail_doubt_j
    if work_w is not None:
        work_doubt_j = abs(work_w) * rhythm.deviation_s
        if doubt_j > 3 * math.hypot(tail_doubt_j, work_doubt_j):
            chosen_j = (min if work_w >= tail_w else max)(less_tail_j, as_before_j)
        elif doubt_j > 0:
            chosen_j, chosen_doubt_j = _weighted((less_tail_j, tail_doubt_j), (as_before_j, work_doubt_j))
    terms_j = (
        math.hypot(tail_w, spread_w) * end.half_width_s / math.sqrt(3),
        chosen_doubt_j,
        DOUBT * doubt_j,
        UNSEEN * spread_w * math.sqrt(tail_s * inside_s),
    )
    return Level(start.energy_j + chosen_j, math.hypot(*terms_j))


def spread_of(powers_w: Sequence[float]) -> float:
    """Standard deviation of power from one moment to the next (von Neumann's, blind to slow drift); 0 of one."""
    steps = [after - before for before, after in itertools.pairwise(powers_w)]
    return math.sqrt(math.fsum(step * step for step in steps) / (2 * len(steps))) if steps else 0.0


def _work_power_w(ticks: Sequence[Tick], opened_s: float, rhythm: Rhythm) -> float | None:
    """Watts over the window's last interval, or over as many as it takes to know them; None in a short window."""
    inside = [tick for tick in ticks if tick.time_s - tick.half_width_s >= opened_s - 0.01 * rhythm.period_s]
    if len(inside) > 1 and (power_w := mean_power_w(inside[-2], inside[-1], rhythm)) is not None:
        return power_w
    for before in reversed(inside[:-1]):
        elapsed_s = inside[-1].time_s - before.time_s
        if elapsed_s >= 8 * (inside[-1].half_width_s + before.half_width_s):
            return (inside[-1].energy_j - before.energy_j) / elapsed_s
    return None


def _weighted(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """The mean of two values, each with its standard uncertainty, weighted by these (one of them above 0)."""
    (value, standard), (other_value, other_standard) = one, other
    weight = other_standard**2 / (standard**2 + other_standard**2)
    return weight * value + (1 - weight) * other_value, standard * other_standard / math.hypot(
        standard, other_standard
    )


def _within(energy_j: float, most_j: float) -> float:
    return min(max(0.0, energy_j), most_j)
