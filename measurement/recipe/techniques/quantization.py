"""Technique `quantization`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from measurement.recipe.parts import PhasePart
from measurement.vocabulary import Family

CALIBRATION_BATCHES, CALIBRATION_BATCH_SIZE = 8, 64


class QuantizationPhase(PhasePart):
    """Post-training quantization: weights, and activations too if the scheme says so, in 8 bits."""

    technique_family: ClassVar[Family | None] = "quantization"

    technique: Literal["quantization"]
    phase: Literal["compress"]
    scheme: Literal["int8_weight_only", "int8_dynamic", "int8_static", "float8"]
    calibration_batches: int = Field(
        CALIBRATION_BATCHES, ge=1, le=100_000, description="of int8_static: training batches that set the ranges"
    )
    calibration_batch_size: int = Field(CALIBRATION_BATCH_SIZE, ge=1, le=65_536, description="of int8_static")

    @property
    def ends_training(self) -> bool:
        """Quantized weights have no gradient."""
        return True

    @model_validator(mode="after")
    def _means_something(self) -> QuantizationPhase:
        calibration = (self.calibration_batches, self.calibration_batch_size)
        if self.scheme != "int8_static" and calibration != (CALIBRATION_BATCHES, CALIBRATION_BATCH_SIZE):
            raise ValueError(
                "calibration_batches and calibration_batch_size belong to the scheme int8_static; leave them out"
            )
        return self
