"""The members of a declared space as networks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import torch
from torch import nn

from measurement.errors import BadInput
from measurement.methods.search.choice import check_resolutions
from measurement.methods.search.strategies import Axes, Point
from measurement.networks.build import build_network, count_macs, count_parameters
from measurement.recipe import ArchitectureSearchPhase, Model, SearchOptions
from measurement.training import rehearse_step
from measurement.training.context import PhaseContext

ALL_BUILT = 64
"""In spaces up to this size, every member is tried before the search; in larger ones, each axis's values and the
corners."""


@dataclass(frozen=True, slots=True)
class Size:
    """A network's size. macs: multiply-accumulates for one image at its resolution; None if torch counts none."""

    parameters: int
    macs: int | None

    def fits(self, options: SearchOptions) -> bool:
        """Whether the constraints are met; a limit on multiply-accumulates is not met if they can't be counted."""
        return (options.max_parameters is None or self.parameters <= options.max_parameters) and (
            options.max_macs is None or (self.macs is not None and self.macs <= options.max_macs)
        )

    def __str__(self) -> str:
        return f"{self.parameters:,} parameters and {self.macs or 0:,} multiply-accumulates"


class Members:
    """Builds the members of a space, and knows the sizes of those that were built."""

    def __init__(self, context: PhaseContext, spec: ArchitectureSearchPhase) -> None:
        self._context, self._spec = context, spec
        self._sizes: dict[Model, Size] = {}
        self.axes = Axes(spec.space.axes)

    def member(self, point: Point) -> Model:
        """The member at a point of the axes."""
        return self._spec.space.member(*point)

    def build(self, member: Model) -> nn.Module:
        """The network with new random weights, which the phase's seed fixes. Raises BadInput naming the member."""
        context = self._context
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(context.seed)
            try:
                network = build_network(member, context.track, context.device)
            except BadInput as error:
                raise BadInput(f"{member}: {error}", field=self._field(member, error.field)) from error
        return network

    def size(self, member: Model, built: nn.Module | None = None) -> Size:
        """Parameters and multiply-accumulates; `built` is the member's network if there is one."""
        if member not in self._sizes:
            network = built or self.build(member)
            image = self._context.train.at(member.resolution).first(1)[0]
            self._sizes[member] = Size(count_parameters(network), count_macs(network, image))
        return self._sizes[member]

    def is_allowed(self, point: Point) -> bool:
        """Whether the member meets the constraints; without constraints, nothing is built."""
        if self._spec.max_macs is None and self._spec.max_parameters is None:
            return True
        return self.size(self.member(point)).fits(self._spec)

    def rehearse(self) -> None:
        """Build members and take a training step with each. Raises BadInput for one that can't be built or trained,
        for constraints that none meets, and for more candidates than meet them."""
        check_resolutions(self._context, self._spec.space.resolutions)
        for member in self._rehearsed():
            network = self.build(member)
            self.size(member, network)
            context = replace(self._context, model=network, train=self._context.train.at(member.resolution))
            try:
                rehearse_step(context, self._spec.training, within="training")
            except BadInput as error:
                raise BadInput(f"{member}: {error}", field=error.field) from error
        if self.axes.size <= ALL_BUILT:
            self._check_constraints()

    def nothing_left(self, trained: int) -> BadInput:
        """The error if no further member meets the constraints."""
        sizes = "; ".join(
            f"the smallest has {min(numbers):,} {word}"
            for word, limit, numbers in (
                ("parameters", self._spec.max_parameters, [size.parameters for size in self._sizes.values()]),
                ("multiply-accumulates", self._spec.max_macs, [size.macs or 0 for size in self._sizes.values()]),
            )
            if limit is not None
        )
        name = "max_macs" if self._spec.max_macs is not None else "max_parameters"
        if not trained:
            return BadInput(
                f"no member of the space meets the constraints ({sizes}); use a higher {name}",
                field=self._named(name),
            )
        return BadInput(
            f"{self._spec.candidates} candidates, but only {trained} members of the space meet the constraints "
            f"({sizes}); use fewer candidates or a higher {name}",
            field=self._named("candidates"),
        )

    def _rehearsed(self) -> Iterator[Model]:
        if self.axes.size <= ALL_BUILT:
            return map(self.member, product(*self.axes.values))
        names, *numbers = self.axes.values
        first = tuple(axis[0] for axis in self.axes.values)
        lines = [
            (*first[:place], value, *first[place + 1 :])
            for place, axis in enumerate(self.axes.values)
            for value in axis
        ]
        corners = [(name, *map(end, numbers)) for name in names for end in (min, max)]
        return map(self.member, dict.fromkeys([*lines, *corners]))

    def _check_constraints(self) -> None:
        fitting = sum(self.is_allowed(point) for point in product(*self.axes.values))
        if fitting < self._spec.candidates:
            raise self.nothing_left(fitting)

    def _field(self, member: Model, field: str) -> str:
        """Path in the space of the member's value of `field`, e.g. `model.width`."""
        name = field.rpartition(".")[2] + "s"
        value = getattr(member, name[:-1])
        return self._named(f"space.{name}.{getattr(self._spec.space, name).index(value)}")

    def _named(self, name: str) -> str:
        return self._context.field(name)
