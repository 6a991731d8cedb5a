"""Technique `low_rank`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from measurement.recipe.parts import PhasePart
from measurement.vocabulary import Family


class LowRankPhase(PhasePart):
    """Linear and convolutional layers become two of lower rank each, wherever that takes fewer weights."""

    technique_family: ClassVar[Family | None] = "low_rank"

    technique: Literal["low_rank"]
    phase: Literal["compress"]
    rank_share: float | None = Field(None, gt=0, lt=1, description="share of a layer's full rank that is kept")
    spectral_share: float | None = Field(
        None, gt=0, lt=1, description="share of the sum of a layer's squared singular values that is kept"
    )
    convolution: Literal["channel", "spatial"] = Field(
        "channel", description="k x k then 1 x 1 (Zhang et al.), or k x 1 then 1 x k (Tai et al.)"
    )

    @model_validator(mode="after")
    def _one_measure_of_rank(self) -> LowRankPhase:
        if (self.rank_share is None) == (self.spectral_share is None):
            raise ValueError("give either rank_share or spectral_share")
        return self

    @property
    def shapes_follow_weights(self) -> str:
        return "" if self.spectral_share is None else "spectral_share"
