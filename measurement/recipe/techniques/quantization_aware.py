"""Technique `quantization_aware`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import model_validator

from measurement.recipe.training import TrainingOptions
from measurement.vocabulary import Family


class QuantizationAwarePhase(TrainingOptions):
    """Training with the rounding of 8 bits simulated, then the conversion to 8 bits."""

    technique_family: ClassVar[Family | None] = "quantization"

    technique: Literal["quantization_aware"]
    phase: Literal["compress"]
    scheme: Literal["int8_dynamic", "int8_static"]

    @property
    def ends_training(self) -> bool:
        """Quantized weights have no gradient."""
        return True

    @model_validator(mode="after")
    def _network_is_exported(self) -> QuantizationAwarePhase:
        fixed = (self.progressive_resizing, self.freeze, self.compile, self.ema_decay)
        if self.scheme == "int8_static" and any(fixed):
            raise ValueError(
                "int8_static trains an exported graph with ranges of its own: leave out progressive_resizing, "
                "freeze, compile and ema_decay, or use them in a finetune phase before"
            )
        return self
