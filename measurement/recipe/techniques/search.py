"""Technique `architecture_search`."""

from __future__ import annotations

from math import prod
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from measurement.recipe.model import Architecture, Model
from measurement.recipe.parts import Part
from measurement.recipe.search import Axis, Resolution, SearchOptions, check_space
from measurement.recipe.training import TrainingOptions

MAX_MEMBERS = 10_000

Multiplier = Annotated[float, Field(ge=0.1, le=10)]


class ArchitectureSpace(Part):
    """Every combination of an architecture, a width, a depth and a resolution."""

    architectures: Axis[Architecture]
    resolutions: Axis[Resolution] = Field(description="height and width of the input, pixels")
    widths: Axis[Multiplier] = (1.0,)
    depths: Axis[Multiplier] = (1.0,)

    @model_validator(mode="after")
    def _is_small_enough(self) -> ArchitectureSpace:
        if self.size > MAX_MEMBERS:
            raise ValueError(f"has {self.size:,} members; use at most {MAX_MEMBERS:,}")
        return self

    @property
    def axes(self) -> tuple[tuple[str | float, ...], ...]:
        """The values of each dimension, in the order of `member`'s arguments."""
        return self.architectures, self.resolutions, self.widths, self.depths

    @property
    def size(self) -> int:
        """Number of members."""
        return prod(len(axis) for axis in self.axes)

    @staticmethod
    def member(architecture: str, resolution: int, width: float, depth: float) -> Model:
        """The network with these values."""
        return Model(architecture=architecture, resolution=resolution, width=width, depth=depth)

    def holds(self, model: Model) -> bool:
        """Whether `model` is a member."""
        values = (model.architecture, model.resolution, model.width, model.depth)
        return all(value in axis for value, axis in zip(values, self.axes, strict=True))


class ArchitectureSearchPhase(SearchOptions):
    """Candidates of a declared space are trained for a while; the best goes on, with new random weights.

    `training` says how each candidate is trained, with `successive_halving` in its first round.
    """

    replaces_network: ClassVar[bool] = True

    technique: Literal["architecture_search"]
    phase: Literal["search"]
    space: ArchitectureSpace
    strategy: Literal["random", "successive_halving", "evolution"] = "random"
    training: TrainingOptions
    halving_factor: int = Field(2, ge=2, le=100, description="of `successive_halving`: one in so many continues")
    found: Model | None = Field(None, description="the choice of the submitter's own run of the search")

    @model_validator(mode="after")
    def _fits_its_space(self) -> ArchitectureSearchPhase:
        check_space(self.space, self.candidates, self.found)
        if self.halving_factor != 2 and self.strategy != "successive_halving":
            raise ValueError("halving_factor belongs to the strategy successive_halving; leave it out")
        return self
