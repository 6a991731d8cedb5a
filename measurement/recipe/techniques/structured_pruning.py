"""Technique `structured_pruning`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from measurement.recipe.parts import PhasePart
from measurement.recipe.training import TrainingOptions
from measurement.vocabulary import Family

GRADIENT_BATCHES, GRADIENT_BATCH_SIZE = 10, 64


class StructuredPruningPhase(PhasePart):
    """Removal of whole channels, so that the network is smaller and not only sparser."""

    technique_family: ClassVar[Family | None] = "pruning"

    technique: Literal["structured_pruning"]
    phase: Literal["compress"]
    ratio: float = Field(gt=0, lt=1, description="share of the channels of every layer that is removed")
    importance: Literal["magnitude", "random", "taylor", "bn_scale"] = "magnitude"
    steps: int = Field(1, ge=1, le=100, description="the ratio is reached in so many equal steps")
    global_ranking: bool = Field(False, description="channels of all layers compete; `ratio` is then of all of them")
    gradient_batches: int = Field(
        GRADIENT_BATCHES, ge=1, le=100_000, description="of taylor: training batches before every step"
    )
    gradient_batch_size: int = Field(GRADIENT_BATCH_SIZE, ge=1, le=65_536, description="of taylor")
    training_after_step: TrainingOptions | None = Field(
        None, description="done after every step on the network that it left; leave out for none"
    )

    @model_validator(mode="after")
    def _means_something(self) -> StructuredPruningPhase:
        gradients = (self.gradient_batches, self.gradient_batch_size)
        if self.importance != "taylor" and gradients != (GRADIENT_BATCHES, GRADIENT_BATCH_SIZE):
            raise ValueError("gradient_batches and gradient_batch_size belong to importance taylor; leave them out")
        return self

    @property
    def shapes_follow_weights(self) -> str:
        return "global_ranking" if self.global_ranking else ""
