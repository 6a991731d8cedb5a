"""Technique `pretrained`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from measurement.recipe.hub import MOST_OF_REFERENCE, WEIGHTS_PATTERN
from measurement.recipe.parts import DeclaredEnergy


class PretrainedPhase(DeclaredEnergy):
    """A start from trained weights: `reported` with a figure and its evidence, else `missing`.

    Loading them is not metered: it is not the pre-training. The classifier is replaced if the classes differ.
    """

    gives_weights: ClassVar[bool] = True

    technique: Literal["pretrained"]
    phase: Literal["pretrain"]
    source: Literal["store", "timm", "upload", "hub"] = Field(
        description="the worker's weights store, timm's own weights, a file that you have uploaded, or one of a hub"
    )
    sha256: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="of the safetensors file; with every source but `timm`"
    )
    hub: str | None = Field(
        None,
        pattern=WEIGHTS_PATTERN,
        max_length=MOST_OF_REFERENCE,
        description="`hf://owner/name@commit/file.safetensors`; with `source: hub`",
    )
    tag: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_.-]{1,80}$",
        description="which of timm's weights, e.g. `a1_in1k`; empty: its default",
    )

    @property
    def brought_weights(self) -> tuple[str, ...]:
        """None for timm's own weights, which nobody who submits can choose the training of."""
        return (self.sha256,) if self.sha256 else ()

    @model_validator(mode="after")
    def _names_one_file(self) -> PretrainedPhase:
        if (self.source != "timm") != (self.sha256 is not None):
            raise ValueError("sha256 goes with source: store, upload or hub, which need it")
        if (self.source == "hub") != (self.hub is not None):
            raise ValueError("hub goes with source: hub, which needs it")
        if self.source != "timm" and self.tag is not None:
            raise ValueError("tag goes with source: timm")
        return self
