"""The parts of the machine that are measured, and what their instruments gained between two edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from measurement.accounting import Uncertainty, combined, unaligned_edge_uncertainty
from measurement.meters.accumulators import CounterTally, Tally
from measurement.meters.base import Kind


@dataclass(frozen=True, slots=True)
class Component:
    """A part of the machine and what reads it: the preferred instrument first. `positions` are the tallies'."""

    name: str
    kind: Kind
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every tally's joules at one time; None where the reading was not available.

    `standard_j` holds the standard uncertainty of those that were aligned to a tick; the others may be off by up to
    one update period. `variances_j2` is what each tally's variance had grown to. `sampled_j2` is the like for what
    a sensor may have missed that looks only part of the time. It counts for those in `part_time`, which know no more
    than such a sensor; no edge of theirs is aligned to when that looked.
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


def gained_j(stretches: Sequence[Stretch], position: int) -> float | None:
    """Joules that one tally gained over the stretches; None where an edge had no reading."""
    gains = []
    for start, end in stretches:
        before_j, after_j = start.energies_j[position], end.energies_j[position]
        if before_j is None or after_j is None:
            return None
        gains.append(after_j - before_j)
    return math.fsum(gains)


def reading_uncertainty(
    stretches: Sequence[Stretch], position: int, mean_power_w: float, hold_s: float
) -> Uncertainty:
    """Of the joules that one tally gained: from all the stretches' edges, and from what nobody saw between them.

    What a part-time sensor didn't see is the sampling error of a mean: `s/√n` of the n readings, with n - 1 degrees
    of freedom (type A).
    """
    unaligned = unaligned_edge_uncertainty(mean_power_w, hold_s)
    if position in stretches[-1][1].part_time:
        edges = [unaligned] * (2 * len(stretches))
        unseen_j2 = _grown([snapshot.sampled_j2[position] for stretch in stretches for snapshot in stretch])
        degrees_of_freedom = max(1.0, duration_s(stretches) / hold_s - 1)
    else:
        aligned = (snapshot.standard_j[position] for stretch in stretches for snapshot in stretch)
        edges = [unaligned if standard is None else Uncertainty(standard) for standard in aligned]
        unseen_j2 = _grown([snapshot.variances_j2[position] for stretch in stretches for snapshot in stretch])
        degrees_of_freedom = math.inf
    return combined([*edges, Uncertainty(math.sqrt(unseen_j2), degrees_of_freedom)])


def _grown(levels: Sequence[float]) -> float:
    """How much a growing sum grew over the stretches whose starts and ends alternate in `levels`."""
    return math.fsum(end - start for start, end in zip(levels[::2], levels[1::2], strict=True))


def preferred(tallies: Sequence[Tally], component: Component) -> Tally:
    """The tally that live figures are shown from."""
    return tallies[component.positions[0]]


def group_components(tallies: Sequence[Tally]) -> tuple[Component, ...]:
    """Instruments of one name are one component, its counter first. ValueError where kinds or roles clash."""
    found: dict[str, list[int]] = {}
    for position, tally in enumerate(tallies):
        found.setdefault(tally.instrument.name, []).append(position)
    components = []
    for name, positions in found.items():
        kinds = {tallies[position].instrument.kind for position in positions}
        if len(kinds) > 1 or len({type(tallies[position]) for position in positions}) < len(positions):
            raise ValueError(f"two instruments are named {name}, and they are not one counter and one power sensor")
        positions.sort(key=lambda position: not isinstance(tallies[position], CounterTally))
        components.append(Component(name, kinds.pop(), tuple(positions)))
    return tuple(components)
