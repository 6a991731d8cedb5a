"""What one window measured, and how its joules and uncertainties follow from the readings at its edges."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from measurement.accounting import (
    Uncertainty,
    absolute_u95,
    combined,
    drifting_repeat_uncertainty,
    repeat_uncertainty,
)
from measurement.meters.accumulators import Accumulator
from measurement.meters.base import Kind, kinds_in_scope, provenance_of
from measurement.meters.components import Component, Stretch, accumulated_j, duration_s, reading_uncertainty
from measurement.meters.observation import WindowObservations
from measurement.meters.starvation import InputWait
from measurement.record import Energy
from measurement.vocabulary import Flag, Provenance, Scope, Source

MIN_UPDATES = 10
"""Updates of the slowest instrument that a stretch of measuring must last on average; below, it is too short."""

MAX_DISAGREEMENT = 0.03
"""Relative difference of counter and integrated power above which one of them is wrong (methodology: 3 %)."""


EXACT = Uncertainty(0.0)


@dataclass(frozen=True, slots=True)
class ComponentEnergy:
    """Joules of one component. `source` and `energy_j` are None together; `note` then says why.

    `cross_check_j` is the reading of the component's second instrument, if it has one.
    """

    name: str
    kind: Kind
    source: Source | None
    energy_j: float | None
    edges: Uncertainty = EXACT
    cross_check_j: float | None = None
    disagrees: bool = False
    note: str = ""
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a window: active seconds, joules per scope (None if missing), images if known.

    `repeat`: whether it did the same work as the window's other repeats.
    """

    started_s: float
    ended_s: float
    duration_s: float
    energies_j: Mapping[Scope, float | None]
    images: int | None = None
    repeat: bool = True


@dataclass(frozen=True, slots=True)
class MarkedBlock:
    """A block as it was marked, before its joules are known."""

    stretches: Sequence[Stretch]
    images: int | None = None
    repeat: bool = True


@dataclass(frozen=True, slots=True)
class MeasuredEnergy:
    """Joules of one scope over a window; `energy_j` is None if provenance is `missing`.

    `repeatability_u95_j` has the window's edges and, over two or more blocks, the spread of the repeats;
    `absolute_u95_j` the meters' gain errors too (None for an estimate: a power model's error is unknown).
    """

    scope: Scope
    provenance: Provenance
    sources: tuple[Source, ...]
    energy_j: float | None
    repeatability_u95_j: float | None = None
    absolute_u95_j: float | None = None
    net_of_idle_j: float | None = None


@dataclass(frozen=True, slots=True)
class PhaseMeasurement:
    """One closed window. Times are seconds on the trace's clock; `duration_s` leaves out the pauses."""

    name: str
    started_s: float
    ended_s: float
    duration_s: float
    energies: Mapping[Scope, MeasuredEnergy]
    components: Mapping[str, ComponentEnergy]
    blocks: tuple[Block, ...] = ()
    pauses: tuple[tuple[float, float], ...] = ()
    flags: frozenset[Flag] = frozenset()
    notes: tuple[str, ...] = ()
    conditions: Mapping[str, Any] = field(default_factory=dict)

    def to_energy(self, scope: Scope, images: int | None = None) -> Energy:
        """The record's figure for `scope`.

        images: inferences that the window ran, for the figures per image; by default the sum over the blocks, if
        `mark_block` was closed each block's images. The uncertainty per image includes the type A term over the
        blocks.
        """
        measured = self.energies[scope]
        if images is None and self.blocks and all(block.images is not None for block in self.blocks):
            images = sum(block.images or 0 for block in self.blocks)

        def per_image(value: float | None) -> float | None:
            return None if value is None or not images else value / images

        return Energy(
            scope=scope,
            provenance=measured.provenance,
            sources=measured.sources,
            energy_j=measured.energy_j,
            repeatability_u95_j=measured.repeatability_u95_j,
            absolute_u95_j=measured.absolute_u95_j,
            net_of_idle_j=measured.net_of_idle_j,
            energy_per_image_j=per_image(measured.energy_j),
            energy_per_image_u95_j=per_image(measured.repeatability_u95_j),
            energy_per_image_absolute_u95_j=per_image(measured.absolute_u95_j),
        )


