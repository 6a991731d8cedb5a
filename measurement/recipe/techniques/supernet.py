"""Technique `supernet`."""

from __future__ import annotations

from math import prod
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from measurement.recipe.parts import Part
from measurement.recipe.search import Axis, Resolution, SearchOptions, check_space
from measurement.recipe.training import TrainingOptions

STAGES = 4
MAX_DEPTH, MAX_KERNEL, MAX_EXPANSION = 4, 7, 6

Depth = Annotated[int, Field(ge=1, le=MAX_DEPTH)]
Kernel = Literal[3, 5, 7]
Expansion = Annotated[int, Field(ge=1, le=MAX_EXPANSION)]


class SubNetwork(Part):
    """One member of the space: for each of the four stages, its blocks, their kernel and their expansion."""

    resolution: Resolution
    depths: Annotated[tuple[Depth, ...], Field(min_length=STAGES, max_length=STAGES)]
    kernels: Annotated[tuple[Kernel, ...], Field(min_length=STAGES, max_length=STAGES)]
    expansions: Annotated[tuple[Expansion, ...], Field(min_length=STAGES, max_length=STAGES)]

    def __str__(self) -> str:
        """For people, e.g. `24 pixels; 2 x k3 e4, 1 x k5 e6, …`."""
        stages = zip(self.depths, self.kernels, self.expansions, strict=True)
        described = ", ".join(f"{depth} x k{kernel} e{expansion}" for depth, kernel, expansion in stages)
        return f"{self.resolution} pixels; {described}"


class ElasticSpace(Part):
    """The choices of each stage, and the input resolutions."""

    resolutions: Axis[Resolution] = Field(description="height and width of the input, pixels")
    depths: Axis[Depth] = (2, 3, 4)
    kernels: Axis[Kernel] = (3, 5, 7)
    expansions: Axis[Expansion] = (3, 4, 6)

    @property
    def axes(self) -> tuple[tuple[int, ...], ...]:
        """The values of each dimension, in the order of `member`'s arguments."""
        elastic = (self.depths, self.kernels, self.expansions)
        return self.resolutions, *(axis for axis in elastic for _ in range(STAGES))

    @staticmethod
    def member(resolution: int, *stages: int) -> SubNetwork:
        """The sub-network with these values: the stages' depths, then their kernels, then their expansions."""
        depths, kernels, expansions = (stages[at : at + STAGES] for at in range(0, 3 * STAGES, STAGES))
        return SubNetwork.model_validate(
            {"resolution": resolution, "depths": depths, "kernels": kernels, "expansions": expansions}
        )

    @property
    def size(self) -> int:
        """Number of members."""
        return prod(len(axis) for axis in self.axes)

    @property
    def networks(self) -> int:
        """Number of sub-networks; one at several resolutions counts once, since its weights are the same."""
        return prod(len(axis) for axis in self.axes[1:])

    @property
    def smallest(self) -> SubNetwork:
        """The member with the smallest value of everything."""
        return self.member(*map(min, self.axes))

    @property
    def largest(self) -> SubNetwork:
        """The member that all others are parts of."""
        return self.member(*map(max, self.axes))

    def holds(self, part: SubNetwork) -> bool:
        """Whether `part` is a member."""
        values = (part.resolution, *part.depths, *part.kernels, *part.expansions)
        return all(value in axis for value, axis in zip(values, self.axes, strict=True))


ONE_NETWORK_AT_A_TIME = ("compile", "freeze", "progressive_resizing", "early_stopping")
"""Training options without meaning, since every step trains several sub-networks and resolutions."""


class SupernetPhase(SearchOptions):
    """One elastic network is trained once; sub-networks are scored with its weights, and the best is cut out of it.

    Every step trains the largest sub-network, the smallest and `random_per_step` others.
    """

    gives_weights: ClassVar[bool] = True

    technique: Literal["supernet"]
    phase: Literal["search"]
    space: ElasticSpace
    strategy: Literal["random", "evolution"] = "evolution"
    training: TrainingOptions
    random_per_step: int = Field(2, ge=0, le=100, description="sub-networks drawn for each step of the training")
    found: SubNetwork | None = Field(None, description="the choice of the submitter's own run of the search")

    @model_validator(mode="after")
    def _fits_its_space(self) -> SupernetPhase:
        if self.space.networks == 1:
            # Readers share a search's energy among deployments, never that of a training.
            raise ValueError("the space has only one sub-network, so there is nothing to search; use supervised")
        check_space(self.space, self.candidates, self.found)
        for name in ONE_NETWORK_AT_A_TIME:
            if getattr(self.training, name) != type(self.training).model_fields[name].default:
                raise ValueError(f"training.{name} has no meaning for an elastic network; leave it out")
        return self
