"""Technique `distillation`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from measurement.recipe.model import Architecture
from measurement.recipe.parts import Part
from measurement.recipe.training import TrainingOptions
from measurement.vocabulary import Family


class Teacher(Part):
    """The network whose outputs are taught: trained in this phase, or loaded from the store."""

    architecture: Architecture
    training: TrainingOptions | None = Field(None, description="by the worker, inside this phase's meter window")
    weights: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="SHA-256 of a safetensors file in the worker's weights store"
    )
    validation_share: float = Field(
        0.1, gt=0, lt=1, description="of the training images, held back from the teacher to find its accuracy"
    )

    @model_validator(mode="after")
    def _comes_from_somewhere(self) -> Teacher:
        if (self.training is None) == (self.weights is None):
            raise ValueError(
                "give either training (run and metered in this phase) or weights (declared in a phase of their own)"
            )
        return self


class DistillationPhase(TrainingOptions):
    """Training on the track's labels and on the outputs of a larger network, whose own training counts."""

    technique_family: ClassVar[Family | None] = "distillation"

    technique: Literal["distillation"]
    phase: Literal["train", "finetune"]
    teacher: Teacher
    temperature: float = Field(4.0, gt=0, le=100, description="softens both networks' outputs")
    alpha: float = Field(0.9, ge=0, le=1, description="weight of the teacher's outputs; the labels have the rest")

    @property
    def external_weights(self) -> str:
        return "teacher.weights" if self.teacher.weights else ""

    @property
    def brought_weights(self) -> tuple[str, ...]:
        return (self.teacher.weights,) if self.teacher.weights else ()
