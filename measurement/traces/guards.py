"""What can't be one device's samples in order of time: several devices read in turn, a clock set back.

A log that holds two devices and doesn't say so has traces of them: stamps that come twice with other watts, readings
milliseconds apart between polls, levels that alternate. Each is refused, for a sum over them is a wrong number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from measurement.errors import BadInput
from measurement.traces.cells import Place

_NEAR = 0.25
"""Relative difference up to which two readings of one stamp may be one device's."""
_SHORT_S = 0.05
"""Readings of one poll are less apart: a poll of eight GPUs takes some 4 ms a GPU."""
_LEAST_BETWEEN_POLLS_S = 0.02
_MOST_IN_A_POLL = 16
_REMEDY = (
    "log a column that distinguishes the devices (nvidia-smi: --query-gpu=timestamp,index,power.draw), or one device "
    "alone (-i 0); if it is one device, log times to the millisecond"
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading, and its place in the file."""

    time_s: float
    power_w: float
    place: Place


def refuse_several_devices(samples: Sequence[Sample], whose: str) -> None:
    """Raises BadInput for samples that are of several devices in turn. `samples` are as in the file."""
    in_order = sorted(samples, key=lambda sample: sample.time_s)
    stamps = [list(group) for _, group in groupby(in_order, key=lambda sample: sample.time_s)]
    if seen := _same_stamps(stamps) or _polls(stamps) or _levels(in_order):
        raise BadInput(f"{whose}: {seen}, as from several devices: {_REMEDY}", field="trace")


def _same_stamps(stamps: Sequence[Sequence[Sample]]) -> str:
    """Stamps that come several times. Equal readings are one line written twice; a rare other one is a correction."""
    several = [position for position, group in enumerate(stamps) if len(group) > 1]
    if not several:
        return ""
    other = [position for position in several if len({sample.power_w for sample in stamps[position]}) > 1]
    size = max(len(stamps[position]) for position in several)
    if not other:
        levels = {stamps[position][0].power_w for position in several}
        if 4 * len(several) > len(stamps) and len(levels) <= 2:
            return f"{len(several)} of {len(stamps)} stamps come {size} at a time with the same watts"
        return ""
    neighbours = any(after - before == 1 for before, after in pairwise(other))
    rare = 20 * len(other) <= len(stamps) or (len(other) == 1 and len(stamps) >= 4)
    if rare and not neighbours and all(_may_be_one(stamps, position) for position in other):
        return ""
    first = stamps[other[0]]
    watts = " and ".join(f"{power_w:g} W" for power_w in dict.fromkeys(sample.power_w for sample in first[:2]))
    most = "most" if 2 * len(other) > len(stamps) else f"{len(other)} of {len(stamps)}"
    return f"{most} stamps come {size} at a time with different watts ({first[0].place.line}: {watts})"


def _may_be_one(stamps: Sequence[Sequence[Sample]], position: int) -> bool:
    """Whether readings of one stamp are near each other and between those before and after."""
    powers = [sample.power_w for sample in stamps[position]]
    around = [
        sample.power_w for near in (position - 1, position + 1) if 0 <= near < len(stamps) for sample in stamps[near]
    ]
    low, high = min(powers), max(powers)
    return (
        len(powers) == 2
        and high - low <= _NEAR * high
        and (1 - _NEAR) * min(around) <= low
        and high <= (1 + _NEAR) * max(around)
    )


def _polls(stamps: Sequence[Sequence[Sample]]) -> str:
    """Readings milliseconds apart, then none until the next poll; lines may be missing."""
    steps = [after[0].time_s - before[0].time_s for before, after in pairwise(stamps)]
    limit_s = _between_polls_s(steps)
    if limit_s is None:
        return ""
    polls = [[stamps[0][0]]]
    for group, step in zip(stamps[1:], steps, strict=True):
        if step >= limit_s:
            polls.append([])
        polls[-1].append(group[0])
    sizes = [len(poll) for poll in polls]
    if max(sizes) > _MOST_IN_A_POLL or len(polls) < 3:
        return ""
    several = [size > 1 for size in sizes]
    starts = [after[0].time_s - before[0].time_s for before, after in pairwise(polls)]
    in_a_row = max((len(list(run)) for is_several, run in groupby(several) if is_several), default=0)
    if (sum(several) < 3 and not all(several)) or not (3 * (sum(sizes) - len(polls)) >= len(starts) or in_a_row >= 3):
        return ""
    usual_s = sorted(starts)[len(starts) // 2]
    # Polls are regular; three of them show it only if they are alike.
    near = 0.35 if len(starts) > 2 else 0.05
    if 10 * sum(abs(start - usual_s) <= near * usual_s for start in starts) < 7 * len(starts):
        return ""
    if len(starts) == 2 and len(set(sizes)) > 1:
        return ""
    first = polls[several.index(True)]
    apart_ms = 1e3 * (first[1].time_s - first[0].time_s)
    return f"readings come {max(sizes)} at a time, {apart_ms:.3g} ms apart, then none for {usual_s:.3g} s"


def _between_polls_s(steps: Sequence[float]) -> float | None:
    """The least step between two polls, where steps are of two kinds; None if they are of one."""
    ordered = sorted(steps)
    best, at = 2.5, 0
    for position in range(1, len(ordered)):
        if ordered[position - 1] <= _SHORT_S and ordered[position] > best * ordered[position - 1]:
            best, at = ordered[position] / ordered[position - 1], position
    return ordered[at] if at >= 2 and ordered[at] >= _LEAST_BETWEEN_POLLS_S else None


def _levels(samples: Sequence[Sample]) -> str:
    """A few levels, far apart, that change with nearly every reading: faster than a card can, or out of step."""
    if len(samples) < 16:
        return ""
    steps = sorted(after.time_s - before.time_s for before, after in pairwise(samples))
    low_s, high_s = steps[len(steps) // 10], steps[len(steps) * 9 // 10]
    if not (high_s <= 0.1 or high_s > 1.3 * low_s):
        return ""
    powers = sorted({sample.power_w for sample in samples})
    least_w = 0.1 * powers[-1]
    levels = [[powers[0]]]
    for before, after in pairwise(powers):
        if after - before >= least_w:
            levels.append([])
        levels[-1].append(after)
    if not 2 <= len(levels) <= 8 or any(level[-1] - level[0] > least_w / 5 for level in levels):
        return ""
    level_of = {power: position for position, level in enumerate(levels) for power in level}
    of_samples = [level_of[sample.power_w] for sample in samples]
    changes = sum(before != after for before, after in pairwise(of_samples))
    if min(of_samples.count(position) for position in range(len(levels))) < 3:
        return ""
    if changes < (1 - 0.4 / len(levels)) * (len(samples) - 1):
        return ""
    watts = ", ".join(f"{level[0]:g}" for level in levels)
    return f"readings alternate between {len(levels)} levels ({watts} W) {steps[len(steps) // 2]:.3g} s apart"


def refuse_clock_set_back(samples: Sequence[Sample], *, local: bool) -> None:
    """Raises BadInput for a clock set back: sorting would mix two stretches, or hold over a gap that was none.

    Many steps back are lines out of order, and so are lines that fill a place of their own. Stretches written in the
    wrong order are sorted if they then join without a gap. local: times are a local clock's, set back by an hour.
    """
    back = [at for at in range(1, len(samples)) if samples[at].time_s < samples[at - 1].time_s]
    if not back or (len(back) >= 3 and 2 * len(samples) < 5 * (len(back) + 1)):
        return
    _refuse_repeated_stretch(samples)
    run = [0] * len(samples)
    for at in range(1, len(samples)):
        run[at] = run[at - 1] + (samples[at].time_s < samples[at - 1].time_s)
    in_order = sorted(range(len(samples)), key=lambda at: samples[at].time_s)
    joints = [
        (before, after, samples[after].time_s - samples[before].time_s)
        for before, after in pairwise(in_order)
        if (samples[after].time_s, samples[after].power_w) != (samples[before].time_s, samples[before].power_w)
    ]
    inside = sorted(step for before, after, step in joints if run[before] == run[after] and step > 0)
    usual_s, long_s = (inside[len(inside) // 2], inside[len(inside) * 9 // 10]) if inside else (0.0, float("inf"))
    is_regular = bool(inside) and long_s <= 1.5 * inside[len(inside) // 10]
    changes: dict[tuple[int, int], int] = {}
    for before, after, step in joints:
        if run[before] == run[after]:
            continue
        pair = (min(run[before], run[after]), max(run[before], run[after]))
        changes[pair] = changes.get(pair, 0) + 1
        if step > 1.5 * long_s:
            raise _set_back(samples, back[pair[1] - 1], "and what follows doesn't join what went before")
        if changes[pair] >= 4 or (is_regular and 0 < step < 0.75 * usual_s):
            raise _set_back(samples, back[pair[1] - 1], "into time already covered")
    for at in back if local else []:
        if abs(samples[at - 1].time_s - samples[at].time_s + usual_s - 3600) <= usual_s:
            raise _set_back(samples, at, "a whole hour with the next reading")


def _refuse_repeated_stretch(samples: Sequence[Sample]) -> None:
    """The same times again with the same watts, and always these: written twice, or a constant load for longer."""
    seen: set[tuple[float, float]] = set()
    began: int | None = None
    for at, sample in enumerate(samples):
        reading = (sample.time_s, sample.power_w)
        goes_back = at > 0 and sample.time_s < samples[at - 1].time_s
        if reading in seen and (began is not None or goes_back):
            began = at if began is None else began
            if at > began and len({past.power_w for past in samples[began : at + 1]}) == 1:
                raise _set_back(samples, began, "into time already covered")
        else:
            began = None
        seen.add(reading)


def _set_back(samples: Sequence[Sample], at: int, where: str) -> BadInput:
    by_s = samples[at - 1].time_s - samples[at].time_s
    return samples[at].place.fault(
        f"time goes back by {by_s:.6g} s {where}: a clock set back (summer time, NTP) or two logs in one; cut the "
        "file before this line and integrate the parts"
    )
