"""How a network is trained: the fields that every technique with a training loop shares."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from measurement.recipe.parts import Part, PhasePart


class Optimizer(Part):
    name: Literal["sgd", "adamw"] = "adamw"
    learning_rate: float = Field(1e-3, gt=0, le=100)
    weight_decay: float = Field(0.01, ge=0, le=10)
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd; adamw has none")

    @model_validator(mode="after")
    def _means_something(self) -> Optimizer:
        if self.name == "adamw" and self.momentum != 0.9:
            raise ValueError("momentum belongs to sgd; leave it out for adamw")
        return self


class TrainingOptions(PhasePart):
    """A number of epochs over the track's training images; `measurement.training.fit` does it."""

    gives_weights: ClassVar[bool] = True

    epochs: int = Field(ge=1, le=10_000)
    batch_size: int = Field(64, ge=1, le=65_536)
    optimizer: Optimizer = Optimizer()
    schedule: Literal["constant", "cosine", "one_cycle"] = "cosine"
    label_smoothing: float = Field(0.0, ge=0, lt=1)
