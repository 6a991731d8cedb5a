"""Technique `declared`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from measurement.recipe.parts import PhasePart, WebAddress


class DeclaredPhase(PhasePart):
    """A phase that our worker does not run: `reported` with a figure and its evidence, else `missing`."""

    technique: Literal["declared"]
    phase: Literal["search", "pretrain"]
    energy_j: float | None = Field(None, gt=0, le=1e18, description="joules; leave out where nobody knows")
    scope: Literal["accelerator", "system"] = "accelerator"
    evidence: WebAddress | None = Field(None, description="where the figure can be checked")

    @model_validator(mode="after")
    def _figure_needs_evidence(self) -> DeclaredPhase:
        if (self.energy_j is None) != (self.evidence is None):
            raise ValueError("energy_j and evidence go together: give both (reported), or neither (missing)")
        return self
