"""What a recipe on the track `detection` may say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from measurement.recipe.brought import OnnxModel
from measurement.recipe.inference import Inference
from measurement.recipe.model import DETECTORS, Model
from measurement.recipe.techniques import (
    ArchitectureSearchPhase,
    DeclaredPhase,
    DistillationPhase,
    PhaseSpec,
    SupervisedPhase,
)
from measurement.recipe.training import TrainingOptions

TRACK = "detection"
_NOT_TAKEN = ("augmentation", "label_smoothing", "early_stopping", "progressive_resizing", "compile", "precision")


def check_detection(track: str, model: Model | OnnxModel, phases: Sequence[PhaseSpec], inference: Inference) -> None:
    """Raises ValueError for what can't be done with a detector, and for a detector on another track."""
    if isinstance(model, OnnxModel):
        if track == TRACK:
            raise ValueError("model.format: ONNX detectors are not taken yet; use a detector of torchvision")
        return
    if (model.architecture in DETECTORS) != (track == TRACK):
        raise ValueError(
            f"model.architecture: track {TRACK} takes {', '.join(DETECTORS)} (got {model.architecture})"
            if track == TRACK
            else f"model.architecture: {model.architecture} finds boxes; use it on the track {TRACK}"
        )
    if track != TRACK:
        _check_others(phases)
        return
    for name in ("width", "depth"):
        if getattr(model, name) != 1:
            raise ValueError(f"model.{name}: a detector has no multipliers; leave this field out")
    if options := sorted(inference.options):
        raise ValueError(f"inference.{options[0]}: a detector is run in eager float32; leave this field out")
    for position, spec in enumerate(phases):
        if not isinstance(spec, SupervisedPhase | DeclaredPhase):
            raise ValueError(
                f"phases.{position}.technique: a detector is trained by `supervised` alone (got {spec.technique})"
            )
        if isinstance(spec, TrainingOptions):
            _check_options(f"phases.{position}", spec)


def _check_others(phases: Sequence[PhaseSpec]) -> None:
    """No teacher and no candidate of a search is a detector."""
    for position, spec in enumerate(phases):
        if isinstance(spec, DistillationPhase) and spec.teacher.architecture in DETECTORS:
            raise ValueError(f"phases.{position}.teacher.architecture: {spec.teacher.architecture} finds boxes")
        if isinstance(spec, ArchitectureSearchPhase) and (found := set(spec.space.architectures) & set(DETECTORS)):
            raise ValueError(f"phases.{position}.space.architectures: {min(found)} finds boxes; leave it out")


def _check_options(path: str, options: TrainingOptions) -> None:
    for name in _NOT_TAKEN:
        field: Any = type(options).model_fields[name]
        if getattr(options, name) != field.get_default(call_default_factory=True):
            raise ValueError(f"{path}.{name}: is not for detectors; leave this field out")
