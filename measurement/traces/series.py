"""Samples of one device in order of time; unsorted, duplicate or distant samples are noted, or refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from measurement.errors import BadInput
from measurement.traces.guards import Sample, refuse_clock_set_back, refuse_several_devices
from measurement.traces.table import Holds


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch without samples, over which the power before it is held."""

    start_s: float
    end_s: float
    power_w: float


@dataclass(slots=True)
class Series:
    """Power of one device: seconds and watts, ascending and without duplicates.

    seen_s: the times of its first and last line, those without a reading too.
    """

    device: str
    times_s: list[float]
    powers_w: list[float]
    gaps: tuple[Gap, ...] = ()
    seen_s: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if self.times_s and self.seen_s == (0.0, 0.0):
            self.seen_s = (self.times_s[0], self.times_s[-1])

    @property
    def usual_step_s(self) -> float:
        """The median time between two samples."""
        steps = sorted(after - before for before, after in pairwise(self.times_s))
        return steps[len(steps) // 2]


@dataclass(frozen=True, slots=True)
class Manner:
    """How a log's values are meant.

    local: its times are a local clock's. start_s: where its first interval begins. ours: the meter's own trace, whose
    columns are one device's each. thinned: a sample is the mean of many, so that a long step is no gap.
    """

    holds: Holds = Holds.AFTER
    local: bool = False
    start_s: float | None = None
    ours: bool = False
    thinned: bool = False


def series_of(
    samples: Sequence[Sample], notes: list[str], *, device: str = "", whose: str = "", manner: Manner | None = None
) -> Series:
    """Ascending and unique, with notes on what was corrected.

    whose: the name of the samples in messages, e.g. `trace.csv: column power_w`. Raises BadInput for fewer than two
    samples, for those of several devices, and for a clock that was set back.
    """
    manner = manner or Manner()
    if len(samples) < 2:
        found = "no sample" if not samples else "only one sample"
        raise BadInput(f"{whose}: {found}; at least two samples are required", field="trace")
    if len({sample.time_s for sample in samples}) < 2:
        raise BadInput(f"{whose}: all samples have the same time; at least two times are required", field="trace")
    steps_back = [before.time_s - after.time_s for before, after in pairwise(samples) if after.time_s < before.time_s]
    if 10 * len(steps_back) <= len(samples):
        refuse_clock_set_back(samples, local=manner.local)
    if not manner.ours:
        refuse_several_devices(samples, whose)
    refuse_clock_set_back(samples, local=manner.local)
    if steps_back:
        notes.append(
            f"time stepped back {count(len(steps_back), 'time')}, by {max(steps_back):.3g} s at most: "
            "samples were sorted"
        )
    # Of equal stamps, the later one in the file is used.
    unique = {sample.time_s: sample.power_w for sample in sorted(samples, key=lambda sample: sample.time_s)}
    if len(unique) < len(samples):
        doubled = count(len(samples) - len(unique), "sample")
        notes.append(f"{doubled} had the stamp of another: the later of the two was used")
    if manner.holds is not Holds.AFTER:
        return _from_intervals(unique, manner, device, notes)
    series = Series(device, list(unique), list(unique.values()))
    if not manner.thinned:
        series.gaps = _gaps(series, notes)
    return series


def called(device: str) -> str:
    """A device in a sentence: `GPU 1`, and `card1` or `node7/0` as they are."""
    return f"GPU {device}" if device.isdigit() else device


def count(number: int, noun: str) -> str:
    """A number with its noun: `1 row`, `2 rows`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _from_intervals(values: dict[float, float], manner: Manner, device: str, notes: list[str]) -> Series:
    """A step function through values that are each of the interval before their time.

    Where rows are missing, a value is of the last interval alone, and the power before is held up to it.
    """
    ends = list(values)
    if manner.start_s is not None and manner.start_s < ends[0]:
        ends.insert(0, manner.start_s)
    else:
        notes.append(
            "the first row's value is of the interval before it, whose beginning isn't known: it was left out"
        )
    lengths = sorted(after - before for before, after in pairwise(ends))
    usual_s = lengths[len(lengths) // 2]
    series = Series(device, [], [])
    gaps = []
    for end_before, after in pairwise(ends):
        before, length_s = end_before, after - end_before
        is_gap = length_s > 1.5 * usual_s
        if manner.holds is Holds.ENERGY_BEFORE:
            power_w = values[after] / (usual_s if is_gap else length_s)
        else:
            power_w = values[after]
        if is_gap:
            held_w = series.powers_w[-1] if series.powers_w else power_w
            gaps.append(Gap(before, after - usual_s, held_w))
            series.times_s.append(before)
            series.powers_w.append(held_w)
            before = after - usual_s
        series.times_s.append(before)
        series.powers_w.append(power_w)
    series.times_s.append(ends[-1])
    series.powers_w.append(series.powers_w[-1])
    series.gaps = tuple(gaps)
    series.seen_s = (series.times_s[0], series.times_s[-1])
    return series


def _gaps(series: Series, notes: list[str]) -> tuple[Gap, ...]:
    steps = [after - before for before, after in pairwise(series.times_s)]
    limit_s = max(1.0, 5 * sorted(steps)[len(steps) // 2])
    regular = sorted(step for step in steps if step <= limit_s)
    low_s, high_s = regular[len(regular) // 10], regular[len(regular) * 9 // 10]
    if high_s > 3 * low_s:
        notes.append(f"sampling is irregular, {low_s:.3g} to {high_s:.3g} s apart: each sample holds until the next")
    return tuple(
        Gap(series.times_s[at], series.times_s[at + 1], series.powers_w[at])
        for at, step in enumerate(steps)
        if step > limit_s
    )
