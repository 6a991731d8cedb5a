"""Technique `structured_pruning`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from measurement.recipe.parts import PhasePart


class StructuredPruningPhase(PhasePart):
    """Removal of whole channels, so that the network is smaller and not only sparser."""

    technique: Literal["structured_pruning"]
    phase: Literal["compress"]
    ratio: float = Field(gt=0, lt=1, description="share of the channels of every layer that is removed")
    importance: Literal["magnitude", "random"] = "magnitude"
    steps: int = Field(1, ge=1, le=100, description="the ratio is reached in so many equal steps")
