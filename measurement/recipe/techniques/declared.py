"""Technique `declared`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from measurement.recipe.parts import DeclaredEnergy


class DeclaredPhase(DeclaredEnergy):
    """A phase that the worker does not run: `reported` with a figure and its evidence, else `missing`.

    `train`, `compress` and `finetune` only of a model that is brought as a file.
    """

    technique: Literal["declared"]
    phase: Literal["search", "pretrain", "train", "compress", "finetune"]
    space: int | None = Field(
        None, ge=2, le=10**30, description="of a search: how many networks it could choose from"
    )

    @model_validator(mode="after")
    def _only_searches_have_a_space(self) -> Self:
        if self.space is not None and self.phase != "search":
            raise ValueError("space belongs to a search; leave it out")
        return self
