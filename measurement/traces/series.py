"""Samples of one device in order of time; unsorted, duplicate or distant samples are noted, or refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from measurement.errors import BadInput
from measurement.traces.cells import Place


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading, and its place in the file."""

    time_s: float
    power_w: float
    place: Place


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch without samples, over which the power before it is held."""

    start_s: float
    end_s: float
    power_w: float


@dataclass(slots=True)
class Series:
    """Power of one device: seconds and watts, ascending and without duplicates."""

    device: str
    times_s: list[float]
    powers_w: list[float]
    gaps: tuple[Gap, ...] = ()


def series_of(samples: Sequence[Sample], notes: list[str], *, device: str = "", whose: str = "") -> Series:
    """Ascending and unique, with notes on what was corrected.

    whose: the name of the samples in messages, e.g. `trace.csv: column power_w`. Raises BadInput for fewer than two
    samples, and for a clock that was set back: two stretches of the log then have the same times, and sorting would
    mix them.
    """
    if len(samples) < 2:
        found = "no sample" if not samples else "only one sample"
        raise BadInput(f"{whose}: {found}; at least two samples are required", field="trace")
    _refuse_clock_set_back(samples)
    steps_back = [before.time_s - after.time_s for before, after in pairwise(samples) if after.time_s < before.time_s]
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
    times = list(unique)
    if len(times) < 2:
        raise BadInput(f"{whose}: all samples have the same time; at least two times are required", field="trace")
    series = Series(device, times, list(unique.values()))
    series.gaps = _gaps(series, notes)
    return series


def samples_per_stamp(samples: Sequence[Sample]) -> int:
    """How many samples have the same time, if they come in equal groups (several GPUs in one log), else 1."""
    times = [sample.time_s for sample in samples]
    same = [len(list(group)) for _, group in groupby(times)]
    if same[0] > 1 and len(same) > 1 and len(set(same[:-1])) == 1:
        return same[0]
    steps = [after - before for before, after in pairwise(times)]
    for size in range(2, 17):
        within = [step for at, step in enumerate(steps, 1) if at % size]
        between = [step for at, step in enumerate(steps, 1) if not at % size]
        if len(between) >= 4 and min(within) >= 0 and 5 * max(within) < min(between):
            return size
    return 1


def count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _refuse_clock_set_back(samples: Sequence[Sample]) -> None:
    """A few steps back, each into time already covered, mean a clock set back; many mean lines out of order."""
    back = [at for at in range(1, len(samples)) if samples[at].time_s < samples[at - 1].time_s]
    if not back or 5 * len(back) > len(samples):
        return
    run = [0] * len(samples)
    for at in range(1, len(samples)):
        run[at] = run[at - 1] + (samples[at].time_s < samples[at - 1].time_s)
    in_order = sorted(range(len(samples)), key=lambda at: samples[at].time_s)
    changes: dict[tuple[int, int], int] = {}
    for before, after in pairwise(in_order):
        if run[before] != run[after]:
            pair = (min(run[before], run[after]), max(run[before], run[after]))
            changes[pair] = changes.get(pair, 0) + 1
    mixed = [pair for pair, number in changes.items() if number >= 4]
    if not mixed:
        return
    at = back[mixed[0][1] - 1]
    by_s = samples[at - 1].time_s - samples[at].time_s
    raise samples[at].place.fault(
        f"time goes back by {by_s:.6g} s into time already covered: a clock set back (summer time, NTP) or "
        "two logs in one; cut the file before this line and integrate the parts"
    )


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
