"""Technique `sparsity`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from measurement.recipe.parts import PhasePart
from measurement.vocabulary import Family


class SparsityPhase(PhasePart):
    """Weights of least magnitude become zero, and stay zero in later training; the layers keep their shapes."""

    technique_family: ClassVar[Family | None] = "pruning"

    technique: Literal["sparsity"]
    phase: Literal["compress"]
    pattern: Literal["unstructured", "2:4"] = "unstructured"
    ratio: float | None = Field(None, gt=0, lt=1, description="of unstructured: share of the weights that is zero")
    ranking: Literal["layer", "global"] = Field(
        "layer", description="of unstructured: the ratio holds in every layer, or over all of them"
    )
    kernels: Literal["dense", "sparse"] = Field(
        "dense", description="of 2:4: sparse ends training and uses a card's sparse tensor cores if it has them"
    )

    @property
    def ends_training(self) -> bool:
        """Weights in the compressed storage of the sparse kernels have no gradient."""
        return self.kernels == "sparse"

    @model_validator(mode="after")
    def _means_something(self) -> SparsityPhase:
        if self.pattern == "unstructured" and self.ratio is None:
            raise ValueError("ratio is required for the pattern unstructured")
        if self.pattern == "2:4" and (self.ratio is not None or self.ranking != "layer"):
            raise ValueError("2:4 is always half of every four weights; leave out ratio and ranking")
        if self.pattern == "unstructured" and self.kernels == "sparse":
            raise ValueError("no device has sparse kernels for the pattern unstructured; leave out kernels")
        return self