def measure_component(
    component: Component, accumulators: Sequence[Accumulator], stretches: Sequence[Stretch]
) -> ComponentEnergy:
    """Joules of the first instrument that has a whole count, checked against the second."""
    start_s, end_s = stretches[0][0].time_s, stretches[-1][1].time_s
    faults, whole = [], []
    for position in component.positions:
        accumulator, energy_j = accumulators[position], accumulated_j(stretches, position)
        broken = accumulator.faults.break_between(start_s, end_s)
        if energy_j is not None and broken is None:
            whole.append((position, energy_j))
        else:
            why = broken or accumulator.faults.failure_between(start_s, end_s)
            faults.append(why or f"{component.name}: no reading at the window's edge")
    note = "; ".join(faults)
    if not whole:
        return ComponentEnergy(component.name, component.kind, None, None, note=note)
    seconds = duration_s(stretches)

    def edges(position: int, energy_j: float) -> Uncertainty:
        power_w = energy_j / seconds if seconds > 0 else 0.0
        return reading_uncertainty(stretches, position, power_w, accumulators[position].hold_s)

    position, energy_j = whole[0]
    other_j = whole[1][1] if len(whole) > 1 else None
    disagrees = False
    if other_j is not None:
        # Unaligned edges alone make two instruments differ over a short window; that is no disagreement.
        blur_j = combined(edges(*reading) for reading in whole[:2]).u95
        disagrees = abs(energy_j - other_j) > MAX_DISAGREEMENT * energy_j + blur_j
    return ComponentEnergy(
        component.name,
        component.kind,
        accumulators[position].instrument.source,
        energy_j,
        edges(position, energy_j),
        other_j,
        disagrees,
        note,
        position,
    )


