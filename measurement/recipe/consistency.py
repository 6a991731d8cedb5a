"""Whether the sections of a recipe fit together. A message begins with the field that it is about."""

from __future__ import annotations

from collections.abc import Sequence

from measurement.recipe.brought import OnnxModel
from measurement.recipe.inference import Inference
from measurement.recipe.model import Model
from measurement.recipe.patches import check_patch, patch_size
from measurement.recipe.sections import Dataset, Reported
from measurement.recipe.techniques import (
    ArchitectureSearchPhase,
    DeclaredPhase,
    DistillationPhase,
    EarlyExitPhase,
    PhaseSpec,
    StructuredPruningPhase,
)
from measurement.recipe.training import TrainingOptions
from measurement.tracks import OpenTrack, Track


def check_visibility(data: Dataset) -> None:
    """Raises ValueError for private results of data that are not the submitter's."""
    if data.visibility == "private" and data.archive_sha256 is None:
        raise ValueError(
            "dataset.visibility: only results on a data set that you have uploaded can be private; give "
            "archive_sha256, or write public"
        )
    if data.private_to is not None and data.visibility == "public":
        raise ValueError("dataset.private_to: is of private results alone; leave it out")


def check_brought(
    model: OnnxModel,
    track: Track | OpenTrack,
    phases: Sequence[PhaseSpec],
    inference: Inference,
    reported: Reported | None,
) -> None:
    """Raises ValueError for what a model that is brought as a file can't have. The track may know no classes."""
    channels, classes, max_resolution = track.channels, track.classes, track.max_resolution
    for name in ("mean", "std"):
        given = getattr(model.input, name)
        if given is not None and len(given) not in (1, channels):
            raise ValueError(
                f"model.input.{name}: track {track.slug} has {channels} channel(s); give one number, or one for "
                f"each (got {len(given)})"
            )
    if model.image_resolution > max_resolution:
        raise ValueError(
            f"model.input.resize: track {track.slug} takes at most {max_resolution} pixels (got {model.input.resize})"
        )
    if model.output.order is not None and classes is not None and len(model.output.order) != classes:
        raise ValueError(
            f"model.output.order: track {track.slug} has {classes} classes (got {len(model.output.order)})"
        )
    for position, spec in enumerate(phases):
        if not isinstance(spec, DeclaredPhase):
            raise ValueError(
                f"phases.{position}.technique: an ONNX file is not trained here; use `declared`, with energy_j "
                f"and evidence if they are known (got {spec.technique})"
            )
    if not any(spec.phase == "train" for spec in phases):
        raise ValueError(
            "phases: declare the training of the file: technique `declared`, phase `train`; without energy_j and "
            "evidence it is missing, and the total a lower bound"
        )
    if inference.runtime != "onnxruntime":
        raise ValueError("inference.runtime: an ONNX file is run by ONNX Runtime; write `runtime: onnxruntime`")
    if reported is not None and reported.weights_sha256 is not None:
        raise ValueError("reported.weights_sha256: the file of model.sha256 has the weights; leave this out")


def check_patches(model: Model, phases: Sequence[PhaseSpec]) -> None:
    """Raises ValueError for a resolution that an architecture's patches do not divide."""
    check_patch("model.resolution", model.architecture, model.resolution)
    is_replaced = any(spec.replaces_network for spec in phases)
    for position, spec in enumerate(phases):
        if isinstance(spec, ArchitectureSearchPhase):
            coarsest = max(spec.space.architectures, key=patch_size)
            for number, resolution in enumerate(spec.space.resolutions):
                check_patch(f"phases.{position}.space.resolutions.{number}", coarsest, resolution)
        if isinstance(spec, DistillationPhase) and not is_replaced:
            check_patch(f"phases.{position}.teacher.architecture", spec.teacher.architecture, model.resolution)
        if isinstance(spec, TrainingOptions) and not is_replaced:
            for number, stage in enumerate(spec.progressive_resizing):
                field = f"phases.{position}.progressive_resizing.{number}.resolution"
                check_patch(field, model.architecture, stage.resolution)


def check_order(phases: Sequence[PhaseSpec]) -> None:
    """Raises ValueError for a phase that can't come where it is, or that lacks another."""
    trained = False
    for position, spec in enumerate(phases):
        if isinstance(spec, DeclaredPhase) and spec.phase not in ("search", "pretrain"):
            raise ValueError(
                f"phases.{position}.phase: {spec.phase} is run by the worker and not declared, unless the model "
                "is brought as a file (model.format: onnx); use another technique"
            )
        if spec.phase == "train" and any(earlier.phase == "train" for earlier in phases[:position]):
            raise ValueError(f"phases.{position}.phase: this is a second `train`; call later training `finetune`")
        if spec.phase in ("compress", "finetune") and not trained:
            raise ValueError(
                f"phases.{position}.phase: {spec.phase} needs trained weights; put a `train` phase before it"
            )
        if spec.replaces_network and trained:
            raise ValueError(
                f"phases.{position}.phase: {spec.technique} chooses a network with new random weights; put it "
                "before the phases that train one"
            )
        trained = trained or spec.gives_weights
        for earlier, ended in enumerate(phases[:position]):
            if ended.ends_training and spec.technique != "declared":
                raise ValueError(
                    f"phases.{position}.phase: {spec.phase} can't follow {ended.technique} (phases.{earlier}), "
                    "which leaves a network that can't be trained further; put it before"
                )
        if spec.external_weights and not any(
            isinstance(other, DeclaredPhase) and other.phase == "pretrain" for other in phases
        ):
            raise ValueError(
                f"phases.{position}.{spec.external_weights}: their training counts too; add a `declared` phase "
                "`pretrain`, with energy_j and evidence if they are known"
            )
    if not trained:
        raise ValueError("phases: at least one `train` phase is needed")


def check_exits(phases: Sequence[PhaseSpec]) -> None:
    """Raises ValueError for a technique that a network with several exits can't have."""
    exits: int | None = None
    for position, spec in enumerate(phases):
        if exits is not None and isinstance(spec, StructuredPruningPhase | EarlyExitPhase):
            raise ValueError(
                f"phases.{position}.technique: {spec.technique} needs a network with a single path, and "
                f"early_exit (phases.{exits}) leaves several; put it before, and use early_exit only once"
            )
        exits = position if isinstance(spec, EarlyExitPhase) else exits


def check_inference(phases: Sequence[PhaseSpec], inference: Inference) -> None:
    """Raises ValueError for a way to run a network that its phases leave no choice of."""
    for position, spec in enumerate(phases):
        if (spec.fixes_inference or spec.ends_training) and (options := sorted(inference.options)):
            raise ValueError(
                f"inference.{options[0]}: {spec.technique} (phases.{position}) leaves a network that can be run "
                "in one way only; leave this field out"
            )
