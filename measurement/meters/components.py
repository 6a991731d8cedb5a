"""The parts of the machine that are measured, and the joules of their instruments between two edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from measurement.accounting import Uncertainty, combined, unaligned_edge_uncertainty
from measurement.meters.accumulators import Accumulator, CounterAccumulator
from measurement.meters.base import Kind


@dataclass(frozen=True, slots=True)
class Component:
    """A part of the machine and its accumulators, by their `positions`, the preferred instrument's first."""

    name: str
    kind: Kind
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every accumulator's joules at one time; None if the reading was not available.

    `standard_j` holds the standard uncertainty of those that were aligned to a tick; the others may be off by up to
    one update period. `variances_j2` is each accumulator's variance so far, `sampled_j2` the variance from what a
    part-time sensor may have missed. The latter applies to those in `part_time`, which know no more than such a
    sensor; their edges are not aligned to the times when it measures.
    """

    time_s: float
    energies_j: tuple[float | None, ...]
    standard_j: tuple[float | None, ...]
    variances_j2: tuple[float, ...]
    sampled_j2: tuple[float, ...]
    part_time: frozenset[int] = frozenset()


Stretch = tuple[Snapshot, Snapshot]


def duration_s(stretches: Sequence[Stretch]) -> float:
    """Seconds that the stretches cover together."""
    return math.fsum(end.time_s - start.time_s for start, end in stretches)


def accumulated_j(stretches: Sequence[Stretch], position: int) -> float | None:
    """Joules that one accumulator added over the stretches; None if an edge had no reading."""
    steps = []
    for start, end in stretches:
        before_j, after_j = start.energies_j[position], end.energies_j[position]
        if before_j is None or after_j is None:
            return None
        steps.append(after_j - before_j)
    return math.fsum(steps)


def reading_uncertainty(
    stretches: Sequence[Stretch], position: int, mean_power_w: float, hold_s: float
) -> Uncertainty:
    """Uncertainty of the joules that one accumulator added: from the edges of all stretches, and from what was not
    seen between readings.

    For a part-time sensor, the latter is the sampling error of a mean: `s/√n` of the n readings, with n - 1 degrees
    of freedom (type A).
    """
    unaligned = unaligned_edge_uncertainty(mean_power_w, hold_s)
    if position in stretches[-1][1].part_time:
        edges = [unaligned] * (2 * len(stretches))
        unseen_j2 = _growth([snapshot.sampled_j2[position] for stretch in stretches for snapshot in stretch])
        degrees_of_freedom = max(1.0, duration_s(stretches) / hold_s - 1)
    else:
        aligned = (snapshot.standard_j[position] for stretch in stretches for snapshot in stretch)
        edges = [unaligned if standard is None else Uncertainty(standard) for standard in aligned]
        unseen_j2 = _growth([snapshot.variances_j2[position] for stretch in stretches for snapshot in stretch])
        degrees_of_freedom = math.inf
    return combined([*edges, Uncertainty(math.sqrt(unseen_j2), degrees_of_freedom)])


def _growth(levels: Sequence[float]) -> float:
    """Growth of a running sum over the stretches; `levels` alternates between their starts and ends."""
    return math.fsum(end - start for start, end in zip(levels[::2], levels[1::2], strict=True))


def preferred(accumulators: Sequence[Accumulator], component: Component) -> Accumulator:
    """The accumulator that live figures are shown from."""
    return accumulators[component.positions[0]]


def group_components(accumulators: Sequence[Accumulator]) -> tuple[Component, ...]:
    """Instruments of one name are one component, its counter first. ValueError if kinds or roles clash."""
    found: dict[str, list[int]] = {}
    for position, accumulator in enumerate(accumulators):
        found.setdefault(accumulator.instrument.name, []).append(position)
    components = []
    for name, positions in found.items():
        kinds = {accumulators[position].instrument.kind for position in positions}
        if len(kinds) > 1 or len({type(accumulators[position]) for position in positions}) < len(positions):
            raise ValueError(f"two instruments are named {name}, and they are not one counter and one power sensor")
        positions.sort(key=lambda position: not isinstance(accumulators[position], CounterAccumulator))
        components.append(Component(name, kinds.pop(), tuple(positions)))
    return tuple(components)
