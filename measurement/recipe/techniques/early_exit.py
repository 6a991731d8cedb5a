"""Technique `early_exit`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from measurement.recipe.training import TrainingOptions
from measurement.vocabulary import Family


class EarlyExitPhase(TrainingOptions):
    """Classifiers after several stages: an image leaves at the first that is confident enough.

    All exits are trained together, on the sum of their losses; the stages keep the weights that they have.
    """

    technique_family: ClassVar[Family | None] = "dynamic"
    fixes_inference: ClassVar[bool] = True

    technique: Literal["early_exit"]
    phase: Literal["train", "finetune"]
    exits: int = Field(2, ge=1, le=10, description="classifiers before the last, after the network's last stages")
    confidence: float = Field(
        0.9, gt=0, lt=1, description="probability of the likeliest class that lets an image leave"
    )
    loss_weight: float = Field(0.5, gt=0, le=10, description="of each early exit's loss, relative to the last one's")

    @model_validator(mode="after")
    def _is_not_compiled(self) -> EarlyExitPhase:
        if self.compile:
            raise ValueError(
                "compile needs a network with a single path, and this one has several; leave compile out"
            )
        return self
