"""Technique `structured_pruning`: whole channels go, so that a dense and smaller network stays.

With torch-pruning's dependency graph (G. Fang et al., DepGraph: Towards Any Structural Pruning, CVPR 2023,
https://arxiv.org/abs/2301.12900), which removes a channel in every layer that is tied to it.
"""

from __future__ import annotations

import warnings

import torch
import torch_pruning
from torch import nn

from measurement.errors import BadInput, MeasurementError
from measurement.methods.base import PhaseContext, PhaseOutcome
from measurement.recipe import StructuredPruningPhase


def prune_channels(context: PhaseContext) -> PhaseOutcome:
    """Remove the declared share of channels; the classifier keeps its outputs.

    Raises BadInput where torch-pruning can't take the architecture apart.
    """
    spec = context.spec_as(StructuredPruningPhase)
    before = _parameters(context.model)
    try:
        _prune(context, spec)
        classes = _classes_of(context)
    except (MeasurementError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        # torch-pruning traces arbitrary architectures and fails with any exception where one is beyond it.
        raise BadInput(
            f"torch-pruning can't prune this architecture ({type(error).__name__}: {error}); "
            "convolutional networks such as resnet18 can be pruned",
            field=context.field("technique"),
        ) from error
    after = _parameters(context.model)
    if classes != context.classes or after >= before:
        raise BadInput(
            f"pruning left {after:,} of {before:,} parameters and {classes} outputs of {context.classes}; "
            "choose another ratio or architecture",
            field=context.field("ratio"),
        )
    return PhaseOutcome(context.model, {"parameters_before": before, "parameters_after": after})


def rehearse_pruning(context: PhaseContext) -> PhaseOutcome:
    """The pruned network, untrained: it shows whether the architecture can be pruned, and how far."""
    return prune_channels(context)


def _prune(context: PhaseContext, spec: StructuredPruningPhase) -> None:
    model = context.model.eval()
    importance = (
        torch_pruning.importance.GroupMagnitudeImportance(p=2)
        if spec.importance == "magnitude"
        else torch_pruning.importance.RandomImportance()
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # which free parameters it prunes along: not a thing a submitter can act on
        pruner = torch_pruning.pruner.BasePruner(
            model,
            _example(context),
            importance=importance,
            pruning_ratio=spec.ratio,
            iterative_steps=spec.steps,
            ignored_layers=[model.get_classifier()],  # type: ignore[operator]  # every timm model has it
        )
        for step in range(spec.steps):
            pruner.step()
            context.advance((step + 1) / spec.steps, detail=f"step {step + 1} of {spec.steps}")


def _classes_of(context: PhaseContext) -> int:
    with torch.inference_mode():
        return int(context.model(_example(context)).shape[1])


def _example(context: PhaseContext) -> torch.Tensor:
    return context.train.first(2)[0]


def _parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