@dataclass(frozen=True, slots=True)
class MeasurementBuilder:
    """Builds a window's measurement from the device, its components and what is known beforehand.

    `gains_relative_u` holds, by component, the relative standard uncertainty of its meter's gain; `idle_power_w` the
    idle power per scope, once measured; `observations` what was observed of the devices meanwhile; `notes` what every
    measurement says.
    """

    device: str
    components: tuple[Component, ...]
    accumulators: tuple[Accumulator, ...]
    gains_relative_u: Mapping[str, float]
    idle_power_w: Mapping[Scope, float | None]
    observations: WindowObservations
    notes: tuple[str, ...] = ()

    def phase(
        self,
        name: str,
        stretches: Sequence[Stretch],
        blocks: Sequence[MarkedBlock],
        waited_s: float | None = None,
    ) -> PhaseMeasurement:
        """The measurement of a window that was active over `stretches`, with its blocks.

        waited_s: seconds that its loop waited for input; None if it didn't report them.
        """
        waited = InputWait(waited_s, duration_s(stretches), self.device)
        parts = [measure_component(component, self.accumulators, stretches) for component in self.components]
        closed = tuple(self._block(parts, block) for block in blocks)
        repeats = tuple(block for block in closed if block.repeat)
        energies = {scope: self._scope_energy(scope, parts, repeats, duration_s(stretches)) for scope in Scope}
        return PhaseMeasurement(
            name=name,
            started_s=stretches[0][0].time_s,
            ended_s=stretches[-1][1].time_s,
            duration_s=duration_s(stretches),
            energies=energies,
            components={part.name: part for part in parts},
            blocks=closed,
            pauses=tuple((b[1].time_s, a[0].time_s) for b, a in itertools.pairwise(stretches)),
            flags=self._flags(parts, stretches, repeats) | self.observations.flags | waited.flags,
            notes=(*self.notes, *(part.note for part in parts if part.note), *self.observations.notes, *waited.notes),
            conditions={**self.observations.conditions, **waited.conditions},
        )

    def in_scope(self, scope: Scope, parts: Sequence[ComponentEnergy]) -> list[ComponentEnergy] | None:
        """The components of a scope; None unless every kind that the scope covers is there with a figure."""
        kinds = kinds_in_scope(scope, self.device)
        chosen = [part for part in parts if part.kind in kinds]
        if {part.kind for part in chosen} != kinds or any(part.energy_j is None for part in chosen):
            return None
        return chosen

    def _scope_energy(
        self, scope: Scope, parts: Sequence[ComponentEnergy], blocks: Sequence[Block], seconds: float
    ) -> MeasuredEnergy:
        chosen = self.in_scope(scope, parts)
        if chosen is None:
            return MeasuredEnergy(scope, Provenance.MISSING, (), None)
        sources = tuple(dict.fromkeys(part.source for part in chosen if part.source is not None))
        provenance = provenance_of(sources)
        energy_j = math.fsum(part.energy_j or 0.0 for part in chosen)
        terms = [part.edges for part in chosen]
        # What a power model counts depends on what else the machine does, and that lasts longer than a block.
        uncertainty_of = drifting_repeat_uncertainty if provenance == Provenance.ESTIMATED else repeat_uncertainty
        repeats = uncertainty_of(_work_of_blocks(scope, blocks))
        if repeats is not None:
            terms.append(repeats.scaled(energy_j))
        gains = [Uncertainty((part.energy_j or 0.0) * self.gains_relative_u[part.name]) for part in chosen]
        repeatability_j = combined(terms).u95
        absolute_j = absolute_u95(repeatability_j, combined(gains).u95)
        idle_w = self.idle_power_w.get(scope)
        return MeasuredEnergy(
            scope,
            provenance,
            sources,
            energy_j,
            # How well a power model repeats is known only after repeats; its edges don't show it.
            None if provenance == Provenance.ESTIMATED and repeats is None else repeatability_j,
            absolute_j if provenance == Provenance.METERED else None,
            None if idle_w is None else energy_j - idle_w * seconds,
        )

    def _block(self, parts: Sequence[ComponentEnergy], marked: MarkedBlock) -> Block:
        stretches = marked.stretches
        energies: dict[Scope, float | None] = {}
        for scope in Scope:
            chosen = self.in_scope(scope, parts) or []
            joules = [accumulated_j(stretches, part.position) for part in chosen if part.position is not None]
            known = [part_j for part_j in joules if part_j is not None]
            energies[scope] = math.fsum(known) if chosen and len(known) == len(chosen) else None
        edges_s = stretches[0][0].time_s, stretches[-1][1].time_s
        return Block(*edges_s, duration_s(stretches), energies, marked.images, marked.repeat)

    def _flags(
        self, parts: Sequence[ComponentEnergy], stretches: Sequence[Stretch], blocks: Sequence[Block]
    ) -> frozenset[Flag]:
        flags = set()
        used = self.in_scope(Scope.ACCELERATOR, parts) or []
        slowest_s = max(
            (self.accumulators[part.position].hold_s for part in used if part.position is not None), default=0
        )
        if duration_s(stretches) / len(stretches) < MIN_UPDATES * slowest_s:
            flags.add(Flag.WINDOW_TOO_SHORT)
        if len(blocks) < 2:
            flags.add(Flag.NO_REPEATS)
        if any(part.disagrees for part in parts if part.kind == "gpu"):
            flags.add(Flag.COUNTER_DISAGREES)
        return frozenset(flags)


def _work_of_blocks(scope: Scope, blocks: Sequence[Block]) -> list[float]:
    """Energy per unit of work of each block, relative to their mean. Blocks without images count as equal work."""
    known = [(block.energies_j[scope], block.images) for block in blocks]
    per_image = all(images for _, images in known)
    values = [energy / (images if per_image and images else 1) for energy, images in known if energy is not None]
    mean = math.fsum(values) / len(values) if values else 0.0
    return [value / mean for value in values] if mean > 0 and len(values) == len(blocks) else []
